// SPDX-License-Identifier: BSD-3-Clause
//! Scopes: children that may borrow from their parent's frame, and never outlive it.
//!
//! [`scope`] and [`try_scope`] run a closure that may spawn children, and return when the closure and all children have
//! ended: on return, on error, on panic and on cancel alike. There is no guard whose drop does the waiting, so nothing
//! can be forgotten.
//!
//! Cancelling the parent cancels the children; leaving the scope itself is not a cancellation point.
//!
//! ```
//! use kcoro_core::scope::scope;
//!
//! // Called in a coroutine:
//! fn total(numbers: &[u64]) -> u64 {
//!     let (left, right) = numbers.split_at(numbers.len() / 2);
//!     scope(|s| {
//!         let left = s.spawn(|| left.iter().sum::<u64>()).unwrap();
//!         right.iter().sum::<u64>() + left.join().unwrap()
//!     })
//! }
//! ```
//!
//! Two details keep this sound. The closure's panic is caught before the wait, so that the wait happens on every way
//! out. And a scope whose parent can no longer wait (because it was entered while unwinding) aborts by name rather than
//! leave its frame.

mod children;
mod failures;
mod handle;
mod plain;
mod trying;

pub use self::failures::{Failure, ScopeError};
pub use self::handle::ScopedJoinHandle;
pub use self::plain::{Scope, scope};
pub use self::trying::{Failed, TryScope, try_scope};

use alloc::boxed::Box;
use core::any::Any;

/// Runs `body` and catches its panic, where panics can be caught.
#[cfg(feature = "std")]
fn catch<T>(body: impl FnOnce() -> T) -> Result<T, Box<dyn Any + Send>> {
    // What the closure left half-changed is seen by nobody but its own captures' owners, to whom the panic goes on.
    std::panic::catch_unwind(std::panic::AssertUnwindSafe(body))
}

#[cfg(not(feature = "std"))]
fn catch<T>(body: impl FnOnce() -> T) -> Result<T, Box<dyn Any + Send>> {
    Ok(body())
}

/// Goes on with a panic that [`catch`] caught.
#[cfg(feature = "std")]
fn resume(payload: Box<dyn Any + Send>) -> ! {
    std::panic::resume_unwind(payload)
}

#[cfg(not(feature = "std"))]
fn resume(_payload: Box<dyn Any + Send>) -> ! {
    unreachable!("without std no panic is caught")
}
