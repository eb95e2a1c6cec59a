// SPDX-License-Identifier: BSD-3-Clause
//! What the futures do under the channel's lock: queue their nodes, renew their wakers, take both out again.
#![expect(unsafe_code, reason = "queues nodes that lie in pinned futures")]

use core::mem::ManuallyDrop;
use core::task::Waker;

use super::core::{NotSent, NotTaken, Shared, wake_if};
use super::error::TryRecvError;
use crate::task::claim::{Claim, Outcome};
use crate::wait::queue::Node;
use crate::wait::wake::WakeHandle;

impl<T> Shared<T> {
    /// Receives a value, or queues `node`, whose slot is for one, if there is none.
    ///
    /// # Safety
    ///
    /// The node stays in place until it is removed, by its winner or by [`Shared::unqueue_receiver`].
    pub(super) unsafe fn recv_or_queue(&self, node: *const Node) -> Result<T, TryRecvError> {
        let mut state = self.state.lock();
        let mut owed = None;
        let received = state.receive(self.capacity, &mut owed);
        if let Err(TryRecvError::Empty) = received {
            // SAFETY: forwarded.
            unsafe { state.receivers.push(node) };
            state.tally.note(|stats| stats.receive_waits += 1);
        }
        drop(state);
        wake_if(owed);
        received
    }

    /// Sends the value behind `value`, or queues `node`, whose slot it is, if there is no room.
    ///
    /// # Safety
    ///
    /// As [`Shared::recv_or_queue`]; the value has been moved on success.
    pub(super) unsafe fn send_or_queue(&self, value: *const T, node: *const Node) -> Result<(), NotSent> {
        self.send_now(value).map_err(|(mut state, why)| {
            if let NotSent::Full = why {
                // SAFETY: forwarded.
                unsafe { state.senders.push(node) };
                state.tally.note(|stats| stats.send_waits += 1);
            }
            why
        })
    }

    /// How a queued future's wait has ended; if it has not, `waker` is what wakes it from now on.
    pub(super) fn renew_waker(&self, node: *const Node, claim: &Claim, waker: Waker) -> Option<Outcome> {
        let state = self.state.lock();
        let outcome = claim.outcome().map(|(outcome, _)| outcome);
        // SAFETY: the lock is held, and the node is the caller's own.
        let before = if outcome.is_none() { unsafe { (*node).replace_handle(WakeHandle::Task(waker)) } } else { None };
        drop(state);
        // A waker is foreign code: dropped after the lock.
        drop(before);
        outcome
    }

    /// Replaces what wakes the waiter of a queued node.
    pub(super) fn renew_handle(&self, node: *const Node, handle: WakeHandle) {
        let state = self.state.lock();
        // SAFETY: the lock is held, and the node is the caller's own.
        let before = unsafe { (*node).replace_handle(handle) };
        drop(state);
        // A waker is foreign code: dropped after the lock.
        drop(before);
    }

    /// Takes a receiver's node out of the queue, if it is still in.
    ///
    /// # Safety
    ///
    /// The node was queued by [`Shared::recv_or_queue`].
    pub(super) unsafe fn unqueue_receiver(&self, node: *const Node) {
        // SAFETY: forwarded.
        unsafe { self.state.lock().receivers.remove(node) };
    }

    /// Takes a sender's node out of the queue, if it is still in.
    ///
    /// # Safety
    ///
    /// The node was queued by [`Shared::send_or_queue`].
    pub(super) unsafe fn unqueue_sender(&self, node: *const Node) {
        // SAFETY: forwarded.
        unsafe { self.state.lock().senders.remove(node) };
    }

    /// Takes back a value that was handed over to a receiver which went away: it goes to the next receiver, or is the next
    /// to be received.
    pub(super) fn give_back(&self, value: T) {
        let value = ManuallyDrop::new(value);
        loop {
            let mut state = self.state.lock();
            match state.take_back(&raw const *value, self.capacity) {
                Ok(wake) => {
                    drop(state);
                    return wake_if(wake);
                }
                Err(NotTaken::MustGrow { slots }) => {
                    drop(state);
                    self.grow(slots);
                }
                Err(NotTaken::Undelivered(why)) => {
                    state.tally.note(|stats| {
                        stats.receives -= 1;
                        stats.undelivered(why, 1);
                    });
                    drop(state);
                    return self.hook.give(ManuallyDrop::into_inner(value), why);
                }
            }
        }
    }
}
