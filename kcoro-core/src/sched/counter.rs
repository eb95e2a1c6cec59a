// SPDX-License-Identifier: BSD-3-Clause
//! A count that one thread writes with plain loads and stores, and anyone reads.

use crate::primitive::atomic::{AtomicU64, Ordering};
use crate::primitive::const_unless_loom;

/// See the [module](self).
pub(super) struct Counter(AtomicU64);

impl Counter {
    const_unless_loom! {
        pub(super) fn new() -> Self {
            Self(AtomicU64::new(0))
        }
    }

    /// Counts one. Only the owner calls this, so no read-modify-write is needed.
    #[inline(always)]
    pub(super) fn bump(&self) {
        self.add(1);
    }

    #[inline(always)]
    pub(super) fn add(&self, n: u64) {
        // Release: whoever adds up the counters to see whether all have ended sees what the ended ones did, too.
        self.0.store(self.0.load(Ordering::Relaxed).wrapping_add(n), Ordering::Release);
    }

    pub(super) fn set(&self, value: u64) {
        // Relaxed: nothing is concluded from it.
        self.0.store(value, Ordering::Relaxed);
    }

    pub(super) fn get(&self) -> u64 {
        self.0.load(Ordering::Acquire)
    }
}
