// SPDX-License-Identifier: BSD-3-Clause
//! kcoro on POSIX: workers, clock, guarded stacks.
//!
//! Re-exports all of [`kcoro_core`]. [`Posix`] is the platform to give to a runtime; [`GuardedStack`] is a stack for a
//! coroutine without one:
//!
//! ```
//! use kcoro_posix::GuardedStack;
//! use kcoro_posix::coroutine::{Coroutine, CoroutineResult, Yielder};
//!
//! let stack = GuardedStack::new(64 * 1024)?;
//! let mut echo = Coroutine::new(stack, |yielder: &Yielder<&str, &str>, first| yielder.suspend(first));
//! assert_eq!(echo.resume("ping"), CoroutineResult::Yield("ping"));
//! assert_eq!(echo.resume("pong"), CoroutineResult::Return("pong"));
//! # Ok::<(), kcoro_posix::stack::StackError>(())
//! ```
//!
//! Linux is what it is made for and tested on. The paths for other systems (a condition variable for the futex, protected
//! pages for kernel guards) are there and untested.

// The names of these modules stay clear of the core's, which the glob below re-exports. A loom build is for the models of
// `parking` alone.
#[cfg(not(loom))]
mod backend;
#[cfg(not(loom))]
mod builder;
mod monotonic;
#[cfg(not(loom))]
mod overflow;
mod parking;
#[cfg(not(loom))]
mod shadow_stack;
#[cfg(not(loom))]
mod stacks;
#[cfg(not(loom))]
mod threads;

pub use kcoro_core::*;

#[cfg(not(loom))]
pub use backend::Posix;
#[cfg(not(loom))]
pub use builder::{GuardPolicy, OverflowReport, PosixBuilder, Warning};
#[cfg(not(loom))]
pub use overflow::report_overflow_here;
#[cfg(not(loom))]
pub use stacks::GuardedStack;
