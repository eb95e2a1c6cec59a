// SPDX-License-Identifier: BSD-3-Clause
//! [`try_scope`]: children that can fail; the first failure cancels the others.
#![expect(unsafe_code, reason = "spawns closures that borrow; the scope waits for them before it returns")]

use core::fmt;
use core::marker::PhantomData;

use super::catch;
use super::children::{Children, OnNoStack};
use super::failures::{Failure, Failures, ScopeError};
use super::handle::ScopedJoinHandle;
use crate::sched::{Builder, Panicked, SpawnError};

/// As [`Scope`](super::Scope), for children that return a `Result`; handed to the closure of [`try_scope`].
pub struct TryScope<'scope, 'env: 'scope, E> {
    children: Children,
    failures: Failures<E>,
    _scope: PhantomData<&'scope mut &'scope ()>,
    _env: PhantomData<&'env mut &'env ()>,
}

/// The child failed; how, the scope's error says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Failed;

impl fmt::Display for Failed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the coroutine failed; the scope's error says how")
    }
}

impl core::error::Error for Failed {}

impl<'scope, E> TryScope<'scope, '_, E> {
    /// Spawns a child. If it returns an error or panics, that becomes a failure of the scope and all others are
    /// cancelled; a join then gives [`Failed`].
    ///
    /// # Errors
    ///
    /// See [`SpawnError`].
    #[track_caller]
    pub fn spawn<F, T>(&'scope self, body: F) -> Result<ScopedJoinHandle<'scope, Result<T, Failed>>, SpawnError>
    where
        F: FnOnce() -> Result<T, E> + Send + 'scope,
        T: Send + 'scope,
        E: Send + 'scope,
    {
        self.spawn_with(Builder::new(), body)
    }

    /// Spawns a child with the options of `builder`.
    ///
    /// # Errors
    ///
    /// See [`SpawnError`].
    #[track_caller]
    pub fn spawn_with<F, T>(
        &'scope self,
        builder: Builder<'_>,
        body: F,
    ) -> Result<ScopedJoinHandle<'scope, Result<T, Failed>>, SpawnError>
    where
        F: FnOnce() -> Result<T, E> + Send + 'scope,
        T: Send + 'scope,
        E: Send + 'scope,
    {
        // SAFETY: `try_scope` waits for all children on every way out, before anything that lives for `'scope` goes; the
        // types are `Send`.
        let handle = unsafe { self.children.spawn(builder, move || self.observe(body)) }?;
        Ok(ScopedJoinHandle::new(handle, &self.children))
    }

    /// Runs a child, or the closure, and takes up its failure.
    fn observe<T>(&self, body: impl FnOnce() -> Result<T, E>) -> Result<T, Failed> {
        let failure = match catch(body) {
            Ok(Ok(value)) => return Ok(value),
            Ok(Err(error)) => Failure::Error(error),
            Err(payload) => Failure::Panicked(Panicked::new(payload)),
        };
        self.failures.add(failure);
        self.children.cancel();
        Err(Failed)
    }

    /// Cancels all children, and those that are still to be spawned.
    pub fn cancel(&self) {
        self.children.cancel();
    }
}

impl<E> fmt::Debug for TryScope<'_, '_, E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TryScope").finish_non_exhaustive()
    }
}

/// Runs `body`, which may spawn children that can fail, and returns when all of them have ended.
///
/// The first failure, an error or a panic of a child or of the closure or a child that had no stack, cancels all
/// children. None is swallowed: the
/// error holds them all, in the order in which they came.
///
/// # Errors
///
/// [`ScopeError`] if anything failed; the closure's value is dropped then.
///
/// # Aborts
///
/// As [`scope`](super::scope).
pub fn try_scope<'env, F, T, E>(body: F) -> Result<T, ScopeError<E>>
where
    F: for<'scope> FnOnce(&'scope TryScope<'scope, 'env, E>) -> Result<T, E>,
{
    let scope = TryScope {
        children: Children::new(OnNoStack::CancelOthers),
        failures: Failures::new(),
        _scope: PhantomData,
        _env: PhantomData,
    };
    let value = scope.observe(|| body(&scope));
    scope.children.wait_for_all();
    // A cancelled child is not given a stack, so one that had none failed before the failures that its cancel brought.
    let failures = match scope.children.no_stack() {
        Some(why) => Some(ScopeError::starting_with(Failure::NoStack(why), scope.failures.take())),
        None => scope.failures.take(),
    };
    match (failures, value) {
        (None, Ok(value)) => Ok(value),
        (Some(error), _) => Err(error),
        (None, Err(Failed)) => unreachable!("a failure of the closure was noted"),
    }
}
