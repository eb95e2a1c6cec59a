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
#[cfg_attr(
    all(not(feature = "alloc"), not(test)),
    expect(dead_code, reason = "the symmetric switch is the scheduler's, which needs an allocator")
)]
mod arch;
#[cfg(not(loom))]
pub mod coroutine;
pub mod platform;
pub mod stack;

// From here on an allocator is needed.
#[cfg(feature = "alloc")]
mod primitive;
#[cfg(kcoro_interleave)]
#[doc(hidden)]
pub use primitive::interleave;
#[cfg(feature = "alloc")]
pub mod sched;
#[cfg(feature = "alloc")]
pub mod task;
#[cfg(feature = "alloc")]
pub mod time;
#[cfg(all(feature = "alloc", not(feature = "trace")))]
mod trace;
#[cfg(feature = "trace")]
pub mod trace;
#[cfg(feature = "alloc")]
mod util;

#[cfg(feature = "alloc")]
pub mod channel;
#[cfg(all(feature = "alloc", not(loom)))]
pub mod scope;
#[cfg(feature = "alloc")]
pub mod select;
#[cfg(feature = "alloc")]
pub mod wait;
