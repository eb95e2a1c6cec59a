// SPDX-License-Identifier: BSD-3-Clause
//! How a coroutine's end and its handle meet.
#![expect(unsafe_code, reason = "queues a node that lies in this frame")]

use core::pin::pin;
use core::task::Waker;

use crate::primitive::SpinLock;
use crate::primitive::atomic::{AtomicBool, Ordering};
use crate::task::claim::claiming::Party;
use crate::task::claim::{Accepts, Lost, Outcome};
use crate::task::wait_record::WaitsFor;
use crate::wait::queue::{Node, WaitQueue};
use crate::wait::wake::{Wake, WakeHandle};
use crate::wait::{Limit, WaitError, WaitsInOne, arm, enter};

/// The state of a coroutine's end.
///
/// `ended` is set under the lock, so that who registers under the lock cannot miss it; it may be read without.
pub(super) struct JoinCell {
    ended: AtomicBool,
    state: SpinLock<State>,
}

struct State {
    detached: bool,
    /// Its runtime has stopped without it: it will most likely never end.
    abandoned: bool,
    joiner: WaitQueue,
    /// What wakes a future that awaits the handle.
    waker: Option<core::task::Waker>,
}

/// Who owns the output of a coroutine that has just ended.
pub(super) enum Ended {
    /// The handle; these are to be woken.
    HandleOwnsOutput(Option<Wake>, Option<Waker>),
    /// Nobody wants it: the coroutine drops it itself.
    NobodyWantsOutput,
}

impl JoinCell {
    pub(super) fn new() -> Self {
        let state = State { detached: false, abandoned: false, joiner: WaitQueue::new(), waker: None };
        Self { ended: AtomicBool::new(false), state: SpinLock::new(state) }
    }

    #[inline]
    pub(super) fn has_ended(&self) -> bool {
        // Acquire: the output is visible.
        self.ended.load(Ordering::Acquire)
    }

    /// Whether a wait for the end would be over at once.
    pub(super) fn is_over(&self) -> bool {
        self.has_ended() || self.state.lock().abandoned
    }

    /// The coroutine has ended and its output is stored.
    pub(super) fn end(&self) -> Ended {
        let mut state = self.state.lock();
        // Release: the output was stored before.
        self.ended.store(true, Ordering::Release);
        if state.detached {
            return Ended::NobodyWantsOutput;
        }
        let wake = state.joiner.win_first(Outcome::Event, |_| {});
        let waker = state.waker.take();
        drop(state);
        Ended::HandleOwnsOutput(wake, waker)
    }

    /// The coroutine's runtime has stopped without it: nobody waits for it any longer. Returns whom to wake.
    pub(super) fn abandon(&self) -> (Option<Wake>, Option<Waker>) {
        let mut state = self.state.lock();
        if self.has_ended() {
            return (None, None);
        }
        state.abandoned = true;
        (state.joiner.win_first(Outcome::Closed, |_| {}), state.waker.take())
    }

    /// The handle goes. Says whether the coroutine has ended: then the output is still the handle's.
    pub(super) fn detach(&self) -> bool {
        let mut state = self.state.lock();
        state.detached = true;
        let ended = self.has_ended();
        let waker = state.waker.take();
        drop(state);
        // A waker is foreign code: dropped after the lock.
        drop(waker);
        ended
    }

    /// Says whether the coroutine has ended; if not, `waker` is woken when it does.
    pub(super) fn poll_ended(&self, waker: &Waker) -> Result<bool, WaitEnd> {
        // Cloned before the lock and dropped after it: a waker is foreign code.
        let waker = waker.clone();
        let mut state = self.state.lock();
        if self.has_ended() {
            return Ok(true);
        }
        if state.abandoned {
            return Err(WaitEnd::Abandoned);
        }
        let before = state.waker.replace(waker);
        drop(state);
        drop(before);
        Ok(false)
    }

    /// Queues `node`, the own one of a selector that is queued elsewhere too, unless the coroutine has ended: then the
    /// selector's wait ends here and now.
    ///
    /// # Errors
    ///
    /// The selector's wait has ended otherwise.
    ///
    /// # Safety
    ///
    /// The node stays in place until it is removed, by its winner or by [`JoinCell::unqueue`].
    pub(super) unsafe fn end_or_queue(&self, node: *const Node, own: Party<'_>) -> Result<Option<arm::Ended>, Lost> {
        let mut state = self.state.lock();
        if self.has_ended() {
            return own.end(Outcome::Event).map(|()| Some(arm::Ended::Event));
        }
        if state.abandoned {
            return own.end(Outcome::Closed).map(|()| Some(arm::Ended::Closed));
        }
        // SAFETY: forwarded.
        unsafe { state.joiner.push(node) };
        Ok(None)
    }

