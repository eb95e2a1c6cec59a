// SPDX-License-Identifier: BSD-3-Clause
//! Small random programs whose operations are recorded: in the simulator, where a seed decides their schedule, too, and on
//! real workers and threads.

pub mod channel;
pub mod join;
pub mod lock;
pub mod permits;

use std::ops::Range;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use kcoro_sim::Sim;
use kcoro_sim::channel::{Receiver, RecvTimeoutError, bounded};
use kcoro_sim::sched::{Builder, JoinError, JoinHandle, TryJoinError, yield_now};

use super::{Checker, History, Model, Problem};
use crate::LONG;
use crate::seeds::{number, share};

/// How many workers are simulated. One alone has nobody to lose its turn to.
const SIMULATED_WORKERS: &[usize] = if cfg!(kcoro_interleave) { &[2, 3] } else { &[1, 2, 3] };

/// Where a program runs.
#[derive(Clone, Copy, Debug)]
pub struct Setting {
    /// Decides the program.
    pub seed: u64,
    /// The workers of the runtime that it is called in.
    pub workers: usize,
    /// Who the processes are.
    pub processes: Processes,
    /// How long a step of who disturbs the others (cancels, closes) waits at most.
    pub pace: Duration,
}

/// What the processes of a program are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Processes {
    /// Coroutines, spread over the workers.
    Coroutines,
    /// Every other one is a plain thread.
    CoroutinesAndThreads,
}

impl Setting {
    /// In the simulator.
    pub fn simulated(seed: u64, workers: usize) -> Self {
        Self { seed, workers, processes: Processes::Coroutines, pace: Duration::from_micros(8) }
    }

    /// On a runtime with real workers.
    pub fn real(seed: u64, workers: usize, processes: Processes) -> Self {
        Self { seed, workers, processes, pace: Duration::from_micros(60) }
    }
}

/// A process that was started.
pub(super) enum Started {
    Coroutine(JoinHandle<()>),
    /// The channel is closed when the thread has ended: who waits for that is a coroutine, and must not block its worker.
    Thread(std::thread::JoinHandle<()>, Receiver<()>),
}

impl Started {
    /// Starts the `nth` process of a program.
    fn new(setting: &Setting, nth: usize, body: impl FnOnce() + Send + 'static) -> Self {
        if setting.processes == Processes::CoroutinesAndThreads && nth % 2 == 1 {
            let (running, ended) = bounded(1);
            let body = || {
                let _running = running;
                body();
            };
            return Self::Thread(std::thread::spawn(body), ended);
        }
        let builder = Builder::new().name("process").worker(nth % setting.workers);
        Self::Coroutine(builder.spawn(body).expect("a coroutine"))
    }

    fn cancel(&self) {
        if let Self::Coroutine(handle) = self {
            handle.cancel();
        }
    }

    fn is_coroutine(&self) -> bool {
        matches!(self, Self::Coroutine(_))
    }

    fn join(self) {
        match self {
            // Longer than any program takes: a process that hangs becomes a failure here.
            Self::Coroutine(mut handle) => match handle.join_timeout(LONG) {
                // Cancelled before its first run, it has done nothing.
                Ok(()) | Err(TryJoinError::Failed(JoinError::Cancelled)) => {}
                Err(why) => panic!("an operation did not return: {why}"),
            },
            Self::Thread(thread, ended) => {
                assert_eq!(ended.recv_timeout(LONG), Err(RecvTimeoutError::Closed), "every operation returns");
                thread.join().expect("a process that does not panic");
            }
        }
    }
}

/// Lets all go at once, so that they overlap. Who has waited for long goes alone: the others have no processor now.
#[derive(Clone)]
pub(super) struct StartLine(Arc<AtomicUsize>);

impl StartLine {
    fn new(processes: usize) -> Self {
        Self(Arc::new(AtomicUsize::new(processes)))
    }

    fn wait(&self) {
        self.0.fetch_sub(1, Ordering::SeqCst);
        const PATIENCE: usize = 300;
        let turns = (0..PATIENCE).take_while(|_| self.0.load(Ordering::SeqCst) > 0);
        turns.for_each(|_| yield_now());
    }
}

/// How many seeds or histories there are for each object in all: the variable `KCORO_LINEAR_SEEDS` if it is set.
///
/// # Panics
///
/// When the variable is no number.
pub fn count(default: u64) -> u64 {
    number("KCORO_LINEAR_SEEDS").unwrap_or(default)
}

/// A seed whose history a model does not allow.
#[derive(Debug)]
pub struct Finding<M: Model> {
    /// The seed.
    pub seed: u64,
    /// How many workers were simulated.
    pub workers: usize,
    /// What is wrong.
    pub problem: Problem<M>,
}

/// Runs `program` in the simulator under each seed, with this many workers, and checks what it records.
///
/// # Errors
///
/// The first seed whose history is not allowed.
///
/// # Panics
///
/// When a run does not end: the message says why.
pub fn simulate<M: Model>(
    model: &M,
    seeds: Range<u64>,
    workers: usize,
    program: impl Fn(Setting) -> History<M::Call, M::Return> + Copy + Send + 'static,
) -> Result<(), Finding<M>> {
    let sim = Sim::new().workers(workers);
    for seed in seeds {
        let run = sim.run(seed, move || program(Setting::simulated(seed, workers)));
        let history = run.unwrap_or_else(|failure| panic!("{workers} workers, {failure}")).value;
        let checked = Checker::new(model).check(&history);
        checked.map_err(|problem| Finding { seed, workers, problem })?;
    }
    Ok(())
}

/// As [`simulate`], with so many seeds in all, dealt out to several numbers of workers; each history must be allowed.
/// `KCORO_SEED=n` runs that seed only, with each number of workers.
///
/// # Panics
///
/// At the first seed whose history is not, with its timeline.
#[track_caller]
pub fn check_simulated<M: Model>(
    model: &M,
    default_seeds: u64,
    program: impl Fn(Setting) -> History<M::Call, M::Return> + Copy + Send + 'static,
) {
    let all = 0..count(default_seeds);
    for (nth, &workers) in SIMULATED_WORKERS.iter().enumerate() {
        let seeds =
            number("KCORO_SEED").map_or_else(|| share(&all, nth, SIMULATED_WORKERS.len()), |seed| seed..seed + 1);
        if let Err(Finding { seed, workers, problem }) = simulate(model, seeds, workers, program) {
            panic!("{problem}\n{workers} workers; replay it with KCORO_SEED={seed}");
        }
    }
}

/// Runs `program` on real workers this many times, and checks each history.
///
/// # Panics
///
/// At the first history that is not allowed, with its timeline.
#[track_caller]
pub fn check_real<M: Model>(
    model: &M,
    histories: u64,
    processes: Processes,
    program: impl Fn(Setting) -> History<M::Call, M::Return> + Copy + Send + 'static,
) {
    const WORKERS: usize = 3;
    let runtime = crate::runtime(WORKERS);
    for seed in 0..histories {
        let setting = Setting::real(seed, WORKERS, processes);
        let history = runtime.run(move || program(setting)).expect("a program that does not panic");
        if let Err(problem) = Checker::new(model).check(&history) {
            panic!("{problem}\nin the program of seed {seed}; its schedule was not recorded");
        }
    }
    crate::end(runtime);
}
