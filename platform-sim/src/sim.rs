// SPDX-License-Identifier: BSD-3-Clause
//! [`Sim`]: the settings of simulated runs, and single ones.

use std::panic::Location;
use std::time::Duration;

use crate::dice::Dice;
use crate::failure::Failure;
use crate::real::{Allowed, Real};
use crate::run::{Outcome, run_once};
use crate::schedule::{Replay, Schedule};
use crate::shrink::Budget;
use crate::strategy::Strategy;
use crate::traced::Traced;
use crate::world::Laws;

/// The settings of simulated runs.
///
/// ```
/// use std::time::{Duration, Instant};
/// use kcoro_sim::Sim;
/// use kcoro_sim::time::sleep;
///
/// let before = Instant::now();
/// let outcome = Sim::new().run(0, || sleep(Duration::from_secs(3600))).unwrap();
/// assert_eq!(outcome.virtual_time.as_secs(), 3600);
/// assert!(before.elapsed() < Duration::from_secs(60));
/// ```
#[derive(Clone, Debug)]
pub struct Sim {
    pub(crate) laws: Laws,
    pub(crate) strategy: Strategy,
    pub(crate) shrinking: Budget,
    traced: Traced,
}

impl Sim {
    /// Two workers, at most a million steps, and steps that take no time.
    pub fn new() -> Self {
        Self {
            laws: Laws {
                workers: 2,
                step_limit: 1_000_000,
                step_cost_ns: 0,
                limit: None,
                early_jump_one_in: 0,
                turn_time: Duration::from_secs(60),
                allowed: Allowed::NOTHING,
            },
            strategy: Strategy::Random,
            shrinking: Budget { runs: 1000, time: Duration::from_secs(5) },
            traced: Traced::nobody(),
        }
    }

    /// How many workers are simulated. Coroutines of one worker can interleave, too; more workers add stealing, and wakes
    /// from one to the other.
    pub fn workers(mut self, workers: usize) -> Self {
        self.laws.workers = workers;
        self
    }

    /// How many coroutines may be alive at once, the one of the body included. Default: no limit.
    ///
    /// One more is needed at the end, to shut the runtime down: a body that leaves so many behind fails as
    /// [`FailureKind::Spawn`](crate::FailureKind::Spawn).
    pub fn limit(mut self, coroutines: usize) -> Self {
        self.laws.limit = Some(coroutines);
        self
    }

    /// How many turns are given to workers before the run counts as a livelock. Where workers lose turns inside of
    /// operations, one turn may pass as many points, and all together fifty times as many.
    pub fn step_limit(mut self, steps: u64) -> Self {
        self.laws.step_limit = steps;
        self
    }

    /// How much virtual time one turn of a worker takes: for bodies that look at the clock until it has moved. Default:
    /// none, so that time moves only while everything waits.
    pub fn step_cost(mut self, cost: Duration) -> Self {
        self.laws.step_cost_ns = u64::try_from(cost.as_nanos()).unwrap_or(u64::MAX);
        self
    }

    /// Lets the clock jump to the next deadline about once in so many turns, although some worker could go on: so deadlines
    /// race with work that is ready, as on a busy machine. Default: 0, never. Then time passes only while all wait, and
    /// a test can tell how late it is.
    pub fn early_jumps(mut self, one_in: u32) -> Self {
        self.laws.early_jump_one_in = one_in;
        self
    }

    /// How much real time a coroutine may take from one suspension to the next. One that takes more loops for ever, or
    /// blocks the thread: it is named, and the process is aborted, because nothing else ends it. Default: a minute, which
    /// a debugger may exceed; `Duration::MAX` turns it off.
    pub fn turn_time(mut self, limit: Duration) -> Self {
        self.laws.turn_time = limit;
        self
    }

    /// Lets coroutines touch something real, which otherwise makes a run [fail](crate::FailureKind::Real). Call it once for
    /// each kind. The run then replays only as far as the answers of the real world are the same.
    ///
    /// ```
    /// use kcoro_sim::{Real, Sim};
    ///
    /// let license = || std::fs::read_to_string("../LICENSE").unwrap().lines().count();
    /// assert!(Sim::new().run(0, license).is_err());
    /// assert!(Sim::new().allow_real(Real::File).run(0, license).is_ok());
    /// ```
    pub fn allow_real(mut self, real: Real) -> Self {
        self.laws.allowed = self.laws.allowed.with(real);
        self
    }

    /// How seeds become schedules. Default: [`Strategy::Random`].
    pub fn strategy(mut self, strategy: Strategy) -> Self {
        self.strategy = strategy;
        self
    }

    /// How many runs [`Sim::check`] makes at most to find a shorter schedule for a failure. Default: 1000; none with zero.
    pub fn shrink_runs(mut self, runs: u32) -> Self {
        self.shrinking.runs = runs;
        self
    }

    /// How much real time [`Sim::check`] takes to find a shorter schedule for a failure; the run that goes on then is not
    /// broken off. Default: five seconds.
    pub fn shrink_time(mut self, time: Duration) -> Self {
        self.shrinking.time = time;
        self
    }

    /// Who is told of each event of [`Sim::run`] and [`Sim::replay`]. The schedule does not change by it.
    #[cfg(feature = "trace")]
    pub fn trace(mut self, subscriber: std::sync::Arc<dyn kcoro_core::trace::Subscriber>) -> Self {
        self.traced = Traced(Some(subscriber));
        self
    }

    /// Runs `body` in a coroutine of a simulated runtime, scheduled by `seed`. When it has returned, coroutines that are
    /// left are cancelled, as when a [`Runtime`](crate::sched::Runtime) is dropped, and the run ends with the last of them.
    ///
    /// Overflows of stacks are reported by name, for which handlers of SIGSEGV and SIGBUS are installed, once in a process;
    /// see [`kcoro_posix::report_overflow_here`].
    ///
    /// # Errors
    ///
    /// See [`FailureKind`](crate::FailureKind). After a deadlock or at the step limit, what has not ended is leaked: `body` and what it
    /// spawned never run again, and their values are not dropped.
    #[track_caller]
    pub fn run<F, T>(&self, seed: u64, body: F) -> Result<Outcome<T>, Failure>
    where
        F: FnOnce() -> T + Send + 'static,
        T: Send + 'static,
    {
        let ran = run_once(self.laws, self.dice(seed), &self.traced, Location::caller(), body);
        ran.result.map_err(|failure| Failure { seed: Some(seed), ..failure })
    }

    /// As [`Sim::run`], under the choices of `schedule` instead of a seed's.
    ///
    /// # Errors
    ///
    /// As [`Sim::run`].
    #[track_caller]
    pub fn replay<F, T>(&self, schedule: &Schedule, body: F) -> Result<Outcome<T>, Failure>
    where
        F: FnOnce() -> T + Send + 'static,
        T: Send + 'static,
    {
        run_once(self.laws, Dice::new(Replay::new(schedule.clone())), &self.traced, Location::caller(), body).result
    }
}

impl Sim {
    /// The dice of a seed.
    pub(crate) fn dice(&self, seed: u64) -> Dice {
        self.strategy.dice(seed, self.laws.workers)
    }
}

impl Default for Sim {
    fn default() -> Self {
        Self::new()
    }
}
