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
//! # What is simulated
//!
//! The workers of the runtime run in turn, on the thread that called, each with queues and timers of its own. A worker
//! goes on until its coroutine suspends; the seed then chooses the worker, and which of its ready coroutines runs. When
//! all wait, the clock jumps to the next deadline. If there is none, that is a deadlock, and the run ends. A run that
//! takes more than [`Sim::step_limit`] turns ends, too.
//!
//! # What is not
//!
//! - The code between two suspensions runs as one: races between atomic operations are not found.
//! - Code that blocks the thread blocks the simulation, and a loop that never suspends never ends. What a test touches
//!   beyond kcoro (the real clock, threads, files, the iteration order of a `HashMap`) is not decided by the seed: with
//!   it a seed may not replay.
//! - The simulation waits for no other thread. A coroutine that only another thread would wake is a deadlock, and if that
//!   thread wakes it nevertheless, the process aborts and says so.
//! - Thread-locals are shared by all workers, because there is one thread.
//!
//! # Replaying
//!
//! With the environment variable `KCORO_SEED` set, [`check`] runs that seed only.

#[doc(hidden)]
pub mod attribute;
mod backend;
mod check;
mod dice;
mod failure;
mod graph;
mod owned;
mod pct;
#[cfg_attr(not(kcoro_interleave), path = "no_points.rs")]
mod points;
mod quiet;
mod random;
mod replay;
mod run;
mod schedule;
mod seat;
mod shrink;
mod sim;
mod strategy;
mod trace;
mod trail;
mod turns;
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
/// named for the methods of [`Sim`] that they call: `workers`, `step_limit`, `step_cost`, `shrink_runs`, `shrink_time`.
///
/// The function takes no arguments and returns nothing, or a `Result` whose error fails the test. Other attributes stay
/// in force, as `#[should_panic]`.
pub use kcoro_sim_macros::test;

pub use failure::{Culprit, Failure, FailureKind};
pub use graph::WaitGraph;
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
