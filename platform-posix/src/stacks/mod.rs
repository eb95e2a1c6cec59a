// SPDX-License-Identifier: BSD-3-Clause
//! Guarded stacks: many in one reservation for each size class, committed by touching them.
//!
//! `memory` holds the system calls, `layout` the arithmetic, `region` one reservation, `class_pool` what a class's lock
//! covers, `guard` (with `probe`, `budget` and `canary`) how a fresh slot is guarded, `pool` puts them together, `registry`
//! tells the fault handler which addresses are guards, and `valgrind` tells Valgrind which are stacks.

mod budget;
mod canary;
mod class_pool;
mod guard;
mod guarded_stack;
pub(crate) mod layout;
#[cfg(not(miri))]
mod memory;
#[cfg(miri)]
#[path = "memory_under_miri.rs"]
mod memory;
pub(crate) mod pool;
mod probe;
mod region;
pub(crate) mod registry;
mod slot_id;
mod valgrind;

pub use guarded_stack::GuardedStack;

#[cfg(test)]
mod tests;
