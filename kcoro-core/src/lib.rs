// SPDX-License-Identifier: BSD-3-Clause
//! The core of kcoro, a stackful coroutine runtime: `no_std`, and never naming a platform.
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
