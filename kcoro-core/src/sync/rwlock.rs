// SPDX-License-Identifier: BSD-3-Clause
//! [`RwLock`]: many readers or one writer.
#![expect(unsafe_code, reason = "a lock that shares its value between threads")]

mod guards;

use core::fmt;
use core::time::Duration;

pub use self::guards::{RwLockReadGuard, RwLockWriteGuard};
use super::const_unless_loom;
use super::error::WaitTimeoutError;
use super::permits::{Permits, Request};
use crate::primitive::UnsafeCell;
use crate::task::claim::Accepts;
use crate::task::wait_record::{SyncId, WaitsFor};
use crate::time::{Instant, ns_of};
use crate::wait::turn::Ended;
use crate::wait::{CannotWait, Limit, WaitError};

/// A value that many read at a time, or one writes. Who must wait for it parks.
///
/// **Order.** Readers and writers are served in the order in which they came; nobody overtakes one that waits. So a reader
/// that comes while a writer waits gets in after it, and neither kind starves. It also means that a coroutine which reads
/// and wants to read once more may wait for a writer that waits for it: do not nest.
///
/// **No poisoning**, and it may be held over a suspension: as for a [`Mutex`](super::Mutex).
///
/// **Cancellation.** Only what is named cancellable is a cancellation point.
///
/// ```
/// # #[cfg(feature = "std")] {
/// use kcoro_core::sync::RwLock;
///
/// let table = RwLock::new(vec![1]);
/// {
///     let (one, another) = (table.read()?, table.read()?);
///     assert_eq!(one.len() + another.len(), 2);
///     assert!(table.try_write().is_none());
/// }
/// let mut writes = table.write()?;
/// writes.push(2);
/// let reads = writes.downgrade();
/// assert_eq!((reads.len(), table.read()?.len()), (2, 2));
/// # }
/// # Ok::<(), kcoro_core::wait::CannotWait>(())
/// ```
pub struct RwLock<T: ?Sized> {
    /// A reader has one, a writer all.
    permits: Permits,
    value: UnsafeCell<T>,
}

const READER: usize = 1;
const WRITER: usize = usize::MAX;

// SAFETY: the permits allow one writer or many readers, so sharing the lock moves `T` between threads and shares it.
unsafe impl<T: ?Sized + Send> Send for RwLock<T> {}
// SAFETY: as above.
unsafe impl<T: ?Sized + Send + Sync> Sync for RwLock<T> {}

impl<T> RwLock<T> {
    const_unless_loom! {
        /// A lock that is free.
        pub fn new(value: T) -> Self {
            Self { permits: Permits::new(WRITER), value: UnsafeCell::new(value) }
        }
    }

    /// The value.
    pub fn into_inner(self) -> T {
        self.value.into_inner()
    }
}

