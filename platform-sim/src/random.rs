// SPDX-License-Identifier: BSD-3-Clause
//! The numbers that a seed stands for.

use std::cell::Cell;

use crate::dice::{Question, Strategy};

/// SplitMix64 (Steele, Lea and Flood, 2014): any seed is good, zero and neighbours too.
#[derive(Debug)]
pub(crate) struct Random {
    state: Cell<u64>,
    /// At one in so many points a worker loses its turn. Seeds differ in that: some races need many switches close to each
    /// other, for others all must be left alone for long.
    preempts_one_in: usize,
}

impl Random {
    pub(crate) fn new(seed: u64) -> Self {
        // Drawn aside, so that a seed means the same to all that is not asked at points.
        let aside = Self { state: Cell::new(!seed), preempts_one_in: 1 };
        let preempts_one_in = [2, 8, 32, 128][aside.below(4)];
        Self { state: Cell::new(seed), preempts_one_in }
    }

    /// A number below `end`, which is not zero.
    pub(crate) fn below(&self, end: usize) -> usize {
        // The high half of a 128-bit product: the same on machines of any word size.
        ((u128::from(self.next()) * end as u128) >> 64) as usize
    }

    /// One, once in so many times; else zero.
    pub(crate) fn once_in(&self, times: u32) -> usize {
        usize::from(self.below(times as usize) == 0)
    }

    fn next(&self) -> u64 {
        let state = self.state.get().wrapping_add(0x9e37_79b9_7f4a_7c15);
        self.state.set(state);
        let mixed = (state ^ (state >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }
}

impl Strategy for Random {
    fn pick(&self, question: Question<'_>) -> usize {
        match question {
            Question::Preempt(_) if self.below(self.preempts_one_in) > 0 => 0,
            Question::Preempt(workers) => 1 + self.below(workers.len() - 1),
            Question::EarlyJump { one_in } => self.once_in(one_in),
            Question::Turn(_) | Question::Take(_) => self.below(question.options()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Random;

    #[test]
    fn the_sequence_is_the_published_one() {
        let random = Random::new(1_234_567);
        assert_eq!([random.next(), random.next()], [6_457_827_717_110_365_317, 3_203_168_211_198_807_973]);
    }

    #[test]
    fn every_number_below_the_end_comes_and_no_other() {
        let random = Random::new(0);
        let mut seen = [0; 3];
        (0..300).for_each(|_| seen[random.below(3)] += 1);
        assert!(seen.iter().all(|times| *times > 60), "{seen:?}");
    }
}
