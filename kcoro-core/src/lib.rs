// SPDX-License-Identifier: BSD-3-Clause
//! The core of kcoro, a stackful coroutine runtime: `no_std`, and never naming a platform.
#![no_std]

#[cfg(feature = "alloc")]
extern crate alloc;
#[cfg(any(feature = "std", test, loom))]
extern crate std;

mod primitive;
mod util;

#[cfg(not(loom))]
mod arch;
#[cfg(not(loom))]
pub mod coroutine;
pub mod platform;
pub mod sched;
pub mod stack;
pub mod task;
pub mod time;

#[cfg(all(feature = "alloc", not(loom)))]
pub mod channel;
#[cfg(all(feature = "alloc", not(loom)))]
pub mod scope;
#[cfg(not(loom))]
pub mod wait;
