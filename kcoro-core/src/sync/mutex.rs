// SPDX-License-Identifier: BSD-3-Clause
//! [`Mutex`]: one holder at a time.
#![expect(unsafe_code, reason = "hands out references into the cell that the lock guards")]

use core::fmt;
use core::marker::PhantomData;
use core::ops::{Deref, DerefMut};
use core::time::Duration;

use super::const_unless_loom;
use super::error::WaitTimeoutError;
use super::raw_mutex::RawMutex;
use crate::primitive::UnsafeCell;
use crate::task::claim::Accepts;
use crate::task::wait_record::SyncId;
use crate::time::{Instant, ns_of};
use crate::wait::turn::Ended;
use crate::wait::{CannotWait, Limit, WaitError};

/// A value that one coroutine, thread or async task uses at a time. Who must wait for it parks.
///
/// **It may be held over a suspension.** That is what it is for; to guard a few instructions between threads, a lock of
/// `std` is as good.
///
/// **Order.** Waiters get the lock in the order in which they came. One that comes while the lock is free may take it though
/// others wait; but when the first of these has been woken and finds it taken, it is next for certain. So nobody starves,
/// and a lock that is often taken does not change hands (which would cost a switch or a wake of a thread) at each release.
///
/// **No poisoning.** A panic while the lock is held gives it back, and the value is as the panic left it: who relies on more
/// than each single write restores it in a `Drop`.
///
/// **Cancellation.** Only [`Mutex::lock_cancellable`] is a cancellation point.
///
/// **Locking it twice** in one coroutine waits for ever; the simulator reports the deadlock.
///
/// ```
/// # #[cfg(feature = "std")] {
/// use kcoro_core::sync::Mutex;
///
/// static VISITS: Mutex<u32> = Mutex::new(0);
///
/// *VISITS.lock()? += 1;
/// assert_eq!(*VISITS.lock()?, 1);
/// # }
/// # Ok::<(), kcoro_core::wait::CannotWait>(())
/// ```
pub struct Mutex<T: ?Sized> {
    raw: RawMutex,
    value: UnsafeCell<T>,
}

// SAFETY: the lock gives one holder at a time access to the value, so sharing it moves `T` between threads at most.
unsafe impl<T: ?Sized + Send> Send for Mutex<T> {}
// SAFETY: as above.
unsafe impl<T: ?Sized + Send> Sync for Mutex<T> {}

impl<T> Mutex<T> {
    const_unless_loom! {
        /// A mutex that is free.
        pub fn new(value: T) -> Self {
            Self { raw: RawMutex::new(), value: UnsafeCell::new(value) }
        }
    }

    /// The value.
    pub fn into_inner(self) -> T {
        self.value.into_inner()
    }
}

impl<T: ?Sized> Mutex<T> {
    /// Takes the lock, waiting for it.
    ///
    /// # Errors
    ///
    /// It would have had to wait, and the caller cannot: among others, because it unwinds from a panic. A lock that is free
    /// is always had.
    #[inline]
    pub fn lock(&self) -> Result<MutexGuard<'_, T>, CannotWait> {
        match self.raw.lock(Accepts::NOTHING, Limit::Never) {
            Ok(()) => Ok(MutexGuard::new(self)),
            Err(ended) => Err(ended.only_refused()),
        }
    }

    /// Takes the lock if it is free.
    #[inline]
    pub fn try_lock(&self) -> Option<MutexGuard<'_, T>> {
        self.raw.try_lock().then(|| MutexGuard::new(self))
    }

    /// As [`Mutex::lock`], for at most `timeout`.
    ///
    /// # Errors
    ///
    /// See [`WaitTimeoutError`].
    pub fn lock_timeout(&self, timeout: Duration) -> Result<MutexGuard<'_, T>, WaitTimeoutError> {
        self.raw.lock(Accepts::NOTHING, Limit::AfterNs(ns_of(timeout)))?;
        Ok(MutexGuard::new(self))
    }

    /// As [`Mutex::lock`], until `deadline` at the latest.
    ///
    /// # Errors
    ///
    /// See [`WaitTimeoutError`].
    pub fn lock_deadline(&self, deadline: Instant) -> Result<MutexGuard<'_, T>, WaitTimeoutError> {
        self.raw.lock(Accepts::NOTHING, deadline.limit()?)?;
        Ok(MutexGuard::new(self))
    }

    /// As [`Mutex::lock`], and a cancel ends the wait.
    ///
    /// # Errors
    ///
    /// See [`WaitError`].
    pub fn lock_cancellable(&self) -> Result<MutexGuard<'_, T>, WaitError> {
        self.raw.lock(Accepts::CANCEL, Limit::Never).map_err(Ended::without_limit)?;
        Ok(MutexGuard::new(self))
    }

    /// Takes the lock from async code. Dropping the future gives up; a lock that it had already been given goes to the next
    /// in line.
    ///
    /// A future that has queued and is polled no more keeps those behind it waiting until it is dropped: poll it, or drop
    /// it.
    pub async fn lock_async(&self) -> MutexGuard<'_, T> {
        if !self.raw.try_lock() {
            self.raw.lock_async().await;
        }
        MutexGuard::new(self)
    }

    /// Whether somebody holds the lock, at one instant.
    pub fn is_locked(&self) -> bool {
        self.raw.is_locked()
    }

    /// The value, without a lock: nobody else has the mutex.
    pub fn get_mut(&mut self) -> &mut T {
        // SAFETY: `&mut self`.
        self.value.with_mut(|value| unsafe { &mut *value })
    }

    /// What dumps and deadlock reports call it.
    pub fn id(&self) -> SyncId {
        self.raw.id()
    }
}

