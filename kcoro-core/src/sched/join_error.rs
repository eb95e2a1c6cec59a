// SPDX-License-Identifier: BSD-3-Clause
//! Why a join has no output.

use core::fmt;

use super::panicked::Panicked;
use crate::stack::StackError;
use crate::task::header::Rejected;
use crate::wait::WaitError;

/// Why there is no output.
#[non_exhaustive]
pub enum JoinError {
    /// The coroutine panicked.
    Panicked(Panicked),
    /// The coroutine was cancelled before its first run.
    Cancelled,
    /// The coroutine never ran, because its runtime shut down.
    Shutdown,
    /// The coroutine never ran, because there was no stack for it.
    NoStack(StackError),
    /// The coroutine's runtime has shut down without it, see [`ShutdownReport`](super::ShutdownReport): it will most
    /// likely never end.
    Abandoned,
    /// A coroutine cannot wait for its own end.
    Itself,
    /// The wait itself ended: the *joining* coroutine was cancelled, or the caller cannot wait. The other coroutine goes
    /// on.
    Wait(WaitError),
    /// The output has been taken by an earlier call.
    AlreadyTaken,
}

impl JoinError {
    pub(super) fn rejected(why: Rejected) -> Self {
        match why {
            Rejected::Cancelled => Self::Cancelled,
            Rejected::Shutdown => Self::Shutdown,
            Rejected::NoStack(why) => Self::NoStack(why),
        }
    }

    /// Whether it is the coroutine's own failure, which somebody must hear of: not a cancel, and not the joiner's trouble.
    pub(crate) fn is_failure(&self) -> bool {
        matches!(self, Self::Panicked(_) | Self::NoStack(_))
    }

    /// The panic's payload, if the coroutine panicked.
    pub fn into_panic(self) -> Option<Panicked> {
        match self {
            Self::Panicked(panicked) => Some(panicked),
            _ => None,
        }
    }
}

impl fmt::Debug for JoinError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "JoinError({self})")
    }
}

impl fmt::Display for JoinError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Panicked(panicked) => write!(f, "the coroutine panicked: {panicked}"),
            Self::Cancelled => f.write_str("the coroutine was cancelled before its first run"),
            Self::Shutdown => f.write_str("the coroutine never ran: its runtime shut down"),
            Self::NoStack(why) => write!(f, "the coroutine never ran: {why}"),
            Self::Abandoned => f.write_str("the coroutine was abandoned: its runtime shut down without it"),
            Self::Itself => f.write_str("a coroutine cannot join itself"),
            Self::Wait(why) => write!(f, "the wait for the coroutine ended early: {why}"),
            Self::AlreadyTaken => f.write_str("the coroutine's output has been taken already"),
        }
    }
}

impl core::error::Error for JoinError {}

/// Why [`join_timeout`](super::JoinHandle::join_timeout) or [`try_join`](super::JoinHandle::try_join) has no output yet.
#[derive(Debug)]
#[non_exhaustive]
pub enum TryJoinError {
    /// The coroutine has not ended (within the time given).
    NotYet,
    /// It has ended, or it cannot be waited for.
    Failed(JoinError),
}

impl fmt::Display for TryJoinError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotYet => f.write_str("the coroutine has not ended yet"),
            Self::Failed(why) => why.fmt(f),
        }
    }
}

impl core::error::Error for TryJoinError {}
