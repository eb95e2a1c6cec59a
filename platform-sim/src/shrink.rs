// SPDX-License-Identifier: BSD-3-Clause
//! Makes a failing schedule shorter, by running shorter ones.
//!
//! Shorter is better, then fewer choices other than "go on". First the end is cut off by bisection, then parts of the
//! rest are left out or set to zero, large ones before small ones, as in delta debugging (Zeller and Hildebrandt, 2002).
//! Neither finds the shortest of all: which schedules fail follows no rule.

use std::ops::Range;
use std::time::{Duration, Instant};

use crate::schedule::Schedule;

/// What may be spent on a search.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Budget {
    pub(crate) runs: u32,
    /// Of real time. A run that has begun is not broken off.
    pub(crate) time: Duration,
}

/// What a search has found.
#[derive(Debug)]
pub(crate) struct Shortest<T> {
    pub(crate) schedule: Schedule,
    /// What came of its run.
    pub(crate) found: T,
    pub(crate) runs: u32,
}

/// Looks for the shortest schedule that fails as `schedule` does. `try_it` runs one, and says what was drawn and what
/// came of it, if it has failed alike. `None` if not even `schedule` does.
pub(crate) fn shortest<T>(
    schedule: Schedule,
    budget: Budget,
    try_it: impl FnMut(&Schedule) -> Option<(Schedule, T)>,
) -> Option<Shortest<T>> {
    let mut search = Search { best: schedule, found: None, try_it, runs: 0, budget, since: Instant::now() };
    let first = search.best.clone();
    if !search.run(first) {
        return None;
    }
    search.cut_end();
    loop {
        let before = search.best.clone();
        search.thin_out();
        search.cut_end();
        if search.best == before {
            break;
        }
    }
    let Search { best: schedule, found, runs, .. } = search;
    Some(Shortest { schedule, found: found?, runs })
}

struct Search<T, F> {
    best: Schedule,
    found: Option<T>,
    try_it: F,
    runs: u32,
    budget: Budget,
    since: Instant,
}

impl<T, F: FnMut(&Schedule) -> Option<(Schedule, T)>> Search<T, F> {
    /// Runs `candidate`; it is the best from now on if it fails alike.
    fn run(&mut self, candidate: Schedule) -> bool {
        if self.runs >= self.budget.runs || self.since.elapsed() >= self.budget.time {
            return false;
        }
        self.runs += 1;
        let Some((drawn, found)) = (self.try_it)(&candidate) else { return false };
        // What was drawn fits the program, while a candidate may have choices that are out of range or come too late.
        self.best = drawn.prefix(candidate.len());
        self.found = Some(found);
        true
    }

    /// As [`Search::run`], if the candidate is simpler than the best.
    fn run_if_simpler(&mut self, candidate: Schedule) -> bool {
        candidate.cost() < self.best.cost() && self.run(candidate)
    }

    fn cut_end(&mut self) {
        if self.run_if_simpler(Schedule::default()) {
            return;
        }
        let (mut too_short, mut enough) = (0, self.best.len());
        while too_short + 1 < enough {
            let middle = too_short.midpoint(enough);
            if self.run_if_simpler(self.best.prefix(middle)) {
                enough = self.best.len();
            } else {
                too_short = middle;
            }
        }
    }

    fn thin_out(&mut self) {
        let mut size = self.best.len();
        while size > 0 {
            let mut end = self.best.len();
            while end > 0 {
                let part = end.saturating_sub(size)..end;
                end = part.start;
                self.leave_out(part);
                end = end.min(self.best.len());
            }
            size /= 2;
        }
    }

    fn leave_out(&mut self, part: Range<usize>) {
        if !self.run_if_simpler(self.best.without(part.clone())) {
            self.run_if_simpler(self.best.with_zeros(part));
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::{Budget, shortest};
    use crate::schedule::Schedule;

    const PLENTY: Budget = Budget { runs: 10_000, time: Duration::MAX };

    /// The shortest of those for which `fails` holds, and the number of runs that it took.
    fn shrunk(choices: &[usize], budget: Budget, fails: impl Fn(&[usize]) -> bool) -> Option<(Schedule, u32)> {
        let try_it = |candidate: &Schedule| {
            let drawn: Vec<_> = (0..choices.len()).map(|nth| candidate.choice(nth)).collect();
            fails(&drawn).then(|| (drawn.into_iter().collect(), ()))
        };
        let shortest = shortest(choices.iter().copied().collect(), budget, try_it)?;
        Some((shortest.schedule, shortest.runs))
    }

    fn schedule(choices: &[usize]) -> Schedule {
        choices.iter().copied().collect()
    }

    #[test]
    fn what_always_fails_needs_no_choice() {
        let (found, runs) = shrunk(&[3, 1, 2], PLENTY, |_| true).unwrap();
        assert_eq!((found, runs), (Schedule::default(), 2));
    }

    #[test]
    fn what_does_not_fail_again_is_not_shrunk() {
        assert!(shrunk(&[3, 1, 2], PLENTY, |_| false).is_none());
    }

    #[test]
    fn only_the_choices_that_matter_are_left_and_they_move_forward() {
        let long: Vec<_> = (0..200).map(|nth| nth % 5).collect();
        let pair = |drawn: &[usize]| drawn.windows(2).any(|two| two == [3, 4]);
        assert_eq!(shrunk(&long, PLENTY, pair).unwrap().0, schedule(&[3, 4]));
        let places = |drawn: &[usize]| drawn[17] == 2 && drawn[31] == 1;
        let mut expected = [0; 32];
        (expected[17], expected[31]) = (2, 1);
        assert_eq!(shrunk(&long, PLENTY, places).unwrap().0, schedule(&expected));
    }

    #[test]
    fn the_budget_is_kept() {
        let long: Vec<_> = (0..200).map(|nth| 1 + nth % 5).collect();
        let odd = |drawn: &[usize]| drawn[199] != 0;
        let (found, runs) = shrunk(&long, Budget { runs: 20, ..PLENTY }, odd).unwrap();
        assert_eq!((found.len(), runs), (200, 20));
        assert!(shrunk(&long, Budget { time: Duration::ZERO, ..PLENTY }, odd).is_none());
    }
}
