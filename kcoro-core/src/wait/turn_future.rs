// SPDX-License-Identifier: BSD-3-Clause
//! Waiting for a turn in async code: the twin of [`turn::wait_charged`](super::turn::wait_charged).
//!
//! Claim, node and turn lie in the pinned future. Others touch them under the lock of what is waited for, and dropping the
//! future takes that lock. The future is used by shared reference throughout, also by its owner: a winner may hold a
//! pointer to the turn at any time.
#![expect(unsafe_code, reason = "queues a node that lies in a pinned future")]

use core::cell::{Cell, UnsafeCell};
use core::future::Future;
use core::marker::PhantomPinned;
use core::pin::Pin;
use core::task::{Context, Poll, Waker};

use super::queue::Node;
use super::turn::{Turn, slot_of};
use super::wake::WakeHandle;
use crate::task::claim::{Accepts, Claim, Outcome};

/// See the [module](self). It does not know the coroutine that polls it, so it is no cancellation point.
#[must_use = "a future does nothing until it is awaited"]
pub(crate) struct TurnFuture<T: Turn> {
    turn: T,
    claim: Claim,
    node: UnsafeCell<Option<Node>>,
    progress: Cell<Progress>,
    _pinned: PhantomPinned,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Progress {
    New,
    Queued,
    Over,
}

// SAFETY: what a turn refers to is `Sync`, and its cells are touched by one thread at a time (`Turn`'s contract); so are the
// node and the progress.
unsafe impl<T: Turn> Send for TurnFuture<T> where T::Output: Send {}
// SAFETY: a shared future gives no access.
unsafe impl<T: Turn> Sync for TurnFuture<T> where T::Output: Send {}

impl<T: Turn> TurnFuture<T> {
    pub(crate) fn new(turn: T) -> Self {
        Self {
            turn,
            claim: Claim::new(),
            node: UnsafeCell::new(None),
            progress: Cell::new(Progress::New),
            _pinned: PhantomPinned,
        }
    }

    fn node(&self) -> *const Node {
        // SAFETY: a reference that ends here; winners touch a node's cells only, never the option.
        unsafe { &*self.node.get() }.as_ref().map_or(core::ptr::null(), |node| node)
    }

    /// Takes the turn, or queues for it.
    fn start(&self, waker: Waker) -> Poll<T::Output> {
        let generation = self.claim.begin(Accepts::NOTHING).unwrap_or_else(|_| unreachable!());
        let node = Node::with_claim(&raw const self.claim, WakeHandle::Task(waker), generation, slot_of(&self.turn));
        // SAFETY: no node is queued, so nobody else knows the old one. It goes here, before the lock, for it may hold a
        // waker, which is foreign code.
        unsafe { *self.node.get() = Some(node) };
        let mut state = self.turn.state().lock();
        if let Some(output) = self.turn.poll(&mut state) {
            self.progress.set(Progress::Over);
            return Poll::Ready(output);
        }
        // SAFETY: the future is pinned; the node is removed by its winner or by the drop.
        unsafe { self.turn.enqueue(&mut state, self.node()) };
        self.progress.set(Progress::Queued);
        Poll::Pending
    }

    /// How the wait has ended; if it has not, `waker` is what is woken from now on.
    fn renew(&self, waker: Waker) -> Option<Outcome> {
        let state = self.turn.state().lock();
        let outcome = self.claim.outcome().map(|(outcome, _)| outcome);
        let handle = WakeHandle::Task(waker);
        // SAFETY: the lock is held, and the node is our own.
        let before = if outcome.is_none() { unsafe { (*self.node()).replace_handle(handle) } } else { Some(handle) };
        drop(state);
        // A waker is foreign code: dropped after the lock.
        drop(before);
        outcome
    }
}

impl<T: Turn> Future for TurnFuture<T> {
    type Output = T::Output;

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        let this = self.into_ref().get_ref();
        if this.progress.get() == Progress::Queued {
            // Cloned before the lock, as all foreign code.
            let Some(outcome) = this.renew(context.waker().clone()) else { return Poll::Pending };
            this.progress.set(Progress::Over);
            if let Some(output) = this.turn.won(outcome) {
                return Poll::Ready(output);
            }
            this.progress.set(Progress::New);
        }
        assert!(this.progress.get() == Progress::New, "polled after it was ready");
        this.start(context.waker().clone())
    }
}

impl<T: Turn> Drop for TurnFuture<T> {
    fn drop(&mut self) {
        if self.progress.get() != Progress::Queued {
            return;
        }
        let mut state = self.turn.state().lock();
        // SAFETY: it was pushed to this queue.
        unsafe { T::queue(&mut state).remove(self.node()) };
        match self.claim.outcome() {
            None => drop(self.turn.leave(state)),
            Some((outcome, _)) => {
                drop(state);
                self.turn.pass_on(outcome);
            }
        }
    }
}
