// SPDX-License-Identifier: BSD-3-Clause
//! What it takes to wake a coroutine, a thread or a future.
//!
//! The winner of a claim moves the handle out of the node before it wins (its win is the last touch), and uses it after
//! the lock is released.
#![expect(unsafe_code, reason = "hands a won coroutine to its scheduler by raw pointer")]

use core::ptr::NonNull;
use core::task::Waker;

use crate::task::claim::{Claim, Won};
use crate::task::header::Header;
use crate::task::schedule::WorkerHead;

/// Wakes one waiter.
pub(crate) enum WakeHandle {
    /// No reference is counted: the winner of a published park owns the coroutine, and it cannot end before it has run.
    Coroutine(NonNull<Header>),
    #[cfg(feature = "std")]
    Thread(std::sync::Arc<super::thread::ThreadParker>),
    /// A future; its waker is foreign code and never runs under a lock.
    Task(Waker),
}

impl WakeHandle {
    /// The claim of a waiter that has one of its own: a future keeps it beside its node.
    pub(crate) fn claim(&self) -> Option<&Claim> {
        match self {
            // SAFETY: the coroutine whose handle it is is live while it waits.
            WakeHandle::Coroutine(task) => Some(unsafe { &(*task.as_ptr()).claim }),
            #[cfg(feature = "std")]
            WakeHandle::Thread(parker) => Some(parker.claim()),
            WakeHandle::Task(_) => None,
        }
    }

    /// Another handle of the same waiter. That of a future is foreign code, so no lock may be held.
    pub(crate) fn duplicate(&self) -> WakeHandle {
        match self {
            WakeHandle::Coroutine(task) => WakeHandle::Coroutine(*task),
            #[cfg(feature = "std")]
            WakeHandle::Thread(parker) => WakeHandle::Thread(parker.clone()),
            WakeHandle::Task(waker) => WakeHandle::Task(waker.clone()),
        }
    }
}

/// A wake that is owed: a claim has been won. Dropping it without waking loses the wake.
#[must_use = "the waiter sleeps until this is woken"]
pub(crate) struct Wake {
    pub(super) handle: WakeHandle,
    pub(super) won: Won,
}

// SAFETY: a won coroutine may be made ready from any thread; the other handles are `Send`.
unsafe impl Send for Wake {}

impl Wake {
    /// That of a waiter whose claim has been won.
    pub(crate) fn new(handle: WakeHandle, won: Won) -> Self {
        Self { handle, won }
    }

    /// The coroutine whose wake it is, and how it was won.
    #[cfg(not(loom))]
    pub(crate) fn coroutine(&self) -> Option<(NonNull<Header>, Won)> {
        match &self.handle {
            WakeHandle::Coroutine(task) => Some((*task, self.won)),
            _ => None,
        }
    }

    /// Pays it. Call it after the lock is released.
    #[inline]
    pub(crate) fn wake(self) {
        match self.handle {
            WakeHandle::Coroutine(task) => make_ready(task, self.won),
            #[cfg(feature = "std")]
            WakeHandle::Thread(parker) => parker.unpark(),
            WakeHandle::Task(waker) => waker.wake(),
        }
    }
}

impl Wake {
    /// Pays that of a coroutine, by a caller on `worker`. Says whether it was one's: then it is to be forgotten.
    #[inline]
    pub(crate) fn pay_on(&self, worker: NonNull<WorkerHead>) -> bool {
        let WakeHandle::Coroutine(task) = &self.handle else { return false };
        if self.won == Won::Parked {
            // SAFETY: as in `make_ready`; the worker is the caller's.
            unsafe { task.as_ref().vtable.scheduler.make_ready_on(worker, *task) };
        }
        true
    }
}

/// Pays one wake after the other, until there is none: `next` takes the lock each time, so that no wake happens under it. If
/// one of them is of a foreign waker and panics, the others are paid all the same.
pub(crate) fn wake_each(mut next: impl FnMut() -> Option<Wake>) {
    wake_rest(&mut next);
}

fn wake_rest<F: FnMut() -> Option<Wake>>(next: &mut F) {
    while let Some(wake) = next() {
        let rest = OnUnwind(next);
        wake.wake();
        core::mem::forget(rest);
    }
}

/// Its drop is reached by unwinding only.
struct OnUnwind<'a, F: FnMut() -> Option<Wake>>(&'a mut F);

impl<F: FnMut() -> Option<Wake>> Drop for OnUnwind<'_, F> {
    fn drop(&mut self) {
        wake_rest(self.0);
    }
}

/// Makes a coroutine runnable whose claim has just been won, if its park was already published.
#[inline]
pub(crate) fn make_ready(task: NonNull<Header>, won: Won) {
    if won == Won::Parked {
        // SAFETY: we won the claim and found PARKED: we own the coroutine, and it stays live until it has run.
        unsafe { task.as_ref().vtable.scheduler.make_ready(task) };
    }
}