    /// Takes a selector's node out of the queue, if it is still in.
    ///
    /// # Safety
    ///
    /// The node was queued by [`JoinCell::end_or_queue`].
    pub(super) unsafe fn unqueue(&self, node: *const Node) {
        // SAFETY: forwarded.
        unsafe { self.state.lock().joiner.remove(node) };
    }

    /// Replaces what wakes the selector of a queued node.
    pub(super) fn renew_handle(&self, node: *const Node, handle: WakeHandle) {
        let state = self.state.lock();
        // SAFETY: the lock is held, and the node is the caller's own.
        let before = unsafe { (*node).replace_handle(handle) };
        drop(state);
        // A waker is foreign code: dropped after the lock.
        drop(before);
    }

    /// Waits for the end; `what` says whose, for dumps.
    pub(super) fn wait(&self, what: WaitsFor, accepts: Accepts, limit: Limit) -> Result<(), WaitEnd> {
        // Before the lock, for it may make a thread's parker.
        let waiter = enter().waiter().map_err(|why| WaitEnd::Wait(WaitError::CannotWait(why)))?;
        let cancelled = WaitEnd::Wait(WaitError::Cancelled);
        let mut state = self.state.lock();
        if self.has_ended() {
            return Ok(());
        }
        if state.abandoned {
            return Err(WaitEnd::Abandoned);
        }
        let announced = waiter.announce(accepts).map_err(|_| cancelled)?;
        let node = pin!(waiter.node(announced, core::ptr::null_mut()));
        let node: *const Node = &raw const **node;
        // SAFETY: the node stays in this frame and is removed below unless it was won in the queue.
        unsafe { state.joiner.push(node) };
        drop(state);
        let ended = waiter.park_announced(what, announced, limit);
        match ended {
            Outcome::Event => return Ok(()),
            Outcome::Closed => return Err(WaitEnd::Abandoned),
            _ => {}
        }
        // SAFETY: it was pushed to this queue.
        unsafe { self.state.lock().joiner.remove(node) };
        Err(if ended == Outcome::TimedOut { WaitEnd::NotYet } else { cancelled })
    }
}

/// Why a wait for the end was over before the end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum WaitEnd {
    NotYet,
    Abandoned,
    Wait(WaitError),
}

#[cfg(all(test, loom))]
mod loom_tests {
    use loom::sync::Arc;
    use loom::thread;

    use super::{Ended, JoinCell, WaitEnd};
    use crate::primitive::UnsafeCell;
    use crate::task::claim::Accepts;
    use crate::task::wait_record::WaitsFor;
    use crate::wait::Limit;

    struct Task {
        join: JoinCell,
        output: UnsafeCell<u32>,
    }

    /// Ends the task on a thread of its own; says whether the output was left to it.
    fn end(task: &Arc<Task>) -> thread::JoinHandle<bool> {
        let task = task.clone();
        thread::spawn(move || {
            // SAFETY: the output is the ender's until `end`; loom checks it.
            task.output.with_mut(|output| unsafe { *output = 7 });
            match task.join.end() {
                Ended::HandleOwnsOutput(wake, _) => {
                    if let Some(wake) = wake {
                        wake.wake();
                    }
                    false
                }
                Ended::NobodyWantsOutput => {
                    // SAFETY: the handle is gone.
                    task.output.with_mut(|output| unsafe { *output = 0 });
                    true
                }
            }
        })
    }

    fn new() -> Arc<Task> {
        Arc::new(Task { join: JoinCell::new(), output: UnsafeCell::new(0) })
    }

    #[test]
    fn a_join_sees_the_end_and_the_output() {
        loom::model(|| {
            let task = new();
            let ender = end(&task);
            assert_eq!(task.join.wait(WaitsFor::Join(1), Accepts::CANCEL, Limit::Never), Ok(()));
            // SAFETY: the end was seen, so the output is the handle's.
            task.output.with(|output| assert_eq!(unsafe { *output }, 7));
            assert!(!ender.join().unwrap());
        });
    }

    #[test]
    fn a_join_that_times_out_leaves_nothing_behind() {
        loom::model(|| {
            let task = new();
            let ender = end(&task);
            // A deadline that is past: the wait registers, and its time-out races with the end.
            let first = task.join.wait(WaitsFor::Join(1), Accepts::CANCEL, Limit::AtNs(0));
            assert!(matches!(first, Ok(()) | Err(WaitEnd::NotYet)));
            assert_eq!(task.join.wait(WaitsFor::Join(1), Accepts::CANCEL, Limit::Never), Ok(()));
            assert!(!ender.join().unwrap());
        });
    }

    #[test]
    fn the_output_has_one_owner_when_the_handle_goes_at_the_end() {
        loom::model(|| {
            let task = new();
            let ender = end(&task);
            let left_to_the_handle = task.join.detach();
            if left_to_the_handle {
                // SAFETY: the end was seen before the handle went.
                task.output.with_mut(|output| unsafe { *output = 0 });
            }
            assert_ne!(left_to_the_handle, ender.join().unwrap());
        });
    }
}
