// SPDX-License-Identifier: BSD-3-Clause
//! kcoro on POSIX: workers, clock, guarded stacks.
//!
//! Re-exports all of [`kcoro_core`]. [`Posix`] is the platform to give to a runtime:
//!
//! ```
//! use std::time::Duration;
//!
//! use kcoro_posix::Posix;
//! use kcoro_posix::channel::bounded;
//! use kcoro_posix::sched::{Builder, JoinError, Runtime, spawn};
//! use kcoro_posix::scope::{scope, try_scope};
//! use kcoro_posix::time::{Elapsed, sleep, timeout};
//!
//! let runtime = Runtime::builder(Posix::new()).workers(2).build()?;
//! let words = String::from("the root may borrow from its caller");
//! let longest = runtime.run(|| {
//!     // A coroutine that runs by itself. What would block a thread parks it instead.
//!     let (tx, rx) = bounded(8);
//!     let producer = spawn(move || (1..=100).for_each(|n| tx.send(n).unwrap())).unwrap();
//!     assert_eq!(rx.iter().sum::<u32>(), 5050);
//!     producer.join().unwrap();
//!
//!     // Children that borrow; the scope ends when they have.
//!     let (left, right) = words.split_at(words.len() / 2);
//!     let longest = scope(|s| {
//!         let left = s.spawn(|| left.split(' ').map(str::len).max()).unwrap();
//!         right.split(' ').map(str::len).max().max(left.join().unwrap())
//!     });
//!
//!     // Children that can fail: the first failure cancels the others, and none is swallowed.
//!     let failed = try_scope(|s| {
//!         s.spawn(|| sleep(Duration::from_secs(3600)).map_err(|_| "woken by the cancel")).unwrap();
//!         s.spawn(|| Err::<(), _>("gave up")).unwrap();
//!         Ok(())
//!     });
//!     assert_eq!(failed.unwrap_err().to_string(), "gave up (and 1 more)");
//!
//!     // A time limit for whatever waits inside. What the closure returns is not lost.
//!     let (_tx, rx) = bounded::<u8>(1);
//!     assert!(matches!(timeout(Duration::from_millis(1), || rx.recv()), Err(Elapsed(Err(_)))));
//!
//!     // A panic ends its coroutine only, and arrives where it is joined.
//!     let fragile = Builder::new().name("fragile").spawn(|| panic!("out of order")).unwrap();
//!     assert!(matches!(fragile.join(), Err(JoinError::Panicked(_))));
//!     longest
//! })?;
//! assert_eq!(longest, Some(6));
//!
//! // Nothing is left behind, or the report says what.
//! assert!(runtime.shutdown(Duration::from_secs(5)).is_clean());
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! [`GuardedStack`] is a stack for a coroutine without a runtime:
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
#[cfg(not(loom))]
mod dumps;
#[cfg(all(feature = "tracing", not(loom)))]
mod forwarder;
#[cfg(not(loom))]
mod hogs;
mod monotonic;
#[cfg(not(loom))]
mod overflow;
mod parking;
#[cfg(not(loom))]
mod shadow_stack;
#[cfg(not(loom))]
mod signals;
#[cfg(not(loom))]
mod stacks;
#[cfg(not(loom))]
mod threads;
#[cfg(feature = "trace")]
mod timeline;

pub use kcoro_core::*;

#[cfg(not(loom))]
pub use backend::Posix;
#[cfg(not(loom))]
pub use builder::{GuardPolicy, OverflowReport, PosixBuilder, Warning};
#[cfg(not(loom))]
pub use dumps::{DumpOnSignal, DumpSignal, dump_on_signal, dump_text};
#[cfg(not(loom))]
pub use hogs::Hog;
#[cfg(not(loom))]
pub use overflow::report_overflow_here;
#[cfg(not(loom))]
pub use stacks::GuardedStack;

/// What runtimes do, event by event: of the core, as a timeline, and (with feature `tracing`) as events of that crate.
#[cfg(feature = "trace")]
pub mod trace {
    pub use kcoro_core::trace::*;

    #[cfg(all(feature = "tracing", not(loom)))]
    pub use crate::forwarder::TracingForwarder;
    pub use crate::timeline::Timeline;
}
