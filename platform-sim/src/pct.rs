// SPDX-License-Identifier: BSD-3-Clause
//! Probabilistic concurrency testing: who goes on is decided by priorities that change at few moments.
//!
//! The one with the highest priority goes on for as long as it can. At the moments that were drawn, the one that is about
//! to go on gets a priority below all that were given at the start. So it is held up there until no other can go on, and
//! a race that needs this one delay is found whatever else happens meanwhile.

use std::cell::{Cell, RefCell};
use std::iter;
use std::ops::RangeInclusive;

use crate::dice::{Question, Strategy};
use crate::random::Random;

/// The first change comes within a power of two of questions between these: with points runs are much longer.
const FIRST_LOG2: RangeInclusive<usize> = if cfg!(kcoro_interleave) { 6..=13 } else { 3..=9 };

/// And each other one so many questions after the one before it: delays that make a race together are close together
/// more often than not.
const GAP_LOG2: RangeInclusive<usize> = 0..=*FIRST_LOG2.end();

/// How many turns others get while a worker could go on, before it is the first: two that wake each other in turn would
/// keep a third one from its work for ever.
const PATIENCE: u64 = 50;

/// How many points others pass while a worker could go on, before it is the first.
const PATIENCE_AT_POINTS: u64 = 100 * PATIENCE;

/// See the [module](self).
pub(crate) struct Pct {
    random: Random,
    priorities: RefCell<Vec<i64>>,
    /// The moments that are left, last first: after how many questions, and the priority from then on.
    changes: RefCell<Vec<(u64, i64)>>,
    asked: Cell<u64>,
    /// The highest priority that has been given.
    top: Cell<i64>,
    /// For each worker how long it has been passed over, in points.
    passed_over: RefCell<Vec<u64>>,
    /// How long nobody has been made the first, in points.
    unraised: Cell<u64>,
}

impl Pct {
    pub(crate) fn new(seed: u64, workers: usize, depth: usize) -> Self {
        let random = Random::new(seed);
        let changes = depth.saturating_sub(1);
        let mut priorities: Vec<i64> = (0..workers).map(|nth| (changes + nth) as i64).collect();
        shuffle(&mut priorities, &random);
        let mut lower: Vec<i64> = (0..changes as i64).collect();
        shuffle(&mut lower, &random);
        let mut changes = moments(&random).zip(lower).collect::<Vec<_>>();
        changes.reverse();
        Self {
            random,
            priorities: RefCell::new(priorities),
            changes: RefCell::new(changes),
            asked: Cell::new(0),
            top: Cell::new((depth + workers) as i64),
            passed_over: RefCell::new(vec![0; workers]),
            unraised: Cell::new(0),
        }
    }

    /// The place of the worker with the highest priority.
    fn highest(&self, workers: &[usize]) -> usize {
        let priorities = self.priorities.borrow();
        let highest = workers.iter().enumerate().max_by_key(|(_, worker)| priorities[**worker]);
        highest.map_or(0, |(nth, _)| nth)
    }

    /// Counts a question. If this is a moment of change, the priority of `worker` is lowered.
    fn count(&self, worker: usize) {
        let asked = self.asked.get() + 1;
        self.asked.set(asked);
        let mut changes = self.changes.borrow_mut();
        while let Some((_, priority)) = changes.pop_if(|(at, _)| *at <= asked) {
            self.priorities.borrow_mut()[worker] = priority;
        }
    }

    /// Who of `workers` goes on, which takes as long as `points` do.
    fn choose(&self, workers: &[usize], points: u64) -> usize {
        self.unraised.set(self.unraised.get() + points);
        let mut passed_over = self.passed_over.borrow_mut();
        workers.iter().for_each(|worker| passed_over[*worker] += points);
        let longest = workers.iter().copied().max_by_key(|worker| passed_over[*worker]);
        let longest = longest.filter(|worker| passed_over[*worker] > PATIENCE_AT_POINTS);
        if let Some(worker) = longest.filter(|_| self.unraised.get() > PATIENCE_AT_POINTS) {
            self.unraised.set(0);
            self.top.set(self.top.get() + 1);
            self.priorities.borrow_mut()[worker] = self.top.get();
        }
        let highest = self.highest(workers);
        passed_over[workers[highest]] = 0;
        highest
    }

    fn at_point(&self, workers: &[usize]) -> usize {
        self.count(workers[0]);
        self.choose(workers, 1)
    }

    fn turn(&self, workers: &[usize]) -> usize {
        self.count(workers[self.highest(workers)]);
        self.choose(workers, PATIENCE_AT_POINTS / PATIENCE)
    }
}

