// SPDX-License-Identifier: BSD-3-Clause
//! Sends and receives that wait, from coroutines and threads: register under the lock that found no way, park, and leave
//! nothing behind.
#![expect(unsafe_code, reason = "queues nodes that lie in this frame, with slots for values")]

use core::mem::{ManuallyDrop, MaybeUninit};
use core::pin::pin;

use super::core::{NotSent, Shared, wake_if};
use super::error::{RecvTimeoutError, SendTimeoutError, TryRecvError};
use super::lock::StateGuard;
use super::stats::Stats;
use crate::task::claim::{Accepts, Outcome};
use crate::task::wait_record::{ChannelId, WaitsFor};
use crate::time::{ClockMismatch, Instant};
use crate::wait::queue::Node;
use crate::wait::{CoroutineWaiter, Entry, Limit, WaitsInOne, enter};

/// The limit that a deadline is for the caller, whose clock must be the deadline's.
pub(super) fn limit_at(deadline: Instant) -> Result<Limit, ClockMismatch> {
    match enter().waiter() {
        Ok(waiter) if waiter.clock_id() != deadline.clock() => {
            Err(ClockMismatch { left: waiter.clock_id(), right: deadline.clock() })
        }
        // Who cannot wait needs no clock.
        _ => Ok(Limit::AtNs(deadline.as_nanos())),
    }
}

impl<T> Shared<T> {
    /// Counts what happens without the lock.
    #[cold]
    fn note(&self, count: impl FnOnce(&mut Stats)) {
        if self.counts {
            self.state.lock().tally.note(count);
        }
    }

    /// A send that waits for room or a receiver.
    #[inline]
    pub(super) fn send(&self, value: T, limit: Limit) -> Result<(), SendTimeoutError<T>> {
        let entry = enter();
        if entry.check_cancelled().is_err() {
            self.note(|stats| stats.failed_sends.cancelled += 1);
            return Err(SendTimeoutError::Cancelled(value));
        }
        let value = ManuallyDrop::new(value);
        let mut state = self.state.lock();
        let mut owed = None;
        let Err(why) = state.send(&raw const *value, self.capacity, &mut owed) else {
            drop(state);
            entry.wake_and_charge(owed);
            return Ok(());
        };
        match entry.coroutine() {
            Some(waiter) if matches!(why, NotSent::Full) => self.park_sender(state, waiter, value, limit),
            _ => self.send_otherwise(state, why, entry, value, limit),
        }
    }

    /// What is left of a send that found neither room nor a receiver, nor may just park.
    #[cold]
    fn send_otherwise(
        &self,
        state: StateGuard<'_, T>,
        why: NotSent,
        entry: Entry,
        value: ManuallyDrop<T>,
        limit: Limit,
    ) -> Result<(), SendTimeoutError<T>> {
        match why {
            NotSent::Overflows => {
                self.overflow(state, &raw const *value);
                // Asked anew: the hook is foreign code.
                enter().charge();
                Ok(())
            }
            NotSent::Closed => {
                drop(state);
                Err(SendTimeoutError::Closed(ManuallyDrop::into_inner(value)))
            }
            NotSent::Full | NotSent::MustGrow { .. } => {
                drop(state);
                self.send_slowly(entry, value, limit)
            }
        }
    }

    /// A send from a thread, whose parker must not be made under the lock, or into a buffer that must grow, or by who cannot
    /// wait.
    fn send_slowly(&self, entry: Entry, value: ManuallyDrop<T>, limit: Limit) -> Result<(), SendTimeoutError<T>> {
        // Makes the thread's parker now, which must not be made under the lock.
        let waiter = entry.waiter();
        match (self.send_now(&raw const *value), waiter) {
            (Ok(()), _) => Ok(()),
            (Err((state, NotSent::Full)), Ok(waiter)) => self.wait_as_sender(state, waiter, value, limit),
            (Err((mut state, NotSent::Full)), Err(why)) => {
                state.tally.note(|stats| stats.failed_sends.cannot_wait += 1);
                drop(state);
                Err(SendTimeoutError::CannotWait(ManuallyDrop::into_inner(value), why))
            }
            (Err((state, _)), _) => {
                drop(state);
                Err(SendTimeoutError::Closed(ManuallyDrop::into_inner(value)))
            }
        }
    }

    /// That of a coroutine: compiled apart from that of a thread, which has a parker to give back.
    #[inline(never)]
    fn park_sender(
        &self,
        state: StateGuard<'_, T>,
        waiter: CoroutineWaiter,
        value: ManuallyDrop<T>,
        limit: Limit,
    ) -> Result<(), SendTimeoutError<T>> {
        self.wait_as_sender(state, waiter, value, limit)
    }

    /// Registers as a waiting sender, under the lock that found the channel full, and waits.
    #[inline(always)]
    fn wait_as_sender(
        &self,
        mut state: StateGuard<'_, T>,
        waiter: impl WaitsInOne,
        value: ManuallyDrop<T>,
        limit: Limit,
    ) -> Result<(), SendTimeoutError<T>> {
        let Ok(announced) = waiter.announce(Accepts::CANCEL) else {
            state.tally.note(|stats| stats.failed_sends.cancelled += 1);
            drop(state);
            return Err(SendTimeoutError::Cancelled(ManuallyDrop::into_inner(value)));
        };
        let node = pin!(waiter.node(announced, (&raw const *value).cast_mut().cast()));
        let node: *const Node = &raw const **node;
        // SAFETY: the node and the value stay in this frame; the node is removed below unless it was won in the queue.
        unsafe { state.senders.push(node) };
        state.tally.note(|stats| stats.send_waits += 1);
        drop(state);
        match waiter.park_announced(WaitsFor::ToSend(self.id()), announced, limit) {
            Outcome::Event => Ok(()),
            // SAFETY: it was pushed as a sender's, and it was not won with a value.
            ended => Err(unsafe { self.end_send(node, ManuallyDrop::into_inner(value), ended) }),
        }
    }

