// SPDX-License-Identifier: BSD-3-Clause
//! How often a supervisor starts children anew, and how soon.

use alloc::collections::VecDeque;
use core::time::Duration;

use crate::time::Instant;

/// See [`Supervisor::restarts`](super::Supervisor::restarts) and [`Supervisor::backoff`](super::Supervisor::backoff).
#[derive(Clone, Copy)]
pub(super) struct Policy {
    pub(super) most: usize,
    pub(super) window: Duration,
    pub(super) first_backoff: Duration,
    pub(super) most_backoff: Duration,
}

impl Policy {
    pub(super) const DEFAULT: Self =
        Self { most: 3, window: Duration::from_secs(5), first_backoff: Duration::ZERO, most_backoff: Duration::ZERO };

    /// The wait before the restart that follows on so many others within the window.
    fn backoff(&self, restarts_before: usize) -> Duration {
        let doublings = u32::try_from(restarts_before).unwrap_or(u32::MAX);
        let factor = 2u32.checked_pow(doublings).unwrap_or(u32::MAX);
        self.first_backoff.saturating_mul(factor).min(self.most_backoff)
    }
}

/// The failures of one life of a supervisor that are still within the window.
pub(super) struct Restarts {
    policy: Policy,
    failures: VecDeque<Instant>,
}

impl Restarts {
    pub(super) fn new(policy: Policy) -> Self {
        Self { policy, failures: VecDeque::new() }
    }

    /// Counts a failure at `now`. Returns how long to wait before the restart, or nothing if there must be none.
    pub(super) fn after_failure(&mut self, now: Instant) -> Option<Duration> {
        let is_old = |failure: &Instant| match now.duration_since(*failure) {
            Ok(age) => age >= self.policy.window,
            // A clock does not change under a coroutine.
            Err(_) => true,
        };
        while self.failures.front().is_some_and(is_old) {
            self.failures.pop_front();
        }
        if self.failures.len() >= self.policy.most {
            return None;
        }
        self.failures.push_back(now);
        Some(self.policy.backoff(self.failures.len() - 1))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::platform::ClockId;

    fn at(ms: u64) -> Instant {
        Instant::from_clock(ClockId(1), ms * 1_000_000)
    }

    const MS: Duration = Duration::from_millis(1);

    #[test]
    fn a_window_that_slides_limits_the_restarts() {
        let mut restarts = Restarts::new(Policy { most: 2, window: 10 * MS, ..Policy::DEFAULT });
        let answers = [0, 5, 9, 10, 14, 15].map(|ms| restarts.after_failure(at(ms)).is_some());
        // The failure at 0 is forgotten at 10, that at 5 at 15. One that was not answered does not count.
        assert_eq!(answers, [true, true, false, true, false, true]);
        assert_eq!(Restarts::new(Policy { most: 0, ..Policy::DEFAULT }).after_failure(at(0)), None);
    }

    #[test]
    fn the_backoff_doubles_up_to_its_most_and_begins_anew_when_the_window_is_empty() {
        let policy = Policy { most: 100, window: 1000 * MS, first_backoff: 3 * MS, most_backoff: 20 * MS };
        let mut restarts = Restarts::new(policy);
        let waits: alloc::vec::Vec<_> = (0..50).map(|ms| restarts.after_failure(at(ms)).unwrap()).collect();
        assert_eq!(waits[..5], [3 * MS, 6 * MS, 12 * MS, 20 * MS, 20 * MS]);
        assert!(waits[5..].iter().all(|wait| *wait == 20 * MS));
        assert_eq!(restarts.after_failure(at(5000)), Some(3 * MS));
    }
}
