// SPDX-License-Identifier: BSD-3-Clause
//! A gate that opens when a count comes to zero, and then lets all pass who wait: what is under
//! [`Event`](super::Event), [`WaitGroup`](super::WaitGroup), [`Barrier`](super::Barrier) and, never opened but passed on
//! notice, [`Condvar`](super::Condvar).
//!
//! Who waits notes the *round* in which it came; an opening starts the next one and lets pass who came before it. So all
//! who wait at an opening pass, also if the gate is shut again before the last of them has been woken, and none of those who
//! come after it.
#![expect(unsafe_code, reason = "reads the rounds that the slots of nodes point to")]

use core::cell::Cell;

use super::const_unless_loom;
use crate::primitive::{SpinGuard, SpinLock};
use crate::task::claim::{Accepts, Outcome};
use crate::task::wait_record::{SyncId, WaitsFor};
use crate::wait::Limit;
use crate::wait::queue::WaitQueue;
use crate::wait::turn::{Ended, Turn, charge, wait_charged};
use crate::wait::turn_future::TurnFuture;
use crate::wait::wake::wake_each;

/// See the [module](self).
pub(super) struct Gate {
    state: SpinLock<State>,
}

pub(super) struct State {
    /// The gate is open while this is zero.
    pub(super) count: usize,
    round: u64,
    queue: WaitQueue,
}

impl Gate {
    const_unless_loom! {
        pub(super) fn new(count: usize) -> Self {
            Self { state: SpinLock::new(State { count, round: 0, queue: WaitQueue::new() }) }
        }
    }

    pub(super) fn id(&self) -> SyncId {
        SyncId::of(self)
    }

    pub(super) fn lock(&self) -> SpinGuard<'_, State> {
        self.state.lock()
    }

    /// Waits until it is open.
    pub(super) fn pass(&self, accepts: Accepts, limit: Limit) -> Result<(), Ended> {
        charge(accepts)?;
        if self.lock().count == 0 { Ok(()) } else { wait_charged(&Pass::new(self), accepts, limit) }
    }

    pub(super) fn pass_async(&self) -> TurnFuture<Pass<'_>> {
        TurnFuture::new(Pass::new(self))
    }

    /// Lets all pass who wait now. The gate itself is as open as its count says.
    pub(super) fn let_all_pass(&self, mut state: SpinGuard<'_, State>) {
        let opened = state.start_round();
        drop(state);
        self.wake_until(opened);
    }

    /// Wakes those who came before the round `opened`.
    pub(super) fn wake_until(&self, opened: u64) {
        // SAFETY: the slot of a node in this queue is a `Pass`, or a type that is represented as one; it is live and nobody
        // else's while the lock is held.
        let came_before = |pass: *mut ()| unsafe { (*pass.cast::<Pass<'_>>()).round.get() < opened };
        wake_each(|| self.lock().queue.win_first_if(Outcome::Event, came_before));
    }

    /// Lets the first pass who waits. Says whether there was one.
    pub(super) fn let_one_pass(&self) -> bool {
        let wake = self.state.lock().queue.win_first(Outcome::Event, |_| {});
        let was_one = wake.is_some();
        if let Some(wake) = wake {
            wake.wake();
        }
        was_one
    }
}

impl State {
    /// Whoever waits now will pass; say so with [`Gate::wake_until`].
    pub(super) fn start_round(&mut self) -> u64 {
        self.round += 1;
        self.round
    }
}

/// The waits of what has a gate: each of them by its `wait_within`, which gives `$output`.
macro_rules! waits_at_gate {
    ($what:literal, $until:literal, $output:ty) => {
        #[doc = concat!("Waits until ", $until, ".")]
        ///
        /// # Errors
        ///
        /// It would have had to wait, and the caller cannot.
        pub fn wait(&self) -> Result<$output, $crate::wait::CannotWait> {
            let waited = self.wait_within(Accepts::NOTHING, Limit::Never);
            waited.map_err($crate::wait::turn::Ended::only_refused)
        }

        #[doc = concat!("As [`", $what, "::wait`], and a cancel ends the wait.")]
        ///
        /// # Errors
        ///
        /// See [`WaitError`](crate::wait::WaitError).
        pub fn wait_cancellable(&self) -> Result<$output, $crate::wait::WaitError> {
            let waited = self.wait_within(Accepts::CANCEL, Limit::Never);
            waited.map_err($crate::wait::turn::Ended::without_limit)
        }

        #[doc = concat!("As [`", $what, "::wait`], for at most `timeout`.")]
        ///
        /// # Errors
        ///
        /// See [`WaitTimeoutError`](super::WaitTimeoutError).
        pub fn wait_timeout(&self, timeout: core::time::Duration) -> Result<$output, super::WaitTimeoutError> {
            Ok(self.wait_within(Accepts::NOTHING, Limit::AfterNs($crate::time::ns_of(timeout)))?)
        }

        #[doc = concat!("As [`", $what, "::wait`], until `deadline` at the latest.")]
        ///
        /// # Errors
        ///
        /// See [`WaitTimeoutError`](super::WaitTimeoutError).
        pub fn wait_deadline(&self, deadline: $crate::time::Instant) -> Result<$output, super::WaitTimeoutError> {
            Ok(self.wait_within(Accepts::NOTHING, deadline.limit()?)?)
        }

        /// What dumps and deadlock reports call it.
        pub fn id(&self) -> $crate::task::wait_record::SyncId {
            self.gate.id()
        }
    };
}
pub(super) use waits_at_gate;

/// One who waits at a gate.
pub(super) struct Pass<'a> {
    gate: &'a Gate,
    /// In which round it came.
    round: Cell<u64>,
}

