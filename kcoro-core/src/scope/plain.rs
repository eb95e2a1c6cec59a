// SPDX-License-Identifier: BSD-3-Clause
//! [`scope`]: children that simply end.
#![expect(unsafe_code, reason = "spawns closures that borrow; the scope waits for them before it returns")]

use core::fmt;
use core::marker::PhantomData;

use super::children::{Children, OnFailure};
use super::handle::ScopedJoinHandle;
use super::{catch, resume};
use crate::channel::{Receiver, Sender, bounded};
use crate::sched::{Builder, SpawnError};

/// Spawns children that may borrow whatever outlives `'scope`; handed to the closure of [`scope`].
///
/// `'scope` is the scope's own lifetime and `'env` that of what is borrowed, as in `std::thread::Scope`.
pub struct Scope<'scope, 'env: 'scope> {
    children: Children,
    // Invariant, so that no shorter lifetime can be passed off as the scope's.
    _scope: PhantomData<&'scope mut &'scope ()>,
    _env: PhantomData<&'env mut &'env ()>,
}

impl<'scope> Scope<'scope, '_> {
    /// Spawns a child.
    ///
    /// # Errors
    ///
    /// See [`SpawnError`]; a scope outside of a runtime has nobody to run its children.
    #[track_caller]
    pub fn spawn<F, T>(&'scope self, body: F) -> Result<ScopedJoinHandle<'scope, T>, SpawnError>
    where
        F: FnOnce() -> T + Send + 'scope,
        T: Send + 'scope,
    {
        self.spawn_with(Builder::new(), body)
    }

    /// Spawns a child with the options of `builder`.
    ///
    /// # Errors
    ///
    /// As [`Scope::spawn`].
    #[track_caller]
    pub fn spawn_with<F, T>(
        &'scope self,
        builder: Builder<'_>,
        body: F,
    ) -> Result<ScopedJoinHandle<'scope, T>, SpawnError>
    where
        F: FnOnce() -> T + Send + 'scope,
        T: Send + 'scope,
    {
        // SAFETY: `scope` waits for all children on every way out, before anything that lives for `'scope` goes; both
        // types are `Send`.
        let handle = unsafe { self.children.spawn(builder, body) }?;
        Ok(ScopedJoinHandle::new(handle, &self.children))
    }

    /// Spawns a child, or says [`SpawnError::Full`] when a [limit](Scope::limit) is reached. Never waits.
    ///
    /// # Errors
    ///
    /// As [`Scope::spawn`].
    #[track_caller]
    pub fn try_spawn<F, T>(&'scope self, body: F) -> Result<ScopedJoinHandle<'scope, T>, SpawnError>
    where
        F: FnOnce() -> T + Send + 'scope,
        T: Send + 'scope,
    {
        self.spawn_with(Builder::new().without_waiting(), body)
    }

    /// Spawns a child that feeds a channel of this capacity (zero: each send waits for its receive), and returns the
    /// channel's other end. A panic of the child is one of the scope.
    ///
    /// The channel ends when `body` has returned and what it sent has been received. When the receiver goes, sends fail
    /// with `Closed`: then `body` should end. Let the receiver go before the scope's closure ends, or the scope waits for a
    /// child that waits for room.
    ///
    /// ```
    /// use kcoro_core::scope::scope;
    ///
    /// // Called in a coroutine:
    /// fn first_words(lines: &[&str]) -> Vec<String> {
    ///     scope(|s| {
    ///         let words = s.produce(4, |tx| {
    ///             let mut words = lines.iter().filter_map(|line| line.split(' ').next());
    ///             // Ends at the end of the lines, or when nobody receives any more.
    ///             while let Some(word) = words.next() && tx.send(word).is_ok() {}
    ///         });
    ///         words.unwrap().iter().map(str::to_lowercase).collect()
    ///     })
    /// }
    /// ```
    ///
    /// # Errors
    ///
    /// As [`Scope::spawn`].
    #[track_caller]
    pub fn produce<F, V>(&'scope self, capacity: usize, body: F) -> Result<Receiver<V>, SpawnError>
    where
        F: FnOnce(Sender<V>) + Send + 'scope,
        V: Send + 'scope,
    {
        let (tx, rx) = bounded(capacity);
        self.spawn(move || body(tx)).map(|_| rx)
    }

    /// For a closure that sees the failure of each child by itself: the scope does not panic for it.
    pub(crate) fn leave_failures_to_the_closure(&self) {
        self.children.forgive();
    }

    controls!();
}

impl fmt::Debug for Scope<'_, '_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Scope").finish_non_exhaustive()
    }
}

/// Runs `body`, which may spawn children, and returns its value when all of them have ended.
///
/// # Panics
///
/// After all children have ended: if the closure panicked (its children are then cancelled), with its payload; if a child
/// panicked, or had no stack and never ran, and no join has taken that up. Of two panics the closure's goes on.
///
/// # Aborts
///
/// If there are unfinished children and the caller cannot wait for them: it is unwinding.
pub fn scope<'env, F, T>(body: F) -> T
where
    F: for<'scope> FnOnce(&'scope Scope<'scope, 'env>) -> T,
{
    let scope = Scope { children: Children::new(OnFailure::GoOn), _scope: PhantomData, _env: PhantomData };
    let value = catch(|| body(&scope));
    if value.is_err() {
        // Nobody will use what the children still do.
        scope.children.cancel();
    }
    scope.children.wait_for_all();
    match value {
        Err(payload) => resume(payload),
        Ok(value) => {
            if scope.children.unobserved_failures() > 0 {
                match scope.children.take_no_stack().first() {
                    Some(why) => panic!("a coroutine of a scope panicked or never ran: {why}"),
                    None => panic!("a coroutine of a scope panicked"),
                }
            }
            value
        }
    }
}
