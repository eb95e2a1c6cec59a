// SPDX-License-Identifier: BSD-3-Clause
//! What went wrong in a [`try_scope`](super::try_scope) or a [`gather`](super::gather), all of it.

use alloc::vec::Vec;
use core::fmt;

use super::catch;
use super::children::Children;
use super::collected::Collected;
use crate::sched::Panicked;
use crate::stack::StackError;

/// One failure of a child or of the closure.
pub enum Failure<E> {
    /// It returned this error.
    Error(E),
    /// It panicked.
    Panicked(Panicked),
    /// It never ran, because there was no stack for it.
    NoStack(StackError),
}

impl<E: fmt::Display> fmt::Display for Failure<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Error(error) => error.fmt(f),
            Self::Panicked(panicked) => write!(f, "panicked: {panicked}"),
            Self::NoStack(why) => write!(f, "never ran: {why}"),
        }
    }
}

impl<E: fmt::Debug> fmt::Debug for Failure<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Error(error) => f.debug_tuple("Error").field(error).finish(),
            Self::Panicked(panicked) => panicked.fmt(f),
            Self::NoStack(why) => f.debug_tuple("NoStack").field(why).finish(),
        }
    }
}

/// The failures of a scope: at least one.
#[non_exhaustive]
pub struct ScopeError<E> {
    /// The first in time: the one that cancelled the others, unless the scope was [supervised](super::TryScope::supervise).
    pub first: Failure<E>,
    /// The rest, in the order in which they came.
    pub others: Vec<Failure<E>>,
}

impl<E> ScopeError<E> {
    /// All of `failures`, the oldest first, if there are any.
    pub(super) fn of(failures: Vec<Failure<E>>) -> Option<Self> {
        let mut failures = failures.into_iter();
        let first = failures.next()?;
        Some(Self { first, others: failures.collect() })
    }

    /// Every failure, in the order in which they came.
    pub fn into_failures(self) -> impl Iterator<Item = Failure<E>> {
        core::iter::once(self.first).chain(self.others)
    }
}

impl<E: fmt::Display> fmt::Display for ScopeError<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.first.fmt(f)?;
        match self.others.len() {
            0 => Ok(()),
            others => write!(f, " (and {others} more)"),
        }
    }
}

impl<E: fmt::Debug> fmt::Debug for ScopeError<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ScopeError").field("first", &self.first).field("others", &self.others).finish()
    }
}

impl<E: fmt::Debug + fmt::Display> core::error::Error for ScopeError<E> {}

/// All failures of a scope whose children have ended, the oldest first.
///
/// A cancelled child is not given a stack, so those that had none failed before the failures that a cancel brought. Where
/// failures cancel nobody, their place among the others is not known; they come first there, too.
pub(super) fn all_failures<E>(children: &Children, others: &Collected<Failure<E>>) -> Vec<Failure<E>> {
    children.take_no_stack().into_iter().map(Failure::NoStack).chain(others.take()).collect()
}

/// Runs a child, or the closure of a scope, and takes up its failure.
pub(super) fn observe<T, E>(
    children: &Children,
    failures: &Collected<Failure<E>>,
    body: impl FnOnce() -> Result<T, E>,
) -> Result<T, Failed> {
    let failure = match catch(body) {
        Ok(Ok(value)) => return Ok(value),
        Ok(Err(error)) => Failure::Error(error),
        Err(payload) => Failure::Panicked(Panicked::new(payload)),
    };
    failures.add(failure);
    children.note_failure();
    Err(Failed)
}

/// The child failed; how, the scope's error says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Failed;

impl fmt::Display for Failed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the coroutine failed; the scope's error says how")
    }
}

impl core::error::Error for Failed {}
