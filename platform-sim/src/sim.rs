// SPDX-License-Identifier: BSD-3-Clause
//! [`Sim`]: runs a body under a seed, or under many.
#![expect(unsafe_code, reason = "asks whether the caller is in a runtime")]

use std::mem;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use kcoro_core::platform::ambient::{self, WorkerContext};
use kcoro_core::sched::{Handle, Runtime, UnobservedPanic};

use crate::backend::Backend;
use crate::failure::{Failure, FailureKind};
use crate::replay;
use crate::world::{Laws, START_NS, Stuck, World};

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
    laws: Laws,
    limit: Option<usize>,
}

/// A run that came to its end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Outcome<T> {
    /// What the body returned.
    pub value: T,
    /// The hash of every scheduling decision: of two runs with the same hash it can be said that they took the same way.
    pub trace_hash: u64,
    /// How many turns were given to workers.
    pub steps: u64,
    /// How much virtual time has passed.
    pub virtual_time: Duration,
}

impl Sim {
    /// Two workers, at most a million steps, and steps that take no time.
    pub fn new() -> Self {
        Self { laws: Laws { workers: 2, step_limit: 1_000_000, step_cost_ns: 0 }, limit: None }
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
    /// [`FailureKind::Spawn`].
    pub fn limit(mut self, coroutines: usize) -> Self {
        self.limit = Some(coroutines);
        self
    }

    /// How many turns are given to workers before the run counts as a livelock.
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

    /// Runs `body` in a coroutine of a simulated runtime, scheduled by `seed`. When it has returned, coroutines that are
    /// left are cancelled, as when a [`Runtime`] is dropped, and the run ends with the last of them.
    ///
    /// Overflows of stacks are reported by name, for which handlers of SIGSEGV and SIGBUS are installed, once in a process;
    /// see [`kcoro_posix::report_overflow_here`].
    ///
    /// # Errors
    ///
    /// See [`FailureKind`]. After a deadlock or at the step limit, what has not ended is leaked: `body` and what it
    /// spawned never run again, and their values are not dropped.
    #[track_caller]
    pub fn run<F, T>(&self, seed: u64, body: F) -> Result<Outcome<T>, Failure>
    where
        F: FnOnce() -> T + Send + 'static,
        T: Send + 'static,
    {
        let world = World::new(seed, self.laws);
        let result = self.run_in(&world, body);
        let (trace_hash, steps) = (world.trace_hash(), world.steps());
        let virtual_time = Duration::from_nanos(world.now_ns() - START_NS);
        match result {
            Ok(value) => Ok(Outcome { value, trace_hash, steps, virtual_time }),
            Err(kind) => Err(Failure { seed, steps, virtual_time, trace_hash, kind }),
        }
    }

    #[track_caller]
    fn run_in<F, T>(&self, world: &Arc<World>, body: F) -> Result<T, FailureKind>
    where
        F: FnOnce() -> T + Send + 'static,
        T: Send + 'static,
    {
        refuse_inside_runtime()?;
        // Without it, an overflow is a plain SIGSEGV: no reason not to run.
        let _ = kcoro_posix::report_overflow_here();
        let panics = Arc::new(Mutex::new(None));
        let builder = Runtime::builder(Backend(world.clone()))
            .name("sim")
            .workers(self.laws.workers)
            .on_unobserved_panic(first_into(panics.clone()));
        let builder = match self.limit {
            Some(limit) => builder.limit(limit),
            None => builder,
        };
        let runtime = builder.build().map_err(FailureKind::Build)?;
        let handle = runtime.handle().clone();
        let root = handle.builder().name("root").spawn(body).map_err(FailureKind::Spawn)?;
        if let Err(stuck) = world.drive(|| root.is_finished()) {
            // Dropping it would wait, in real time, for what is stuck.
            mem::forget(runtime);
            return Err(self.explain(stuck, &handle));
        }
        let ended = self.end(world, runtime);
        // It has ended: nothing waits here.
        let value = root.join().map_err(FailureKind::Body)?;
        match panics.lock().unwrap_or_else(PoisonError::into_inner).take() {
            Some(panic) => Err(FailureKind::Unobserved(panic)),
            None => ended.map(|()| value),
        }
    }

    /// Shuts the runtime down from inside, which does not block, and gives turns until its workers have ended.
    fn end(&self, world: &World, runtime: Runtime) -> Result<(), FailureKind> {
        let handle = runtime.handle().clone();
        let shutdown = move || _ = runtime.shutdown(Duration::ZERO);
        handle.builder().name("shutdown").without_waiting().spawn(shutdown).map_err(FailureKind::Spawn)?.detach();
        world.drive(|| world.all_ended()).map_err(|stuck| self.explain(stuck, &handle))
    }

    /// Who is left, in the order of their numbers.
    fn explain(&self, stuck: Stuck, handle: &Handle) -> FailureKind {
        let mut unfinished = handle.unfinished();
        unfinished.abandoned.sort_by_key(|one| one.id);
        match stuck {
            Stuck::Deadlock => FailureKind::Deadlock(unfinished),
            Stuck::StepLimit => FailureKind::StepLimit { limit: self.laws.step_limit, unfinished },
        }
    }

    /// Runs `body` once for each of `seeds`, or for the seed in the environment variable `KCORO_SEED` only.
    ///
    /// # Panics
    ///
    /// At the first seed that fails; the message says why, and how to replay it. Panics when `KCORO_SEED` is no number.
    #[track_caller]
    pub fn check<F>(&self, seeds: impl IntoIterator<Item = u64>, body: F)
    where
        F: Fn() + Send + Sync + 'static,
    {
        let body = Arc::new(body);
        // Loops and no closures: only so the location of the caller is passed on, which is where the body is spawned.
        match replay::requested_seed() {
            Ok(Some(seed)) => self.check_one(seed, &body),
            Ok(None) => {
                for seed in seeds {
                    self.check_one(seed, &body);
                }
            }
            Err(why) => panic!("{why}"),
        }
    }

    #[track_caller]
    fn check_one<F>(&self, seed: u64, body: &Arc<F>)
    where
        F: Fn() + Send + Sync + 'static,
    {
        let body = body.clone();
        if let Err(failure) = self.run(seed, move || body()) {
            panic!("{failure}\nreplay it with {}={seed}", replay::VARIABLE);
        }
    }
}

impl Default for Sim {
    fn default() -> Self {
        Self::new()
    }
}

fn refuse_inside_runtime() -> Result<(), FailureKind> {
    // SAFETY: nothing runs between the two exchanges.
    let before = unsafe {
        let before = ambient::exchange(WorkerContext::OUTSIDE);
        ambient::exchange(before);
        before
    };
    if before == WorkerContext::OUTSIDE { Ok(()) } else { Err(FailureKind::InsideRuntime) }
}

/// A hook that keeps the first panic that it is told of.
fn first_into(first: Arc<Mutex<Option<String>>>) -> impl Fn(&UnobservedPanic<'_>) + Send + Sync {
    move |panic| {
        let name = panic.name.unwrap_or("unnamed");
        let message = format!("coroutine {} `{name}`, spawned at {}, panicked unobserved", panic.id, panic.spawn_site);
        first.lock().unwrap_or_else(PoisonError::into_inner).get_or_insert(message);
    }
}

#[cfg(test)]
mod tests {
    use super::{Sim, World};

    #[test]
    fn a_run_that_ended_leaves_nothing_behind() {
        let sim = Sim::new().workers(3);
        let body = || kcoro_core::sched::spawn(kcoro_core::sched::yield_now).unwrap().join().unwrap();
        for seed in 0..50 {
            let world = World::new(seed, sim.laws);
            sim.run_in(&world, body).unwrap();
            assert_eq!(std::sync::Arc::strong_count(&world), 1, "the workers and their runtime are gone");
        }
    }
}
