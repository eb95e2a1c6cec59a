// SPDX-License-Identifier: BSD-3-Clause
//! Taking all that a static channel has buffered, at one instant, into the frame of who takes it.
#![expect(unsafe_code, reason = "keeps values in an array whose rest is not initialised")]

use core::fmt;
use core::iter::FusedIterator;
use core::mem::MaybeUninit;

use super::fixed::StaticChannel;
use super::stats::Stats;
use super::undelivered::{Undelivered, each};
use crate::wait::wake::Wake;

impl<T, const N: usize> StaticChannel<T, N> {
    /// Takes all that is buffered, in one step, and lets waiting senders into the room that this makes.
    ///
    /// The values are received: those that the iterator is dropped with are dropped, and do not go to the hook. Of a
    /// rendezvous channel it takes nothing, for nothing is buffered. Not a cancellation point.
    ///
    /// There is no other memory for them than the caller's stack, which must have room for `N` values (where the compiler
    /// cannot make them in place, twice) and for the wakes of `N` senders. [`StaticChannel::try_iter`] takes one after
    /// the other, in no more room than for one.
    ///
    /// ```
    /// use kcoro_core::channel::StaticChannel;
    ///
    /// static SAMPLES: StaticChannel<u16, 4> = StaticChannel::new();
    ///
    /// [1, 2, 3].map(|sample| SAMPLES.try_send(sample).unwrap());
    /// let samples = SAMPLES.drain();
    /// assert!(SAMPLES.is_empty() && samples.len() == 3);
    /// assert_eq!(samples.sum::<u16>(), 6);
    /// ```
    pub fn drain(&'static self) -> StaticDrain<T, N> {
        self.take_all(|stats, count| stats.receives += count)
    }

    /// As [`StaticChannel::drain`], but the values go to the hook, as [`Undelivered::Discarded`], or are dropped. Says how
    /// many they were.
    ///
    /// # Panics
    ///
    /// When the hook or a destructor does, after all values have gone their way.
    pub fn discard(&'static self) -> usize {
        let mut discarded = self.take_all(|stats, count| stats.undelivered(Undelivered::Discarded, count));
        let count = discarded.len();
        each(|| discarded.next(), |value| self.shared().hook.give(value, Undelivered::Discarded));
        count
    }

    /// Moves all values out of the channel, and lets those senders in for whom there is room now. All of them under one
    /// lock, for a sender that comes later must not be before them.
    fn take_all(&'static self, count: fn(&mut Stats, u64)) -> StaticDrain<T, N> {
        let mut taken = StaticDrain { values: [const { MaybeUninit::uninit() }; N], next: 0, end: 0 };
        let mut wakes = [const { None::<Wake> }; N];
        let mut state = self.shared().state.lock();
        while let Some(value) = state.buffer.pop() {
            taken.values[taken.end].write(value);
            taken.end += 1;
        }
        for place in &mut wakes {
            let Some(wake) = state.refill(N) else { break };
            *place = Some(wake);
        }
        state.tally.note(|stats| count(stats, taken.end as u64));
        drop(state);
        let mut wakes = wakes.into_iter().flatten();
        each(|| wakes.next(), Wake::wake);
        taken
    }
}

/// The values that were buffered when [`StaticChannel::drain`] was called, oldest first.
pub struct StaticDrain<T, const N: usize> {
    values: [MaybeUninit<T>; N],
    /// The values from here to `end` are there.
    next: usize,
    end: usize,
}

impl<T, const N: usize> Iterator for StaticDrain<T, N> {
    type Item = T;

    fn next(&mut self) -> Option<T> {
        let place = (self.next < self.end).then_some(self.next)?;
        self.next += 1;
        // SAFETY: the value is there, and counts no more from here on.
        Some(unsafe { self.values[place].assume_init_read() })
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        (self.end - self.next, Some(self.end - self.next))
    }
}

impl<T, const N: usize> ExactSizeIterator for StaticDrain<T, N> {}

impl<T, const N: usize> FusedIterator for StaticDrain<T, N> {}

impl<T, const N: usize> Drop for StaticDrain<T, N> {
    fn drop(&mut self) {
        each(|| self.next(), drop);
    }
}

impl<T, const N: usize> fmt::Debug for StaticDrain<T, N> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("StaticDrain").field("len", &self.len()).finish_non_exhaustive()
    }
}
