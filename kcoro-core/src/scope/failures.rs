// SPDX-License-Identifier: BSD-3-Clause
//! What went wrong in a [`try_scope`](super::try_scope), all of it.

use alloc::boxed::Box;
use alloc::vec::Vec;
use core::fmt;

use crate::primitive::SpinLock;
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
    /// The first in time: the one that cancelled the others.
    pub first: Failure<E>,
    /// The rest, in the order in which they came.
    pub others: Vec<Failure<E>>,
}

impl<E> ScopeError<E> {
    /// `first`, and after it what `later` holds.
    pub(super) fn starting_with(first: Failure<E>, later: Option<Self>) -> Self {
        let others = later.into_iter().flat_map(|later| core::iter::once(later.first).chain(later.others));
        Self { first, others: others.collect() }
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

/// Failures as they come in, newest first.
pub(super) struct Failures<E>(SpinLock<Option<Box<Entry<E>>>>);

struct Entry<E> {
    failure: Failure<E>,
    older: Option<Box<Entry<E>>>,
}

impl<E> Failures<E> {
    pub(super) fn new() -> Self {
        Self(SpinLock::new(None))
    }

    pub(super) fn add(&self, failure: Failure<E>) {
        // Allocated before the lock is taken.
        let mut entry = Box::new(Entry { failure, older: None });
        let mut newest = self.0.lock();
        entry.older = newest.take();
        *newest = Some(entry);
    }

    /// All failures so far, if there are any.
    pub(super) fn take(&self) -> Option<ScopeError<E>> {
        let mut newest = self.0.lock().take();
        let mut others = Vec::new();
        while let Some(entry) = newest {
            let Entry { failure, older } = *entry;
            others.push(failure);
            newest = older;
        }
        let first = others.pop()?;
        others.reverse();
        Some(ScopeError { first, others })
    }
}
