// SPDX-License-Identifier: BSD-3-Clause
//! The channel itself: one lock, one store of values, two queues of waiters. All kinds of channels are this one; they differ
//! in their capacity, their store, and in what happens when they are full.
//!
//! Under the lock always: receivers wait only while the store is empty and no sender waits; senders wait only while the
//! store is full. So at most one of the two queues has live waiters. The arms of a set that does not wait are in the queues,
//! but are no waiters: who would serve one takes it out and passes it over (see [`standing`](crate::wait::queue::standing)).
//!
//! The lock under which `closed` is set is the instant of the close. Whoever waited then is woken afterwards, one by one;
//! until its turn comes it is still queued, but gets and gives nothing more.
//!
//! No user code runs under the lock, and nothing is allocated or freed: values are moved as bits, wakes, drops and hooks
//! come after it.
#![expect(unsafe_code, reason = "moves values through slots in the frames of waiters")]

use core::mem::{ManuallyDrop, MaybeUninit};

use super::error::{TryRecvError, TrySendError};
#[cfg(feature = "alloc")]
use super::handles::Handles;
use super::lock::{StateGuard, StateLock};
use super::stats::Tally;
use super::store::Store;
use super::undelivered::{Hook, Overflow, Undelivered, each};
use crate::task::claim::Outcome;
use crate::task::wait_record::ChannelId;
use crate::wait::queue::WaitQueue;
use crate::wait::wake::Wake;

/// What senders and receivers share.
pub(super) struct Shared<T> {
    pub(super) state: StateLock<T>,
    pub(super) capacity: usize,
    pub(super) hook: Hook<T>,
    /// Whether there are stats: for who does not hold the lock.
    pub(super) counts: bool,
    #[cfg(feature = "alloc")]
    pub(super) handles: Handles,
}

/// What the lock guards.
pub(super) struct State<T> {
    pub(super) buffer: Store<T>,
    pub(super) senders: WaitQueue,
    pub(super) receivers: WaitQueue,
    pub(super) tally: Tally,
    pub(super) closed: bool,
    overflow: Overflow,
}

/// A send that did not complete.
pub(super) enum NotSent {
    Full,
    /// The channel is full, and its policy says what happens: see [`Shared::overflow`].
    Overflows,
    /// There is room, but no memory for it yet: see [`Shared::grow`].
    MustGrow {
        slots: usize,
    },
    Closed,
}

/// A value that was not taken back.
pub(super) enum NotTaken {
    /// See [`NotSent::MustGrow`].
    MustGrow { slots: usize },
    /// It is for the hook.
    Undelivered(Undelivered),
}

impl<T> State<T> {
    pub(super) const fn new(buffer: Store<T>, overflow: Overflow, tally: Tally) -> Self {
        Self { buffer, senders: WaitQueue::new(), receivers: WaitQueue::new(), tally, overflow, closed: false }
    }

    /// Hands `value` to a waiting receiver or stores it. On success the value has been moved out of `value`.
    #[inline]
    pub(super) fn send(&mut self, value: *const T, capacity: usize) -> Result<Option<Wake>, NotSent> {
        if self.closed {
            self.tally.note(|stats| stats.failed_sends.closed += 1);
            return Err(NotSent::Closed);
        }
        if !self.receivers.is_empty()
            && let Some(wake) = self.hand_over(value)
        {
            self.tally.note(|stats| stats.sends += 1);
            return Ok(Some(wake));
        }
        if self.buffer.len() >= capacity {
            return Err(self.full());
        }
        // SAFETY: the caller's value; on success it is not used again.
        if !unsafe { self.buffer.push(value) } {
            return Err(NotSent::MustGrow { slots: self.buffer.slots() });
        }
        self.tally.note(|stats| {
            stats.sends += 1;
            stats.high_water = stats.high_water.max(self.buffer.len());
        });
        Ok(None)
    }

    /// Hands `value` to the first receiver that waits, if there is one; then it has been moved out of `value`.
    #[inline]
    pub(super) fn hand_over(&mut self, value: *const T) -> Option<Wake> {
        // SAFETY: a receiver's slot is a `MaybeUninit<T>` in its frame, live under the lock.
        let hand_over = |slot: *mut ()| unsafe { slot.cast::<T>().copy_from_nonoverlapping(value, 1) };
        let wake = self.receivers.win_first(Outcome::Event, hand_over)?;
        self.tally.note(|stats| stats.receives += 1);
        Some(wake)
    }

