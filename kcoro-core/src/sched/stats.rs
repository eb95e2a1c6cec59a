// SPDX-License-Identifier: BSD-3-Clause
//! Counters: one set per worker, written by its owner with plain loads and stores, read by anyone.

use crate::primitive::atomic::{AtomicU64, Ordering};

/// A counter that one thread writes.
pub(super) struct Counter(AtomicU64);

impl Counter {
    const fn new() -> Self {
        Self(AtomicU64::new(0))
    }

    /// Counts one. Only the owner calls this, so no read-modify-write is needed.
    #[inline(always)]
    pub(super) fn bump(&self) {
        self.add(1);
    }

    #[inline(always)]
    pub(super) fn add(&self, n: u64) {
        // Release: whoever adds up the counters to see whether all have ended sees what the ended ones did, too.
        self.0.store(self.0.load(Ordering::Relaxed).wrapping_add(n), Ordering::Release);
    }

    pub(super) fn get(&self) -> u64 {
        self.0.load(Ordering::Acquire)
    }
}

/// See the [module](self).
pub(super) struct Counters {
    pub(super) spawned: Counter,
    pub(super) started: Counter,
    pub(super) ended: Counter,
    pub(super) switches: Counter,
    pub(super) parks: Counter,
    pub(super) yields: Counter,
    pub(super) steals: Counter,
    pub(super) sleeps: Counter,
}

impl Counters {
    pub(super) const fn new() -> Self {
        Self {
            spawned: Counter::new(),
            started: Counter::new(),
            ended: Counter::new(),
            switches: Counter::new(),
            parks: Counter::new(),
            yields: Counter::new(),
            steals: Counter::new(),
            sleeps: Counter::new(),
        }
    }
}

/// What a runtime has done since it was built.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Stats {
    /// Coroutines spawned.
    pub spawned: u64,
    /// Coroutines that have run for the first time.
    pub started: u64,
    /// Coroutines that have ended, those dropped before their first run included.
    pub ended: u64,
    /// Switches into a coroutine.
    pub switches: u64,
    /// Suspensions that waited for an event.
    pub parks: u64,
    /// Suspensions that only let others run.
    pub yields: u64,
    /// Coroutines taken from another worker's queue.
    pub steals: u64,
    /// How often a worker went to sleep.
    pub sleeps: u64,
}

impl Stats {
    pub(super) fn add(&mut self, counters: &Counters) {
        self.spawned += counters.spawned.get();
        self.started += counters.started.get();
        self.ended += counters.ended.get();
        self.switches += counters.switches.get();
        self.parks += counters.parks.get();
        self.yields += counters.yields.get();
        self.steals += counters.steals.get();
        self.sleeps += counters.sleeps.get();
    }
}
