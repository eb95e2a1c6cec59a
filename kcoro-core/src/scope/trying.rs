// SPDX-License-Identifier: BSD-3-Clause
//! [`try_scope`]: children that can fail; the first failure cancels the others.
#![expect(unsafe_code, reason = "spawns closures that borrow; the scope waits for them before it returns")]

use core::fmt;
use core::marker::PhantomData;

use super::children::{Children, OnFailure};
use super::collected::Collected;
use super::failures::{Failed, Failure, ScopeError, all_failures, observe};
use super::handle::ScopedJoinHandle;
use crate::channel::{Receiver, Sender, bounded};
use crate::sched::{Builder, SpawnError};

/// As [`Scope`](super::Scope), for children that return a `Result`; handed to the closure of [`try_scope`].
pub struct TryScope<'scope, 'env: 'scope, E> {
    children: Children,
    failures: Collected<Failure<E>>,
    _scope: PhantomData<&'scope mut &'scope ()>,
    _env: PhantomData<&'env mut &'env ()>,
}

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
        let handle = unsafe { self.children.spawn(builder, move || observe(&self.children, &self.failures, body)) }?;
        Ok(ScopedJoinHandle::new(handle, &self.children))
    }

    /// Spawns a child, or says [`SpawnError::Full`] when a [limit](TryScope::limit) is reached. Never waits.
    ///
    /// # Errors
    ///
    /// See [`SpawnError`].
    #[track_caller]
    pub fn try_spawn<F, T>(&'scope self, body: F) -> Result<ScopedJoinHandle<'scope, Result<T, Failed>>, SpawnError>
    where
        F: FnOnce() -> Result<T, E> + Send + 'scope,
        T: Send + 'scope,
        E: Send + 'scope,
    {
        self.spawn_with(Builder::new().without_waiting(), body)
    }

    /// Spawns a child that feeds a channel, as [`Scope::produce`](super::Scope::produce); its error or panic is a failure of
    /// the scope.
    ///
    /// # Errors
    ///
    /// See [`SpawnError`].
    #[track_caller]
    pub fn produce<F, V>(&'scope self, capacity: usize, body: F) -> Result<Receiver<V>, SpawnError>
    where
        F: FnOnce(Sender<V>) -> Result<(), E> + Send + 'scope,
        V: Send + 'scope,
        E: Send + 'scope,
    {
        let (tx, rx) = bounded(capacity);
        self.spawn(move || body(tx)).map(|_| rx)
    }

    /// From now on a failure leaves the others alone: they go on to their own ends. The scope fails all the same if
    /// anything has failed, and says what.
    ///
    /// ```
    /// use kcoro_core::scope::{ScopeError, try_scope};
    ///
    /// // Called in a coroutine: each address is tried, whatever becomes of the others.
    /// fn notify(addresses: &[&str], send: fn(&str) -> Result<(), String>) -> Result<(), ScopeError<String>> {
    ///     try_scope(|s| {
    ///         s.supervise();
    ///         addresses.iter().for_each(|address| drop(s.spawn(move || send(address)).unwrap()));
    ///         Ok(())
    ///     })
    /// }
    /// ```
    pub fn supervise(&self) {
        self.children.set_on_failure(OnFailure::GoOn);
    }

    controls!();
}

impl<E> fmt::Debug for TryScope<'_, '_, E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TryScope").finish_non_exhaustive()
    }
}

/// Runs `body`, which may spawn children that can fail, and returns when all of them have ended.
///
/// The first failure (an error or a panic of a child or of the closure, or a child that had no stack) cancels all children,
/// unless they are [supervised](TryScope::supervise). None is swallowed: the error holds them all, in the order in which
/// they came. For the first of several answers see [`gather`](super::gather).
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
        children: Children::new(OnFailure::CancelOthers),
        failures: Collected::new(),
        _scope: PhantomData,
        _env: PhantomData,
    };
    let value = observe(&scope.children, &scope.failures, || body(&scope));
    if value.is_err() {
        // Also of a supervised scope: nobody will use what the children still do.
        scope.children.cancel();
    }
    scope.children.wait_for_all();
    match (ScopeError::of(all_failures(&scope.children, &scope.failures)), value) {
        (None, Ok(value)) => Ok(value),
        (Some(error), _) => Err(error),
        (None, Err(Failed)) => unreachable!("a failure of the closure was noted"),
    }
}
