// SPDX-License-Identifier: BSD-3-Clause
//! kcoro in a deterministic simulation: one seed decides the schedule, and time is virtual.
//!
//! [`check`] runs a test over many seeds. Each seed interleaves the coroutines of the test in another way, at each of
//! their suspensions; one that fails is named, and fails again in the same way whenever it is run:
//!
//! ```
//! use std::time::Duration;
//! use kcoro_sim::channel::bounded;
//! use kcoro_sim::sched::spawn;
//! use kcoro_sim::time::sleep;
//!
//! kcoro_sim::check(0..100, || {
//!     let (tx, rx) = bounded(1);
//!     let sender = spawn(move || {
//!         sleep(Duration::from_secs(3600)).unwrap(); // of virtual time, which passes at once
//!         tx.send("hello").unwrap();
//!     });
//!     assert_eq!(rx.recv(), Ok("hello"));
//!     sender.unwrap().join().unwrap();
//! });
//! ```
//!
//! [`Sim`] has the settings, and runs single seeds:
//!
//! ```
//! use kcoro_sim::{FailureKind, Sim};
//! use kcoro_sim::channel::rendezvous;
//!
//! let sim = Sim::new().workers(3);
//! let twice = [7, 7].map(|seed| sim.run(seed, || 6 * 7).unwrap());
//! assert_eq!(twice[0].value, 42);
//! assert_eq!(twice[0].trace_hash, twice[1].trace_hash);
//!
//! let failure = sim.run(7, || {
//!     let (_tx, rx) = rendezvous::<()>();
//!     rx.recv() // nobody will ever send, and the channel is not closed
//! });
//! assert!(matches!(failure.unwrap_err().kind, FailureKind::Deadlock(_)));
//! ```
//!
//! In a suite of tests, [`test`](macro@test) is the same as an attribute.
//!
//! # What is simulated
//!
//! The workers of the runtime run in turn, on the thread that called, each with queues and timers of its own. A worker
//! goes on until its coroutine suspends, or hands over by name; the seed then chooses the worker, and which of its ready
//! coroutines runs. When all wait, the clock jumps to the next deadline; with [`Sim::early_jumps`] now and then sooner,
//! so that timeouts race with work that is ready:
//!
//! ```
//! use std::time::Duration;
//! use kcoro_sim::Sim;
//! use kcoro_sim::channel::bounded;
//! use kcoro_sim::sched::{spawn, yield_now};
//!
//! let comes_in_time = || {
//!     let (tx, rx) = bounded(1);
//!     spawn(move || (yield_now(), tx.send(()))).unwrap().detach();
//!     rx.recv_timeout(Duration::from_secs(1)).is_ok()
//! };
//! let always = |sim: Sim| (0..100).all(|seed| sim.run(seed, comes_in_time).unwrap().value);
//! assert!(always(Sim::new()));
//! assert!(!always(Sim::new().early_jumps(10)));
//! ```
//!
//! If all wait and there is no deadline, that is a deadlock, and the run ends: a [`WaitGraph`] says who waits for what. A
//! run that takes more than [`Sim::step_limit`] turns ends, too.
//!
//! # What is not
//!
//! - The code between two suspensions runs as one: races between atomic operations are not found, unless everything is
//!   built with `RUSTFLAGS="--cfg kcoro_interleave"`. Then every operation of an atomic, a cell or a lock of the core is a
//!   point at which the seed may run another worker, and a test can add points of its own (`kcoro_sim::interleave`). In
//!   that build a test must not hold a lock of the standard library while it calls kcoro: another worker that wants
//!   the lock blocks the thread, which is the only one.
//! - Code that blocks the thread blocks the simulation, and a loop that never suspends never ends. A coroutine that takes
//!   longer than [`Sim::turn_time`] for that is named, and the process aborts.
//! - What a test touches beyond kcoro is not decided by the seed. A coroutine that reads a clock of the system, sleeps in
//!   real time, starts a thread, makes a socket or opens a file makes the run fail, and is named; [`Sim::allow_real`] lets
//!   it. (Not in a statically linked program, nor under Miri or a sanitizer.) What else a body depends on, as the iteration
//!   order of a `HashMap`, nothing sees as such; but a failure that does not come again is reported as one that
//!   depends on more than the schedule.
//! - The simulation waits for no other thread. A coroutine that only another thread would wake is a deadlock. If a thread
//!   wakes or spawns a coroutine of a simulation nevertheless, the process aborts and names the thread.
//! - Thread-locals are shared by all workers, because there is one thread.
//!
//! # Replaying
//!
//! When a seed fails, [`check`] looks for a short [`Schedule`] that fails in the same way, and shows its last decisions.
//! With the environment variable `KCORO_SEED` set, it runs that seed only; with `KCORO_SCHEDULE`, that schedule:
//!
//! ```text
//! seed 3, after 41 steps and 0ns of virtual time: the coroutine panicked: used before it was ready
//! replay it with KCORO_SEED=3
//! the shortest schedule found in 35 runs that fails in the same way (4 choices, 1 of them other than to go on):
//! KCORO_SCHEDULE=3:9
//! its last decisions (trace hash 0x589dc73c3f2e65e5):
//!   0ns: worker 0 runs coroutine 3 `root`
//!   0ns: worker 0 runs coroutine 28 `user`
//! ```
//!
//! A schedule replays from a program, too:
//!
//! ```
//! use kcoro_sim::{Schedule, Sim};
//! use kcoro_sim::sched::spawn;
//!
//! let order = || {
//!     let (tx, rx) = kcoro_sim::channel::bounded(2);
//!     for n in [1, 2] {
//!         let tx = tx.clone();
//!         spawn(move || tx.send(n).unwrap()).unwrap().detach();
//!     }
//!     assert_eq!(rx.recv(), Ok(1), "out of order");
//! };
//! let failure = (0..100).find_map(|seed| Sim::new().run(seed, order).err()).expect("a seed that turns them round");
//! let again = Sim::new().replay(&failure.schedule, order).unwrap_err();
//! assert_eq!(again.trace_hash, failure.trace_hash);
//! assert_eq!(failure.schedule.to_string().parse::<Schedule>()?, failure.schedule);
//! # Ok::<(), kcoro_sim::ScheduleError>(())
//! ```

