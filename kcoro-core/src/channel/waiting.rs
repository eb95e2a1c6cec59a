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
use crate::wait::wake::Wake;
use crate::wait::{Entry, Limit, enter};

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

/// Pays a wake that is owed, after the lock, and charges the operation to the run budget.
#[inline]
fn wake_and_charge(wake: Option<Wake>, entry: Entry) {
    match wake {
        None => entry.charge(),
        Some(wake) => {
            wake.wake();
            // Asked anew: a foreign waker may have suspended the coroutine, which may have come back elsewhere.
            enter().charge();
        }
    }
}

impl<T> Shared<T> {
    /// Counts what happens without the lock.
    #[inline]
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
        match state.send(&raw const *value, self.capacity) {
            Ok(wake) => {
                drop(state);
                wake_and_charge(wake, entry);
                Ok(())
            }
            Err(NotSent::Full) if entry.is_coroutine() => self.park_sender(state, entry, value, limit),
            Err(NotSent::Overflows) => {
                self.overflow(state, &raw const *value);
                // Asked anew: the hook is foreign code.
                enter().charge();
                Ok(())
            }
            Err(NotSent::Closed) => {
                drop(state);
                Err(SendTimeoutError::Closed(ManuallyDrop::into_inner(value)))
            }
            Err(_) => {
                drop(state);
                self.send_slowly(entry, value, limit)
            }
        }
    }

    /// A send from a thread, whose parker must not be made under the lock, or into a buffer that must grow.
    #[cold]
    fn send_slowly(&self, entry: Entry, value: ManuallyDrop<T>, limit: Limit) -> Result<(), SendTimeoutError<T>> {
        // Makes the thread's parker now, so that asking again below is cheap. A refusal comes again, too.
        drop(entry.waiter());
        match self.send_now(&raw const *value) {
            Ok(()) => Ok(()),
            Err((state, NotSent::Full)) => self.park_sender(state, entry, value, limit),
            Err((state, _)) => {
                drop(state);
                Err(SendTimeoutError::Closed(ManuallyDrop::into_inner(value)))
            }
        }
    }

    /// Registers as a waiting sender, under the lock that found the channel full, and waits.
    fn park_sender(
        &self,
        mut state: StateGuard<'_, T>,
        entry: Entry,
        value: ManuallyDrop<T>,
        limit: Limit,
    ) -> Result<(), SendTimeoutError<T>> {
        let waiter = match entry.waiter() {
            Ok(waiter) => waiter,
            Err(why) => {
                state.tally.note(|stats| stats.failed_sends.cannot_wait += 1);
                drop(state);
                return Err(SendTimeoutError::CannotWait(ManuallyDrop::into_inner(value), why));
            }
        };
        let Ok(generation) = waiter.begin(Accepts::CANCEL) else {
            state.tally.note(|stats| stats.failed_sends.cancelled += 1);
            drop(state);
            return Err(SendTimeoutError::Cancelled(ManuallyDrop::into_inner(value)));
        };
        let node = pin!(Node::new(&waiter, generation, (&raw const *value).cast_mut().cast()));
        let node: *const Node = &raw const *node;
        // SAFETY: the node and the value stay in this frame; the node is removed below unless it was won in the queue.
        unsafe { state.senders.push(node) };
        state.tally.note(|stats| stats.send_waits += 1);
        drop(state);
        match waiter.park(WaitsFor::ToSend(self.id()), Accepts::CANCEL, limit, generation).0 {
            Outcome::Event => Ok(()),
            ended => {
                let mut state = self.state.lock();
                // SAFETY: it was pushed to this queue.
                unsafe { state.senders.remove(node) };
                state.tally.note(|stats| stats.failed_sends.ended(ended));
                drop(state);
                // Nobody took the value: the claim was won by something else.
                let value = ManuallyDrop::into_inner(value);
                Err(match ended {
                    Outcome::Closed => SendTimeoutError::Closed(value),
                    Outcome::TimedOut => SendTimeoutError::TimedOut(value),
                    _ => SendTimeoutError::Cancelled(value),
                })
            }
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
        match state.receive(self.capacity) {
            Ok((value, wake)) => {
                drop(state);
                wake_and_charge(wake, entry);
                Ok(value)
            }
            Err(TryRecvError::Closed) => Err(RecvTimeoutError::Closed),
            Err(TryRecvError::Empty) if entry.is_coroutine() => self.park_receiver(state, entry, limit, what),
            Err(TryRecvError::Empty) => {
                drop(state);
                self.recv_slowly(entry, limit, what)
            }
        }
    }

    /// A receive from a thread, whose parker must not be made under the lock.
    #[cold]
    fn recv_slowly(
        &self,
        entry: Entry,
        limit: Limit,
        what: impl FnOnce(ChannelId) -> WaitsFor,
    ) -> Result<T, RecvTimeoutError> {
        // As in `send_slowly`.
        drop(entry.waiter());
        let mut state = self.state.lock();
        match state.receive(self.capacity) {
            Ok((value, wake)) => {
                drop(state);
                wake_if(wake);
                Ok(value)
            }
            Err(TryRecvError::Closed) => Err(RecvTimeoutError::Closed),
            Err(TryRecvError::Empty) => self.park_receiver(state, entry, limit, what),
        }
    }

    /// Registers as a waiting receiver, under the lock that found the channel empty, and waits.
    fn park_receiver(
        &self,
        mut state: StateGuard<'_, T>,
        entry: Entry,
        limit: Limit,
        what: impl FnOnce(ChannelId) -> WaitsFor,
    ) -> Result<T, RecvTimeoutError> {
        let waiter = match entry.waiter() {
            Ok(waiter) => waiter,
            Err(why) => {
                state.tally.note(|stats| stats.failed_receives.cannot_wait += 1);
                return Err(RecvTimeoutError::CannotWait(why));
            }
        };
        let Ok(generation) = waiter.begin(Accepts::CANCEL) else {
            state.tally.note(|stats| stats.failed_receives.cancelled += 1);
            return Err(RecvTimeoutError::Cancelled);
        };
        let mut slot = MaybeUninit::<T>::uninit();
        let node = pin!(Node::new(&waiter, generation, slot.as_mut_ptr().cast()));
        let node: *const Node = &raw const *node;
        // SAFETY: node and slot stay in this frame; the node is removed below unless it was won in the queue.
        unsafe { state.receivers.push(node) };
        state.tally.note(|stats| stats.receive_waits += 1);
        drop(state);
        match waiter.park(what(self.id()), Accepts::CANCEL, limit, generation).0 {
            // SAFETY: the sender wrote the slot before it won the claim.
            Outcome::Event => Ok(unsafe { slot.assume_init() }),
            ended => {
                let mut state = self.state.lock();
                // SAFETY: it was pushed to this queue.
                unsafe { state.receivers.remove(node) };
                state.tally.note(|stats| stats.failed_receives.ended(ended));
                drop(state);
                Err(match ended {
                    Outcome::Closed => RecvTimeoutError::Closed,
                    Outcome::TimedOut => RecvTimeoutError::TimedOut,
                    _ => RecvTimeoutError::Cancelled,
                })
            }
        }
    }
}
