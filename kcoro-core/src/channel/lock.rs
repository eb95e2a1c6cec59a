// SPDX-License-Identifier: BSD-3-Clause
//! The channel's lock: a spin lock whose release frees what the store needs no more.
#![expect(unsafe_code, reason = "releases the lock in the middle of a drop")]

use core::mem::ManuallyDrop;
use core::ops::{Deref, DerefMut};

use super::core::State;
use crate::primitive::{SpinGuard, SpinLock, const_unless_loom};

/// See the [module](self).
pub(super) struct StateLock<T>(SpinLock<State<T>>);

/// Proof that the lock is held; dropping it releases the lock, and frees afterwards.
pub(super) struct StateGuard<'a, T>(ManuallyDrop<SpinGuard<'a, State<T>>>);

impl<T> StateLock<T> {
    const_unless_loom! {
        pub(super) fn new(state: State<T>) -> Self {
            Self(SpinLock::new(state))
        }
    }

    #[inline(always)]
    #[cfg_attr(kcoro_interleave, track_caller)]
    pub(super) fn lock(&self) -> StateGuard<'_, T> {
        StateGuard(ManuallyDrop::new(self.0.lock()))
    }

    /// Takes the lock if it is free, or is so soon.
    pub(super) fn try_lock(&self) -> Option<StateGuard<'_, T>> {
        self.0.try_lock().map(|guard| StateGuard(ManuallyDrop::new(guard)))
    }
}

impl<T> Deref for StateGuard<'_, T> {
    type Target = State<T>;

    #[inline(always)]
    #[cfg_attr(kcoro_interleave, track_caller)]
    fn deref(&self) -> &State<T> {
        &self.0
    }
}

impl<T> DerefMut for StateGuard<'_, T> {
    #[inline(always)]
    #[cfg_attr(kcoro_interleave, track_caller)]
    fn deref_mut(&mut self) -> &mut State<T> {
        &mut self.0
    }
}

impl<T> Drop for StateGuard<'_, T> {
    #[inline(always)]
    fn drop(&mut self) {
        #[cfg(feature = "alloc")]
        if !self.0.watchers.are_none() {
            tell(&mut self.0);
        }
        #[cfg(feature = "alloc")]
        if self.0.buffer.has_surplus() {
            return self.release_and_free();
        }
        // SAFETY: the guard is dropped here, once, and not used after.
        unsafe { ManuallyDrop::drop(&mut self.0) };
    }
}

#[cfg(feature = "alloc")]
impl<T> StateGuard<'_, T> {
    #[cold]
    fn release_and_free(&mut self) {
        let surplus = self.0.buffer.take_surplus();
        // SAFETY: this is the end of the guard's drop.
        unsafe { ManuallyDrop::drop(&mut self.0) };
        drop(surplus);
    }
}

/// Tells those who watch for what is the case now, one at a time, for no wake happens under the lock. What wakes a watcher is
/// the core's own: it may be called wherever a lock is let go.
#[cfg(feature = "alloc")]
#[cold]
fn tell<T>(guard: &mut SpinGuard<'_, State<T>>) {
    while let Some(wake) = guard.tell_one() {
        guard.unlocked(|| wake.wake());
    }
}