#[doc(hidden)]
pub mod attribute;
mod backend;
mod check;
mod decisions;
mod dice;
#[cfg_attr(
    not(all(
        target_os = "linux",
        target_env = "gnu",
        not(any(target_feature = "crt-static", miri, kcoro_asan, kcoro_tsan))
    )),
    path = "no_entrances.rs"
)]
mod entrances;
mod failure;
mod graph;
mod owned;
mod pct;
#[cfg_attr(not(kcoro_interleave), path = "no_points.rs")]
mod points;
mod quiet;
mod random;
mod real;
mod replay;
mod run;
mod schedule;
mod seat;
mod shrink;
mod sim;
mod strategy;
mod traced;
mod trail;
mod turns;
mod watchdog;
mod world;

pub use kcoro_core::*;

/// Makes a function a test that runs in the simulator, once for each of many seeds: [`Sim::check`].
///
/// ```
/// use std::time::Duration;
/// use kcoro_sim::channel::{RecvError, bounded};
/// use kcoro_sim::sched::spawn;
///
/// #[kcoro_sim::test(seeds = 1000, workers = 3)]
/// fn what_was_sent_arrives() -> Result<(), RecvError> {
///     let (tx, rx) = bounded(1);
///     spawn(move || tx.send("hello")).unwrap().detach();
///     assert_eq!(rx.recv()?, "hello");
///     Ok(())
/// }
/// ```
///
/// `seeds` is a number, `1000` for the seeds from 0 to 999, or a range; 100 if it is left out. All other settings are
/// named for the methods of [`Sim`] that they call: `workers`, `step_limit`, `step_cost`,
/// `limit`, `early_jumps`, `turn_time`, `strategy`, `shrink_runs`, `shrink_time`,
/// `allow_real`.
///
/// The function takes no arguments and returns nothing, or a `Result` whose error fails the test. Other attributes stay
/// in force, as `#[should_panic]`.
pub use kcoro_sim_macros::test;

pub use failure::{Culprit, Failure, FailureKind, Touched};
pub use graph::WaitGraph;
pub use real::Real;
pub use run::Outcome;
pub use schedule::{Schedule, ScheduleError};
pub use sim::Sim;
pub use strategy::Strategy;
pub use trail::Trail;

/// Runs `body` once for each of `seeds`, with the settings of [`Sim::new`]; see [`Sim::check`].
///
/// # Panics
///
/// At the first seed that fails, naming it.
#[track_caller]
pub fn check<F>(seeds: impl IntoIterator<Item = u64>, body: F)
where
    F: Fn() + Send + Sync + 'static,
{
    Sim::new().check(seeds, body);
}

/// Runs the README's examples, which use both platforms.
#[cfg(doctest)]
#[doc = include_str!("../../README.md")]
struct Readme;
