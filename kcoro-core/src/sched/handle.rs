// SPDX-License-Identifier: BSD-3-Clause
//! [`Handle`]: what any number of parts of a program hold of a runtime.

use core::fmt;
use core::time::Duration;

#[cfg(feature = "alloc")]
use super::dump::Dump;
#[cfg(feature = "alloc")]
use super::join::JoinHandle;
#[cfg(feature = "alloc")]
use super::metrics::Metrics;
use super::report::ShutdownReport;
use super::runtime_ref::RuntimeRef;
#[cfg(feature = "alloc")]
use super::spawn::SpawnError;
use super::spawn_builder::Builder;
use super::stats::Stats;
use crate::platform::Platform;

/// How long dropping a runtime waits for its coroutines to end after it has cancelled them.
pub const DROP_GRACE: Duration = Duration::from_secs(5);

/// Spawns coroutines on a runtime, from anywhere; cheap to clone. It does not keep the workers running.
#[derive(Clone)]
pub struct Handle {
    pub(super) inner: RuntimeRef,
}

impl Handle {
    #[cfg(feature = "alloc")]
    pub(super) fn inner(&self) -> &RuntimeRef {
        &self.inner
    }

    /// A builder for a coroutine of this runtime.
    pub fn builder(&self) -> Builder<'_> {
        Builder::on(&self.inner)
    }

    /// How many workers the runtime has.
    pub fn workers(&self) -> usize {
        self.inner.workers().len()
    }

    /// What the runtime has done so far. Counters of running workers may lag a little.
    pub fn stats(&self) -> Stats {
        self.inner.stats()
    }

    /// What has not ended yet, as [`LocalRuntime::shutdown`](super::LocalRuntime::shutdown) would report it if it gave up now. Exact when nothing runs.
    pub fn unfinished(&self) -> ShutdownReport {
        super::report::unfinished(&self.inner)
    }

    /// The runtime's platform.
    pub fn platform(&self) -> &dyn Platform {
        self.inner.platform()
    }
}

/// What takes an allocator.
#[cfg(feature = "alloc")]
impl Handle {
    /// Spawns a coroutine.
    ///
    /// # Errors
    ///
    /// See [`SpawnError`].
    #[track_caller]
    pub fn spawn<F, T>(&self, body: F) -> Result<JoinHandle<T>, SpawnError>
    where
        F: FnOnce() -> T + Send + 'static,
        T: Send + 'static,
    {
        self.builder().spawn(body)
    }

    /// Spawns a coroutine, or says [`SpawnError::Full`] at the runtime's limit.
    ///
    /// # Errors
    ///
    /// See [`SpawnError`].
    #[track_caller]
    pub fn try_spawn<F, T>(&self, body: F) -> Result<JoinHandle<T>, SpawnError>
    where
        F: FnOnce() -> T + Send + 'static,
        T: Send + 'static,
    {
        self.builder().without_waiting().spawn(body)
    }

    /// What the runtime and each of its workers have done so far, and how much waits to be run. Workers go on meanwhile,
    /// so its numbers are of no single instant.
    ///
    /// ```
    /// # use kcoro_core::sched::Handle;
    /// fn switches_per_second(runtime: &Handle, work: impl FnOnce()) -> f64 {
    ///     let before = runtime.metrics();
    ///     work();
    ///     let done = runtime.metrics().since(&before);
    ///     done.total.switches as f64 / done.elapsed.as_secs_f64()
    /// }
    /// ```
    pub fn metrics(&self) -> Metrics {
        Metrics::of(&self.inner)
    }

    /// Who the runtime's coroutines are, what they do, and what they wait for. Also of a runtime that has been shut down:
    /// then it shows what was abandoned.
    ///
    /// It takes time and memory in proportion to the coroutines that have parked and not ended, and never stops a worker
    /// for longer than one look at one coroutine takes. What changes meanwhile may be seen or not; each entry is true by
    /// itself.
    ///
    /// # Panics
    ///
    /// In an interrupt or signal handler.
    pub fn dump(&self) -> Dump {
        super::dump::dump(&self.inner)
    }
}

impl fmt::Debug for Handle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Handle").field("name", &self.inner.config.name).field("workers", &self.workers()).finish()
    }
}
