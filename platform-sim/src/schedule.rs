// SPDX-License-Identifier: BSD-3-Clause
//! [`Schedule`]: the choices of a run, in the order in which they were drawn.

use std::cell::Cell;

use crate::dice::{Question, Strategy};

/// The choices of a run. Whatever comes after the last of them is zero: "go on as you are".
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Schedule {
    choices: Vec<u32>,
}

impl Schedule {
    /// How many choices there are.
    pub fn len(&self) -> usize {
        self.choices.len()
    }

    /// Whether there are none, so that all goes on as it is.
    pub fn is_empty(&self) -> bool {
        self.choices.is_empty()
    }

    pub(crate) fn push(&mut self, choice: usize) {
        self.choices.push(u32::try_from(choice).unwrap_or(u32::MAX));
    }

    fn choice(&self, nth: usize) -> usize {
        self.choices.get(nth).map_or(0, |choice| *choice as usize)
    }
}

impl FromIterator<usize> for Schedule {
    fn from_iter<I: IntoIterator<Item = usize>>(choices: I) -> Self {
        let mut schedule = Self::default();
        choices.into_iter().for_each(|choice| schedule.push(choice));
        schedule
    }
}

/// Draws what a schedule says.
pub(crate) struct Replay {
    schedule: Schedule,
    drawn: Cell<usize>,
}

impl Replay {
    pub(crate) fn new(schedule: Schedule) -> Self {
        Self { schedule, drawn: Cell::new(0) }
    }
}

impl Strategy for Replay {
    fn pick(&self, _question: Question<'_>) -> usize {
        let nth = self.drawn.get();
        self.drawn.set(nth + 1);
        self.schedule.choice(nth)
    }
}
