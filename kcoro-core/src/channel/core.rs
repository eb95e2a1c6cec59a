// SPDX-License-Identifier: BSD-3-Clause
//! The channel itself: one lock, one buffer, two queues of waiters.
//!
//! Under the lock always: receivers wait only while the buffer is empty and no sender waits; senders wait only while the
//! buffer is full. So at most one of the two queues has live waiters.
//!
//! No user code runs under the lock: values are moved as bits, wakes and drops come after it.
#![expect(unsafe_code, reason = "moves values through slots in the frames of waiters")]

use alloc::sync::Arc;
use core::mem::{ManuallyDrop, MaybeUninit};
use core::pin::pin;
use core::task::Waker;

use super::error::{RecvTimeoutError, SendTimeoutError, TryRecvError, TrySendError};
use super::ring::Ring;
use crate::primitive::atomic::{AtomicUsize, Ordering};
use crate::primitive::{SpinGuard, SpinLock};
use crate::task::claim::{Accepts, Claim, Outcome};
use crate::wait::queue::{Node, WaitQueue};
use crate::wait::wake::{Wake, WakeHandle};
use crate::wait::{Entry, Limit, enter};

/// What senders and receivers share.
pub(super) struct Shared<T> {
    state: SpinLock<State<T>>,
    pub(super) capacity: usize,
    senders: AtomicUsize,
    receivers: AtomicUsize,
}

