// SPDX-License-Identifier: BSD-3-Clause
//! What can go wrong: one type per operation. What failed to be sent comes back.

use core::fmt;

use crate::time::ClockMismatch;
use crate::wait::CannotWait;

/// Why [`send`](super::Sender::send) failed; the value comes back.
#[derive(Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum SendError<T> {
    /// The channel is closed, or no receiver is left.
    Closed(T),
    /// The caller has been cancelled.
    Cancelled(T),
    /// It would have had to wait, and the caller cannot.
    CannotWait(T, CannotWait),
}

/// Why [`try_send`](super::Sender::try_send) failed; the value comes back.
#[derive(Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum TrySendError<T> {
    /// There is no room, and no receiver waits.
    Full(T),
    /// The channel is closed, or no receiver is left.
    Closed(T),
}

/// Why [`send_timeout`](super::Sender::send_timeout) failed; the value comes back.
#[derive(Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum SendTimeoutError<T> {
    /// The time ran out first.
    TimedOut(T),
    /// The channel is closed, or no receiver is left.
    Closed(T),
    /// The caller has been cancelled.
    Cancelled(T),
    /// It would have had to wait, and the caller cannot.
    CannotWait(T, CannotWait),
    /// The deadline is of another clock than the caller's.
    Clock(T, ClockMismatch),
}

/// Why [`recv`](super::Receiver::recv) failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum RecvError {
    /// The channel is closed, or no sender is left, and nothing is buffered.
    Closed,
    /// The caller has been cancelled.
    Cancelled,
    /// It would have had to wait, and the caller cannot.
    CannotWait(CannotWait),
}

/// Why [`try_recv`](super::Receiver::try_recv) failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum TryRecvError {
    /// Nothing is there now.
    Empty,
    /// Nothing is there, and nothing will come.
    Closed,
}

/// Why [`recv_timeout`](super::Receiver::recv_timeout) failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum RecvTimeoutError {
    /// The time ran out first.
    TimedOut,
    /// The channel is closed, or no sender is left, and nothing is buffered.
    Closed,
    /// The caller has been cancelled.
    Cancelled,
    /// It would have had to wait, and the caller cannot.
    CannotWait(CannotWait),
    /// The deadline is of another clock than the caller's.
    Clock(ClockMismatch),
}

const CLOSED_TO_SEND: &str = "the channel is closed to senders";
const CLOSED_TO_RECEIVE: &str = "the channel is closed and empty";
const CANCELLED: &str = "the coroutine has been cancelled";

impl<T> SendError<T> {
    /// The value that was not sent.
    pub fn into_inner(self) -> T {
        match self {
            Self::Closed(value) | Self::Cancelled(value) | Self::CannotWait(value, _) => value,
        }
    }
}

impl<T> TrySendError<T> {
    /// The value that was not sent.
    pub fn into_inner(self) -> T {
        match self {
            Self::Full(value) | Self::Closed(value) => value,
        }
    }
}

impl<T> SendTimeoutError<T> {
    /// The value that was not sent.
    pub fn into_inner(self) -> T {
        match self {
            Self::TimedOut(value)
            | Self::Closed(value)
            | Self::Cancelled(value)
            | Self::CannotWait(value, _)
            | Self::Clock(value, _) => value,
        }
    }

    /// For an operation without a deadline, which cannot run out of time.
    pub(super) fn without_deadline(self) -> SendError<T> {
        match self {
            Self::Closed(value) => SendError::Closed(value),
            Self::CannotWait(value, why) => SendError::CannotWait(value, why),
            Self::Cancelled(value) | Self::TimedOut(value) | Self::Clock(value, _) => SendError::Cancelled(value),
        }
    }
}

impl RecvTimeoutError {
    /// For an operation without a deadline, which cannot run out of time.
    pub(super) fn without_deadline(self) -> RecvError {
        match self {
            Self::Closed => RecvError::Closed,
            Self::CannotWait(why) => RecvError::CannotWait(why),
            Self::Cancelled | Self::TimedOut | Self::Clock(_) => RecvError::Cancelled,
        }
    }
}

impl<T> fmt::Display for SendError<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Closed(_) => f.write_str(CLOSED_TO_SEND),
            Self::Cancelled(_) => f.write_str(CANCELLED),
            Self::CannotWait(_, why) => why.fmt(f),
        }
    }
}

impl<T> fmt::Display for TrySendError<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Full(_) => "the channel is full",
            Self::Closed(_) => CLOSED_TO_SEND,
        })
    }
}

impl<T> fmt::Display for SendTimeoutError<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::TimedOut(_) => f.write_str("timed out waiting for room in the channel"),
            Self::Closed(_) => f.write_str(CLOSED_TO_SEND),
            Self::Cancelled(_) => f.write_str(CANCELLED),
            Self::CannotWait(_, why) => why.fmt(f),
            Self::Clock(_, why) => why.fmt(f),
        }
    }
}

impl fmt::Display for RecvError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Closed => f.write_str(CLOSED_TO_RECEIVE),
            Self::Cancelled => f.write_str(CANCELLED),
            Self::CannotWait(why) => why.fmt(f),
        }
    }
}

impl fmt::Display for TryRecvError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Empty => "the channel is empty",
            Self::Closed => CLOSED_TO_RECEIVE,
        })
    }
}

impl fmt::Display for RecvTimeoutError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::TimedOut => f.write_str("timed out waiting for a value"),
            Self::Closed => f.write_str(CLOSED_TO_RECEIVE),
            Self::Cancelled => f.write_str(CANCELLED),
            Self::CannotWait(why) => why.fmt(f),
            Self::Clock(why) => why.fmt(f),
        }
    }
}

/// The value need not be `Debug` for an error to be unwrapped.
macro_rules! debug_without_value {
    ($($error:ident)*) => {$(
        impl<T> fmt::Debug for $error<T> {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, concat!(stringify!($error), "({})"), self)
            }
        }

        impl<T> core::error::Error for $error<T> {}
    )*};
}

debug_without_value!(SendError TrySendError SendTimeoutError);

impl core::error::Error for RecvError {}
impl core::error::Error for TryRecvError {}
impl core::error::Error for RecvTimeoutError {}