fn shuffle(numbers: &mut [i64], random: &Random) {
    for last in (1..numbers.len()).rev() {
        numbers.swap(last, random.below(last + 1));
    }
}

/// Moments in runs of unknown length, in order. The magnitude of each distance is drawn first, then the distance.
fn moments(random: &Random) -> impl Iterator<Item = u64> {
    let distance = |log2: RangeInclusive<usize>| {
        let magnitude = log2.start() + random.below(log2.end() - log2.start() + 1);
        1 + random.below(1 << magnitude) as u64
    };
    iter::successors(Some(distance(FIRST_LOG2)), move |last| Some(last + distance(GAP_LOG2)))
}

impl Strategy for Pct {
    fn pick(&self, question: Question<'_>) -> usize {
        match question {
            Question::Turn(workers) => self.turn(workers),
            Question::Preempt(workers) => self.at_point(workers),
            Question::Take(options) => self.random.below(options),
            Question::EarlyJump { one_in } => self.random.once_in(one_in),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{PATIENCE, PATIENCE_AT_POINTS, Pct};
    use crate::dice::{Question, Strategy};

    const MOMENTS: usize = PATIENCE_AT_POINTS as usize - 1;

    /// Who goes on at each of so many moments at which all can.
    fn who_goes_on(pct: &Pct, workers: usize, moments: usize) -> Vec<usize> {
        let mut order: Vec<_> = (0..workers).collect();
        let mut went_on = Vec::new();
        for _ in 0..moments {
            let nth = pct.pick(Question::Preempt(&order));
            went_on.push(order[nth]);
            order[..=nth].rotate_right(1);
        }
        went_on
    }

    #[test]
    fn the_one_that_runs_changes_as_often_as_the_depth_allows() {
        for depth in 0..5usize {
            let mut most = 0;
            for seed in 0..200 {
                let went_on = who_goes_on(&Pct::new(seed, 3, depth), 3, MOMENTS);
                let switches = went_on.windows(2).filter(|pair| pair[0] != pair[1]).count();
                most = most.max(switches);
            }
            assert_eq!(most, depth.saturating_sub(1), "depth {depth}");
        }
    }

    #[test]
    fn every_worker_is_the_first_under_some_seed_and_every_moment_a_change() {
        let mut first = [0; 3];
        let mut changed_at_once = 0;
        for seed in 0..600 {
            let went_on = who_goes_on(&Pct::new(seed, 3, 2), 3, 2);
            first[went_on[0]] += 1;
            changed_at_once += usize::from(went_on[0] != went_on[1]);
        }
        assert!(first.iter().all(|times| *times > 100), "{first:?}");
        assert!(changed_at_once > 0);
    }

    #[test]
    fn a_worker_that_only_yields_lets_others_go_on_in_the_end() {
        let pct = Pct::new(1, 2, 1);
        let turns: Vec<_> = (0..4 * PATIENCE).map(|_| pct.pick(Question::Turn(&[0, 1]))).collect();
        let of_first = turns.iter().filter(|nth| **nth == 0).count();
        assert!((PATIENCE as usize..3 * PATIENCE as usize + 1).contains(&of_first), "{turns:?}");
    }

    #[test]
    fn two_that_give_way_to_each_other_do_not_keep_a_third_waiting() {
        let pct = Pct::new(3, 3, 1);
        for _ in 0..10 {
            let low = who_comes_last(&pct);
            let others = [0, 1, 2].into_iter().filter(|worker| *worker != low).collect::<Vec<_>>();
            let waits = (0..).take_while(|turn| pct.pick(Question::Turn(&[others[turn % 2], low])) == 0).count();
            assert!(waits <= PATIENCE as usize, "{waits}");
        }
    }

    /// The one of three that comes last.
    fn who_comes_last(pct: &Pct) -> usize {
        let first = pct.highest(&[0, 1, 2]);
        let others = [0, 1, 2].into_iter().filter(|worker| *worker != first).collect::<Vec<_>>();
        others[1 - pct.highest(&others)]
    }

    #[test]
    fn a_worker_of_high_priority_goes_on_as_soon_as_it_can() {
        let pct = Pct::new(7, 2, 1);
        let [low, high] = if who_goes_on(&pct, 2, 1) == [0] { [1, 0] } else { [0, 1] };
        assert_eq!(pct.pick(Question::Preempt(&[low])), 0);
        assert_eq!(pct.pick(Question::Preempt(&[low, high])), 1);
    }
}
