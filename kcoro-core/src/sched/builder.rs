// SPDX-License-Identifier: BSD-3-Clause
//! How a runtime is built.
#![expect(unsafe_code, reason = "hands workers to the platform by raw pointer")]

use alloc::boxed::Box;
use alloc::string::String;
use alloc::sync::Arc;
use core::fmt;
use core::num::NonZeroUsize;

use super::handle::Runtime;
use super::idle::MAX_WORKERS;
use super::local_runtime::LocalRuntime;
use super::phase::Phase;
use super::placing::checked_class;
use super::runtime::{Config, Inner, PanicHook, PanicPolicy, UnobservedPanic};
use super::worker::Worker;
use crate::platform::{Platform, StartError, WorkerEntry, WorkerSpec, ambient};
use crate::stack::StackError;
use crate::trace::Hook;

/// Why a runtime was not built.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum BuildError {
    /// A runtime needs at least one worker.
    NoWorkers,
    /// More workers than a runtime can have.
    TooManyWorkers {
        /// What was asked for.
        workers: usize,
        /// How many there can be.
        max: usize,
    },
    /// The platform does not give stacks of the default size that was asked for.
    Stack(StackError),
    /// A limit of zero coroutines leaves nothing to run.
    ZeroLimit,
    /// Worker `index` could not be started.
    Worker {
        /// Which one.
        index: usize,
        /// Why.
        why: StartError,
    },
}

impl fmt::Display for BuildError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoWorkers => f.write_str("a runtime needs at least one worker"),
            Self::TooManyWorkers { workers, max } => write!(f, "{workers} workers are too many; ask for at most {max}"),
            Self::Stack(why) => write!(f, "default stack size: {why}"),
            Self::ZeroLimit => f.write_str("a limit of 0 coroutines leaves nothing to run; ask for at least 1"),
            Self::Worker { index, why } => write!(f, "worker {index}: {why}"),
        }
    }
}

impl core::error::Error for BuildError {}

/// Builds a [`Runtime`] or a [`LocalRuntime`].
#[must_use = "a builder does nothing until it builds"]
pub struct RuntimeBuilder {
    platform: Box<dyn Platform>,
    name: String,
    workers: Option<usize>,
    stack_size_bytes: Option<usize>,
    limit: Option<usize>,
    on_panic: Option<PanicHook>,
    panic_policy: PanicPolicy,
    trace: Hook,
}

impl RuntimeBuilder {
    pub(super) fn new(platform: Box<dyn Platform>) -> Self {
        Self {
            platform,
            name: String::from("kcoro"),
            workers: None,
            stack_size_bytes: None,
            limit: None,
            on_panic: None,
            panic_policy: PanicPolicy::Report,
            trace: Hook::none(),
        }
    }

    /// Names the runtime: its threads are called `name-0`, `name-1` and so on. Default: `kcoro`.
    pub fn name(mut self, name: &str) -> Self {
        self.name = String::from(name);
        self
    }

    /// How many workers run its coroutines. Default: as many as the machine can run at the same time; more than that are
    /// allowed and share the cores.
    pub fn workers(mut self, workers: usize) -> Self {
        self.workers = Some(workers);
        self
    }

    /// The usable bytes of a stack whose coroutine does not ask. Default: the platform's.
    pub fn stack_size(mut self, bytes: usize) -> Self {
        self.stack_size_bytes = Some(bytes);
        self
    }

    /// How many coroutines may be alive at once, started or not. At the limit `spawn` waits and `try_spawn` fails.
    /// Default: no limit.
    pub fn limit(mut self, coroutines: usize) -> Self {
        self.limit = Some(coroutines);
        self
    }

