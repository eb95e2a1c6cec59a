// SPDX-License-Identifier: BSD-3-Clause
//! [`scope`]: children that simply end.
#![expect(unsafe_code, reason = "spawns closures that borrow; the scope waits for them before it returns")]

use core::fmt;
use core::marker::PhantomData;

use super::children::{Children, OnNoStack};
use super::handle::ScopedJoinHandle;
use super::{catch, resume};
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

    /// Cancels all children, and those that are still to be spawned.
    pub fn cancel(&self) {
        self.children.cancel();
    }
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
/// panicked, or had no stack and never ran, and no join has taken that up.
///
/// # Aborts
///
/// If there are unfinished children and the caller cannot wait for them: it is unwinding.
pub fn scope<'env, F, T>(body: F) -> T
where
    F: for<'scope> FnOnce(&'scope Scope<'scope, 'env>) -> T,
{
    let scope = Scope { children: Children::new(OnNoStack::GoOn), _scope: PhantomData, _env: PhantomData };
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
                match scope.children.no_stack() {
                    Some(why) => panic!("a coroutine of a scope panicked or never ran: {why}"),
                    None => panic!("a coroutine of a scope panicked"),
                }
            }
            value
        }
    }
}
