// SPDX-License-Identifier: BSD-3-Clause
//! The channel itself: one lock, one buffer, two queues of waiters.
//!
//! Under the lock always: receivers wait only while the buffer is empty and no sender waits; senders wait only while the
//! buffer is full. So at most one of the two queues has live waiters.
//!
//! The lock under which `closed` is set is the instant of the close. Whoever waited then is woken afterwards, one by one;
//! until its turn comes it is still queued, but gets and gives nothing more.
//!
//! No user code runs under the lock: values are moved as bits, wakes and drops come after it.
#![expect(unsafe_code, reason = "moves values through slots in the frames of waiters")]

use alloc::sync::Arc;
use core::mem::{ManuallyDrop, MaybeUninit};

use super::error::{TryRecvError, TrySendError};
use super::ring::Ring;
use crate::primitive::SpinLock;
use crate::primitive::atomic::{AtomicUsize, Ordering};
use crate::task::claim::claiming::Party;
use crate::task::claim::{Lost, Outcome};
use crate::task::wait_record::ChannelId;
use crate::wait::queue::WaitQueue;
use crate::wait::wake::Wake;

/// What senders and receivers share.
pub(super) struct Shared<T> {
    pub(super) state: SpinLock<State<T>>,
    pub(super) capacity: usize,
    senders: AtomicUsize,
    pub(super) receivers: AtomicUsize,
}

/// What the lock guards.
pub(super) struct State<T> {
    pub(super) buffer: Ring<T>,
    pub(super) senders: WaitQueue,
    pub(super) receivers: WaitQueue,
    closed: bool,
}

/// A send that did not complete.
pub(super) enum NotSent {
    Full,
    /// There is room, but no memory for it yet: see [`Shared::grow`].
    MustGrow {
        slots: usize,
    },
    Closed,
}

/// An operation of a selector did not complete.
pub(super) enum NotSelected<Why> {
    Not(Why),
    /// The selector's wait has ended otherwise.
    OwnIsOver,
}

impl<Why> From<Lost> for NotSelected<Why> {
    fn from(Lost: Lost) -> Self {
        Self::OwnIsOver
    }
}

impl<T> State<T> {
    /// Hands `value` to a waiting receiver or buffers it. On success the value has been moved out of `value`.
    #[inline]
    pub(super) fn send(&mut self, value: *const T, capacity: usize) -> Result<Option<Wake>, NotSent> {
        if self.closed {
            return Err(NotSent::Closed);
        }
        if !self.receivers.is_empty() {
            // SAFETY: a receiver's slot is a `MaybeUninit<T>` in its frame, live under the lock.
            let hand_over = |slot: *mut ()| unsafe { slot.cast::<T>().copy_from_nonoverlapping(value, 1) };
            if let Some(wake) = self.receivers.win_first(Outcome::Event, hand_over) {
                return Ok(Some(wake));
            }
        }
        let len = self.buffer.len();
        if len >= capacity {
            return Err(NotSent::Full);
        }
        if len == self.buffer.slots() {
            return Err(NotSent::MustGrow { slots: len });
        }
        // SAFETY: the slot is free; it holds the value before it is committed.
        unsafe {
            self.buffer.next_slot().copy_from_nonoverlapping(value, 1);
            self.buffer.commit();
        }
        Ok(None)
    }

    /// Takes the oldest value, from the buffer or from a waiting sender, and lets a waiting sender fill the gap.
    #[inline]
    pub(super) fn receive(&mut self, capacity: usize) -> Result<(T, Option<Wake>), TryRecvError> {
        if let Some(value) = self.buffer.pop() {
            return Ok((value, self.refill(capacity)));
        }
        if self.closed {
            return Err(TryRecvError::Closed);
        }
        let mut taken = MaybeUninit::<T>::uninit();
        // SAFETY: a sender's slot holds its value; if its claim is lost the copied bits do not count.
        let hand_over = |slot: *mut ()| unsafe { taken.as_mut_ptr().copy_from_nonoverlapping(slot.cast(), 1) };
        match self.senders.win_first(Outcome::Event, hand_over) {
            // SAFETY: the sender's claim was won after the copy, so it gave the value up.
            Some(wake) => Ok((unsafe { taken.assume_init() }, Some(wake))),
            None => Err(TryRecvError::Empty),
        }
    }