    /// Called, on the worker, for each coroutine that panics after its handle was dropped. The panic hook has printed
    /// the message by then; this is the place to count it or to end the program. It must not wait.
    pub fn on_unobserved_panic(mut self, hook: impl Fn(&UnobservedPanic<'_>) + Send + Sync + 'static) -> Self {
        self.on_panic = Some(Box::new(hook));
        self
    }

    /// What happens after that. Default: [`PanicPolicy::Report`], nothing.
    pub fn panic_policy(mut self, policy: PanicPolicy) -> Self {
        self.panic_policy = policy;
        self
    }

    /// Who is told of each event of the runtime.
    #[cfg(feature = "trace")]
    pub fn trace(mut self, subscriber: Arc<dyn crate::trace::Subscriber>) -> Self {
        self.trace = Hook::new(subscriber);
        self
    }

    /// Builds a runtime whose workers are all threads of their own.
    ///
    /// # Errors
    ///
    /// See [`BuildError`]; workers that had already started have ended.
    pub fn build(self) -> Result<Runtime, BuildError> {
        let inner = self.inner()?;
        start_workers(&inner, 0)?;
        Ok(Runtime::new(inner))
    }

    /// Builds a runtime whose worker 0 is the calling thread, while that is in [`LocalRuntime::run`]; the other workers
    /// are threads of their own. With one worker no thread is started.
    ///
    /// # Errors
    ///
    /// See [`BuildError`]; workers that had already started have ended.
    pub fn build_local(self) -> Result<LocalRuntime, BuildError> {
        let inner = self.inner()?;
        inner.platform().adopt_worker(0).map_err(|why| BuildError::Worker { index: 0, why })?;
        start_workers(&inner, 1)?;
        Ok(LocalRuntime::new(inner))
    }

    fn inner(self) -> Result<Arc<Inner>, BuildError> {
        let workers = match self.workers {
            Some(workers) => NonZeroUsize::new(workers).ok_or(BuildError::NoWorkers)?.get(),
            None => self.platform.parallelism().get().min(MAX_WORKERS),
        };
        if workers > MAX_WORKERS {
            return Err(BuildError::TooManyWorkers { workers, max: MAX_WORKERS });
        }
        if self.limit == Some(0) {
            return Err(BuildError::ZeroLimit);
        }
        let size_bytes = self.stack_size_bytes.unwrap_or(self.platform.stack_limits().default_bytes);
        let stack_class = checked_class(&*self.platform, size_bytes).map_err(BuildError::Stack)?;
        let config = Config {
            name: self.name,
            stack_class,
            limit: self.limit,
            on_panic: self.on_panic,
            panic_policy: self.panic_policy,
            trace: self.trace,
        };
        Ok(Inner::new(self.platform, workers, config))
    }
}

/// Starts the workers from `first` on, each of which holds the runtime.
fn start_workers(inner: &Arc<Inner>, first: usize) -> Result<(), BuildError> {
    for (index, worker) in inner.workers().iter().enumerate().skip(first) {
        let name = alloc::format!("{}-{index}", inner.config.name);
        // The worker's own count: given back when its thread is done with the runtime.
        core::mem::forget(inner.clone());
        // SAFETY: the count just made keeps the worker there until `worker_main` gives it back.
        let entry = unsafe { WorkerEntry::new(worker_main, (&raw const *worker).cast()) };
        if let Err(why) = inner.platform().start_worker(&WorkerSpec::new(index, &name), entry) {
            // SAFETY: that worker never runs, so its count is ours to give back.
            unsafe { Arc::decrement_strong_count(Arc::as_ptr(inner)) };
            inner.stop(first..index);
            return Err(BuildError::Worker { index, why });
        }
    }
    Ok(())
}

impl Inner {
    /// Makes workers leave their base loops and waits for the threads of `started`, which have no coroutine left.
    pub(super) fn stop(&self, started: core::ops::Range<usize>) {
        self.phase.advance(Phase::Stopped);
        self.wake_all();
        for index in started {
            self.platform().join_worker(index);
        }
    }

    pub(super) fn wake_all(&self) {
        for index in 0..self.workers().len() {
            self.platform().wake(index);
        }
    }
}

/// The body of a worker's thread.
///
/// # Safety
///
/// `data` points to a worker whose runtime is held for this call; called once, on the worker's own thread.
unsafe fn worker_main(data: *const ()) {
    // SAFETY: the caller's promise.
    let worker = unsafe { &*data.cast::<Worker>() };
    // SAFETY: this thread is the worker from here to the reset below.
    unsafe {
        ambient::set_worker(worker.head_ptr().cast());
        worker.run_base_loop(|| worker.runtime().phase.get() == Phase::Stopped);
    }
    worker.drop_unstarted();
    if worker.has_abandoned() {
        // Abandoned coroutines are suspended here. Their frames may refer to this thread's locals, so the thread, and
        // with it the runtime, must never end.
        loop {
            worker.runtime().platform().park(worker.index, None);
        }
    }
    worker.stacks().release_all(worker.runtime().platform());
    // SAFETY: this thread runs no coroutine any more, and gives back the count that was made for it.
    unsafe {
        ambient::set_worker(core::ptr::null());
        Arc::decrement_strong_count(worker.runtime);
    }
}
