// SPDX-License-Identifier: BSD-3-Clause
//! What [`Receiver::drain`](super::Receiver::drain) took.

use core::fmt;
use core::iter::FusedIterator;

use super::store::Store;

/// The values that were buffered when [`Receiver::drain`](super::Receiver::drain) was called, oldest first.
pub struct Drain<T>(Store<T>);

impl<T> Drain<T> {
    pub(super) fn new(values: Store<T>) -> Self {
        Self(values)
    }
}

impl<T> Iterator for Drain<T> {
    type Item = T;

    fn next(&mut self) -> Option<T> {
        self.0.pop()
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        (self.0.len(), Some(self.0.len()))
    }
}

impl<T> ExactSizeIterator for Drain<T> {}

impl<T> FusedIterator for Drain<T> {}

impl<T> fmt::Debug for Drain<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Drain").field("len", &self.len()).finish_non_exhaustive()
    }
}