    /// As [`State::send`], for a selector that is queued elsewhere: its own wait ends together with the send.
    pub(super) fn send_for(
        &mut self,
        own: Party<'_>,
        value: *const T,
        capacity: usize,
    ) -> Result<Option<Wake>, NotSelected<NotSent>> {
        if self.closed {
            own.end(Outcome::Closed)?;
            return Err(NotSelected::Not(NotSent::Closed));
        }
        // SAFETY: as in `send`.
        let hand_over = |slot: *mut ()| unsafe { slot.cast::<T>().copy_from_nonoverlapping(value, 1) };
        if let Some(wake) = self.receivers.meet_first(own, hand_over)? {
            return Ok(Some(wake));
        }
        let len = self.buffer.len();
        if len >= capacity {
            return Err(NotSelected::Not(NotSent::Full));
        }
        if len == self.buffer.slots() {
            return Err(NotSelected::Not(NotSent::MustGrow { slots: len }));
        }
        own.end(Outcome::Event)?;
        // Nobody is left who could take it but the buffer: the selector's own nodes are of a wait that is over.
        self.send(value, capacity).map_err(NotSelected::Not)
    }

    /// As [`State::receive`], for a selector that is queued elsewhere: its own wait ends together with the receive.
    pub(super) fn receive_for(
        &mut self,
        own: Party<'_>,
        capacity: usize,
    ) -> Result<(T, Option<Wake>), NotSelected<TryRecvError>> {
        if self.buffer.len() > 0 {
            own.end(Outcome::Event)?;
            return self.receive(capacity).map_err(NotSelected::Not);
        }
        if self.closed {
            own.end(Outcome::Closed)?;
            return Err(NotSelected::Not(TryRecvError::Closed));
        }
        let mut taken = MaybeUninit::<T>::uninit();
        // SAFETY: as in `receive`.
        let hand_over = |slot: *mut ()| unsafe { taken.as_mut_ptr().copy_from_nonoverlapping(slot.cast(), 1) };
        match self.senders.meet_first(own, hand_over)? {
            // SAFETY: as in `receive`.
            Some(wake) => Ok((unsafe { taken.assume_init() }, Some(wake))),
            None => Err(NotSelected::Not(TryRecvError::Empty)),
        }
    }

    /// Moves the first waiting sender's value into the room that a receive has just made, if it has: it may have taken a
    /// value that was one too many (see [`Shared::give_back`]). A sender that waits in a closed channel has failed.
    #[inline]
    fn refill(&mut self, capacity: usize) -> Option<Wake> {
        if self.senders.is_empty() || self.closed || self.buffer.len() >= capacity {
            return None;
        }
        let buffer = &mut self.buffer;
        // SAFETY: the slot is free memory; until it is committed what it holds does not count.
        let hand_over = |slot: *mut ()| unsafe { buffer.next_slot().copy_from_nonoverlapping(slot.cast(), 1) };
        let wake = self.senders.win_first(Outcome::Event, hand_over)?;
        // SAFETY: the sender's claim was won after the copy, so the slot holds its value.
        unsafe { self.buffer.commit() };
        Some(wake)
    }
}

/// Pays a wake that is owed, after the lock.
#[inline(always)]
pub(super) fn wake_if(wake: Option<Wake>) {
    if let Some(wake) = wake {
        wake.wake();
    }
}

impl<T> Shared<T> {
    pub(super) fn new(capacity: usize) -> Self {
        let state = State {
            buffer: Ring::new(capacity),
            senders: WaitQueue::new(),
            receivers: WaitQueue::new(),
            closed: false,
        };
        Self { state: SpinLock::new(state), capacity, senders: AtomicUsize::new(1), receivers: AtomicUsize::new(1) }
    }

