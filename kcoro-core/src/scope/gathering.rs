// SPDX-License-Identifier: BSD-3-Clause
//! [`gather`]: children that each bring a value, and how many of these are enough.
#![expect(unsafe_code, reason = "spawns closures that borrow; the scope waits for them before it returns")]

use alloc::vec::Vec;
use core::fmt;
use core::marker::PhantomData;

use super::children::{Children, OnFailure};
use super::collected::Collected;
use super::failures::{Failure, all_failures, observe};
use crate::primitive::atomic::{AtomicUsize, Ordering};
use crate::sched::{Builder, SpawnError};

/// How many of the children must succeed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Quorum {
    /// Each of them. The first failure cancels the others.
    All,
    /// One. The first success cancels the others.
    Any,
    /// So many. The last of these successes cancels the others. With zero there is nothing to wait for: children are
    /// cancelled from the start.
    First(usize),
}

impl Quorum {
    /// After how many successes the others are not needed any more.
    fn enough(self) -> Option<usize> {
        match self {
            Self::All => None,
            Self::Any => Some(1),
            Self::First(count) => Some(count),
        }
    }
}

/// What the children of a [`gather`] brought: each value and each failure, none swallowed.
#[non_exhaustive]
pub struct Gathered<T, E> {
    /// With [`Quorum::All`] the values in the order of the spawns; else in the order in which they came, the deciding ones
    /// first. There may be more than were asked for: of children that succeeded before the cancel reached them.
    pub values: Vec<T>,
    /// What failed, in the order in which it came; also what failed because it was cancelled.
    pub failures: Vec<Failure<E>>,
}

impl<T, E: fmt::Display> fmt::Display for Gathered<T, E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} succeeded, {} failed", self.values.len(), self.failures.len())?;
        match self.failures.first() {
            Some(first) => write!(f, ", first: {first}"),
            None => Ok(()),
        }
    }
}

impl<T: fmt::Debug, E: fmt::Debug> fmt::Debug for Gathered<T, E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Gathered").field("values", &self.values).field("failures", &self.failures).finish()
    }
}

impl<T: fmt::Debug, E: fmt::Debug + fmt::Display> core::error::Error for Gathered<T, E> {}

/// As [`Scope`](super::Scope), for children that return a value or an error; handed to the closure of [`gather`].
pub struct GatherScope<'scope, 'env: 'scope, T, E> {
    children: Children,
    values: Collected<(usize, T)>,
    failures: Collected<Failure<E>>,
    enough: Option<usize>,
    /// Children that were spawned, and those that a spawn refused after they had been counted.
    spawned: AtomicUsize,
    refused: AtomicUsize,
    succeeded: AtomicUsize,
    _scope: PhantomData<&'scope mut &'scope ()>,
    _env: PhantomData<&'env mut &'env ()>,
}

impl<'scope, T, E> GatherScope<'scope, '_, T, E> {
    /// Spawns a child.
    ///
    /// # Errors
    ///
    /// See [`SpawnError`]; the child does not count then.
    #[track_caller]
    pub fn spawn<F>(&'scope self, body: F) -> Result<(), SpawnError>
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
    /// As [`GatherScope::spawn`].
    #[track_caller]
    pub fn spawn_with<F>(&'scope self, builder: Builder<'_>, body: F) -> Result<(), SpawnError>
    where
        F: FnOnce() -> Result<T, E> + Send + 'scope,
        T: Send + 'scope,
        E: Send + 'scope,
    {
        // Relaxed, here and below: the end of the scope, which reads the sums, comes after each child by a lock.
        let number = self.spawned.fetch_add(1, Ordering::Relaxed);
        let child = move || {
            if let Ok(value) = observe(&self.children, &self.failures, body) {
                self.values.add((number, value));
                self.note_success();
            }
        };
        // SAFETY: `gather` waits for all children on every way out, before anything that lives for `'scope` goes; the
        // types are `Send`.
        let spawned = unsafe { self.children.spawn(builder, child) };
        spawned.map(drop).inspect_err(|_| _ = self.refused.fetch_add(1, Ordering::Relaxed))
    }

    fn note_success(&self) {
        let succeeded = self.succeeded.fetch_add(1, Ordering::Relaxed) + 1;
        if self.enough == Some(succeeded) {
            self.children.cancel();
        }
    }

    /// Whether enough children have succeeded. All children have ended.
    fn has_enough(&self) -> bool {
        let succeeded = self.succeeded.load(Ordering::Relaxed);
        let spawned = || self.spawned.load(Ordering::Relaxed) - self.refused.load(Ordering::Relaxed);
        succeeded >= self.enough.unwrap_or_else(spawned)
    }

    controls!();
}

impl<T, E> fmt::Debug for GatherScope<'_, '_, T, E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("GatherScope").finish_non_exhaustive()
    }
}

/// Runs `body`, which spawns children, and returns when all of them have ended: those that are left when enough have
/// succeeded (or, of [`Quorum::All`], when one has failed) are cancelled.
///
/// ```
/// use kcoro_core::scope::{Quorum, gather};
///
/// // Called in a coroutine: the answer of the mirror that is fastest, or what each of them answered instead.
/// fn fetch(mirrors: &[&str], get: fn(&str) -> Result<String, String>) -> Result<String, String> {
///     let got = gather(Quorum::Any, |s| {
///         mirrors.iter().try_for_each(|mirror| s.spawn(move || get(mirror)).map_err(|why| why.to_string()))
///     });
///     got.map(|mut got| got.values.remove(0)).map_err(|none| none.to_string())
/// }
/// ```
///
/// # Errors
///
/// Fewer than the quorum succeeded, or the closure failed (which cancels the children). It holds what came all the same.
///
/// # Aborts
///
/// As [`scope`](super::scope).
pub fn gather<'env, F, T, E>(quorum: Quorum, body: F) -> Result<Gathered<T, E>, Gathered<T, E>>
where
    F: for<'scope> FnOnce(&'scope GatherScope<'scope, 'env, T, E>) -> Result<(), E>,
{
    let on_failure = if quorum == Quorum::All { OnFailure::CancelOthers } else { OnFailure::GoOn };
    let scope = GatherScope {
        children: Children::new(on_failure),
        values: Collected::new(),
        failures: Collected::new(),
        enough: quorum.enough(),
        spawned: AtomicUsize::new(0),
        refused: AtomicUsize::new(0),
        succeeded: AtomicUsize::new(0),
        _scope: PhantomData,
        _env: PhantomData,
    };
    if scope.enough == Some(0) {
        scope.children.cancel();
    }
    let outcome = observe(&scope.children, &scope.failures, || body(&scope));
    if outcome.is_err() {
        scope.children.cancel();
    }
    scope.children.wait_for_all();
    let mut values = scope.values.take();
    if quorum == Quorum::All {
        values.sort_unstable_by_key(|(number, _)| *number);
    }
    let values = values.into_iter().map(|(_, value)| value).collect();
    let gathered = Gathered { values, failures: all_failures(&scope.children, &scope.failures) };
    if outcome.is_ok() && scope.has_enough() { Ok(gathered) } else { Err(gathered) }
}
