// SPDX-License-Identifier: BSD-3-Clause
//! How whoever closes a runtime hears of the end of its last coroutine.
//!
//! A worker counts an end and then looks at the phase; the closer sets the phase and then adds up the counts. That at least
//! one of them sees the other takes a fence between the two steps on either side. The closer has one. A worker has none: its
//! two steps follow each coroutine, and the fence would cost as much as the rest of the end. So both can miss each other, and
//! the closer's wake of all workers, which comes after it has set the phase, makes up for it:
//!
//! ```text
//!   worker                                            closer
//!   counts the end                                    sets the phase
//!   looks at the phase: open                          wakes all workers
//!      ...                                            adds up the counts: one lives; waits in the queue
//!   its next park ends, by that wake at the latest
//!   looks at the phase: closing. Tells after all ---> is woken
//! ```
//!
//! A wake that comes before the park is kept for it, and a park ends after all that came before its wake: so the first look
//! that a worker takes after that park sees the phase. Of later ends it needs no telling: it has seen the phase by then, and
//! tells of each at once.
#![expect(unsafe_code, reason = "queues a node that lies in this frame")]

use core::cell::Cell;

use super::phase::{Phase, PhaseWord};
use crate::primitive::SpinLock;
use crate::task::claim::{Accepts, Outcome};
use crate::task::wait_record::WaitsFor;
use crate::wait::queue::{Node, WaitQueue};
use crate::wait::{Limit, enter};

/// Whoever closes a runtime and waits for its last coroutine.
pub(super) struct Ends {
    waiting: SpinLock<WaitQueue>,
}

impl Ends {
    pub(super) fn new() -> Self {
        Self { waiting: SpinLock::new(WaitQueue::new()) }
    }

    /// Wakes who waits, if none of those that `live_count` counts is left. Says whether that is so. Called by who has counted an
    /// end and has seen that the runtime closes.
    pub(super) fn tell(&self, live_count: impl Fn() -> u64) -> bool {
        // Under the lock, so that of several last ones the last to come sees the ends of all.
        let wake = {
            let mut waiting = self.waiting.lock();
            if live_count() > 0 {
                return false;
            }
            waiting.win_first(Outcome::Event, |_| {})
        };
        if let Some(wake) = wake {
            wake.wake();
        }
        true
    }

    /// Waits until none of those that `live_count` counts is left, or for the limit. Called by who has closed the runtime and
    /// woken all of its workers.
    pub(super) fn wait(&self, live_count: impl Fn() -> u64, limit: Limit) {
        // Who cannot wait here (a thread that unwinds) gives no grace.
        let Ok(waiter) = enter().waiter() else { return };
        let Ok(generation) = waiter.begin(Accepts::NOTHING) else { return };
        let node = core::pin::pin!(Node::new(&waiter, generation, core::ptr::null_mut()));
        let node: *const Node = &raw const *node;
        let mut waiting = self.waiting.lock();
        if live_count() == 0 {
            drop(waiting);
            let _ = waiter.claim().try_win(generation, Outcome::Event, 0);
            return;
        }
        // SAFETY: the node stays in this frame and is removed below.
        unsafe { waiting.push(node) };
        drop(waiting);
        waiter.park(WaitsFor::Shutdown, Accepts::NOTHING, limit, generation);
        // SAFETY: it was pushed to this queue.
        unsafe { self.waiting.lock().remove(node) };
    }
}

/// Whether a worker has made up for what the closer may have missed.
pub(super) struct MadeUp(Cell<bool>);

impl MadeUp {
    pub(super) const fn new() -> Self {
        Self(Cell::new(false))
    }

    /// Asked after each park: whether the worker must now tell of the ends that it has counted.
    pub(super) fn is_due(&self, phase: &PhaseWord) -> bool {
        phase.get() != Phase::Open && !self.0.replace(true)
    }
}

#[cfg(all(test, loom))]
mod loom_tests;
