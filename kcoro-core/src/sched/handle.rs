// SPDX-License-Identifier: BSD-3-Clause
//! [`Runtime`], [`LocalRuntime`] and [`Handle`]: what a program holds of a runtime.
#![expect(unsafe_code, reason = "runs closures that borrow, and waits for them; becomes a worker")]

use alloc::boxed::Box;
use alloc::sync::Arc;
use core::cell::Cell;
use core::fmt;
use core::marker::PhantomData;
use core::time::Duration;

use super::builder::RuntimeBuilder;
use super::dump::Dump;
use super::join::{JoinError, JoinHandle};
use super::metrics::Metrics;
use super::panicked::Panicked;
use super::phase::Phase;
use super::runtime::Inner;
use super::shutdown::ShutdownReport;
use super::spawn::SpawnError;
use super::spawn_builder::Builder;
use super::stats::Stats;
use super::task_core::ScopeOf;
use crate::platform::{Platform, ambient};
use crate::wait::{CannotWait, enter};

/// How long dropping a runtime waits for its coroutines to end after it has cancelled them.
pub const DROP_GRACE: Duration = Duration::from_secs(5);

/// Why [`Runtime::run`] has no result.
#[non_exhaustive]
pub enum RunError {
    /// The root coroutine panicked.
    Panicked(Panicked),
    /// The root coroutine could not be spawned, or had no stack.
    Spawn(SpawnError),
    /// The caller cannot wait for it.
    CannotWait(CannotWait),
    /// A thread that runs a coroutine cannot drive another runtime: call [`Runtime::run`], which parks the coroutine.
    InsideRuntime,
}

impl fmt::Display for RunError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Panicked(panicked) => write!(f, "the root coroutine panicked: {panicked}"),
            Self::Spawn(why) => write!(f, "the root coroutine was not spawned: {why}"),
            Self::CannotWait(why) => why.fmt(f),
            Self::InsideRuntime => f.write_str("a local runtime cannot be driven from inside of a runtime"),
        }
    }
}

impl fmt::Debug for RunError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "RunError({self})")
    }
}

impl core::error::Error for RunError {}

impl RunError {
    fn of(why: JoinError) -> Self {
        match why {
            JoinError::Panicked(panicked) => Self::Panicked(panicked),
            JoinError::NoStack(why) => Self::Spawn(SpawnError::Stack(why)),
            _ => Self::Spawn(SpawnError::Shutdown),
        }
    }
}

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

/// A runtime whose worker 0 is its owner's thread, while that is in [`LocalRuntime::run`].
///
/// It stays on the thread that built it, because coroutines that started there do. Dropping it is
/// [`LocalRuntime::shutdown`] with a grace of [`DROP_GRACE`]. Do not forget it: coroutines that are suspended on a thread
/// that ends outlive the thread-locals that their frames may borrow.
#[derive(Debug)]
pub struct LocalRuntime {
    handle: Handle,
    driving: Cell<Driving>,
    _not_send: PhantomData<*const ()>,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Driving {
    No,
    Yes,
}

impl LocalRuntime {
    pub(super) fn new(inner: Arc<Inner>) -> Self {
        Self { handle: Handle { inner }, driving: Cell::new(Driving::No), _not_send: PhantomData }
    }

    /// Runs `root` as a coroutine on this thread and drives the runtime's other coroutines here until it has ended.
    ///
    /// Neither the closure nor its output need be `Send`, and both may borrow. Coroutines bound to this thread rest
    /// between two calls.
    ///
    /// # Errors
    ///
    /// See [`RunError`]; [`SpawnError::Full`] at the runtime's limit, because nobody would drive those that could make
    /// room.
    #[track_caller]
    pub fn run<F, T>(&self, root: F) -> Result<T, RunError>
    where
        F: FnOnce() -> T,
    {
        if !ambient::worker().is_null() || self.driving.get() == Driving::Yes {
            return Err(RunError::InsideRuntime);
        }
        // Waiting for room would be in vain: what could make room may be bound to this thread.
        let builder = Builder::on(&self.handle.inner).name("root").worker(0).without_waiting();
        // SAFETY: worker 0 is this very thread, so nothing is sent anywhere; the borrows outlive the call, because the
        // drive below ends only when the root has.
        let handle = unsafe { builder.spawn_unchecked(root, ScopeOf::NONE) };
        let mut handle = handle.map_err(RunError::Spawn)?;
        self.drive(|| handle.is_finished());
        match handle.try_join() {
            Ok(output) => Ok(output),
            Err(super::join::TryJoinError::Failed(why)) => Err(RunError::of(why)),
            Err(super::join::TryJoinError::NotYet) => unreachable!("driven until it had ended"),
        }
    }

    /// Is worker 0 until `is_over`.
    fn drive(&self, is_over: impl Fn() -> bool) {
        struct Restore<'a>(*const (), &'a Cell<Driving>);
        impl Drop for Restore<'_> {
            fn drop(&mut self) {
                // SAFETY: what was there before is there again.
                unsafe { ambient::set_worker(self.0) };
                self.1.set(Driving::No);
            }
        }
        let worker = &self.handle.inner.workers()[0];
        self.driving.set(Driving::Yes);
        // SAFETY: this thread is worker 0 until `Restore` says otherwise: the value is not `Send`, and `driving` keeps
        // a second drive out.
        unsafe {
            let _restore = Restore(ambient::set_worker(worker.head_ptr().cast()), &self.driving);
            worker.run_base_loop(is_over);
            if worker.runtime().phase.get() == Phase::Stopped {
                worker.drop_unstarted();
            }
        }
    }

    /// A handle for spawning from elsewhere.
    pub fn handle(&self) -> &Handle {
        &self.handle
    }

    /// As [`Runtime::shutdown`]; drives the coroutines of this thread to their end.
    ///
    /// # Aborts
    ///
    /// If a coroutine that started on this thread has not ended after `grace`: the thread could never go on without
    /// invalidating its frames. The message names it.
    pub fn shutdown(self, grace: Duration) -> ShutdownReport {
        let report = self.shut_down(grace);
        let this = core::mem::ManuallyDrop::new(self);
        // SAFETY: `this` is never dropped, so the handle is taken once.
        drop(unsafe { core::ptr::read(&raw const this.handle) });
        report
    }

    fn shut_down(&self, grace: Duration) -> ShutdownReport {
        super::shutdown::shut_down_local(&self.handle.inner, grace, |is_over| self.drive(is_over))
    }
}

impl Drop for LocalRuntime {
    fn drop(&mut self) {
        self.shut_down(DROP_GRACE);
    }
}

impl core::ops::Deref for LocalRuntime {
    type Target = Handle;

    fn deref(&self) -> &Handle {
        &self.handle
    }
}

/// Spawns coroutines on a runtime, from anywhere; cheap to clone. It does not keep the workers running.
#[derive(Clone)]
pub struct Handle {
    inner: Arc<Inner>,
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
