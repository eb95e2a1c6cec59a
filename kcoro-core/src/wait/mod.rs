// SPDX-License-Identifier: BSD-3-Clause
//! Waiting: the one door through which every suspension goes.
//!
//! An operation that cannot complete now begins a wait on its waiter's `Claim`, puts a `Node` into one or more
//! `WaitQueue`s (under the lock of whatever it waits on), releases the lock, and parks. Whoever wins the claim ends the
//! wait. On every way out the node is unlinked before the frame that holds it is left.
//!
//! ```text
//!   enter ----> non-waiting part ----> begin ----> push node ----> unlock ----> park ----> outcome
//!     |               |                                                          ^
//!  cancelled?     completes,                      winner, under the same lock: pop node, hand over, win claim;
//!                 charges budget                  after the lock: wake
//! ```
//!
//! | file | what it holds |
//! |---|---|
//! | `arm` | what a select needs of an operation |
//! | `park` | how a coroutine parks |
//! | `queue` | nodes and the list of them, used under the lock of what is waited on |
//! | `random` | the draws that make a select fair |
//! | `wake` | what it takes to wake a coroutine, a thread, a future |
//! | `thread` | the parker of a plain thread |
//! | `future` | wakers for coroutines and threads, and [`block_on`] |
//! | `turn`, `turn_future` | waiting in one queue for something that is had under its lock |
#![expect(unsafe_code, reason = "reads headers through raw pointers")]

pub(crate) mod arm;
pub(crate) mod future;
mod park;
pub(crate) mod queue;
pub(crate) mod random;
#[cfg(feature = "std")]
pub(crate) mod thread;
pub(crate) mod turn;
pub(crate) mod turn_future;
pub(crate) mod wake;

use core::fmt;
use core::ptr::NonNull;

pub use self::future::{WaitError, block_on};
pub(crate) use self::park::{CoroutineWaiter, WaitsInOne};
use crate::platform::ClockId;
use crate::primitive::interrupts;
use crate::task::claim::{Accepts, Claim, Generation, Outcome, Pending};
use crate::task::header::Header;
use crate::task::schedule::{Place, WorkerHead};
use crate::task::wait_record::WaitsFor;

/// Why an operation that had to wait was refused. Its non-waiting part has been tried before.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum CannotWait {
    /// The caller is neither in a coroutine nor, with feature `std`, on a thread of its own (a worker's base context,
    /// where the drop of an unstarted coroutine's closure runs, is neither). Call it from a coroutine.
    NotInCoroutine,
    /// The caller is in an interrupt or signal handler. Use a `try_` form there.
    InInterrupt,
    /// The caller is unwinding from a panic, or in the panic hook: suspending there would mix up the panic counts of
    /// two coroutines.
    Unwinding,
}

impl fmt::Display for CannotWait {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::NotInCoroutine => "cannot wait here: call it from a coroutine (or, with std, from a plain thread)",
            Self::InInterrupt => "cannot wait in an interrupt or signal handler: use a try_ form",
            Self::Unwinding => "cannot wait while unwinding from a panic",
        })
    }
}

impl core::error::Error for CannotWait {}

#[cfg(feature = "std")]
pub(crate) fn is_unwinding() -> bool {
    crate::primitive::thread::panicking()
}

#[cfg(not(feature = "std"))]
pub(crate) fn is_unwinding() -> bool {
    false
}

/// The caller of an operation, at its entry.
#[derive(Clone, Copy)]
pub(crate) struct Entry(Place);

/// The caller, or the region that it is in, has been cancelled.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct CancelRequested;

/// Looks who calls.
#[inline]
pub(crate) fn enter() -> Entry {
    Entry(Place::current())
}

impl Entry {
    /// Whether the caller has been cancelled: every cancellable operation asks first.
    #[inline]
    pub(crate) fn check_cancelled(self) -> Result<(), CancelRequested> {
        match self.0 {
            // SAFETY: a running coroutine's header is live.
            Place::Coroutine(_, task) if unsafe { task.as_ref() }.claim.is_cancelled() => Err(CancelRequested),
            #[cfg(feature = "std")]
            Place::Outside if thread::is_cancelled() => Err(CancelRequested),
            _ => Ok(()),
        }
    }

    /// The caller as a waiter, if it is a coroutine that can wait.
    #[inline]
    pub(crate) fn coroutine(self) -> Option<CoroutineWaiter> {
        match self.0 {
            Place::Coroutine(worker, task) if !is_unwinding() => Some(CoroutineWaiter { worker, task }),
            _ => None,
        }
    }

    /// Pays a wake that is owed, and charges the operation that owes it to the run budget. No lock may be held.
    #[inline]
    pub(crate) fn wake_and_charge(self, owed: Option<wake::Wake>) {
        let paid = match (&owed, self.0) {
            (None, _) => true,
            // In place: to move it costs more than to pay it.
            (Some(wake), Place::Coroutine(worker, _)) => wake.pay_on(worker),
            _ => false,
        };
        if paid {
            core::mem::forget(owed);
            self.charge();
        } else {
            wake_other(owed);
        }
    }