    /// What a full channel says.
    #[inline(always)]
    pub(super) fn full(&self) -> NotSent {
        if self.overflow == Overflow::Suspend { NotSent::Full } else { NotSent::Overflows }
    }

    /// Puts `value` in the place of the oldest, or refuses it, as the policy says. It has been moved; what is returned is
    /// for the hook.
    fn displace(&mut self, value: *const T) -> (T, Undelivered) {
        if self.overflow == Overflow::DropOldest
            && let Some(oldest) = self.buffer.pop()
        {
            // SAFETY: the caller's value, not used again: a full ring has a slot where one has just been emptied.
            let has_slot = unsafe { self.buffer.push(value) };
            debug_assert!(has_slot);
            self.tally.note(|stats| stats.sends += 1);
            return (oldest, Undelivered::Replaced);
        }
        // SAFETY: as above.
        (unsafe { value.read() }, Undelivered::Refused)
    }

    /// Takes the oldest value, from the store or from a waiting sender, and lets a waiting sender fill the gap.
    #[inline]
    pub(super) fn receive(&mut self, capacity: usize) -> Result<(T, Option<Wake>), TryRecvError> {
        if let Some(value) = self.buffer.pop() {
            self.tally.note(|stats| stats.receives += 1);
            return Ok((value, self.refill(capacity)));
        }
        if self.closed {
            self.tally.note(|stats| stats.failed_receives.closed += 1);
            return Err(TryRecvError::Closed);
        }
        let mut taken = MaybeUninit::<T>::uninit();
        // SAFETY: a sender's slot holds its value; if its claim is lost the copied bits do not count.
        let hand_over = |slot: *mut ()| unsafe { taken.as_mut_ptr().copy_from_nonoverlapping(slot.cast(), 1) };
        match self.senders.win_first(Outcome::Event, hand_over) {
            Some(wake) => {
                self.tally.note(|stats| (stats.sends, stats.receives) = (stats.sends + 1, stats.receives + 1));
                // SAFETY: the sender's claim was won after the copy, so it gave the value up.
                Ok((unsafe { taken.assume_init() }, Some(wake)))
            }
            None => Err(TryRecvError::Empty),
        }
    }

    /// Moves the first waiting sender's value into the room that a receive has just made, if it has: it may have taken a
    /// value that was one too many (see [`Shared::give_back`]). A sender that waits in a closed channel has failed.
    #[inline]
    pub(super) fn refill(&mut self, capacity: usize) -> Option<Wake> {
        if self.senders.is_empty() || self.closed || self.buffer.len() >= capacity {
            return None;
        }
        // There is one: whoever waits has found the capacity's worth of values in the slots, and one has just left.
        let next = self.buffer.next_slot()?;
        // SAFETY: the slot is free memory; until it is committed what it holds does not count.
        let hand_over = |slot: *mut ()| unsafe { next.copy_from_nonoverlapping(slot.cast(), 1) };
        let wake = self.senders.win_first(Outcome::Event, hand_over)?;
        // SAFETY: the sender's claim was won after the copy, so the slot holds its value.
        unsafe { self.buffer.commit() };
        self.tally.note(|stats| stats.sends += 1);
        Some(wake)
    }
}

impl<T> State<T> {
    /// Takes back a value that was handed to a receiver which went away: it goes to the next receiver, or is the next to be
    /// received.
    ///
    /// # Errors
    ///
    /// There is no room for it, and why it is undelivered; or there must be more memory first.
    pub(super) fn take_back(&mut self, value: *const T, capacity: usize) -> Result<Option<Wake>, NotTaken> {
        let wake = self.hand_over(value);
        if wake.is_none() {
            if self.overflow == Overflow::DropOldest && self.buffer.len() >= capacity {
                // It is the oldest.
                let why = if capacity == 0 { Undelivered::Abandoned } else { Undelivered::Replaced };
                return Err(NotTaken::Undelivered(why));
            }
            // It may make one more than the capacity for a moment: better than a value out of order.
            // SAFETY: the caller's value; on success it is not used again.
            if !unsafe { self.buffer.push_front(value) } {
                return Err(match self.buffer.can_grow() {
                    true => NotTaken::MustGrow { slots: self.buffer.slots() },
                    false => NotTaken::Undelivered(Undelivered::Abandoned),
                });
            }
        }
        self.tally.note(|stats| stats.receives -= 1);
        Ok(wake)
    }