impl<'a> Pass<'a> {
    pub(super) fn new(gate: &'a Gate) -> Self {
        Self { gate, round: Cell::new(0) }
    }

    /// Whether the gate has opened since it came.
    pub(super) fn has_opened(&self, state: &State) -> bool {
        self.round.get() < state.round
    }
}

// SAFETY: the gate is `Sync`; the round is written under its lock by the owner while it is not queued. State and queue are
// the gate's own.
unsafe impl Turn for Pass<'_> {
    type State = State;
    type Output = ();

    fn state(&self) -> &SpinLock<State> {
        &self.gate.state
    }

    fn queue(state: &mut State) -> &mut WaitQueue {
        &mut state.queue
    }

    fn waits_for(&self) -> WaitsFor {
        WaitsFor::Signal(self.gate.id())
    }

    fn poll(&self, state: &mut State) -> Option<()> {
        self.round.set(state.round);
        (state.count == 0).then_some(())
    }

    fn won(&self, _: Outcome) -> Option<()> {
        Some(())
    }

    fn pass_on(&self, _: Outcome) {}
}

/// One who waits for a notification: as [`Pass`], but that of one that is dropped goes to the next.
#[repr(transparent)]
pub(super) struct Notified<'a>(Pass<'a>);

impl<'a> Notified<'a> {
    pub(super) fn new(gate: &'a Gate) -> Self {
        Self(Pass::new(gate))
    }
}

// SAFETY: as `Pass`, as which it is represented.
unsafe impl Turn for Notified<'_> {
    type State = State;
    type Output = ();

    fn state(&self) -> &SpinLock<State> {
        self.0.state()
    }

    fn queue(state: &mut State) -> &mut WaitQueue {
        &mut state.queue
    }

    fn waits_for(&self) -> WaitsFor {
        self.0.waits_for()
    }

    fn poll(&self, state: &mut State) -> Option<()> {
        self.0.poll(state)
    }

    fn won(&self, _: Outcome) -> Option<()> {
        Some(())
    }

    /// Not if all were notified: then everyone who could have been the next was, too.
    fn pass_on(&self, _: Outcome) {
        let gate = self.0.gate;
        let opened = self.0.has_opened(&gate.lock());
        if !opened {
            gate.let_one_pass();
        }
    }
}
