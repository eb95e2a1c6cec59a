// SPDX-License-Identifier: BSD-3-Clause
//! The core of kcoro, a stackful coroutine runtime: `no_std`, and never naming a platform.
//!
//! # Without an allocator
//!
//! Without the feature `alloc` it is the same scheduler, and this is all that there is:
//!
//! | what | how |
//! |---|---|
//! | a runtime, on one core or several | [`sched::StaticRuntime`], and [`run_static`](sched::LocalRuntime::run_static) for its root |
//! | coroutines | [`sched::Slot`], [`sched::Slots`], [`sched::spawn_static`], [`sched::Builder::spawn_static`] |
//! | their ends | [`sched::JoinHandle`]: join, with a time limit, cancel, detach, as an arm, as a future |
//! | turns | [`sched::yield_now`], [`sched::yield_to`], and stealing between workers |
//! | time | [`time::sleep`], [`time::sleep_until`], [`time::timeout`], [`time::interval`] |
//! | channels | [`channel::StaticChannel`], with its policies and its hook |
//! | selects | [`select!`], [`select_biased!`], and their kin in async code without `after` |
//! | cancellation | [`cancel::StaticToken`], regions, [`cancel::shield`], [`cancel::cause`] |
//! | locks and signals | all of [`sync`] but permits that are owned |
//! | async code | [`wait::block_on`], the futures of all of these, wakers |
//! | primitive coroutines | [`coroutine::Coroutine`], [`coroutine::Generator`] on a [`stack::StaticStack`] |
//!
//! What it takes an allocator for: coroutines of any number and their locals, channels that are made at run time, timed
//! channels, sets of arms, tokens that are made at run time with their deadlines and hooks, scopes, actors, dumps, metrics by
//! worker, traces. Where there is one, slots and static runtimes can be used all the same.
#![no_std]
#![cfg_attr(kcoro_asan, feature(sanitize))]
#![cfg_attr(loom, expect(dead_code, unused_imports, reason = "models use parts of the core"))]

#[cfg(feature = "alloc")]
extern crate alloc;
#[cfg(any(feature = "std", test, loom, miri))]
extern crate std;

#[cfg(not(loom))]
#[cfg_attr(all(not(feature = "alloc"), not(test)), expect(dead_code, reason = "frames are walked for dumps"))]
mod arch;
#[cfg(not(loom))]
pub mod coroutine;
pub mod platform;
mod primitive;
pub mod stack;
pub mod task;
pub mod time;
#[cfg_attr(not(feature = "alloc"), expect(dead_code, reason = "some of it is the scheduler's only"))]
mod util;
pub mod wait;

#[cfg(kcoro_interleave)]
#[doc(hidden)]
pub use primitive::interleave;

// Of channels only those in statics do without an allocator, of locks and signals all.
pub mod channel;
pub mod select;
pub mod sync;

// From here on an allocator is needed.
#[cfg(all(feature = "alloc", not(loom)))]
pub mod actor;
pub mod cancel;
pub mod sched;
#[cfg(all(feature = "alloc", not(loom)))]
pub mod scope;
#[cfg(not(feature = "trace"))]
mod trace;
#[cfg(feature = "trace")]
pub mod trace;
