// SPDX-License-Identifier: BSD-3-Clause
//! [`Sim::check`]: runs a body under many seeds, and explains the first failure.

use std::fmt::Write as _;
use std::panic::Location;
use std::sync::Arc;

use crate::dice::Dice;
use crate::failure::{Failure, FailureKind};
use crate::quiet::quietly;
use crate::replay::{self, Requested, SCHEDULE, SEED};
use crate::run::{Ran, run_once};
use crate::schedule::{Replay, Schedule};
use crate::shrink::{self, Shortest};
use crate::sim::Sim;
use crate::traced::Traced;
use crate::world::Laws;

/// How many choices other than "go on" a schedule has at most that is printed.
const MOST_PRINTED: usize = 1000;

impl Sim {
    /// Runs `body` once for each of `seeds`; or only for the seed in the environment variable `KCORO_SEED`, or for the
    /// schedule in `KCORO_SCHEDULE`.
    ///
    /// When a run fails, others are made under parts of its choices, to find a shorter schedule that fails in the same
    /// way: see [`Sim::shrink_runs`]. Panics in these runs are not reported, for which a hook is put before the process's
    /// panic hook, once.
    ///
    /// # Panics
    ///
    /// At the first seed that fails; the message says why, and how to replay it. Panics when a variable makes no sense.
    #[track_caller]
    pub fn check<F>(&self, seeds: impl IntoIterator<Item = u64>, body: F)
    where
        F: Fn() + Send + Sync + 'static,
    {
        let check = Check { sim: self, site: Location::caller(), body: Arc::new(body) };
        let checked = replay::requested().and_then(|requested| match requested {
            None => seeds.into_iter().try_for_each(|seed| check.seed(seed)),
            Some(Requested::Seed(seed)) => check.seed(seed),
            Some(Requested::Schedule(schedule)) => check.schedule(&schedule),
        });
        // Here and not in a closure, so that the panic names the caller's line.
        if let Err(message) = checked {
            panic!("{message}");
        }
    }
}

struct Check<'a, F> {
    sim: &'a Sim,
    site: &'static Location<'static>,
    body: Arc<F>,
}

impl<F> Check<'_, F>
where
    F: Fn() + Send + Sync + 'static,
{
    fn run(&self, laws: Laws, dice: Dice) -> Ran<()> {
        let body = self.body.clone();
        run_once(laws, dice, &Traced::nobody(), self.site, move || body())
    }

    fn seed(&self, seed: u64) -> Result<(), String> {
        let failure = match self.run(self.sim.laws, self.sim.dice(seed)).result {
            Ok(_) => return Ok(()),
            Err(failure) => Failure { seed: Some(seed), ..failure },
        };
        Err(format!("{failure}\nreplay it with {SEED}={seed}{}", self.more_about(&failure)))
    }

    fn schedule(&self, schedule: &Schedule) -> Result<(), String> {
        let Ran { result, drawn } = self.run(self.sim.laws, Dice::new(Replay::new(schedule.clone())));
        let misfit = match drawn.prefix(schedule.len()) == *schedule {
            true => "",
            false => {
                "\nthe schedule in KCORO_SCHEDULE does not fit: it is of another test, or the program has changed since"
            }
        };
        match result {
            Ok(_) if misfit.is_empty() => Ok(()),
            Ok(_) => Err(misfit.trim_start().to_owned()),
            Err(failure) => Err(format!("{failure}{misfit}\n{}", last_decisions(&failure))),
        }
    }

    /// A shorter schedule for the failure, if one is found, and its last decisions.
    fn more_about(&self, failure: &Failure) -> String {
        if !failure.kind.is_of_the_schedule() {
            return String::new();
        }
        if self.sim.shrinking.runs == 0 || self.sim.shrinking.time.is_zero() {
            return format!("{}\n{}", written(&failure.schedule, "its schedule"), last_decisions(failure));
        }
        match self.shrink(failure) {
            Some(Shortest { schedule, found, runs }) => {
                let what = format!("the shortest schedule found in {runs} runs that fails in the same way");
                format!("{}\n{}", written(&schedule, &what), last_decisions(&found))
            }
            None => format!(
                "\nbut it did not fail in this way again: what the body does depends on more than the schedule\n{}",
                last_decisions(failure)
            ),
        }
    }

    fn shrink(&self, failure: &Failure) -> Option<Shortest<Failure>> {
        let laws = Laws { step_limit: self.patience_with(failure), ..self.sim.laws };
        let fails_alike = |candidate: &Schedule| {
            let Ran { result, drawn } = self.run(laws, Dice::new(Replay::new(candidate.clone())));
            let found = result.err().filter(|found| found.kind.is_like(&failure.kind))?;
            Some((drawn, found))
        };
        quietly(|| shrink::shortest(failure.schedule.clone(), self.sim.shrinking, fails_alike))
    }

    /// How many steps a run is given to fail as `failure` did.
    fn patience_with(&self, failure: &Failure) -> u64 {
        let limit = self.sim.laws.step_limit;
        match failure.kind {
            FailureKind::StepLimit { .. } => limit,
            // A simpler schedule may need more steps, but hardly so many more.
            _ => failure.steps.saturating_mul(4).saturating_add(1000).min(limit),
        }
    }
}

fn written(schedule: &Schedule, what: &str) -> String {
    let (len, deviations) = (schedule.len(), schedule.deviations());
    let mut text = format!("\n{what} ({len} choices, {deviations} of them other than to go on)");
    let _ = match deviations {
        0..=MOST_PRINTED => write!(text, ":\n{SCHEDULE}={schedule}"),
        _ => write!(text, " is too long to be printed"),
    };
    text
}

fn last_decisions(failure: &Failure) -> String {
    format!("its last decisions (trace hash {:#018x}):\n{}", failure.trace_hash, failure.trail)
}
