// SPDX-License-Identifier: BSD-3-Clause
//! [`Runtime`] and [`Handle`]: what a program holds of a runtime.
#![expect(unsafe_code, reason = "runs closures that borrow, and waits for them")]

use alloc::boxed::Box;
use alloc::sync::Arc;
use core::fmt;
use core::time::Duration;

use super::builder::RuntimeBuilder;
use super::dump::Dump;
use super::join::JoinHandle;
use super::metrics::Metrics;
use super::run_error::RunError;
use super::runtime::Inner;
use super::scope_link::ScopeOf;
use super::shutdown::ShutdownReport;
use super::spawn::SpawnError;
use super::spawn_builder::Builder;
use super::stats::Stats;
use crate::platform::Platform;
use crate::wait::enter;

/// How long dropping a runtime waits for its coroutines to end after it has cancelled them.
pub const DROP_GRACE: Duration = Duration::from_secs(5);

/// A runtime whose workers are threads of their own.
///
/// Dropping it is [`Runtime::shutdown`] with a grace of [`DROP_GRACE`].
#[derive(Debug)]
pub struct Runtime {
    handle: Handle,
}

impl Runtime {
    /// Starts building a runtime on `platform`.
    pub fn builder(platform: impl Platform + 'static) -> RuntimeBuilder {
        RuntimeBuilder::new(Box::new(platform))
    }

    pub(super) fn new(inner: Arc<Inner>) -> Self {
        Self { handle: Handle { inner } }
    }

    /// Runs `root` as a coroutine and waits for its end. It may borrow from the caller.
    ///
    /// Other coroutines go on when the root has ended, until the runtime is shut down.
    ///
    /// # Errors
    ///
    /// See [`RunError`].
    #[track_caller]
    pub fn run<F, T>(&self, root: F) -> Result<T, RunError>
    where
        F: FnOnce() -> T + Send,
        T: Send,
    {
        enter().waiter().map_err(RunError::CannotWait)?;
        // SAFETY: closure and output are `Send`, and what they borrow outlives this call, which returns only after the
        // coroutine has ended: the wait below cannot be cancelled, and only the owner of `self` could shut down.
        let handle = unsafe { Builder::on(&self.handle.inner).name("root").spawn_unchecked(root, ScopeOf::NONE) };
        handle.map_err(RunError::Spawn)?.join_to_the_end().map_err(RunError::of)
    }

    /// A handle for spawning from elsewhere.
    pub fn handle(&self) -> &Handle {
        &self.handle
    }

    /// Ends the runtime: takes no new coroutines, drops those that have not started, cancels the others, and waits up to
    /// `grace` for them to end.
    ///
    /// Those that have not ended by then are abandoned: their workers stop for good when they next reach their base loop
    /// (61 switches at most), and threads and stacks are leaked, because frames may be referred to. The report names them.
    ///
    /// Called from a coroutine of this very runtime it does not wait; the workers end when the last coroutine has.
    pub fn shutdown(self, grace: Duration) -> ShutdownReport {
        let inner = self.handle.inner.clone();
        core::mem::forget(self);
        // SAFETY: forgetting `self` has leaked one count, which is given back here.
        unsafe { Arc::decrement_strong_count(Arc::as_ptr(&inner)) };
        super::shutdown::shut_down(&inner, grace)
    }
}

impl Drop for Runtime {
    fn drop(&mut self) {
        super::shutdown::shut_down(&self.handle.inner, DROP_GRACE);
    }
}

impl core::ops::Deref for Runtime {
    type Target = Handle;

    fn deref(&self) -> &Handle {
        &self.handle
    }
}

/// Spawns coroutines on a runtime, from anywhere; cheap to clone. It does not keep the workers running.
#[derive(Clone)]
pub struct Handle {
    pub(super) inner: Arc<Inner>,
}

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

    pub(super) fn inner(&self) -> &Arc<Inner> {
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

    /// What has not ended yet, as [`Runtime::shutdown`] would report it if it gave up now. Exact when nothing runs.
    pub fn unfinished(&self) -> ShutdownReport {
        super::shutdown::unfinished(&self.inner)
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

    /// The runtime's platform.
    pub fn platform(&self) -> &dyn Platform {
        self.inner.platform()
    }
}

impl fmt::Debug for Handle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Handle").field("name", &self.inner.config.name).field("workers", &self.workers()).finish()
    }
}
