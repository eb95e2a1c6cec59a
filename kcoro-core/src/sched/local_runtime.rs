// SPDX-License-Identifier: BSD-3-Clause
//! [`LocalRuntime`]: a runtime that its owner drives.
#![expect(unsafe_code, reason = "runs closures that borrow, and waits for them; becomes a worker")]

use core::cell::Cell;
use core::marker::PhantomData;
use core::time::Duration;

use super::handle::{DROP_GRACE, Handle};
use super::join::JoinHandle;
use super::join_error::TryJoinError;
use super::phase::Phase;
use super::report::ShutdownReport;
use super::run_error::RunError;
use super::runtime_ref::RuntimeRef;
#[cfg(feature = "alloc")]
use super::scope_link::ScopeOf;
use super::slots::StaticMemory;
use super::spawn_builder::Builder;
use crate::platform::ambient;

/// A runtime whose worker 0 is its owner's thread, while that is in `run` or [`LocalRuntime::run_static`].
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
    pub(super) fn new(inner: RuntimeRef) -> Self {
        Self { handle: Handle { inner }, driving: Cell::new(Driving::No), _not_send: PhantomData }
    }

    /// Runs `root` as a coroutine on this thread and drives the runtime's other coroutines here until it has ended.
    ///
    /// Neither the closure nor its output need be `Send`, and both may borrow. Coroutines bound to this thread rest
    /// between two calls.
    ///
    /// # Errors
    ///
    /// See [`RunError`]; [`SpawnError::Full`](super::SpawnError::Full) at the runtime's limit, because nobody would drive
    /// those that could make room.
    #[cfg(feature = "alloc")]
    #[track_caller]
    pub fn run<F, T>(&self, root: F) -> Result<T, RunError>
    where
        F: FnOnce() -> T,
    {
        self.check_outside()?;
        // SAFETY: worker 0 is this very thread, so nothing is sent anywhere; the borrows outlive the call, because the
        // drive below ends only when the root has.
        let handle = unsafe { self.root_builder().spawn_unchecked(root, ScopeOf::NONE) };
        self.drive_to_its_end(handle.map_err(RunError::Spawn)?)
    }

    /// As `run`, with a root that lies in `memory`: nothing is allocated.
    ///
    /// # Errors
    ///
    /// See [`RunError`]: the root may also be refused as by [`Builder::spawn_static`].
    #[track_caller]
    pub fn run_static<F, T>(&self, memory: &'static impl StaticMemory, root: F) -> Result<T, RunError>
    where
        F: FnOnce() -> T,
    {
        self.check_outside()?;
        // SAFETY: as for `run`.
        let handle = unsafe { self.root_builder().spawn_static_unchecked(memory, root) };
        self.drive_to_its_end(handle.map_err(RunError::Spawn)?)
    }

    fn check_outside(&self) -> Result<(), RunError> {
        match ambient::worker().is_null() && self.driving.get() == Driving::No {
            true => Ok(()),
            false => Err(RunError::InsideRuntime),
        }
    }

    /// Waiting for room would be in vain: what could make room may be bound to this thread.
    fn root_builder(&self) -> Builder<'_> {
        Builder::on(&self.handle.inner).name("root").worker(0).without_waiting()
    }

    fn drive_to_its_end<T>(&self, mut root: JoinHandle<T>) -> Result<T, RunError> {
        self.drive(|| root.is_finished());
        match root.try_join() {
            Ok(output) => Ok(output),
            Err(TryJoinError::Failed(why)) => Err(RunError::of(why)),
            Err(TryJoinError::NotYet) => unreachable!("driven until it had ended"),
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

    /// As `Runtime::shutdown`; drives the coroutines of this thread to their end.
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
