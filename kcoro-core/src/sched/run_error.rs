// SPDX-License-Identifier: BSD-3-Clause
//! Why a root has no result.

use core::fmt;

use super::join_error::JoinError;
use super::panicked::Panicked;
use super::spawn::SpawnError;
use crate::wait::CannotWait;

/// Why `Runtime::run` has no result.
#[non_exhaustive]
pub enum RunError {
    /// The root coroutine panicked.
    Panicked(Panicked),
    /// The root coroutine could not be spawned, or had no stack.
    Spawn(SpawnError),
    /// The caller cannot wait for it.
    CannotWait(CannotWait),
    /// A thread that runs a coroutine cannot drive another runtime: call `Runtime::run`, which parks the coroutine.
    InsideRuntime,
}

impl fmt::Display for RunError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Panicked(panicked) => write!(f, "the root coroutine panicked: {panicked}"),
            Self::Spawn(why) => write!(f, "the root coroutine was not spawned: {why}"),
            Self::CannotWait(why) => why.fmt(f),
            Self::InsideRuntime => f.write_str("a local runtime cannot be driven from inside of a runtime"),
        }
    }
}

impl fmt::Debug for RunError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "RunError({self})")
    }
}

impl core::error::Error for RunError {}

impl RunError {
    pub(super) fn of(why: JoinError) -> Self {
        match why {
            JoinError::Panicked(panicked) => Self::Panicked(panicked),
            JoinError::NoStack(why) => Self::Spawn(SpawnError::Stack(why)),
            _ => Self::Spawn(SpawnError::Shutdown),
        }
    }
}
