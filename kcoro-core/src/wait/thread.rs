// SPDX-License-Identifier: BSD-3-Clause
//! The parker of a plain thread: its claim, the regions that it is in, and the operating system's park.

use core::cell::Cell;
use core::time::Duration;
use std::sync::Arc;
use std::task::Wake;

use super::Limit;
use crate::platform::system_clock;
use crate::primitive::held;
use crate::primitive::thread::{self, Thread};
use crate::task::claim::{Accepts, Claim, Generation, Outcome};
use crate::task::schedule::NO_DEADLINE;
use crate::task::sources::Sources;

/// How often a waiting thread looks at its claim before it asks the operating system to sleep: an answer from another
/// core is often closer than a system call.
const SPINS: u32 = if cfg!(loom) { 0 } else { 128 };

/// One per thread, shared with whoever will wake it.
pub(crate) struct ThreadParker {
    claim: Claim,
    pub(crate) sources: Sources,
    thread: Thread,
}

#[cfg(not(loom))]
std::thread_local! {
    static PARKER: Arc<ThreadParker> = ThreadParker::new();
    /// How many regions the thread is in that obey a token: one that is in none cannot be cancelled, and need not ask.
    static REGIONS: Cell<usize> = const { Cell::new(0) };
    /// The earliest deadline of the time limits that it is in.
    static LIMIT_NS: Cell<u64> = const { Cell::new(NO_DEADLINE) };
}

#[cfg(loom)]
loom::thread_local! {
    static PARKER: Arc<ThreadParker> = ThreadParker::new();
    static REGIONS: Cell<usize> = Cell::new(0);
    static LIMIT_NS: Cell<u64> = Cell::new(NO_DEADLINE);
}

/// The calling thread enters a region that obeys a token.
pub(crate) fn enter_region() {
    REGIONS.with(|regions| regions.set(regions.get() + 1));
}

/// It has left one.
pub(crate) fn left_region() {
    REGIONS.with(|regions| regions.set(regions.get() - 1));
}

/// Whether the calling thread is in a region that has been cancelled.
#[inline]
pub(crate) fn is_cancelled() -> bool {
    // While the thread ends its parker is gone: then there is nothing to cancel.
    REGIONS.with(Cell::get) != 0 && PARKER.try_with(|parker| parker.claim.is_cancelled()).unwrap_or(false)
}

/// The earliest deadline of the time limits that the calling thread is in.
pub(crate) fn limit_ns() -> u64 {
    LIMIT_NS.with(Cell::get)
}

/// Replaces that deadline; the one before is returned.
pub(crate) fn replace_limit(deadline_ns: u64) -> u64 {
    LIMIT_NS.with(|limit| limit.replace(deadline_ns))
}

impl ThreadParker {
    fn new() -> Arc<Self> {
        Arc::new(Self { claim: Claim::new(), sources: Sources::new(), thread: thread::current() })
    }

    /// The calling thread's parker.
    pub(crate) fn current() -> Arc<Self> {
        // While the thread ends its thread-local is gone: a parker made for this one wait serves as well.
        PARKER.try_with(Arc::clone).unwrap_or_else(|_| Self::new())
    }

    pub(crate) fn claim(&self) -> &Claim {
        &self.claim
    }

    /// Waits until the claim has been won. A time limit that the thread is in cancels a wait that accepts that.
    pub(crate) fn park(&self, accepts: Accepts, limit: Limit, generation: Generation) -> (Outcome, u32) {
        debug_assert_eq!(
            held::count(),
            0,
            "a thread waits while it holds a lock of kcoro's own; this is a bug in kcoro"
        );
        let own_ns = match limit {
            Limit::Never => NO_DEADLINE,
            Limit::AfterNs(ns) => system_clock::now_ns().saturating_add(ns),
            Limit::AtNs(ns) => ns,
        };
        let around_ns = if accepts.and(Accepts::CANCEL) == accepts { limit_ns() } else { NO_DEADLINE };
        let ended = self.park_until(own_ns.min(around_ns), generation);
        if ended.0 == Outcome::TimedOut && around_ns < own_ns { (Outcome::Cancelled, 0) } else { ended }
    }

    fn park_until(&self, deadline_ns: u64, generation: Generation) -> (Outcome, u32) {
        for _ in 0..SPINS {
            if let Some(ended) = self.claim.outcome() {
                return ended;
            }
            core::hint::spin_loop();
        }
        loop {
            if let Some(ended) = self.claim.outcome() {
                return ended;
            }
            if deadline_ns == NO_DEADLINE {
                thread::park();
                continue;
            }
            let now_ns = system_clock::now_ns();
            if now_ns >= deadline_ns {
                // Losing means that the wait has just ended otherwise: the loop sees how.
                let _ = self.claim.try_win(generation, Outcome::TimedOut, 0);
            } else {
                thread::park_timeout(Duration::from_nanos(deadline_ns - now_ns));
            }
        }
    }

    /// Wakes the thread. It looks at its claim itself.
    pub(crate) fn unpark(&self) {
        self.thread.unpark();
    }
}

impl Wake for ThreadParker {
    fn wake(self: Arc<Self>) {
        self.wake_by_ref();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        if self.claim.unpark().is_some() {
            self.thread.unpark();
        }
    }
}
