// SPDX-License-Identifier: BSD-3-Clause
//! `--cfg kcoro_interleave`: every operation of `primitive` is a point at which a simulation may run another worker.
//!
//! A normal simulation interleaves coroutines at their suspensions; what lies between two of them runs as one. In this
//! build the atomics, cells and locks of the core call the [`Interleave`] of their thread before they do what they are
//! for, so that a seed reaches the races inside of operations, too: a wake between the last look for work and the sleep,
//! two thieves at one ring, a park that is won before it is published.
//!
//! ```text
//!   atomic operation:  point, operation
//!   cell:              enter, point, access, leave          two that are inside at once, one of them to write: a race
//!   lock:              point, take | wait until it is free  (who waits is not run meanwhile)
//!   unlock:            point, free
//!   spin:              others run
//! ```
//!
//! # What it finds, and what not
//!
//! - It finds what goes wrong in *some order of the operations*: check-then-act, lost updates, lost wakes, a lock that is
//!   not taken, or taken in two orders. The code is the real one with all its layers, not a model of one protocol.
//! - All operations take effect at once, in the order in which they run: sequential consistency. An ordering that is too
//!   weak (`Relaxed` for `Acquire`) is not found. That is what loom's models are for, and the sanitizer.
//! - It samples, loom exhausts. A race that needs many switches at just the right points may stay unfound.
//! - `Arc` and the thread-local that holds the ambient worker are not of `primitive`: they are taken to work. Cells that
//!   only one worker uses (its run queue) are plain cells, and an access to one from elsewhere is seen by its effect only.
//! - Nothing is switched while the caller unwinds, since the count of panics belongs to the thread, on which all simulated
//!   workers run.
//!
//! Without a registered [`Interleave`], and on threads of no simulation, everything works as in a normal build.
#![expect(unsafe_code, reason = "calls through a pointer whose validity the registration promises")]

pub mod atomic;
mod cell;
mod lock;
pub(crate) mod thread;

use core::cell::Cell;
use core::panic::Location;
use core::sync::atomic::AtomicBool;

pub(crate) use cell::UnsafeCell;
pub(crate) use lock::Holder;

/// The simulation, as the primitives see it. All calls come from the thread that registered it.
pub trait Interleave {
    /// The caller is about to use memory that other workers use, by the operation at `at`. They may run before this returns.
    fn point(&self, at: &'static Location<'static>);

    /// The caller wants a lock that `holder` has taken: an answer of [`Interleave::who`]. Returns no sooner than `locked`
    /// is false; others, at least the holder, run meanwhile.
    fn blocked(&self, locked: &AtomicBool, holder: usize);

    /// The caller waits for a step of another worker, no matter which. Others run before this returns.
    fn spins(&self);

    /// The caller has released a lock. No point for others than those who wait for just that.
    fn released(&self);

    /// The caller's number, to name it as the holder of a lock.
    fn who(&self) -> usize;

    /// Whether the calling worker unwinds. The thread's own count does not say it, when another one runs on its behalf.
    fn is_unwinding(&self) -> bool;

    /// Two workers are in a cell of type `what` at once, at least one of them to change it. If this returns, they go on.
    fn race(&self, what: &'static str);
}

/// Whom the primitives of this thread call.
pub type Registered = Option<*const dyn Interleave>;

std::thread_local! {
    static REGISTERED: Cell<Registered> = const { Cell::new(None) };
}

/// Registers who is called at the points of this thread, and returns who was.
///
/// # Safety
///
/// What is registered stays valid until it is exchanged for another.
pub unsafe fn register(interleave: Registered) -> Registered {
    REGISTERED.replace(interleave)
}

/// A point at which another worker may run. The primitives call it; so may a test, between a load and a store of its own
/// that ought to be one operation.
#[track_caller]
pub fn point() {
    if let Some(interleave) = registered() {
        interleave.point(Location::caller());
    }
}

/// Waits for a step of another worker.
pub(crate) fn spin() {
    match registered() {
        Some(interleave) => interleave.spins(),
        None => std::thread::yield_now(),
    }
}

fn registered<'a>() -> Option<&'a dyn Interleave> {
    // SAFETY: what is registered is valid, and no caller keeps the reference over the point that it is used for.
    REGISTERED.get().map(|interleave| unsafe { &*interleave })
}