    /// What tells this channel from others.
    #[inline(always)]
    pub(super) fn id(&self) -> ChannelId {
        ChannelId::of(self)
    }

    /// A send that does not wait.
    pub(super) fn try_send(&self, value: T) -> Result<(), TrySendError<T>> {
        let value = ManuallyDrop::new(value);
        match self.send_now(&value) {
            Ok(()) => Ok(()),
            Err(NotSent::Closed) => Err(TrySendError::Closed(ManuallyDrop::into_inner(value))),
            Err(_) => Err(TrySendError::Full(ManuallyDrop::into_inner(value))),
        }
    }

    /// Sends `value`, which has been moved on success.
    #[inline]
    pub(super) fn send_now(&self, value: &ManuallyDrop<T>) -> Result<(), NotSent> {
        loop {
            let mut state = self.state.lock();
            let sent = state.send(&raw const **value, self.capacity);
            drop(state);
            match sent {
                Ok(wake) => {
                    wake_if(wake);
                    return Ok(());
                }
                Err(NotSent::MustGrow { slots }) => self.grow(slots),
                Err(why) => return Err(why),
            }
        }
    }

    /// Replaces a full buffer of `slots` by one twice as large, unless another has done so.
    #[cold]
    pub(super) fn grow(&self, slots: usize) {
        let mut larger = Ring::larger(slots);
        let mut state = self.state.lock();
        if state.buffer.slots() == slots {
            state.buffer.grow_into(&mut larger);
        }
        drop(state);
    }

    /// A receive that does not wait.
    pub(super) fn try_recv(&self) -> Result<T, TryRecvError> {
        let received = self.state.lock().receive(self.capacity);
        let (value, wake) = received?;
        wake_if(wake);
        Ok(value)
    }

    /// Closes the channel and wakes everyone who waits. Says whether it was open.
    pub(super) fn close(&self) -> bool {
        if core::mem::replace(&mut self.state.lock().closed, true) {
            return false;
        }
        loop {
            // One at a time, so that no wake happens under the lock. Nobody can register any more.
            let mut state = self.state.lock();
            let wake = match state.receivers.win_first(Outcome::Closed, |_| {}) {
                Some(wake) => Some(wake),
                None => state.senders.win_first(Outcome::Closed, |_| {}),
            };
            drop(state);
            match wake {
                Some(wake) => wake.wake(),
                None => return true,
            }
        }
    }

    pub(super) fn is_closed(&self) -> bool {
        self.state.lock().closed
    }

    pub(super) fn len(&self) -> usize {
        self.state.lock().buffer.len()
    }

    /// One more sender.
    pub(super) fn add_sender(self: &Arc<Self>) -> Arc<Self> {
        // Relaxed: made from a sender that exists, so the count cannot reach zero meanwhile.
        self.senders.fetch_add(1, Ordering::Relaxed);
        self.clone()
    }

    /// One more receiver.
    pub(super) fn add_receiver(self: &Arc<Self>) -> Arc<Self> {
        // Relaxed: as above.
        self.receivers.fetch_add(1, Ordering::Relaxed);
        self.clone()
    }

    /// A sender is gone; the last one closes the channel.
    pub(super) fn drop_sender(&self) {
        // AcqRel: what the other senders did comes before the close.
        if self.senders.fetch_sub(1, Ordering::AcqRel) == 1 {
            self.close();
        }
    }

    /// A receiver is gone; the last one closes the channel and drops what nobody will receive.
    pub(super) fn drop_receiver(&self) {
        if self.receivers.fetch_sub(1, Ordering::AcqRel) == 1 {
            self.close();
            let mut empty = Ring::new(0);
            core::mem::swap(&mut self.state.lock().buffer, &mut empty);
        }
    }
}
