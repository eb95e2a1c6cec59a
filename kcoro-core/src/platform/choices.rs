// SPDX-License-Identifier: BSD-3-Clause
//! Scheduling choices that the platform makes: what a simulator needs to decide a schedule by a seed.

use core::panic::Location;

/// Makes the scheduling choices of a runtime in place of its workers.
///
/// With a platform that gives one of these, each worker returns to its base loop at every switch that is not a hand-over
/// by name, asks which of its ready coroutines goes on, and keeps no clock of its own (the memory of idle stacks is not
/// given back by time). All its choices together then decide the schedule: the core adds none that depends on addresses
/// or on the real time.
pub trait Choices {
    /// Worker `worker`, the calling one, is at its base loop: no coroutine of it runs, and it holds no lock. Its next timer
    /// is due at `deadline_ns`.
    ///
    /// The call MAY run other workers on the calling thread before it returns; then it MUST put the ambient worker
    /// pointer back, see [`ambient::exchange`](super::ambient::exchange).
    fn at_base(&self, worker: usize, deadline_ns: Option<u64>);

    /// Which of `options` things worker `worker` takes: a number below `options`, which is at least 2. An answer out of
    /// range counts as the last.
    fn choose(&self, worker: usize, options: usize) -> usize;

    /// The caller, which is no worker, makes a coroutine ready: a change that no choice decides.
    fn comes_from_outside(&self);

    /// Worker `worker` goes on with `coroutine`.
    fn runs(&self, worker: usize, coroutine: Running);
}

/// The coroutine that a worker goes on with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Running {
    /// Its number.
    pub id: u64,
    /// Its name, if it has one.
    pub name: Option<&'static str>,
    /// Where it was spawned.
    pub spawn_site: &'static Location<'static>,
}

impl Running {
    pub(crate) fn new(id: u64, name: Option<&'static str>, spawn_site: &'static Location<'static>) -> Self {
        Self { id, name, spawn_site }
    }
}
