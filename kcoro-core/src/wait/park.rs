// SPDX-License-Identifier: BSD-3-Clause
//! How a coroutine parks until its claim has been won.
//!
//! The way that is fast is that of a wait in one queue without a limit: the wait was only [announced], and what is left is to
//! note what it is for and to switch. With a limit, a timer must know of the wait, which then begins before the park.
//!
//! [announced]: crate::task::claim::announced
#![expect(unsafe_code, reason = "asks the scheduler to switch")]

use core::mem::ManuallyDrop;
use core::ptr::NonNull;

use super::queue::Node;
use super::wake::WakeHandle;
use super::{Entry, Limit, Waiter};
use crate::task::claim::announced::Announced;
use crate::task::claim::{Accepts, Generation, Outcome, Pending, Published};
use crate::task::header::Header;
use crate::task::schedule::{NO_DEADLINE, Place, WorkerHead};
use crate::task::wait_record::WaitsFor;

/// A caller that waits in one queue: announce, put the node there, park.
pub(crate) trait WaitsInOne {
    /// A node whose waiter gives back what there is to give back of it.
    type Node: core::ops::Deref<Target = Node>;

    /// Announces a wait. A lock may be held.
    fn announce(&self, accepts: Accepts) -> Result<Announced, Pending>;

    /// A node for the announced wait; `slot` is as in [`Node::new`].
    fn node(&self, announced: Announced, slot: *mut ()) -> Self::Node;

    /// As [`Waiter::park`], for the announced wait.
    fn park_announced(self, what: WaitsFor, announced: Announced, limit: Limit) -> Outcome;
}

/// A coroutine that can wait, and the worker that it runs on. Of its nodes there is nothing to give back.
#[derive(Clone, Copy)]
pub(crate) struct CoroutineWaiter {
    pub(super) worker: NonNull<WorkerHead>,
    pub(super) task: NonNull<Header>,
}

impl WaitsInOne for CoroutineWaiter {
    type Node = ManuallyDrop<Node>;

    #[inline(always)]
    fn announce(&self, accepts: Accepts) -> Result<Announced, Pending> {
        // SAFETY: a running coroutine's header is live.
        unsafe { &(*self.task.as_ptr()).claim }.announce(accepts)
    }

    #[inline(always)]
    fn node(&self, announced: Announced, slot: *mut ()) -> ManuallyDrop<Node> {
        // SAFETY: as above.
        let claim = unsafe { &raw const (*self.task.as_ptr()).claim };
        ManuallyDrop::new(Node::with_claim(claim, WakeHandle::Coroutine(self.task), announced.generation(), slot))
    }

    #[inline(always)]
    fn park_announced(self, what: WaitsFor, wait: Announced, limit: Limit) -> Outcome {
        announced(self.worker, self.task, what, wait, limit)
    }
}

/// The node of any waiter: what wakes that is dropped with it.
pub(crate) struct OwnedNode(Node);

impl core::ops::Deref for OwnedNode {
    type Target = Node;

    fn deref(&self) -> &Node {
        &self.0
    }
}

impl WaitsInOne for Waiter {
    type Node = OwnedNode;

    fn announce(&self, accepts: Accepts) -> Result<Announced, Pending> {
        match self {
            Waiter::Coroutine(..) => self.claim().announce(accepts),
            #[cfg(feature = "std")]
            Waiter::Thread(parker) => {
                parker.claim().begin(accepts).map(|generation| Announced::begun(generation, accepts))
            }
        }
    }

    fn node(&self, announced: Announced, slot: *mut ()) -> OwnedNode {
        OwnedNode(Node::new(self, announced.generation(), slot))
    }

    fn park_announced(self, what: WaitsFor, wait: Announced, limit: Limit) -> Outcome {
        match self {
            Waiter::Coroutine(worker, task) => announced(worker, task, what, wait, limit),
            #[cfg(feature = "std")]
            Waiter::Thread(parker) => parker.park(wait.accepts(), limit, wait.generation()).0,
        }
    }
}

/// Parks the calling coroutine `task` of `worker`, whose wait has been announced.
#[inline(always)]
pub(super) fn announced(
    worker: NonNull<WorkerHead>,
    task: NonNull<Header>,
    what: WaitsFor,
    announced: Announced,
    limit: Limit,
) -> Outcome {
    // SAFETY: nothing suspended since the waiter was made, so this is the calling worker; the header is our own.
    let (head, header) = unsafe { (worker.as_ref(), task.as_ref()) };
    if !matches!(limit, Limit::Never) || header.deadline_ns.get() != NO_DEADLINE {
        return announced_with_limit(worker, task, what, announced, limit);
    }
    // Only somebody who has won it can have moved the generation on: no switch is needed to find out how.
    if header.claim.generation() != announced.generation() {
        header.waits.note(what, head.cached_now_ns.get());
        // SAFETY: we are the current coroutine of this worker, our wait is announced, and no lock is held.
        unsafe { head.scheduler.suspend_announced(worker, announced) };
    }
    header.claim.outcome().expect("a coroutine is resumed only after its claim was won").0
}

#[inline(never)]
fn announced_with_limit(
    worker: NonNull<WorkerHead>,
    task: NonNull<Header>,
    what: WaitsFor,
    announced: Announced,
    limit: Limit,
) -> Outcome {
    // SAFETY: the header is our own.
    let claim = unsafe { &(*task.as_ptr()).claim };
    match claim.begin_announced(announced) {
        Published::AlreadyWon => claim.outcome().expect("a wait that was won has an outcome").0,
        Published::Parked => begun(worker, task, what, announced.accepts(), limit, announced.generation()).0,
    }
}

/// Parks in two steps: its wait has begun.
pub(super) fn begun(
    worker: NonNull<WorkerHead>,
    task: NonNull<Header>,
    what: WaitsFor,
    accepts: Accepts,
    limit: Limit,
    generation: Generation,
) -> (Outcome, u32) {
    // SAFETY: nothing suspended since the waiter was made, so this is the calling worker; the header is our own.
    let (head, header) = unsafe { (worker.as_ref(), task.as_ref()) };
    let own_ns = match limit {
        Limit::Never => NO_DEADLINE,
        // SAFETY: as above.
        Limit::AfterNs(ns) => unsafe { WorkerHead::now_ns(worker) }.saturating_add(ns),
        Limit::AtNs(ns) => ns,
    };
    // A wait that cannot be cancelled is not cut short by an enclosing `timeout` either.
    let cancellable = accepts.and(Accepts::CANCEL) == accepts;
    let scope_ns = if cancellable { header.deadline_ns.get() } else { NO_DEADLINE };
    let deadline_ns = own_ns.min(scope_ns);
    let already_due = deadline_ns != NO_DEADLINE && deadline_ns <= head.cached_now_ns.get();
    if already_due {
        // By a clock that is never ahead: no switch is needed to find out. Losing means that it ended.
        let _ = header.claim.try_win(generation, Outcome::TimedOut, 0);
    } else {
        header.waits.note(what, head.cached_now_ns.get());
        // SAFETY: we are the current coroutine of this worker, our wait has begun, and no lock is held.
        unsafe { head.scheduler.suspend(worker, deadline_ns) };
    }
    let ended = header.claim.outcome().expect("a coroutine is resumed only after its claim was won");
    if already_due {
        // Else a loop over waits that are over before they begin would never let others run.
        Entry(Place::Coroutine(worker, task)).charge();
    }
    if ended.0 == Outcome::TimedOut && scope_ns < own_ns {
        return (Outcome::Cancelled, 0);
    }
    ended
}
