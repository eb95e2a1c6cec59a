// SPDX-License-Identifier: BSD-3-Clause
//! [`Runtime`]: a runtime on threads of its own.
#![expect(unsafe_code, reason = "runs closures that borrow, and waits for them")]

use alloc::boxed::Box;
use core::time::Duration;

use super::builder::RuntimeBuilder;
use super::handle::{DROP_GRACE, Handle};
use super::report::ShutdownReport;
use super::run_error::RunError;
use super::runtime_ref::RuntimeRef;
use super::scope_link::ScopeOf;
use super::spawn_builder::Builder;
use crate::platform::Platform;
use crate::wait::enter;

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

    pub(super) fn new(inner: RuntimeRef) -> Self {
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
        drop(unsafe { RuntimeRef::take_over(inner.as_ptr()) });
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
