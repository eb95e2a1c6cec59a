// SPDX-License-Identifier: BSD-3-Clause
//! One run: a simulated runtime from its first step to its last.
#![expect(unsafe_code, reason = "asks whether the caller is in a runtime")]

use std::mem;
use std::panic::Location;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use kcoro_core::platform::ambient::{self, WorkerContext};
use kcoro_core::sched::{Handle, Runtime, UnobservedPanic};

use crate::backend::Backend;
use crate::dice::Dice;
use crate::failure::{Culprit, Failure, FailureKind};
use crate::graph::WaitGraph;
use crate::points::Registration;
use crate::real;
use crate::schedule::Schedule;
use crate::traced::Traced;
use crate::watchdog;
use crate::world::{Laws, Stuck, World};

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

/// A run that has ended in one way or the other.
pub(crate) struct Ran<T> {
    pub(crate) result: Result<Outcome<T>, Failure>,
    pub(crate) drawn: Schedule,
}

/// Runs `body` under these laws and dice, as a coroutine that was spawned at `site`. A failure knows no seed.
pub(crate) fn run_once<F, T>(
    laws: Laws,
    dice: Dice,
    traced: &Traced,
    site: &'static Location<'static>,
    body: F,
) -> Ran<T>
where
    F: FnOnce() -> T + Send + 'static,
    T: Send + 'static,
{
    real::prepare();
    let world = World::new(dice, laws);
    let result = refuse_inside_runtime().and_then(|()| {
        let _watched = watchdog::watch(world.watch.clone());
        run_in(&world, traced, site, body)
    });
    // However it ended: what it did with the real world's answer, another run may not do.
    let result = world.touched().map_or(result, |touched| Err(FailureKind::Real(touched)));
    let (trace_hash, steps, drawn) = (world.trace_hash(), world.steps(), world.drawn());
    let virtual_time = Duration::from_nanos(world.passed_ns());
    let result = match result {
        Ok(value) => Ok(Outcome { value, trace_hash, steps, virtual_time }),
        Err(kind) => {
            let (schedule, trail) = (drawn.clone(), world.trail());
            Err(Failure { seed: None, schedule, steps, virtual_time, trace_hash, kind, trail })
        }
    };
    Ran { result, drawn }
}

fn run_in<F, T>(
    world: &Arc<World>,
    traced: &Traced,
    site: &'static Location<'static>,
    body: F,
) -> Result<T, FailureKind>
where
    F: FnOnce() -> T + Send + 'static,
    T: Send + 'static,
{
    let _points = Registration::new(world);
    // Without it, an overflow is a plain SIGSEGV: no reason not to run.
    let _ = kcoro_posix::report_overflow_here();
    let panics = Arc::new(Mutex::new(None));
    let builder = traced
        .told_by(Runtime::builder(Backend(world.clone())))
        .name("sim")
        .workers(world.laws.workers)
        .on_unobserved_panic(first_into(panics.clone()));
    let builder = match world.laws.limit {
        Some(limit) => builder.limit(limit),
        None => builder,
    };
    let runtime = builder.build().map_err(FailureKind::Build)?;
    let handle = runtime.handle().clone();
    let root = handle.builder().name("root").spawn_site(site).spawn(body).map_err(FailureKind::Spawn)?;
    if let Err(stuck) = world.drive(|| root.is_finished()) {
        // Dropping the runtime would wait, in real time, for what is stuck; dropping the handle for a lock in it.
        mem::forget((runtime, root));
        return Err(explain(world, stuck, &handle));
    }
    let ended = end(world, runtime);
    // It has ended: nothing waits here.
    let value = root.join().map_err(FailureKind::Body)?;
    match panics.lock().unwrap_or_else(PoisonError::into_inner).take() {
        Some(culprit) => Err(FailureKind::Unobserved(culprit)),
        None => ended.map(|()| value),
    }
}

/// Shuts the runtime down from inside, which does not block, and gives turns until its workers have ended.
fn end(world: &World, runtime: Runtime) -> Result<(), FailureKind> {
    let handle = runtime.handle().clone();
    let shutdown = move || _ = runtime.shutdown(Duration::ZERO);
    handle.builder().name("shutdown").without_waiting().spawn(shutdown).map_err(FailureKind::Spawn)?.detach();
    world.drive(|| world.all_ended()).map_err(|stuck| explain(world, stuck, &handle))
}

/// Who is left, and why.
fn explain(world: &World, stuck: Stuck, handle: &Handle) -> FailureKind {
    let unfinished = || WaitGraph::new(handle.dump());
    match stuck {
        Stuck::Deadlock => FailureKind::Deadlock(unfinished()),
        Stuck::StepLimit => FailureKind::StepLimit { limit: world.laws.step_limit, unfinished: unfinished() },
        // Nothing more is asked of a runtime in which two workers are in one place.
        Stuck::Race(what) => FailureKind::DataRace(what),
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
fn first_into(first: Arc<Mutex<Option<Culprit>>>) -> impl Fn(&UnobservedPanic<'_>) + Send + Sync {
    move |panic| {
        let culprit = Culprit { id: panic.id, name: panic.name.map(str::to_owned), spawn_site: panic.spawn_site };
        first.lock().unwrap_or_else(PoisonError::into_inner).get_or_insert(culprit);
    }
}

#[cfg(test)]
mod tests {
    use std::panic::Location;
    use std::sync::Arc;

    use kcoro_core::sched::{spawn, yield_now};

    use super::{World, run_in};
    use crate::Sim;
    use crate::traced::Traced;

    #[test]
    fn a_run_that_ended_leaves_nothing_behind() {
        let sim = Sim::new().workers(3);
        for seed in 0..50 {
            let world = World::new(sim.dice(seed), sim.laws);
            run_in(&world, &Traced::nobody(), Location::caller(), || spawn(yield_now).unwrap().join().unwrap())
                .unwrap();
            assert_eq!(Arc::strong_count(&world), 1, "the workers and their runtime are gone");
        }
    }
}
