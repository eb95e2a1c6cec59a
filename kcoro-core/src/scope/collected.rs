// SPDX-License-Identifier: BSD-3-Clause
//! What children leave behind, in the order in which they did.

use alloc::boxed::Box;
use alloc::vec::Vec;

use crate::primitive::SpinLock;

/// Things as they come in, newest first.
pub(super) struct Collected<T>(SpinLock<Option<Box<Entry<T>>>>);

struct Entry<T> {
    thing: T,
    older: Option<Box<Entry<T>>>,
}

impl<T> Collected<T> {
    pub(super) fn new() -> Self {
        Self(SpinLock::new(None))
    }

    pub(super) fn add(&self, thing: T) {
        // Allocated before the lock is taken.
        let mut entry = Box::new(Entry { thing, older: None });
        let mut newest = self.0.lock();
        entry.older = newest.take();
        *newest = Some(entry);
    }

    /// All so far, the oldest first.
    pub(super) fn take(&self) -> Vec<T> {
        let mut newest = self.0.lock().take();
        let mut things = Vec::new();
        while let Some(entry) = newest {
            let Entry { thing, older } = *entry;
            things.push(thing);
            newest = older;
        }
        things.reverse();
        things
    }
}

impl<T> Drop for Collected<T> {
    fn drop(&mut self) {
        // One by one: a long chain of boxes would need a deep stack.
        drop(self.take());
    }
}
