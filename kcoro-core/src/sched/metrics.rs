// SPDX-License-Identifier: BSD-3-Clause
//! A snapshot of what a runtime has done and has before it, worker by worker, and the difference of two.
//!
//! Everything is read from counters that the workers keep anyhow: a snapshot stops nobody.

use alloc::vec::Vec;
use core::time::Duration;

use super::runtime::Inner;
use super::stats::Stats;
use super::worker::Worker;

/// What a runtime has done since it was built, and how much waits to be run, see
/// [`Handle::metrics`](super::Handle::metrics).
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Metrics {
    /// All workers together, and what was spawned from outside.
    pub total: Stats,
    /// Each worker, by its index.
    pub workers: Vec<WorkerMetrics>,
    /// Coroutines that have been spawned and have not ended.
    pub live: u64,
    /// Coroutines in the runtime's queue, which any worker may take: spawned by plain threads, or overflowed.
    pub injector_len: usize,
    taken_at_ns: u64,
}

/// What one worker has done, and how much waits for it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct WorkerMetrics {
    /// What it has done.
    pub stats: Stats,
    /// Coroutines that started here and have not ended. Migrating ones may have ended elsewhere, so it may be negative.
    pub bound: i64,
    /// Bound coroutines that were ready when the worker was at its base loop last: every 61 switches, and before it
    /// sleeps.
    pub run_queue_len: usize,
    /// Coroutines that other workers may take from here: not started, or migrating.
    pub stealable_len: usize,
}

/// What happened between two snapshots.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct MetricsDelta {
    /// How much time lies between them, by the platform's clock.
    pub elapsed: Duration,
    /// What all workers did, and what was spawned from outside.
    pub total: Stats,
    /// What each worker did, by its index.
    pub workers: Vec<Stats>,
}

impl Metrics {
    pub(super) fn of(inner: &Inner) -> Metrics {
        Metrics {
            taken_at_ns: inner.platform().now_ns(),
            total: inner.stats(),
            workers: inner.workers().iter().map(WorkerMetrics::of).collect(),
            live: inner.live_count(),
            injector_len: inner.injector.len(),
        }
    }

    /// What happened since `earlier`, a snapshot of the same runtime.
    #[must_use]
    pub fn since(&self, earlier: &Metrics) -> MetricsDelta {
        let workers = self.workers.iter().zip(&earlier.workers);
        MetricsDelta {
            elapsed: Duration::from_nanos(self.taken_at_ns.saturating_sub(earlier.taken_at_ns)),
            total: self.total.since(&earlier.total),
            workers: workers.map(|(now, before)| now.stats.since(&before.stats)).collect(),
        }
    }
}

impl WorkerMetrics {
    fn of(worker: &Worker) -> WorkerMetrics {
        let counters = &worker.shared.counters;
        let mut stats = Stats::default();
        stats.add(counters);
        WorkerMetrics {
            stats,
            bound: counters.bound(),
            run_queue_len: counters.run_queue(),
            stealable_len: worker.stealable_len(),
        }
    }
}
