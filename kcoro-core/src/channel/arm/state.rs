// SPDX-License-Identifier: BSD-3-Clause
//! What a selector does under the channel's lock: its own wait ends together with the operation, or neither does.
#![expect(unsafe_code, reason = "moves values through slots in the frames of waiters")]

use core::mem::MaybeUninit;

use crate::channel::core::{NotSent, State};
use crate::channel::error::TryRecvError;
use crate::task::claim::claiming::Party;
use crate::task::claim::{Lost, Outcome};
use crate::wait::queue::Over;
use crate::wait::wake::Wake;

/// An operation of a selector did not complete.
pub(super) enum NotSelected<Why> {
    Not(Why),
    /// The selector's wait has ended otherwise; pay the wake after the lock.
    OwnIsOver(Option<Wake>),
}

impl<Why> From<Lost> for NotSelected<Why> {
    fn from(Lost: Lost) -> Self {
        Self::OwnIsOver(None)
    }
}

impl<Why> From<Over> for NotSelected<Why> {
    fn from(over: Over) -> Self {
        Self::OwnIsOver(over.owed)
    }
}

impl<T> State<T> {
    /// As [`State::send`], for a selector that is queued elsewhere: its own wait ends together with the send. It has ended
    /// also if the channel `Overflows`, which is then to be carried out.
    pub(super) fn send_for(
        &mut self,
        own: Party<'_>,
        value: *const T,
        capacity: usize,
    ) -> Result<Option<Wake>, NotSelected<NotSent>> {
        if self.closed {
            own.end(Outcome::Closed)?;
            return self.send_alone(value, capacity);
        }
        // SAFETY: as in `hand_over`.
        let hand_over = |slot: *mut ()| unsafe { slot.cast::<T>().copy_from_nonoverlapping(value, 1) };
        if let Some(wake) = self.receivers.meet_first(own, hand_over)? {
            self.tally.note(|stats| (stats.sends, stats.receives) = (stats.sends + 1, stats.receives + 1));
            return Ok(Some(wake));
        }
        if self.buffer.len() >= capacity {
            let full = self.full();
            if let NotSent::Overflows = full {
                own.end(Outcome::Event)?;
            }
            return Err(NotSelected::Not(full));
        }
        if self.buffer.next_slot().is_none() {
            return Err(NotSelected::Not(NotSent::MustGrow { slots: self.buffer.slots() }));
        }
        // There is a slot for it, and of receivers none but the selector itself, whose wait is over then.
        own.end(Outcome::Event)?;
        self.send_alone(value, capacity)
    }

    fn send_alone(&mut self, value: *const T, capacity: usize) -> Result<Option<Wake>, NotSelected<NotSent>> {
        let mut owed = None;
        self.send(value, capacity, &mut owed).map_err(NotSelected::Not)?;
        Ok(owed)
    }

    /// As [`State::receive`], for a selector that is queued elsewhere: its own wait ends together with the receive.
    pub(super) fn receive_for(
        &mut self,
        own: Party<'_>,
        capacity: usize,
    ) -> Result<(T, Option<Wake>), NotSelected<TryRecvError>> {
        if self.buffer.len() > 0 || self.closed {
            own.end(if self.buffer.len() > 0 { Outcome::Event } else { Outcome::Closed })?;
            let mut owed = None;
            let received = self.receive(capacity, &mut owed);
            return received.map(|value| (value, owed)).map_err(NotSelected::Not);
        }
        let mut taken = MaybeUninit::<T>::uninit();
        // SAFETY: as in `receive`.
        let hand_over = |slot: *mut ()| unsafe { taken.as_mut_ptr().copy_from_nonoverlapping(slot.cast(), 1) };
        let wake = self.senders.meet_first(own, hand_over)?;
        let wake = wake.ok_or(NotSelected::Not(TryRecvError::Empty))?;
        self.tally.note(|stats| (stats.sends, stats.receives) = (stats.sends + 1, stats.receives + 1));
        // SAFETY: as in `receive`.
        Ok((unsafe { taken.assume_init() }, Some(wake)))
    }
}
