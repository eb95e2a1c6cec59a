// SPDX-License-Identifier: BSD-3-Clause
//! [`Semaphore`]: so many at a time.

use core::fmt;
use core::time::Duration;

use super::const_unless_loom;
use super::error::{AcquireError, AcquireTimeoutError, TryAcquireError};
use super::permits::{Permits, Refused, Request};
use crate::task::claim::Accepts;
use crate::task::wait_record::{SyncId, WaitsFor};
use crate::time::{Instant, ns_of};
use crate::wait::Limit;

/// Permits, of which each user takes some and gives them back.
///
/// **Order.** Requests are met in the order in which they came. Nobody overtakes one that waits, not even with a smaller
/// request that could be met now: so a large request is met in the end. One for no permits waits its turn, too.
///
/// **Cancellation.** Only [`Semaphore::acquire_cancellable`] is a cancellation point.
///
/// ```
/// # #[cfg(feature = "std")] {
/// use kcoro_core::sync::{Semaphore, TryAcquireError};
///
/// let connections = Semaphore::new(2);
/// let first = connections.acquire(1)?;
/// let second = connections.acquire(1)?;
/// assert_eq!(connections.try_acquire(1).unwrap_err(), TryAcquireError::NoPermits);
/// drop(first);
/// assert_eq!(connections.available(), 1);
/// # }
/// # Ok::<(), kcoro_core::sync::AcquireError>(())
/// ```
pub struct Semaphore {
    pub(super) permits: Permits,
}

impl Semaphore {
    const_unless_loom! {
        /// A semaphore with this many free permits.
        pub fn new(permits: usize) -> Self {
            Self { permits: Permits::new(permits) }
        }
    }

    /// Takes `count` permits at once, waiting for them. A request for more than there will ever be waits for ever.
    ///
    /// # Errors
    ///
    /// [`AcquireError::Closed`], or [`AcquireError::CannotWait`] when it would have had to wait and the caller cannot.
    #[inline]
    pub fn acquire(&self, count: usize) -> Result<Permit<'_>, AcquireError> {
        self.take(count, Accepts::NOTHING)?;
        Ok(Permit { semaphore: self, count })
    }

    /// As [`Semaphore::acquire`], and a cancel ends the wait.
    ///
    /// # Errors
    ///
    /// See [`AcquireError`].
    pub fn acquire_cancellable(&self, count: usize) -> Result<Permit<'_>, AcquireError> {
        self.take(count, Accepts::CANCEL)?;
        Ok(Permit { semaphore: self, count })
    }

    /// Takes `count` permits if they are free and nobody waits. Legal in an interrupt handler.
    ///
    /// # Errors
    ///
    /// See [`TryAcquireError`].
    #[inline]
    pub fn try_acquire(&self, count: usize) -> Result<Permit<'_>, TryAcquireError> {
        self.permits.try_acquire(count)?;
        Ok(Permit { semaphore: self, count })
    }

    /// As [`Semaphore::acquire`], for at most `timeout`.
    ///
    /// # Errors
    ///
    /// See [`AcquireTimeoutError`].
    pub fn acquire_timeout(&self, count: usize, timeout: Duration) -> Result<Permit<'_>, AcquireTimeoutError> {
        self.take_within(count, Limit::AfterNs(ns_of(timeout)))
    }

    /// As [`Semaphore::acquire`], until `deadline` at the latest.
    ///
    /// # Errors
    ///
    /// See [`AcquireTimeoutError`].
    pub fn acquire_deadline(&self, count: usize, deadline: Instant) -> Result<Permit<'_>, AcquireTimeoutError> {
        self.take_within(count, deadline.limit()?)
    }

    /// Takes `count` permits from async code. Dropping the future gives up; permits that it had already been given go to
    /// the next in line.
    ///
    /// # Errors
    ///
    /// [`AcquireError::Closed`].
    pub async fn acquire_async(&self, count: usize) -> Result<Permit<'_>, AcquireError> {
        self.permits.acquire_async(self.request(count)).await?;
        Ok(Permit { semaphore: self, count })
    }

    /// Adds `count` free permits: those of a permit that was forgotten, or new ones. Legal in an interrupt handler.
    ///
    /// # Panics
    ///
    /// When there would be more than `usize::MAX` free permits; nothing has been added then.
    #[inline]
    pub fn release(&self, count: usize) {
        assert!(self.permits.release(count), "a semaphore with more permits than can be counted");
    }

    /// Refuses all requests from now on, and ends those that wait. Permits that are held can still be given back. Says
    /// whether it was open.
    pub fn close(&self) -> bool {
        self.permits.close()
    }

    /// Whether it has been closed.
    pub fn is_closed(&self) -> bool {
        self.permits.is_closed()
    }

    /// How many permits are free, at one instant.
    pub fn available(&self) -> usize {
        self.permits.free()
    }

    /// What dumps and deadlock reports call it.
    pub fn id(&self) -> SyncId {
        self.permits.id()
    }

    fn request(&self, count: usize) -> Request {
        Request { count, waits_for: WaitsFor::Permit(self.id()) }
    }

    #[inline]
    pub(super) fn take(&self, count: usize, accepts: Accepts) -> Result<(), AcquireError> {
        self.permits.acquire(self.request(count), accepts, Limit::Never)??;
        Ok(())
    }

    fn take_within(&self, count: usize, limit: Limit) -> Result<Permit<'_>, AcquireTimeoutError> {
        self.permits.acquire(self.request(count), Accepts::NOTHING, limit)?.map_err(|_| AcquireTimeoutError::Closed)?;
        Ok(Permit { semaphore: self, count })
    }
}

impl From<Refused> for AcquireError {
    /// Who may wait is refused for good only.
    fn from(_: Refused) -> Self {
        Self::Closed
    }
}

impl From<Refused> for TryAcquireError {
    fn from(why: Refused) -> Self {
        match why {
            Refused::NotNow => Self::NoPermits,
            Refused::Closed => Self::Closed,
        }
    }
}

/// Permits of a [`Semaphore`], given back when this is dropped.
#[must_use = "the permits are given back when this is dropped"]
pub struct Permit<'a> {
    semaphore: &'a Semaphore,
    count: usize,
}

macro_rules! permit {
    ($($permit:ident $([$lifetime:lifetime])?)*) => {$(
        impl $permit $(<$lifetime>)? {
            /// How many permits this is.
            pub fn count(&self) -> usize {
                self.count
            }

            /// Does not give them back: the semaphore has fewer from now on, until [`Semaphore::release`] adds some.
            pub fn forget(mut self) {
                self.count = 0;
            }
        }

        impl Drop for $permit $(<$lifetime>)? {
            fn drop(&mut self) {
                if self.count > 0 {
                    // They were taken from it, so it fails only where others have added too many meanwhile: then there
                    // are enough.
                    self.semaphore.permits.release(self.count);
                }
            }
        }

        impl fmt::Debug for $permit $(<$lifetime>)? {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.debug_struct(stringify!($permit)).field("count", &self.count).finish_non_exhaustive()
            }
        }
    )*};
}

permit!(Permit['_]);
#[cfg(feature = "alloc")]
pub(super) use permit;

impl fmt::Debug for Semaphore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Semaphore").field("available", &self.available()).field("closed", &self.is_closed()).finish()
    }
}
