// SPDX-License-Identifier: BSD-3-Clause
//! How many handles a channel has, and what happens when the last of a side goes: it closes, and what nobody can receive
//! any more goes to the hook.

use alloc::sync::Arc;
use alloc::vec::Vec;

use super::core::Shared;
use super::stats::Stats;
use super::store::Store;
use super::undelivered::{Undelivered, each};
use crate::primitive::atomic::{AtomicUsize, Ordering};
use crate::wait::wake::Wake;

/// How many handles there are, of each side.
pub(super) struct Handles {
    senders: AtomicUsize,
    receivers: AtomicUsize,
}

impl Handles {
    #[cfg(not(loom))]
    pub(super) const fn one_of_each() -> Self {
        Self { senders: AtomicUsize::new(1), receivers: AtomicUsize::new(1) }
    }

    #[cfg(loom)]
    pub(super) fn one_of_each() -> Self {
        Self { senders: AtomicUsize::new(1), receivers: AtomicUsize::new(1) }
    }
}

impl<T> Shared<T> {
    /// One more sender.
    pub(super) fn add_sender(self: &Arc<Self>) -> Arc<Self> {
        // Relaxed: made from a sender that exists, so the count cannot reach zero meanwhile.
        self.handles.senders.fetch_add(1, Ordering::Relaxed);
        self.clone()
    }

    /// One more receiver.
    pub(super) fn add_receiver(self: &Arc<Self>) -> Arc<Self> {
        // Relaxed: as above.
        self.handles.receivers.fetch_add(1, Ordering::Relaxed);
        self.clone()
    }

    /// A sender is gone; the last one closes the channel.
    pub(super) fn drop_sender(&self) {
        // AcqRel: what the other senders did comes before the close.
        if self.handles.senders.fetch_sub(1, Ordering::AcqRel) == 1 {
            self.close();
        }
    }

    /// A receiver is gone; the last one closes the channel and discards what nobody will receive.
    pub(super) fn drop_receiver(&self) {
        if self.handles.receivers.fetch_sub(1, Ordering::AcqRel) == 1 {
            let close: fn(&Self) = |this| _ = this.close();
            let discard: fn(&Self) = |this| _ = this.discard();
            // The one also when a waker panics in the other.
            let mut steps = [close, discard].into_iter();
            each(|| steps.next(), |step| step(self));
        }
    }

    /// See [`Stats`].
    pub(super) fn stats(&self) -> Option<Stats> {
        if self.counts { self.state.lock().tally.read() } else { None }
    }

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
