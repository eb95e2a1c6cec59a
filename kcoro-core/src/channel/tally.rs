// SPDX-License-Identifier: BSD-3-Clause
//! Where a channel keeps its counters, if it has any: on the heap, or in a static beside a static channel.
#![expect(unsafe_code, reason = "counts through a pointer to counters that are owned or lent")]

#[cfg(feature = "alloc")]
use alloc::boxed::Box;
use core::cell::UnsafeCell;
use core::fmt;
use core::ptr::NonNull;

use super::stats::Stats;
use crate::primitive::atomic::{AtomicBool, Ordering};
use crate::primitive::const_unless_loom;

/// The counters of one channel, used under its lock only.
pub(super) struct Tally {
    counters: Option<NonNull<Stats>>,
    is_lent: bool,
}

// SAFETY: the counters are the tally's alone, which is used under the channel's lock.
unsafe impl Send for Tally {}

impl Tally {
    pub(super) const OFF: Self = Self { counters: None, is_lent: false };

    #[cfg(feature = "alloc")]
    pub(super) fn on() -> Self {
        Self { counters: Some(NonNull::from(Box::leak(Box::new(Stats::ZERO)))), is_lent: false }
    }

    pub(super) const fn is_on(&self) -> bool {
        self.counters.is_some()
    }

    /// Lends a tally that is off its counters, if no other channel has them.
    pub(super) fn lend(&mut self, memory: &'static StatsMemory) {
        // Relaxed: nobody has written the counters yet, and from here on they are under one channel's lock.
        if !self.is_on() && !memory.is_taken.swap(true, Ordering::Relaxed) {
            (self.counters, self.is_lent) = (NonNull::new(memory.counters.get()), true);
        }
    }

    #[inline(always)]
    pub(super) fn note(&mut self, count: impl FnOnce(&mut Stats)) {
        if let Some(mut counters) = self.counters {
            // SAFETY: they are the tally's, which is borrowed for as long as they are.
            count(unsafe { counters.as_mut() });
        }
    }

    pub(super) fn read(&self) -> Option<Stats> {
        // SAFETY: as above.
        self.counters.map(|counters| unsafe { counters.read() })
    }
}

#[cfg(feature = "alloc")]
impl Drop for Tally {
    fn drop(&mut self) {
        if let (Some(counters), false) = (self.counters, self.is_lent) {
            // SAFETY: they came from a box, and the tally goes.
            drop(unsafe { Box::from_raw(counters.as_ptr()) });
        }
    }
}

/// Room for the counters of one [`StaticChannel`](super::StaticChannel): see
/// [`StaticChannel::with_stats`](super::StaticChannel::with_stats).
pub struct StatsMemory {
    counters: UnsafeCell<Stats>,
    is_taken: AtomicBool,
}

// SAFETY: the counters are used by the one tally that has taken them.
unsafe impl Sync for StatsMemory {}

impl StatsMemory {
    const_unless_loom! {
        /// For one channel.
        #[expect(clippy::new_without_default, reason = "it is made where a static is, and only constants are made there")]
        pub fn new() -> Self {
            Self { counters: UnsafeCell::new(Stats::ZERO), is_taken: AtomicBool::new(false) }
        }
    }
}

impl fmt::Debug for StatsMemory {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("StatsMemory").finish_non_exhaustive()
    }
}