struct State<T> {
    buffer: Ring<T>,
    senders: WaitQueue,
    receivers: WaitQueue,
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

impl<T> State<T> {
    /// Hands `value` to a waiting receiver or buffers it. On success the value has been moved out of `value`.
    #[inline]
    fn send(&mut self, value: *const T, capacity: usize) -> Result<Option<Wake>, NotSent> {
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
    fn receive(&mut self, capacity: usize) -> Result<(T, Option<Wake>), TryRecvError> {
        if let Some(value) = self.buffer.pop() {
            return Ok((value, self.refill(capacity)));
        }
        let mut taken = MaybeUninit::<T>::uninit();
        // SAFETY: a sender's slot holds its value; if its claim is lost the copied bits do not count.
        let hand_over = |slot: *mut ()| unsafe { taken.as_mut_ptr().copy_from_nonoverlapping(slot.cast(), 1) };
        match self.senders.win_first(Outcome::Event, hand_over) {
            // SAFETY: the sender's claim was won after the copy, so it gave the value up.
            Some(wake) => Ok((unsafe { taken.assume_init() }, Some(wake))),
            None if self.closed => Err(TryRecvError::Closed),
            None => Err(TryRecvError::Empty),
        }
    }

    /// Moves the first waiting sender's value into the room that a receive has just made, if it has: it may have taken a
    /// value that was one too many (see [`Shared::give_back`]).
    #[inline]
    fn refill(&mut self, capacity: usize) -> Option<Wake> {
        if self.senders.is_empty() || self.buffer.len() >= capacity {
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
fn wake_if(wake: Option<Wake>) {
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
    fn send_now(&self, value: &ManuallyDrop<T>) -> Result<(), NotSent> {
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
    fn grow(&self, slots: usize) {
        let mut larger = Ring::larger(slots);
        let mut state = self.state.lock();
        if state.buffer.slots() == slots {
            state.buffer.grow_into(&mut larger);
        }
        drop(state);
    }

    /// A send that waits for room or a receiver.
    #[inline]
    pub(super) fn send(&self, value: T, limit: Limit) -> Result<(), SendTimeoutError<T>> {
        let entry = enter();
        if entry.check_cancelled().is_err() {
            return Err(SendTimeoutError::Cancelled(value));
        }
        let value = ManuallyDrop::new(value);
        let mut state = self.state.lock();
        match state.send(&raw const *value, self.capacity) {
            Ok(wake) => {
                drop(state);
                wake_if(wake);
                entry.charge();
                Ok(())
            }
            Err(NotSent::Full) if entry.is_coroutine() => self.park_sender(state, entry, value, limit),
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
        loop {
            let mut state = self.state.lock();
            match state.send(&raw const *value, self.capacity) {
                Ok(wake) => {
                    drop(state);
                    wake_if(wake);
                    return Ok(());
                }
                Err(NotSent::Full) => return self.park_sender(state, entry, value, limit),
                Err(NotSent::Closed) => {
                    drop(state);
                    return Err(SendTimeoutError::Closed(ManuallyDrop::into_inner(value)));
                }
                Err(NotSent::MustGrow { slots }) => {
                    drop(state);
                    self.grow(slots);
                }
            }
        }
    }

    /// Registers as a waiting sender, under the lock that found the channel full, and waits.
    fn park_sender(
        &self,
        mut state: SpinGuard<'_, State<T>>,
        entry: Entry,
        value: ManuallyDrop<T>,
        limit: Limit,
    ) -> Result<(), SendTimeoutError<T>> {
        let waiter = match entry.waiter() {
            Ok(waiter) => waiter,
            Err(why) => {
                drop(state);
                return Err(SendTimeoutError::CannotWait(ManuallyDrop::into_inner(value), why));
            }
        };
        let Ok(generation) = waiter.begin(Accepts::CANCEL) else {
            drop(state);
            return Err(SendTimeoutError::Cancelled(ManuallyDrop::into_inner(value)));
        };
        let node = pin!(Node::new(&waiter, generation, (&raw const *value).cast_mut().cast()));
        let node: *const Node = &raw const *node;
        // SAFETY: the node and the value stay in this frame; the node is removed below unless it was won in the queue.
        unsafe { state.senders.push(node) };
        drop(state);
        match waiter.park(Accepts::CANCEL, limit, generation).0 {
            Outcome::Event => Ok(()),
            ended => {
                // SAFETY: it was pushed to this queue.
                unsafe { self.state.lock().senders.remove(node) };
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

    /// A receive that does not wait.
    pub(super) fn try_recv(&self) -> Result<T, TryRecvError> {
        let received = self.state.lock().receive(self.capacity);
        let (value, wake) = received?;
        wake_if(wake);
        Ok(value)
    }

    /// A receive that waits for a value.
    #[inline]
    pub(super) fn recv(&self, limit: Limit) -> Result<T, RecvTimeoutError> {
        let entry = enter();
        if entry.check_cancelled().is_err() {
            return Err(RecvTimeoutError::Cancelled);
        }
        let mut state = self.state.lock();
        match state.receive(self.capacity) {
            Ok((value, wake)) => {
                drop(state);
                wake_if(wake);
                entry.charge();
                Ok(value)
            }
            Err(TryRecvError::Closed) => Err(RecvTimeoutError::Closed),
            Err(TryRecvError::Empty) if entry.is_coroutine() => self.park_receiver(state, entry, limit),
            Err(TryRecvError::Empty) => {
                drop(state);
                self.recv_slowly(entry, limit)
            }
        }
    }

    /// A receive from a thread, whose parker must not be made under the lock.
    #[cold]
    fn recv_slowly(&self, entry: Entry, limit: Limit) -> Result<T, RecvTimeoutError> {
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
            Err(TryRecvError::Empty) => self.park_receiver(state, entry, limit),
        }
    }

    /// Registers as a waiting receiver, under the lock that found the channel empty, and waits.
    fn park_receiver(
        &self,
        mut state: SpinGuard<'_, State<T>>,
        entry: Entry,
        limit: Limit,
    ) -> Result<T, RecvTimeoutError> {
        let waiter = entry.waiter().map_err(RecvTimeoutError::CannotWait)?;
        let generation = waiter.begin(Accepts::CANCEL).map_err(|_| RecvTimeoutError::Cancelled)?;
        let mut slot = MaybeUninit::<T>::uninit();
        let node = pin!(Node::new(&waiter, generation, slot.as_mut_ptr().cast()));
        let node: *const Node = &raw const *node;
        // SAFETY: node and slot stay in this frame; the node is removed below unless it was won in the queue.
        unsafe { state.receivers.push(node) };
        drop(state);
        match waiter.park(Accepts::CANCEL, limit, generation).0 {
            // SAFETY: the sender wrote the slot before it won the claim.
            Outcome::Event => Ok(unsafe { slot.assume_init() }),
            ended => {
                // SAFETY: it was pushed to this queue.
                unsafe { self.state.lock().receivers.remove(node) };
                Err(match ended {
                    Outcome::Closed => RecvTimeoutError::Closed,
                    Outcome::TimedOut => RecvTimeoutError::TimedOut,
                    _ => RecvTimeoutError::Cancelled,
                })
            }
        }
    }

    /// Receives a value, or queues `node`, whose slot is for one, if there is none.
    ///
    /// # Safety
    ///
    /// The node stays in place until it is removed, by its winner or by [`Shared::unqueue_receiver`].
    pub(super) unsafe fn recv_or_queue(&self, node: *const Node) -> Result<T, TryRecvError> {
        let mut state = self.state.lock();
        let received = state.receive(self.capacity);
        if let Err(TryRecvError::Empty) = received {
            // SAFETY: forwarded.
            unsafe { state.receivers.push(node) };
        }
        drop(state);
        let (value, wake) = received?;
        wake_if(wake);
        Ok(value)
    }

    /// Sends the value behind `value`, or queues `node`, whose slot it is, if there is no room.
    ///
    /// # Safety
    ///
    /// As [`Shared::recv_or_queue`]; the value has been moved on success.
    pub(super) unsafe fn send_or_queue(&self, value: *const T, node: *const Node) -> Result<(), NotSent> {
        loop {
            let mut state = self.state.lock();
            let sent = state.send(value, self.capacity);
            if let Err(NotSent::Full) = sent {
                // SAFETY: forwarded.
                unsafe { state.senders.push(node) };
            }
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

    /// Takes back a value that was handed over to a receiver which went away: it is the next to be received. With no
    /// receiver left it is dropped.
    pub(super) fn give_back(&self, value: T) {
        let value = ManuallyDrop::new(value);
        loop {
            let mut state = self.state.lock();
            if self.receivers.load(Ordering::Acquire) == 0 {
                drop(state);
                return drop(ManuallyDrop::into_inner(value));
            }
            // SAFETY: as in `State::send`.
            let hand_over = |slot: *mut ()| unsafe { slot.cast::<T>().copy_from_nonoverlapping(&raw const *value, 1) };
            let wake = state.receivers.win_first(Outcome::Event, hand_over);
            let slots = state.buffer.slots();
            if wake.is_none() && state.buffer.len() == slots {
                drop(state);
                self.grow(slots);
                continue;
            }
            if wake.is_none() {
                // It may make one more than the capacity for a moment: better than a value out of order.
                state.buffer.push_front(ManuallyDrop::into_inner(value));
            }
            drop(state);
            return wake_if(wake);
        }
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