    /// Charges an operation that completed without waiting to the run budget, and yields when that is used up, so that
    /// a coroutine whose operations never wait still lets others run.
    #[inline]
    pub(crate) fn charge(self) {
        if let Place::Coroutine(worker, _) = self.0 {
            // SAFETY: nothing suspended since `enter`, so this is still the calling worker.
            let head = unsafe { worker.as_ref() };
            match head.budget.get().checked_sub(1) {
                Some(rest) => head.budget.set(rest),
                None => charge_exhausted(worker),
            }
        }
    }

    /// The caller as a waiter.
    ///
    /// # Errors
    ///
    /// The caller cannot wait, and why.
    #[inline]
    pub(crate) fn waiter(self) -> Result<Waiter, CannotWait> {
        if is_unwinding() {
            return Err(CannotWait::Unwinding);
        }
        match self.0 {
            Place::Coroutine(worker, task) => Ok(Waiter::Coroutine(worker, task)),
            Place::Base(_) => Err(CannotWait::NotInCoroutine),
            Place::Interrupt => Err(CannotWait::InInterrupt),
            #[cfg(feature = "std")]
            Place::Outside => Ok(Waiter::Thread(thread::ThreadParker::current())),
            #[cfg(not(feature = "std"))]
            Place::Outside => Err(CannotWait::NotInCoroutine),
        }
    }
}

#[cold]
fn wake_other(owed: Option<wake::Wake>) {
    if let Some(wake) = owed {
        wake.wake();
    }
    // Asked anew: a foreign waker may have suspended the coroutine, which may have come back elsewhere.
    enter().charge();
}

#[cold]
fn charge_exhausted(worker: NonNull<WorkerHead>) {
    // In a critical section of a driver nothing may suspend; it will be asked again soon after.
    if !is_unwinding() && !interrupts::are_masked() {
        // SAFETY: called in the current coroutine of this worker, which holds no lock of the core and has no wait begun.
        unsafe { worker.as_ref().scheduler.yield_now(worker) };
    }
}

/// When a wait gives up.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Limit {
    /// Never.
    Never,
    /// After this long, counted from the park.
    AfterNs(u64),
    /// When the waiter's clock reads this.
    AtNs(u64),
}

/// A caller that can wait.
pub(crate) enum Waiter {
    /// A coroutine, and the worker that it runs on.
    Coroutine(NonNull<WorkerHead>, NonNull<Header>),
    /// A plain thread.
    #[cfg(feature = "std")]
    Thread(std::sync::Arc<thread::ThreadParker>),
}

impl Waiter {
    #[inline]
    pub(crate) fn claim(&self) -> &Claim {
        match self {
            // SAFETY: a running coroutine's header is live, and this value stays in its frame.
            Waiter::Coroutine(_, task) => unsafe { &(*task.as_ptr()).claim },
            #[cfg(feature = "std")]
            Waiter::Thread(parker) => parker.claim(),
        }
    }

    /// What wakes this waiter.
    #[inline]
    pub(crate) fn handle(&self) -> wake::WakeHandle {
        match self {
            Waiter::Coroutine(_, task) => wake::WakeHandle::Coroutine(*task),
            #[cfg(feature = "std")]
            Waiter::Thread(parker) => wake::WakeHandle::Thread(parker.clone()),
        }
    }

    /// Its place in the order of claims that meet: the same in each run of a simulation.
    pub(crate) fn rank(&self) -> u32 {
        match self {
            // SAFETY: a running coroutine's header is live. Truncated: where two are equal their addresses decide.
            Waiter::Coroutine(_, task) => unsafe { task.as_ref() }.id as u32,
            #[cfg(feature = "std")]
            Waiter::Thread(_) => 0,
        }
    }

    /// The clock that this waiter's deadlines are read on.
    pub(crate) fn clock_id(&self) -> ClockId {
        match self {
            // SAFETY: nothing suspended since this waiter was made.
            Waiter::Coroutine(worker, _) => unsafe { WorkerHead::clock_id(*worker) },
            #[cfg(feature = "std")]
            Waiter::Thread(_) => ClockId::SYSTEM_MONOTONIC,
        }
    }

    /// `limit`, for a wait that may take several parks: a duration counts from now.
    pub(crate) fn fixed(&self, limit: Limit) -> Limit {
        let Limit::AfterNs(ns) = limit else { return limit };
        let now_ns = match self {
            // SAFETY: nothing suspended since this waiter was made.
            Waiter::Coroutine(worker, _) => unsafe { WorkerHead::now_ns(*worker) },
            #[cfg(feature = "std")]
            Waiter::Thread(_) => crate::platform::system_clock::now_ns(),
        };
        Limit::AtNs(now_ns.saturating_add(ns))
    }

    /// Begins a wait; put nodes into queues next, then [`Waiter::park`].
    #[inline]
    pub(crate) fn begin(&self, accepts: Accepts) -> Result<Generation, Pending> {
        self.claim().begin(accepts)
    }

    /// Waits until the claim has been won. No lock may be held. `what` it is that the caller waits for is noted for dumps;
    /// of a thread they know nothing.
    #[inline]
    pub(crate) fn park(self, what: WaitsFor, accepts: Accepts, limit: Limit, generation: Generation) -> (Outcome, u32) {
        if let Some(ended) = self.claim().outcome() {
            return ended;
        }
        match self {
            Waiter::Coroutine(worker, task) => park::begun(worker, task, what, accepts, limit, generation),
            #[cfg(feature = "std")]
            Waiter::Thread(parker) => parker.park(accepts, limit, generation),
        }
    }
}
