// SPDX-License-Identifier: BSD-3-Clause
//! What can go wrong: one type per family of operations.

use core::fmt;

use crate::time::ClockMismatch;
use crate::wait::turn::Ended;
use crate::wait::{CannotWait, WaitError};

/// Why an operation with a time limit did not get what it waited for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum WaitTimeoutError {
    /// The time ran out first.
    TimedOut,
    /// It would have had to wait, and the caller cannot.
    CannotWait(CannotWait),
    /// The deadline is of another clock than the caller's.
    Clock(ClockMismatch),
}

/// Why [`Semaphore::acquire`](super::Semaphore::acquire) or a form of it without a limit failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum AcquireError {
    /// The semaphore is closed.
    Closed,
    /// The coroutine has been cancelled; only forms that are named cancellable say so.
    Cancelled,
    /// It would have had to wait, and the caller cannot.
    CannotWait(CannotWait),
}

/// Why [`Semaphore::try_acquire`](super::Semaphore::try_acquire) failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum TryAcquireError {
    /// Too few permits are free, or others wait for theirs.
    NoPermits,
    /// The semaphore is closed.
    Closed,
}

/// Why [`Semaphore::acquire_timeout`](super::Semaphore::acquire_timeout) failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum AcquireTimeoutError {
    /// The time ran out first.
    TimedOut,
    /// The semaphore is closed.
    Closed,
    /// It would have had to wait, and the caller cannot.
    CannotWait(CannotWait),
    /// The deadline is of another clock than the caller's.
    Clock(ClockMismatch),
}

/// Why [`OnceCell::get_or_try_init`](super::OnceCell::get_or_try_init) has no value to show.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum InitError<E> {
    /// The closure failed, with this.
    Failed(E),
    /// Another was about to make the value, and the caller cannot wait for it.
    CannotWait(CannotWait),
}

/// A [`Condvar`](super::Condvar)'s wait that ended without a notification. The mutex is held again, and here is its guard.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Unnotified<G, W> {
    /// The guard that the wait was given.
    pub guard: G,
    /// Why it ended.
    pub why: W,
}

impl From<Ended> for WaitTimeoutError {
    fn from(ended: Ended) -> Self {
        match ended {
            Ended::CannotWait(why) => Self::CannotWait(why),
            Ended::TimedOut | Ended::Cancelled => Self::TimedOut,
        }
    }
}

impl From<Ended> for AcquireError {
    fn from(ended: Ended) -> Self {
        match ended {
            Ended::CannotWait(why) => Self::CannotWait(why),
            Ended::Cancelled | Ended::TimedOut => Self::Cancelled,
        }
    }
}

impl From<Ended> for AcquireTimeoutError {
    fn from(ended: Ended) -> Self {
        match ended {
            Ended::CannotWait(why) => Self::CannotWait(why),
            Ended::TimedOut | Ended::Cancelled => Self::TimedOut,
        }
    }
}

impl From<ClockMismatch> for WaitTimeoutError {
    fn from(why: ClockMismatch) -> Self {
        Self::Clock(why)
    }
}

impl From<ClockMismatch> for AcquireTimeoutError {
    fn from(why: ClockMismatch) -> Self {
        Self::Clock(why)
    }
}

const CLOSED: &str = "the semaphore is closed";
const TIMED_OUT: &str = "timed out";

impl fmt::Display for WaitTimeoutError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::TimedOut => f.write_str(TIMED_OUT),
            Self::CannotWait(why) => why.fmt(f),
            Self::Clock(why) => why.fmt(f),
        }
    }
}

impl fmt::Display for AcquireError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Closed => f.write_str(CLOSED),
            Self::Cancelled => WaitError::Cancelled.fmt(f),
            Self::CannotWait(why) => why.fmt(f),
        }
    }
}

impl fmt::Display for TryAcquireError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::NoPermits => "the semaphore has too few free permits, or others wait for theirs",
            Self::Closed => CLOSED,
        })
    }
}

impl fmt::Display for AcquireTimeoutError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::TimedOut => f.write_str(TIMED_OUT),
            Self::Closed => f.write_str(CLOSED),
            Self::CannotWait(why) => why.fmt(f),
            Self::Clock(why) => why.fmt(f),
        }
    }
}

impl<E: fmt::Display> fmt::Display for InitError<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Failed(why) => why.fmt(f),
            Self::CannotWait(why) => why.fmt(f),
        }
    }
}

impl<G, W: fmt::Display> fmt::Display for Unnotified<G, W> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "not notified: {}", self.why)
    }
}

/// What the guard guards need not be `Debug` for an error to be unwrapped.
impl<G, W: fmt::Debug> fmt::Debug for Unnotified<G, W> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Unnotified").field("why", &self.why).finish_non_exhaustive()
    }
}

impl core::error::Error for WaitTimeoutError {}
impl core::error::Error for AcquireError {}
impl core::error::Error for TryAcquireError {}
impl core::error::Error for AcquireTimeoutError {}
impl<E: fmt::Debug + fmt::Display> core::error::Error for InitError<E> {}
impl<G, W: fmt::Debug + fmt::Display> core::error::Error for Unnotified<G, W> {}
