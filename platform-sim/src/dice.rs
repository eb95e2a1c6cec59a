// SPDX-License-Identifier: BSD-3-Clause
//! The one place from which every choice of a run is drawn.
//!
//! The options of a question are in an order that the run so far decides, and the first of them is always "go on as you
//! are". So a run is the list of its answers, the shortest list of answers other than zero is the simplest schedule, and
//! a list replays the run whoever has made it up.

use std::cell::RefCell;

use crate::schedule::Schedule;

/// What is to be chosen.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Question<'a> {
    /// Which of these workers has the next turn? The first had the last one, unless it cannot go on, or has had so many
    /// that it is for others to go.
    Turn(&'a [usize]),
    /// Which of these workers goes on at a point inside of an operation? The first is at that point now.
    #[cfg_attr(not(any(kcoro_interleave, test)), expect(dead_code, reason = "there are no points in this build"))]
    Preempt(&'a [usize]),
    /// Which of so many things does a worker take next? The first is the oldest.
    Take(usize),
    /// Does the clock jump although some worker can go on, as it is to do about once in so many turns? First: no.
    EarlyJump { one_in: u32 },
}

impl Question<'_> {
    /// How many options there are.
    pub(crate) fn options(self) -> usize {
        match self {
            Question::Turn(workers) | Question::Preempt(workers) => workers.len(),
            Question::Take(options) => options,
            Question::EarlyJump { .. } => 2,
        }
    }
}

/// Answers the questions of one run. Like the run, it must decide by its own state and the questions only.
pub(crate) trait Strategy {
    /// Picks one of the question's options, of which there are at least two. What is out of range counts as the last.
    fn pick(&self, question: Question<'_>) -> usize;
}

/// See the [module](self).
pub(crate) struct Dice {
    strategy: Box<dyn Strategy>,
    drawn: RefCell<Vec<usize>>,
}

impl Dice {
    pub(crate) fn new(strategy: impl Strategy + 'static) -> Self {
        Self { strategy: Box::new(strategy), drawn: RefCell::default() }
    }

    /// Answers `question` and notes the answer. Where there is but one option nothing is drawn.
    pub(crate) fn draw(&self, question: Question<'_>) -> usize {
        let options = question.options();
        if options < 2 {
            return 0;
        }
        let answer = self.strategy.pick(question).min(options - 1);
        self.drawn.borrow_mut().push(answer);
        answer
    }

    /// All that has been drawn.
    pub(crate) fn drawn(&self) -> Schedule {
        self.drawn.borrow().iter().copied().collect()
    }
}

#[cfg(test)]
mod tests {
    use super::{Dice, Question};
    use crate::random::Random;
    use crate::schedule::{Replay, Schedule};

    const QUESTIONS: [Question<'static>; 6] = [
        Question::Turn(&[3]),
        Question::Turn(&[1, 0]),
        Question::Take(7),
        Question::Take(1),
        Question::Turn(&[0, 1, 2]),
        Question::Take(5),
    ];

    fn answers(dice: &Dice) -> Vec<usize> {
        QUESTIONS.iter().map(|question| dice.draw(*question)).collect()
    }

    #[test]
    fn what_was_drawn_replays_without_the_seed() {
        for seed in 0..100 {
            let dice = Dice::new(Random::new(seed));
            let first = answers(&dice);
            let again = Dice::new(Replay::new(dice.drawn()));
            assert_eq!(answers(&again), first);
            assert_eq!(again.drawn(), dice.drawn());
        }
    }

    #[test]
    fn only_a_choice_between_several_is_drawn() {
        let dice = Dice::new(Replay::new(Schedule::from_iter([1; 6])));
        answers(&dice);
        assert_eq!(dice.drawn().len(), 4);
    }

    #[test]
    fn an_answer_out_of_range_counts_as_the_last_option() {
        let dice = Dice::new(Replay::new(Schedule::from_iter([9, 9])));
        assert_eq!(answers(&dice), [0, 1, 6, 0, 0, 0]);
    }
}
