// SPDX-License-Identifier: BSD-3-Clause
//! How far a runtime is on its way to its end, and who ends a coroutine that was spawned too late.
//!
//! A stopped worker looks through its queues once more and leaves. Whoever puts a new coroutine into a queue of another
//! thread may have been on its way there for as long as it takes the runtime to stop. So both sides meet here:
//!
//! ```text
//!   spawner: push, then [`PhaseWord::is_stopped_after_push`]     yes: it ends what nobody else will
//!   worker:  sees the stop, then [`PhaseWord::see_all_pushes`], then looks through its queues
//! ```
//!
//! With a fence between the two steps on each side, at least one of them sees the other.

use crate::primitive::atomic::{AtomicU8, Ordering, fence};

/// How far a runtime is on its way to its end. It never goes back.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
#[repr(u8)]
pub(super) enum Phase {
    /// Runs.
    Open = 0,
    /// Takes no new coroutines; those that have started may end.
    Closing = 1,
    /// Workers leave their base loops as soon as they reach them.
    Stopped = 2,
}

/// A runtime's phase, for all of its threads.
pub(super) struct PhaseWord(AtomicU8);

impl PhaseWord {
    pub(super) fn new() -> Self {
        Self(AtomicU8::new(Phase::Open as u8))
    }

    pub(super) fn get(&self) -> Phase {
        // Acquire: what the closer did before is visible.
        match self.0.load(Ordering::Acquire) {
            0 => Phase::Open,
            1 => Phase::Closing,
            _ => Phase::Stopped,
        }
    }

    pub(super) fn advance(&self, phase: Phase) {
        // Release: what the closer did before is visible.
        self.0.fetch_max(phase as u8, Ordering::Release);
    }

    /// Whether the runtime has stopped, asked by who has just pushed to a queue of another thread. If so, workers may have
    /// looked there for the last time.
    pub(super) fn is_stopped_after_push(&self) -> bool {
        // Against the fence of `see_all_pushes`.
        fence(Ordering::SeqCst);
        self.get() == Phase::Stopped
    }

    /// Called by who has seen the stop: what was pushed by those that do not see it is visible afterwards.
    pub(super) fn see_all_pushes(&self) {
        fence(Ordering::SeqCst);
    }
}

#[cfg(all(test, loom))]
mod loom_tests {
    #![expect(unsafe_code, reason = "queues nodes")]

    use loom::sync::Arc;

    use super::{Phase, PhaseWord};
    use crate::sched::inbox::Inbox;
    use crate::util::test_node::{Nodes, drain};

    #[test]
    fn what_is_pushed_while_the_runtime_stops_is_ended_once() {
        loom::model(|| {
            let shared = Arc::new((PhaseWord::new(), Inbox::new(), Nodes::new(1)));
            let stopper = shared.clone();
            let stopper = loom::thread::spawn(move || stopper.0.advance(Phase::Stopped));
            let spawner = shared.clone();
            let spawner = loom::thread::spawn(move || {
                let (phase, inbox, nodes) = &*spawner;
                // SAFETY: the node is queued once and outlives the inbox.
                let _pushed = unsafe { inbox.push(nodes.fill(0)) };
                if !phase.is_stopped_after_push() {
                    return 0;
                }
                let mut found = inbox.take_all();
                drain(|| found.pop_front()).len()
            });
            let (phase, inbox, _) = &*shared;
            while phase.get() != Phase::Stopped {
                loom::thread::yield_now();
            }
            phase.see_all_pushes();
            let mut found = inbox.take_all();
            let by_worker = drain(|| found.pop_front()).len();
            let by_spawner = spawner.join().unwrap();
            stopper.join().unwrap();
            assert_eq!(by_worker + by_spawner, 1, "somebody ends it, and only one does");
        });
    }
}
