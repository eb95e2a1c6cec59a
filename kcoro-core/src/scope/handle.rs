// SPDX-License-Identifier: BSD-3-Clause
//! The handle of a scope's child.
#![expect(unsafe_code, reason = "takes the inner handle out in its drop")]

use core::fmt;
use core::mem::ManuallyDrop;
use core::time::Duration;

use super::children::Children;
use crate::sched::{JoinArm, JoinError, JoinHandle, TryJoinError};

/// The right to wait for a scope's child and to take its output. Dropping it leaves the child to the scope.
pub struct ScopedJoinHandle<'scope, T> {
    inner: ManuallyDrop<JoinHandle<T>>,
    children: &'scope Children,
}

impl<'scope, T> ScopedJoinHandle<'scope, T> {
    pub(super) fn new(inner: JoinHandle<T>, children: &'scope Children) -> Self {
        Self { inner: ManuallyDrop::new(inner), children }
    }

    /// Waits for the child's end and returns its output; a failure that it returns does not make the scope panic.
    ///
    /// # Errors
    ///
    /// See [`JoinError`].
    pub fn join(mut self) -> Result<T, JoinError> {
        self.inner.join_mut()
    }

    /// As [`JoinHandle::join_timeout`].
    ///
    /// # Errors
    ///
    /// See [`TryJoinError`].
    pub fn join_timeout(&mut self, timeout: Duration) -> Result<T, TryJoinError> {
        self.inner.join_timeout(timeout)
    }

    /// As [`JoinHandle::try_join`].
    ///
    /// # Errors
    ///
    /// See [`TryJoinError`].
    pub fn try_join(&mut self) -> Result<T, TryJoinError> {
        self.inner.try_join()
    }

    /// Waiting for the child's end, and taking its output, as an arm of a select: `join(handle) -> output => code` in
    /// [`select!`](crate::select!). The handle can be used again if the select chooses another arm.
    ///
    /// ```
    /// use core::time::Duration;
    /// use kcoro_core::scope::scope;
    /// use kcoro_core::select;
    ///
    /// // Called in a coroutine:
    /// fn longest<'a>(words: &[&'a str], limit: Duration) -> Option<&'a str> {
    ///     scope(|s| {
    ///         let mut child = s.spawn(|| words.iter().max_by_key(|word| word.len()).copied()).unwrap();
    ///         select! {
    ///             join(child) -> found => found.unwrap(),
    ///             after(limit) => None,
    ///         }
    ///     })
    /// }
    /// ```
    pub fn join_arm(&mut self) -> JoinArm<'_, T> {
        self.inner.join_arm()
    }

    /// Cancels this child alone.
    pub fn cancel(&self) {
        self.inner.cancel();
    }

    /// Whether the child has ended.
    pub fn is_finished(&self) -> bool {
        self.inner.is_finished()
    }

    /// The child's number.
    pub fn id(&self) -> u64 {
        self.inner.id()
    }
}

impl<T> Drop for ScopedJoinHandle<'_, T> {
    fn drop(&mut self) {
        // SAFETY: the handle is taken once, by its own drop.
        let inner = unsafe { ManuallyDrop::take(&mut self.inner) };
        if let Some(Err(why)) = inner.release()
            && why.is_failure()
        {
            self.children.note_unobserved_failure();
        }
    }
}

impl<T> fmt::Debug for ScopedJoinHandle<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.inner.fmt(f)
    }
}
