// SPDX-License-Identifier: BSD-3-Clause
//! `KCORO_SEED` and `KCORO_SCHEDULE`: the one run to make instead of many.

use std::env::{self, VarError};

use crate::schedule::Schedule;

/// Names the seed to run.
pub(crate) const SEED: &str = "KCORO_SEED";
/// Holds the schedule to run.
pub(crate) const SCHEDULE: &str = "KCORO_SCHEDULE";

/// The run that the environment asks for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Requested {
    Seed(u64),
    Schedule(Schedule),
}

/// The run that the environment asks for, if it does.
///
/// # Errors
///
/// What is wrong with the variables.
pub(crate) fn requested() -> Result<Option<Requested>, String> {
    choose(variable(SEED)?.as_deref(), variable(SCHEDULE)?.as_deref())
}

fn variable(name: &str) -> Result<Option<String>, String> {
    match env::var(name) {
        Ok(text) => Ok(Some(text)),
        Err(VarError::NotPresent) => Ok(None),
        Err(VarError::NotUnicode(text)) => Err(format!("{name} is `{}`, which is not a text", text.to_string_lossy())),
    }
}

fn choose(seed: Option<&str>, schedule: Option<&str>) -> Result<Option<Requested>, String> {
    match (seed, schedule) {
        (None, None) => Ok(None),
        (Some(seed), None) => seed_of(seed).map(Some),
        (None, Some(schedule)) => schedule_of(schedule).map(Some),
        (Some(_), Some(_)) => Err(format!("both {SEED} and {SCHEDULE} are set: a run has one of them")),
    }
}

fn seed_of(text: &str) -> Result<Requested, String> {
    let refusal = |_| format!("{SEED} is `{text}`, which is not a seed: a whole number from 0 to {}", u64::MAX);
    text.trim().parse().map(Requested::Seed).map_err(refusal)
}

fn schedule_of(text: &str) -> Result<Requested, String> {
    let refusal = |why| format!("{SCHEDULE} is `{text}`, which is not a schedule: {why}");
    text.trim().parse().map(Requested::Schedule).map_err(refusal)
}

#[cfg(test)]
mod tests {
    use super::{Requested, choose};

    #[test]
    fn a_seed_is_a_whole_number_and_anything_else_is_named() {
        assert_eq!(choose(Some("17"), None), Ok(Some(Requested::Seed(17))));
        assert_eq!(choose(Some(" 18446744073709551615\n"), None), Ok(Some(Requested::Seed(u64::MAX))));
        for wrong in ["", "-1", "1.5", "0x10", "seed", "18446744073709551616"] {
            let refusal = choose(Some(wrong), None).unwrap_err();
            assert!(refusal.contains("KCORO_SEED") && refusal.contains(&format!("`{wrong}`")), "{refusal}");
        }
    }

    #[test]
    fn a_schedule_is_a_list_of_choices_and_anything_else_is_named() {
        let schedule = [0, 2].into_iter().collect();
        assert_eq!(choose(None, Some(" 1:2\n")), Ok(Some(Requested::Schedule(schedule))));
        for wrong in ["", "17", "1:2,x"] {
            let refusal = choose(None, Some(wrong)).unwrap_err();
            assert!(refusal.contains("KCORO_SCHEDULE") && refusal.contains(&format!("`{wrong}`")), "{refusal}");
        }
    }

    #[test]
    fn a_seed_and_a_schedule_are_one_too_many() {
        assert!(choose(Some("1"), Some("1:1")).unwrap_err().contains("both"));
    }
}
