// SPDX-License-Identifier: BSD-3-Clause
//! [`Schedule`]: the choices of a run, in the order in which they were drawn.

use std::cell::Cell;
use std::fmt;
use std::ops::Range;
use std::str::FromStr;

use crate::dice::{Question, Strategy};

/// How a schedule is written in which all goes on as it is.
const PLAIN: &str = "plain";

/// How many choices a text may stand for: more than any run that a person looks at, and no memory to speak of.
const MOST_CHOICES: usize = 1 << 24;

/// The choices of a run. Whatever comes after the last of them is zero: "go on as you are".
///
/// As a text it lists the choices that are not zero, each with its place:
///
/// ```
/// use kcoro_sim::Schedule;
///
/// let schedule: Schedule = "2:1,5:3".parse()?;
/// assert_eq!(schedule.choices().collect::<Vec<_>>(), [0, 0, 1, 0, 0, 3]);
/// assert_eq!(schedule.to_string(), "2:1,5:3");
/// assert_eq!(Schedule::default().to_string(), "plain");
/// # Ok::<(), kcoro_sim::ScheduleError>(())
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Schedule {
    /// The last is not zero, so that equal schedules have equal choices.
    choices: Box<[u32]>,
}

impl Schedule {
    /// How many choices there are, up to the last that is not zero.
    pub fn len(&self) -> usize {
        self.choices.len()
    }

    /// Whether there are none, so that all goes on as it is.
    pub fn is_empty(&self) -> bool {
        self.choices.is_empty()
    }

    /// The choices, in the order in which they are drawn.
    pub fn choices(&self) -> impl ExactSizeIterator<Item = usize> {
        self.choices.iter().map(|choice| *choice as usize)
    }

    /// How many choices are other than "go on as you are".
    pub fn deviations(&self) -> usize {
        self.choices.iter().filter(|choice| **choice != 0).count()
    }

    pub(crate) fn choice(&self, nth: usize) -> usize {
        self.choices.get(nth).map_or(0, |choice| *choice as usize)
    }

    /// The first `len` choices, without zeros at the end.
    pub(crate) fn prefix(&self, len: usize) -> Self {
        Self::trimmed(&self.choices[..len.min(self.len())])
    }

    /// All choices but those of `part`; what follows it moves forward.
    pub(crate) fn without(&self, part: Range<usize>) -> Self {
        Self::trimmed(&[&self.choices[..part.start], &self.choices[part.end..]].concat())
    }

    /// The same with zeros in `part`.
    pub(crate) fn with_zeros(&self, part: Range<usize>) -> Self {
        let mut choices = self.choices.clone();
        choices[part].fill(0);
        Self::trimmed(&choices)
    }

    /// What makes one schedule simpler than another: first its length, then how often it does not "go on".
    pub(crate) fn cost(&self) -> (usize, usize) {
        (self.len(), self.deviations())
    }

    fn trimmed(choices: &[u32]) -> Self {
        let len = choices.iter().rposition(|choice| *choice != 0).map_or(0, |last| last + 1);
        Self { choices: choices[..len].into() }
    }
}

impl FromIterator<usize> for Schedule {
    fn from_iter<I: IntoIterator<Item = usize>>(choices: I) -> Self {
        let choices: Vec<_> = choices.into_iter().map(|choice| u32::try_from(choice).unwrap_or(u32::MAX)).collect();
        Self::trimmed(&choices)
    }
}

impl fmt::Display for Schedule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut deviations = self.choices().enumerate().filter(|(_, choice)| *choice != 0);
        match deviations.next() {
            None => f.write_str(PLAIN),
            Some((place, choice)) => {
                write!(f, "{place}:{choice}")?;
                deviations.try_for_each(|(place, choice)| write!(f, ",{place}:{choice}"))
            }
        }
    }
}

/// A text that is no schedule: what is wrong with it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ScheduleError(String);

impl fmt::Display for ScheduleError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for ScheduleError {}

impl FromStr for Schedule {
    type Err = ScheduleError;

    fn from_str(text: &str) -> Result<Self, ScheduleError> {
        let mut choices = Vec::new();
        if text.trim() != PLAIN {
            for part in text.split(',') {
                append(&mut choices, part.trim()).map_err(|why| ScheduleError(format!("`{part}` {why}")))?;
            }
        }
        Ok(Self::trimmed(&choices))
    }
}

/// Appends the deviation that `text` stands for, and the zeros before it.
fn append(choices: &mut Vec<u32>, text: &str) -> Result<(), &'static str> {
    let numbers = text.split_once(':').and_then(|(place, choice)| Some((place.parse().ok()?, choice.parse().ok()?)));
    let (place, choice): (usize, u32) = numbers.ok_or("is not a place and a choice, such as 12:1")?;
    if place < choices.len() {
        return Err("comes after a later place");
    }
    if place >= MOST_CHOICES {
        return Err("is further on than any run that was recorded");
    }
    choices.resize(place, 0);
    choices.push(choice);
    Ok(())
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

#[cfg(test)]
mod tests {
    use super::Schedule;

    #[test]
    fn a_schedule_survives_being_written_and_read() {
        for choices in [&[][..], &[1], &[0, 0, 7], &[3, 0, 0, 1, 2]] {
            let schedule: Schedule = choices.iter().copied().collect();
            assert_eq!(schedule.to_string().parse(), Ok(schedule));
        }
    }

    #[test]
    fn what_is_no_schedule_is_named() {
        let wrong =
            ["", "7", "1:", ":1", "1:1,", "1:1;2:1", "a:b", "-1:1", "5:1,5:2", "5:1,4:1", "1:4294967296", "99999999:1"];
        for text in wrong {
            let refusal = text.parse::<Schedule>().unwrap_err().to_string();
            let part = text.split(',').next_back().unwrap_or_default();
            assert!(refusal.starts_with(&format!("`{part}` ")), "{refusal}");
        }
    }

    #[test]
    fn parts_can_be_cut_left_out_and_set_to_zero() {
        let schedule: Schedule = [1, 2, 0, 3].into_iter().collect();
        let choices = |schedule: Schedule| schedule.choices().collect::<Vec<_>>();
        assert_eq!(Schedule::from_iter([1, 2, 0, 3, 0]), schedule);
        assert_eq!("0:1,1:2,3:3,4:0".parse(), Ok(schedule.clone()));
        assert_eq!(choices(schedule.prefix(3)), [1, 2]);
        assert_eq!(choices(schedule.without(0..2)), [0, 3]);
        assert_eq!(choices(schedule.with_zeros(2..4)), [1, 2]);
    }
}