impl<T: ?Sized> RwLock<T> {
    /// Takes the lock to read, waiting for it.
    ///
    /// # Errors
    ///
    /// It would have had to wait, and the caller cannot.
    #[inline]
    pub fn read(&self) -> Result<RwLockReadGuard<'_, T>, CannotWait> {
        self.take(READER, Accepts::NOTHING, Limit::Never).map_err(Ended::only_refused)?;
        Ok(RwLockReadGuard::new(self))
    }

    /// Takes the lock to write, waiting for it.
    ///
    /// # Errors
    ///
    /// It would have had to wait, and the caller cannot.
    #[inline]
    pub fn write(&self) -> Result<RwLockWriteGuard<'_, T>, CannotWait> {
        self.take(WRITER, Accepts::NOTHING, Limit::Never).map_err(Ended::only_refused)?;
        Ok(RwLockWriteGuard::new(self))
    }

    /// Takes the lock to read, if nobody writes or waits.
    #[inline]
    pub fn try_read(&self) -> Option<RwLockReadGuard<'_, T>> {
        self.permits.try_acquire(READER).is_ok().then(|| RwLockReadGuard::new(self))
    }

    /// Takes the lock to write, if it is free.
    #[inline]
    pub fn try_write(&self) -> Option<RwLockWriteGuard<'_, T>> {
        self.permits.try_acquire(WRITER).is_ok().then(|| RwLockWriteGuard::new(self))
    }

    /// As [`RwLock::read`], for at most `timeout`.
    ///
    /// # Errors
    ///
    /// See [`WaitTimeoutError`].
    pub fn read_timeout(&self, timeout: Duration) -> Result<RwLockReadGuard<'_, T>, WaitTimeoutError> {
        self.take(READER, Accepts::NOTHING, Limit::AfterNs(ns_of(timeout)))?;
        Ok(RwLockReadGuard::new(self))
    }

    /// As [`RwLock::write`], for at most `timeout`.
    ///
    /// # Errors
    ///
    /// See [`WaitTimeoutError`].
    pub fn write_timeout(&self, timeout: Duration) -> Result<RwLockWriteGuard<'_, T>, WaitTimeoutError> {
        self.take(WRITER, Accepts::NOTHING, Limit::AfterNs(ns_of(timeout)))?;
        Ok(RwLockWriteGuard::new(self))
    }

    /// As [`RwLock::read`], until `deadline` at the latest.
    ///
    /// # Errors
    ///
    /// See [`WaitTimeoutError`].
    pub fn read_deadline(&self, deadline: Instant) -> Result<RwLockReadGuard<'_, T>, WaitTimeoutError> {
        self.take(READER, Accepts::NOTHING, deadline.limit()?)?;
        Ok(RwLockReadGuard::new(self))
    }

    /// As [`RwLock::write`], until `deadline` at the latest.
    ///
    /// # Errors
    ///
    /// See [`WaitTimeoutError`].
    pub fn write_deadline(&self, deadline: Instant) -> Result<RwLockWriteGuard<'_, T>, WaitTimeoutError> {
        self.take(WRITER, Accepts::NOTHING, deadline.limit()?)?;
        Ok(RwLockWriteGuard::new(self))
    }

    /// As [`RwLock::read`], and a cancel ends the wait.
    ///
    /// # Errors
    ///
    /// See [`WaitError`].
    pub fn read_cancellable(&self) -> Result<RwLockReadGuard<'_, T>, WaitError> {
        self.take(READER, Accepts::CANCEL, Limit::Never).map_err(Ended::without_limit)?;
        Ok(RwLockReadGuard::new(self))
    }

    /// As [`RwLock::write`], and a cancel ends the wait.
    ///
    /// # Errors
    ///
    /// See [`WaitError`].
    pub fn write_cancellable(&self) -> Result<RwLockWriteGuard<'_, T>, WaitError> {
        self.take(WRITER, Accepts::CANCEL, Limit::Never).map_err(Ended::without_limit)?;
        Ok(RwLockWriteGuard::new(self))
    }

    /// As [`RwLock::read`], from async code. Dropping the future gives up; a lock that it had already been given goes to the
    /// next in line.
    pub async fn read_async(&self) -> RwLockReadGuard<'_, T> {
        self.take_async(READER).await;
        RwLockReadGuard::new(self)
    }

    /// As [`RwLock::write`], from async code; see [`RwLock::read_async`].
    pub async fn write_async(&self) -> RwLockWriteGuard<'_, T> {
        self.take_async(WRITER).await;
        RwLockWriteGuard::new(self)
    }

    /// The value, without a lock: nobody else has it.
    pub fn get_mut(&mut self) -> &mut T {
        // SAFETY: `&mut self`.
        self.value.with_mut(|value| unsafe { &mut *value })
    }

    /// What dumps and deadlock reports call it.
    pub fn id(&self) -> SyncId {
        self.permits.id()
    }

    fn request(&self, count: usize) -> Request {
        Request { count, waits_for: WaitsFor::Lock(self.id()) }
    }

    #[inline]
    fn take(&self, count: usize, accepts: Accepts, limit: Limit) -> Result<(), Ended> {
        // Nobody closes these permits.
        self.permits.acquire(self.request(count), accepts, limit).map(|_| ())
    }

    async fn take_async(&self, count: usize) {
        // As in `take`.
        let _ = self.permits.acquire_async(self.request(count)).await;
    }
}

impl<T: Default> Default for RwLock<T> {
    fn default() -> Self {
        Self::new(T::default())
    }
}

impl<T: ?Sized + fmt::Debug> fmt::Debug for RwLock<T> {
    /// Shows the value only if nobody writes or waits.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.try_read() {
            Some(guard) => f.debug_struct("RwLock").field("value", &&*guard).finish(),
            None => f.debug_struct("RwLock").field("value", &format_args!("<locked>")).finish(),
        }
    }
}
