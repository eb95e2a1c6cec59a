// SPDX-License-Identifier: BSD-3-Clause
//! How a runtime is built.

use alloc::boxed::Box;
use alloc::string::String;
#[cfg(feature = "trace")]
use alloc::sync::Arc;
use core::num::NonZeroUsize;

use super::build_error::BuildError;
use super::config::{Config, PanicHook, PanicPolicy, UnobservedPanic};
use super::idle::MAX_WORKERS;
use super::local_runtime::LocalRuntime;
use super::placing::checked_class;
use super::runtime::Inner;
use super::runtime_ref::RuntimeRef;
use super::thread_runtime::Runtime;
use super::worker_threads::start_workers;
use crate::platform::Platform;
use crate::trace::Hook;

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

    fn inner(self) -> Result<RuntimeRef, BuildError> {
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
            name: self.name.into(),
            stack_class,
            limit: self.limit,
            on_panic: self.on_panic,
            panic_policy: self.panic_policy,
            trace: self.trace,
        };
        Ok(Inner::on_heap(self.platform, workers, config))
    }
}