    /// Ends the wait of one who waits in a closed channel.
    fn end_one(&mut self) -> Option<Wake> {
        if let Some(wake) = self.receivers.win_first(Outcome::Closed, |_| {}) {
            self.tally.note(|stats| stats.failed_receives.closed += 1);
            return Some(wake);
        }
        let wake = self.senders.win_first(Outcome::Closed, |_| {})?;
        self.tally.note(|stats| stats.failed_sends.closed += 1);
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
    /// A channel with one sender and one receiver.
    #[cfg(not(loom))]
    pub(super) const fn new(state: State<T>, capacity: usize, hook: Hook<T>) -> Self {
        Self {
            counts: state.tally.is_on(),
            state: StateLock::new(state),
            capacity,
            hook,
            #[cfg(feature = "alloc")]
            handles: Handles::one_of_each(),
        }
    }

    #[cfg(loom)]
    pub(super) fn new(state: State<T>, capacity: usize, hook: Hook<T>) -> Self {
        Self {
            counts: state.tally.is_on(),
            state: StateLock::new(state),
            capacity,
            hook,
            #[cfg(feature = "alloc")]
            handles: Handles::one_of_each(),
        }
    }

    /// What tells this channel from others.
    #[inline(always)]
    pub(super) fn id(&self) -> ChannelId {
        ChannelId::of(self)
    }

    /// A send that does not wait.
    pub(super) fn try_send(&self, value: T) -> Result<(), TrySendError<T>> {
        let value = ManuallyDrop::new(value);
        match self.send_now(&raw const *value) {
            Ok(()) => Ok(()),
            Err((state, NotSent::Closed)) => {
                drop(state);
                Err(TrySendError::Closed(ManuallyDrop::into_inner(value)))
            }
            Err((mut state, _)) => {
                state.tally.note(|stats| stats.failed_sends.full += 1);
                drop(state);
                Err(TrySendError::Full(ManuallyDrop::into_inner(value)))
            }
        }
    }

    /// Sends the value behind `value`, which has been moved on success; else returns the lock under which the channel was
    /// `Full` or `Closed`.
    #[inline]
    pub(super) fn send_now(&self, value: *const T) -> Result<(), (StateGuard<'_, T>, NotSent)> {
        loop {
            let mut state = self.state.lock();
            match state.send(value, self.capacity) {
                Ok(wake) => {
                    drop(state);
                    wake_if(wake);
                    return Ok(());
                }
                Err(NotSent::MustGrow { slots }) => {
                    drop(state);
                    self.grow(slots);
                }
                Err(NotSent::Overflows) => {
                    self.overflow(state, value);
                    return Ok(());
                }
                Err(why) => return Err((state, why)),
            }
        }
    }

    /// Carries out the policy of a channel that is full, and does not let senders wait. The value has been moved.
    pub(super) fn overflow(&self, mut state: StateGuard<'_, T>, value: *const T) {
        let (undelivered, why) = state.displace(value);
        state.tally.note(|stats| stats.undelivered(why, 1));
        drop(state);
        self.hook.give(undelivered, why);
    }

    /// Makes room in a store that has no more than `slots`, unless another has done so.
    #[cold]
    pub(super) fn grow(&self, slots: usize) {
        #[cfg(feature = "alloc")]
        {
            let mut growth = Store::growth(self.capacity, slots);
            self.state.lock().buffer.grow(&mut growth, slots);
        }
        // Lent memory has a slot for each value that may be in it, and is never asked for one more.
        #[cfg(not(feature = "alloc"))]
        unreachable!("a store of {slots} slots cannot grow");
    }

    /// A receive that does not wait.
    pub(super) fn try_recv(&self) -> Result<T, TryRecvError> {
        let mut state = self.state.lock();
        let received = state.receive(self.capacity);
        if let Err(TryRecvError::Empty) = received {
            state.tally.note(|stats| stats.failed_receives.empty += 1);
        }
        drop(state);
        let (value, wake) = received?;
        wake_if(wake);
        Ok(value)
    }

    /// Closes the channel and wakes everyone who waits. Says whether it was open.
    pub(super) fn close(&self) -> bool {
        if core::mem::replace(&mut self.state.lock().closed, true) {
            return false;
        }
        // One at a time, so that no wake happens under the lock. Nobody can register any more.
        each(|| self.state.lock().end_one(), Wake::wake);
        true
    }

    pub(super) fn is_closed(&self) -> bool {
        self.state.lock().closed
    }

    pub(super) fn len(&self) -> usize {
        self.state.lock().buffer.len()
    }
}
