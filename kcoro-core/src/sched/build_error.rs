// SPDX-License-Identifier: BSD-3-Clause
//! Why a runtime was not built.

use core::fmt;

use crate::platform::StartError;
use crate::stack::StackError;

/// Why a runtime was not built.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum BuildError {
    /// A runtime needs at least one worker.
    NoWorkers,
    /// More workers than a runtime can have.
    TooManyWorkers {
        /// What was asked for.
        workers: usize,
        /// How many there can be.
        max: usize,
    },
    /// The platform does not give stacks of the default size that was asked for.
    Stack(StackError),
    /// A limit of zero coroutines leaves nothing to run.
    ZeroLimit,
    /// A [`StaticRuntime`](super::StaticRuntime) is built once.
    AlreadyBuilt,
    /// Worker `index` could not be started.
    Worker {
        /// Which one.
        index: usize,
        /// Why.
        why: StartError,
    },
}

impl fmt::Display for BuildError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoWorkers => f.write_str("a runtime needs at least one worker"),
            Self::TooManyWorkers { workers, max } => write!(f, "{workers} workers are too many; ask for at most {max}"),
            Self::Stack(why) => write!(f, "default stack size: {why}"),
            Self::ZeroLimit => f.write_str("a limit of 0 coroutines leaves nothing to run; ask for at least 1"),
            Self::AlreadyBuilt => f.write_str("a runtime in a static is built once; use another static"),
            Self::Worker { index, why } => write!(f, "worker {index}: {why}"),
        }
    }
}

impl core::error::Error for BuildError {}