    /// Leaves the queue of senders with the value that nobody took.
    ///
    /// # Safety
    ///
    /// The node was pushed to that queue.
    #[cold]
    unsafe fn end_send(&self, node: *const Node, value: T, ended: Outcome) -> SendTimeoutError<T> {
        let mut state = self.state.lock();
        // SAFETY: forwarded.
        unsafe { state.senders.remove(node) };
        state.tally.note(|stats| stats.failed_sends.ended(ended));
        drop(state);
        match ended {
            Outcome::Closed => SendTimeoutError::Closed(value),
            Outcome::TimedOut => SendTimeoutError::TimedOut(value),
            _ => SendTimeoutError::Cancelled(value),
        }
    }

    /// A receive that waits for a value.
    #[inline]
    pub(super) fn recv(&self, limit: Limit) -> Result<T, RecvTimeoutError> {
        self.recv_as(limit, WaitsFor::ToReceive)
    }

    /// As [`Shared::recv`]; dumps say that it waits for `what` becomes of this channel.
    #[inline]
    pub(super) fn recv_as(
        &self,
        limit: Limit,
        what: impl FnOnce(ChannelId) -> WaitsFor,
    ) -> Result<T, RecvTimeoutError> {
        let entry = enter();
        if entry.check_cancelled().is_err() {
            self.note(|stats| stats.failed_receives.cancelled += 1);
            return Err(RecvTimeoutError::Cancelled);
        }
        let mut state = self.state.lock();
        let mut owed = None;
        match state.receive(self.capacity, &mut owed) {
            Ok(value) => {
                drop(state);
                entry.wake_and_charge(owed);
                Ok(value)
            }
            Err(TryRecvError::Closed) => Err(RecvTimeoutError::Closed),
            Err(TryRecvError::Empty) => match entry.coroutine() {
                Some(waiter) => self.park_receiver(state, waiter, limit, what(self.id())),
                None => {
                    drop(state);
                    self.recv_slowly(entry, limit, what(self.id()))
                }
            },
        }
    }

    /// A receive from a thread, whose parker must not be made under the lock, or by who cannot wait.
    #[cold]
    fn recv_slowly(&self, entry: Entry, limit: Limit, what: WaitsFor) -> Result<T, RecvTimeoutError> {
        let waiter = entry.waiter();
        let mut state = self.state.lock();
        let mut owed = None;
        match (state.receive(self.capacity, &mut owed), waiter) {
            (Ok(value), _) => {
                drop(state);
                wake_if(owed);
                Ok(value)
            }
            (Err(TryRecvError::Closed), _) => Err(RecvTimeoutError::Closed),
            (Err(TryRecvError::Empty), Ok(waiter)) => self.wait_as_receiver(state, waiter, limit, what),
            (Err(TryRecvError::Empty), Err(why)) => {
                state.tally.note(|stats| stats.failed_receives.cannot_wait += 1);
                Err(RecvTimeoutError::CannotWait(why))
            }
        }
    }

    /// As [`Shared::park_sender`].
    #[inline(never)]
    fn park_receiver(
        &self,
        state: StateGuard<'_, T>,
        waiter: CoroutineWaiter,
        limit: Limit,
        what: WaitsFor,
    ) -> Result<T, RecvTimeoutError> {
        self.wait_as_receiver(state, waiter, limit, what)
    }

    /// Registers as a waiting receiver, under the lock that found the channel empty, and waits.
    #[inline(always)]
    fn wait_as_receiver(
        &self,
        mut state: StateGuard<'_, T>,
        waiter: impl WaitsInOne,
        limit: Limit,
        what: WaitsFor,
    ) -> Result<T, RecvTimeoutError> {
        let Ok(announced) = waiter.announce(Accepts::CANCEL) else {
            state.tally.note(|stats| stats.failed_receives.cancelled += 1);
            return Err(RecvTimeoutError::Cancelled);
        };
        let mut slot = MaybeUninit::<T>::uninit();
        let node = pin!(waiter.node(announced, slot.as_mut_ptr().cast()));
        let node: *const Node = &raw const **node;
        // SAFETY: node and slot stay in this frame; the node is removed below unless it was won in the queue.
        unsafe { state.receivers.push(node) };
        state.tally.note(|stats| stats.receive_waits += 1);
        drop(state);
        match waiter.park_announced(what, announced, limit) {
            // SAFETY: the sender wrote the slot before it won the claim.
            Outcome::Event => Ok(unsafe { slot.assume_init() }),
            // SAFETY: it was pushed as a receiver's.
            ended => Err(unsafe { self.end_receive(node, ended) }),
        }
    }

    /// Leaves the queue of receivers.
    ///
    /// # Safety
    ///
    /// The node was pushed to that queue.
    #[cold]
    unsafe fn end_receive(&self, node: *const Node, ended: Outcome) -> RecvTimeoutError {
        let mut state = self.state.lock();
        // SAFETY: forwarded.
        unsafe { state.receivers.remove(node) };
        state.tally.note(|stats| stats.failed_receives.ended(ended));
        match ended {
            Outcome::Closed => RecvTimeoutError::Closed,
            Outcome::TimedOut => RecvTimeoutError::TimedOut,
            _ => RecvTimeoutError::Cancelled,
        }
    }
}