/// Holds a [`Mutex`]; dropping it gives the lock back, and never suspends.
///
/// It may go to another thread, or be dropped on one, if the value may: a lock belongs to its guard, not to a coroutine.
/// Forgetting it leaves the mutex locked for ever.
#[must_use = "the lock is given back when this is dropped"]
pub struct MutexGuard<'a, T: ?Sized> {
    mutex: &'a Mutex<T>,
    /// It may go where a mutable reference to the value may go.
    _value: PhantomData<&'a mut T>,
}

impl<'a, T: ?Sized> MutexGuard<'a, T> {
    /// The caller has taken the lock.
    fn new(mutex: &'a Mutex<T>) -> Self {
        Self { mutex, _value: PhantomData }
    }

    /// The mutex that is held.
    pub(super) fn mutex(&self) -> &'a Mutex<T> {
        self.mutex
    }

    /// Takes a lock that its caller gave up for a while.
    pub(super) fn again(mutex: &'a Mutex<T>) -> Self {
        // Who waits for a notification can wait for the lock.
        mutex.lock().expect("who could wait can wait again")
    }
}

impl<T: ?Sized> Deref for MutexGuard<'_, T> {
    type Target = T;

    #[inline]
    fn deref(&self) -> &T {
        // SAFETY: the guard stands for the lock, so nobody else has a reference to the value.
        self.mutex.value.with(|value| unsafe { &*value })
    }
}

impl<T: ?Sized> DerefMut for MutexGuard<'_, T> {
    #[inline]
    fn deref_mut(&mut self) -> &mut T {
        // SAFETY: as in `deref`; `&mut self` makes this the only reference.
        self.mutex.value.with_mut(|value| unsafe { &mut *value })
    }
}

impl<T: ?Sized> Drop for MutexGuard<'_, T> {
    #[inline]
    fn drop(&mut self) {
        self.mutex.raw.unlock();
    }
}

impl<T: Default> Default for Mutex<T> {
    fn default() -> Self {
        Self::new(T::default())
    }
}

impl<T> From<T> for Mutex<T> {
    fn from(value: T) -> Self {
        Self::new(value)
    }
}

impl<T: ?Sized + fmt::Debug> fmt::Debug for Mutex<T> {
    /// Shows the value only if nobody holds the lock.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.try_lock() {
            Some(guard) => f.debug_struct("Mutex").field("value", &&*guard).finish(),
            None => f.debug_struct("Mutex").field("value", &format_args!("<locked>")).finish(),
        }
    }
}

impl<T: ?Sized + fmt::Debug> fmt::Debug for MutexGuard<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        (**self).fmt(f)
    }
}

impl<T: ?Sized + fmt::Display> fmt::Display for MutexGuard<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        (**self).fmt(f)
    }
}
