// SPDX-License-Identifier: BSD-3-Clause
//! Whose turn it can be, in the order in which the workers are offered.

/// How many turns a worker has in a row before it is offered last: "go on as you are" must not starve those whom a
/// coroutine waits for in a loop of yields.
const MOST_IN_A_ROW: u32 = 64;

/// The order of the workers that can go on.
#[derive(Debug, Default)]
pub(crate) struct Turns {
    last: usize,
    in_a_row: u32,
    /// Kept for its memory.
    offered: Vec<usize>,
}

impl Turns {
    /// Orders those of `workers` that can go on: first the one that had the last turn, then those that follow it round.
    pub(crate) fn offer(&mut self, workers: usize, can_go_on: impl Fn(usize) -> bool) {
        let first = if self.in_a_row < MOST_IN_A_ROW { self.last } else { self.last + 1 };
        self.offer_from(first, workers, can_go_on);
    }

    /// Orders those of `workers` that can go on: `first` and those that follow it round.
    pub(crate) fn offer_from(&mut self, first: usize, workers: usize, can_go_on: impl Fn(usize) -> bool) {
        self.offered.clear();
        self.offered.extend((0..workers).map(|nth| (first + nth) % workers).filter(|worker| can_go_on(*worker)));
    }

    /// What was offered.
    pub(crate) fn offered(&self) -> &[usize] {
        &self.offered
    }

    /// The turn goes to the worker at place `nth` of those that were offered.
    pub(crate) fn take(&mut self, nth: usize) -> usize {
        let worker = self.offered[nth];
        // Who goes on alone takes nothing from others.
        let goes_on = worker == self.last && self.offered.len() > 1;
        self.in_a_row = if goes_on { self.in_a_row + 1 } else { 0 };
        self.last = worker;
        worker
    }
}

#[cfg(test)]
mod tests {
    use super::{MOST_IN_A_ROW, Turns};

    #[test]
    fn who_had_the_last_turn_is_offered_first() {
        let mut turns = Turns::default();
        turns.offer(3, |_| true);
        assert_eq!(turns.offered(), [0, 1, 2]);
        assert_eq!(turns.take(2), 2);
        turns.offer(3, |_| true);
        assert_eq!(turns.offered(), [2, 0, 1]);
        turns.offer(3, |worker| worker != 2);
        assert_eq!(turns.offered(), [0, 1]);
    }

    #[test]
    fn who_always_goes_on_comes_last_in_the_end() {
        let mut turns = Turns::default();
        let first_of_two = |turns: &mut Turns| {
            turns.offer(2, |_| true);
            turns.take(0)
        };
        let taken: Vec<_> = (0..4 * MOST_IN_A_ROW).map(|_| first_of_two(&mut turns)).collect();
        assert!(taken.contains(&0) && taken.contains(&1), "{taken:?}");
        (0..10 * MOST_IN_A_ROW).for_each(|_| {
            turns.offer(2, |worker| worker == 0);
            turns.take(0);
        });
        turns.offer(2, |_| true);
        assert_eq!(turns.offered(), [0, 1], "alone it took nothing from others");
    }
}
