// SPDX-License-Identifier: BSD-3-Clause
//! Taking all that is buffered, at one instant: for a receiver, or for the hook.

use alloc::vec::Vec;

use super::core::Shared;
use super::stats::Stats;
use super::store::Store;
use super::undelivered::{Undelivered, each};
use crate::wait::wake::Wake;

impl<T> Shared<T> {
    /// Takes all that is buffered, at one instant, for a receiver.
    pub(super) fn drain(&self) -> Store<T> {
        self.take_all(|stats, count| stats.receives += count)
    }

    /// Takes all that is buffered, at one instant, for the hook. Says how many values that were.
    pub(super) fn discard(&self) -> usize {
        let mut discarded = self.take_all(|stats, count| stats.undelivered(Undelivered::Discarded, count));
        let count = discarded.len();
        each(|| discarded.pop(), |value| self.hook.give(value, Undelivered::Discarded));
        count
    }

    /// Exchanges the store for an empty one, and lets those senders in for whom there is room now. All of them under one
    /// lock, for a sender that comes later must not be before them.
    fn take_all(&self, count: fn(&mut Stats, u64)) -> Store<T> {
        // What is closed stays so, and empty once it is.
        let mut other = if self.is_closed() { Store::empty(self.capacity) } else { Store::new(self.capacity) };
        let mut wakes: Vec<Wake> = Vec::new();
        loop {
            let mut state = self.state.lock();
            let waiting = if state.closed { 0 } else { state.senders.count_up_to(self.capacity) };
            if waiting > wakes.capacity() || waiting > other.slots() {
                drop(state);
                wakes.reserve(waiting);
                other = Store::with_slots(waiting);
                continue;
            }
            core::mem::swap(&mut state.buffer, &mut other);
            while let Some(wake) = state.refill(self.capacity) {
                // Within its capacity: nobody wins more waits than there are waiters.
                wakes.push(wake);
            }
            state.tally.note(|stats| count(stats, other.len() as u64));
            break;
        }
        let mut wakes = wakes.into_iter();
        each(|| wakes.next(), Wake::wake);
        other
    }
}
