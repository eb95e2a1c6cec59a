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
//! | | children | fails | cancels the other children |
//! |---|---|---|---|
//! | [`scope`] | return anything | panics, if a child panicked and nobody joined it | when the closure panics |
//! | [`try_scope`] | can fail | if anything failed | at the first failure |
//! | the same, [supervised](TryScope::supervise) | can fail | if anything failed | when the closure fails |
//! | [`gather`] with [`Quorum::All`] | bring a value or fail | if anything failed | at the first failure |
//! | [`gather`] with [`Quorum::Any`] or [`First`](Quorum::First) | bring a value or fail | if too few succeeded | when enough have succeeded |
//!
//! No failure is swallowed: errors hold all of them, in the order in which they came. Each scope can have a name for dumps
//! and a limit of children that live at once; scopes nest, and a cancel goes down from scope to scope.
//!
//! Two details keep this sound. The closure's panic is caught before the wait, so that the wait happens on every way
//! out. And a scope whose parent can no longer wait (because it was entered while unwinding) aborts by name rather than
//! leave its frame.

/// What every kind of scope can be told.
macro_rules! controls {
    () => {
        /// Cancels all children, and those that are still to be spawned.
        pub fn cancel(&self) {
            self.children.cancel();
        }

        /// Lets at most `limit` children live at once from now on; zero counts as one.
        ///
        /// At the limit a spawn waits until a child has ended, first come first served (a cancel ends the wait), and
        /// `try_spawn` is refused. Children that spawn siblings and wait for them can wait for one another. Those that are
        /// already more than `limit` go on.
        pub fn limit(&self, limit: usize) {
            self.children.set_limit(limit);
        }

        /// Names the scope, for dumps: its children to come are shown with it.
        pub fn name(&self, name: &'static str) {
            self.children.set_name(name);
        }
    };
}

mod children;
mod collected;
mod failures;
mod gathering;
mod handle;
mod list;
mod places;
mod plain;
mod trying;

pub use self::failures::{Failed, Failure, ScopeError};
pub use self::gathering::{GatherScope, Gathered, Quorum, gather};
pub use self::handle::ScopedJoinHandle;
pub use self::plain::{Scope, scope};
pub use self::trying::{TryScope, try_scope};

use alloc::boxed::Box;
use core::any::Any;

/// Runs `body` and catches its panic, where panics can be caught.
#[cfg(feature = "std")]
pub(crate) fn catch<T>(body: impl FnOnce() -> T) -> Result<T, Box<dyn Any + Send>> {
    // What the closure left half-changed is seen by nobody but its own captures' owners, to whom the panic goes on.
    std::panic::catch_unwind(std::panic::AssertUnwindSafe(body))
}

#[cfg(not(feature = "std"))]
pub(crate) fn catch<T>(body: impl FnOnce() -> T) -> Result<T, Box<dyn Any + Send>> {
    Ok(body())
}

/// Goes on with a panic that [`catch`] caught.
#[cfg(feature = "std")]
pub(crate) fn resume(payload: Box<dyn Any + Send>) -> ! {
    std::panic::resume_unwind(payload)
}

#[cfg(not(feature = "std"))]
pub(crate) fn resume(_payload: Box<dyn Any + Send>) -> ! {
    unreachable!("without std no panic is caught")
}
