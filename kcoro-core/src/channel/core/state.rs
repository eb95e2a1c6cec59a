// SPDX-License-Identifier: BSD-3-Clause
//! What is done under the lock: values go from the store to receivers, from senders into the store, or straight across.
#![expect(unsafe_code, reason = "moves values through slots in the frames of waiters")]

use core::mem::MaybeUninit;

use super::{NotSent, NotTaken, State};
use crate::channel::error::TryRecvError;
use crate::channel::undelivered::{Overflow, Undelivered};
use crate::task::claim::Outcome;
use crate::wait::wake::Wake;

impl<T> State<T> {
    /// Hands `value` to a waiting receiver or stores it. On success the value has been moved out of `value`. The wake that is
    /// owed then goes to `owed`: as part of the result it would be copied several times, which takes longer than the rest.
    #[inline]
    pub(in crate::channel) fn send(
        &mut self,
        value: *const T,
        capacity: usize,
        owed: &mut Option<Wake>,
    ) -> Result<(), NotSent> {
        if self.closed {
            self.tally.note(|stats| stats.failed_sends.closed += 1);
            return Err(NotSent::Closed);
        }
        if !self.receivers.is_empty() {
            *owed = self.hand_over(value);
            if owed.is_some() {
                self.tally.note(|stats| stats.sends += 1);
                return Ok(());
            }
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
        Ok(())
    }

    /// Hands `value` to the first receiver that waits, if there is one; then it has been moved out of `value`.
    #[inline]
    pub(in crate::channel) fn hand_over(&mut self, value: *const T) -> Option<Wake> {
        // SAFETY: a receiver's slot is a `MaybeUninit<T>` in its frame, live under the lock.
        let hand_over = |slot: *mut ()| unsafe { slot.cast::<T>().copy_from_nonoverlapping(value, 1) };
        let wake = self.receivers.win_first(Outcome::Event, hand_over)?;
        self.tally.note(|stats| stats.receives += 1);
        Some(wake)
    }

    /// What a full channel says.
    #[inline(always)]
    pub(in crate::channel) fn full(&self) -> NotSent {
        if self.overflow == Overflow::Suspend { NotSent::Full } else { NotSent::Overflows }
    }

    /// Puts `value` in the place of the oldest, or refuses it, as the policy says. It has been moved; what is returned is
    /// for the hook.
    pub(super) fn displace(&mut self, value: *const T) -> (T, Undelivered) {
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

    /// Takes the oldest value, from the store or from a waiting sender, and lets a waiting sender fill the gap. `owed` is as in
    /// [`State::send`].
    #[inline]
    pub(in crate::channel) fn receive(&mut self, capacity: usize, owed: &mut Option<Wake>) -> Result<T, TryRecvError> {
        if let Some(value) = self.buffer.pop() {
            self.tally.note(|stats| stats.receives += 1);
            *owed = self.refill(capacity);
            return Ok(value);
        }
        if self.closed {
            self.tally.note(|stats| stats.failed_receives.closed += 1);
            return Err(TryRecvError::Closed);
        }
        let mut taken = MaybeUninit::<T>::uninit();
        // SAFETY: a sender's slot holds its value; if its claim is lost the copied bits do not count.
        let hand_over = |slot: *mut ()| unsafe { taken.as_mut_ptr().copy_from_nonoverlapping(slot.cast(), 1) };
        *owed = self.senders.win_first(Outcome::Event, hand_over);
        if owed.is_none() {
            return Err(TryRecvError::Empty);
        }
        self.tally.note(|stats| (stats.sends, stats.receives) = (stats.sends + 1, stats.receives + 1));
        // SAFETY: the sender's claim was won after the copy, so it gave the value up.
        Ok(unsafe { taken.assume_init() })
    }

    /// Moves the first waiting sender's value into the room that a receive has just made, if it has: it may have taken a
    /// value that was one too many (see [`Shared::give_back`](super::Shared::give_back)). A sender that waits in a closed
    /// channel has failed. One without a slot has nothing to give, and is only told that there is room: a
    /// [tick](super::super::ticks) that rests.
    #[inline]
    pub(in crate::channel) fn refill(&mut self, capacity: usize) -> Option<Wake> {
        if self.senders.is_empty() || self.closed || self.buffer.len() >= capacity {
            return None;
        }
        // There is one: whoever waits has found the capacity's worth of values in the slots, and one has just left.
        let next = self.buffer.next_slot()?;
        let mut has_value = true;
        let hand_over = |slot: *mut ()| {
            has_value = !slot.is_null();
            if has_value {
                // SAFETY: the slot is free memory; until it is committed what it holds does not count.
                unsafe { next.copy_from_nonoverlapping(slot.cast(), 1) };
            }
        };
        let wake = self.senders.win_first(Outcome::Event, hand_over)?;
        if !has_value {
            return Some(wake);
        }
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
    pub(in crate::channel) fn take_back(&mut self, value: *const T, capacity: usize) -> Result<Option<Wake>, NotTaken> {
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
    pub(super) fn end_one(&mut self) -> Option<Wake> {
        if let Some(wake) = self.receivers.win_first(Outcome::Closed, |_| {}) {
            self.tally.note(|stats| stats.failed_receives.closed += 1);
            return Some(wake);
        }
        let wake = self.senders.win_first(Outcome::Closed, |_| {})?;
        self.tally.note(|stats| stats.failed_sends.closed += 1);
        Some(wake)
    }
}
