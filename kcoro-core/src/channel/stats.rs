// SPDX-License-Identifier: BSD-3-Clause
//! What a channel has done, for those who ask: counted under its lock if it was built
//! [with stats](super::Builder::with_stats), else not at all.

use core::time::Duration;

use super::undelivered::Undelivered;
use crate::task::claim::Outcome;

/// A snapshot of a channel's counters, all taken at one instant.
///
/// Each value that has entered is accounted for: `sends` is the sum of `receives`, of what is buffered, and of the
/// undelivered that were replaced, discarded or abandoned. (One that was refused has not entered.)
///
/// ```
/// use kcoro_core::channel::Builder;
///
/// let (tx, rx) = Builder::bounded(2).with_stats().build();
/// assert!((0..3).map(|n| tx.try_send(n)).filter(Result::is_err).count() == 1);
/// assert_eq!(rx.try_recv(), Ok(0));
/// let stats = tx.stats().unwrap();
/// assert_eq!((stats.sends, stats.receives, stats.high_water), (2, 1, 2));
/// assert_eq!(stats.failed_sends.full, 1);
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Stats {
    /// Values that have entered: buffered, or handed to a receiver.
    pub sends: u64,
    /// Values that have left to a receiver.
    pub receives: u64,
    /// Sends that had to wait.
    pub send_waits: u64,
    /// Receives that had to wait.
    pub receive_waits: u64,
    /// Sends that gave their value back, by cause.
    pub failed_sends: Failures,
    /// Receives that got nothing, by cause.
    pub failed_receives: Failures,
    /// Values whose place a newer one has taken.
    pub replaced: u64,
    /// Values that were refused because the channel was full.
    pub refused: u64,
    /// Values that were discarded, by request or with the last receiver.
    pub discarded: u64,
    /// Values that had been handed to a receiver which went away, and found no room when they came back.
    pub abandoned: u64,
    /// The most values that were buffered at once.
    pub high_water: usize,
}

/// Operations that failed, by cause.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Failures {
    /// A `try_` form that found no room.
    pub full: u64,
    /// A `try_` form that found no value.
    pub empty: u64,
    /// The channel was closed, at the start or during the wait.
    pub closed: u64,
    /// The time ran out.
    pub timed_out: u64,
    /// The coroutine had been cancelled, or was while it waited.
    pub cancelled: u64,
    /// The caller could not wait.
    pub cannot_wait: u64,
}

/// How much went through a channel in a second, on average: see [`Stats::since`].
#[derive(Clone, Copy, Debug, Default, PartialEq)]
#[non_exhaustive]
pub struct Rates {
    /// Values that entered.
    pub sends_per_s: f64,
    /// Values that left to a receiver.
    pub receives_per_s: f64,
    /// Operations that had to wait, on either side.
    pub waits_per_s: f64,
    /// Operations that failed, on either side, whatever the cause.
    pub failures_per_s: f64,
    /// Values that nobody received, whatever the reason.
    pub undelivered_per_s: f64,
}

impl Stats {
    /// Nothing has been done. (`default` is not for constants.)
    pub(super) const ZERO: Self = Self {
        sends: 0,
        receives: 0,
        send_waits: 0,
        receive_waits: 0,
        failed_sends: Failures::ZERO,
        failed_receives: Failures::ZERO,
        replaced: 0,
        refused: 0,
        discarded: 0,
        abandoned: 0,
        high_water: 0,
    };

    /// The rates between `earlier`, which is a snapshot of the same channel, and this one, taken `elapsed` later.
    ///
    /// If no time has elapsed, all rates are zero. Counters that went back, because `earlier` is the later one or another
    /// channel's, count as unchanged.
    ///
    /// ```
    /// use core::time::Duration;
    /// use kcoro_core::channel::Builder;
    ///
    /// let (tx, rx) = Builder::unbounded().with_stats().build();
    /// let before = tx.stats().unwrap();
    /// (0..10).for_each(|n| tx.try_send(n).unwrap());
    /// let rates = tx.stats().unwrap().since(&before, Duration::from_millis(500));
    /// assert_eq!((rates.sends_per_s, rates.receives_per_s), (20.0, 0.0));
    /// # drop(rx);
    /// ```
    pub fn since(&self, earlier: &Stats, elapsed: Duration) -> Rates {
        let rate = |count: fn(&Stats) -> u64| match elapsed {
            Duration::ZERO => 0.0,
            _ => count(self).saturating_sub(count(earlier)) as f64 / elapsed.as_secs_f64(),
        };
        Rates {
            sends_per_s: rate(|stats| stats.sends),
            receives_per_s: rate(|stats| stats.receives),
            waits_per_s: rate(|stats| stats.send_waits + stats.receive_waits),
            failures_per_s: rate(|stats| stats.failed_sends.total() + stats.failed_receives.total()),
            undelivered_per_s: rate(|stats| stats.replaced + stats.refused + stats.discarded + stats.abandoned),
        }
    }

    /// Counts values that nobody receives.
    pub(super) fn undelivered(&mut self, why: Undelivered, count: u64) {
        *match why {
            Undelivered::Replaced => &mut self.replaced,
            Undelivered::Refused => &mut self.refused,
            Undelivered::Discarded => &mut self.discarded,
            Undelivered::Abandoned => &mut self.abandoned,
        } += count;
    }
}

impl Failures {
    const ZERO: Self = Self { full: 0, empty: 0, closed: 0, timed_out: 0, cancelled: 0, cannot_wait: 0 };

    /// All together.
    pub fn total(&self) -> u64 {
        self.full + self.empty + self.closed + self.timed_out + self.cancelled + self.cannot_wait
    }

    /// Counts a wait that has ended in vain. That of a close was counted by who closed.
    pub(super) fn ended(&mut self, outcome: Outcome) {
        match outcome {
            Outcome::TimedOut => self.timed_out += 1,
            Outcome::Closed => {}
            _ => self.cancelled += 1,
        }
    }
}
