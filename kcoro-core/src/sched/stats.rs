// SPDX-License-Identifier: BSD-3-Clause
//! Counters: one set per worker, written by its owner with plain loads and stores, read by anyone.
//!
//! A count that must not be behind another (ends and spawns) is written with Release and read with Acquire; as a whole,
//! a snapshot of running workers is of no single instant.

use super::counter::Counter;

/// One definition for the counters of a worker and for what is shown of them.
macro_rules! counted {
    ($($(#[$doc:meta])* $name:ident,)*) => {
        /// See the [module](self).
        pub(super) struct Counters {
            $(pub(super) $name: Counter,)*
            /// Not a count: how many bound coroutines were ready when the worker last was at its base loop.
            run_queue: Counter,
        }

        impl Counters {
            pub(super) const fn new() -> Self {
                Self { $($name: Counter::new(),)* run_queue: Counter::new() }
            }
        }

        /// What a runtime or one worker of it has done since it was built, or between two snapshots.
        #[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
        #[non_exhaustive]
        pub struct Stats {
            $($(#[$doc])* pub $name: u64,)*
        }

        impl Stats {
            fn count(&mut self, counters: &Counters) {
                $(self.$name = self.$name.wrapping_add(counters.$name.get());)*
            }

            /// What has been done since `earlier`, a snapshot of the same runtime or worker.
            #[must_use]
            pub fn since(&self, earlier: &Stats) -> Stats {
                Stats { $($name: self.$name.saturating_sub(earlier.$name),)* }
            }
        }
    };
}

counted! {
    /// Coroutines that have ended, those dropped before their first run included.
    ended,
    /// Of those that have ended, the ones that were dropped before their first run.
    rejected,
    /// Coroutines that have run for the first time.
    started,
    /// Coroutines spawned. Those that plain threads spawn count for the runtime, and for no worker.
    spawned,
    /// Switches into a coroutine.
    switches,
    /// Suspensions that waited for an event. Each ends with a wake, so what has parked and is not parked now was woken.
    parks,
    /// Suspensions that only let others run.
    yields,
    /// Coroutines taken from another worker's queue.
    steals,
    /// Bound coroutines that came from other threads: woken there, or placed by hand.
    inbox,
    /// Coroutines taken from the runtime's queue, where plain threads spawn and full workers' queues overflow to.
    injected,
    /// Waits that had a deadline.
    timers_armed,
    /// Waits that their deadline ended.
    timers_fired,
    /// How often a worker went to sleep.
    sleeps,
}

impl Counters {
    /// Coroutines that started here and have not ended. Migrating ones may have ended elsewhere, so it may be negative.
    pub(super) fn bound(&self) -> i64 {
        self.started.get().wrapping_sub(self.ended.get()) as i64
    }

    /// Notes how many bound coroutines are ready.
    pub(super) fn note_run_queue(&self, len: usize) {
        self.run_queue.set(len as u64);
    }

    #[cfg(feature = "alloc")]
    pub(super) fn run_queue(&self) -> usize {
        self.run_queue.get() as usize
    }
}

impl Stats {
    pub(super) fn add(&mut self, counters: &Counters) {
        self.count(counters);
        // The two are apart inside, for `bound`.
        self.ended += counters.rejected.get();
    }
}
