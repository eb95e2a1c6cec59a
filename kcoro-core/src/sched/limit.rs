// SPDX-License-Identifier: BSD-3-Clause
//! A runtime's limit on live coroutines: places, and who waits for one.
#![expect(unsafe_code, reason = "promises what a turn has to")]

use super::spawn::SpawnError;
use crate::primitive::SpinLock;
use crate::task::claim::{Accepts, Outcome};
use crate::task::wait_record::WaitsFor;
use crate::wait::Limit;
use crate::wait::queue::WaitQueue;
use crate::wait::turn::{Turn, wait_charged};
use crate::wait::wake::wake_each;

/// Places for live coroutines. A place that is given back goes straight to the first who waits.
pub(super) struct Places {
    limit: usize,
    state: SpinLock<State>,
}

struct State {
    taken: usize,
    /// The runtime closes: nobody waits for a place any more.
    closed: bool,
    waiting: WaitQueue,
}

impl Places {
    pub(super) fn new(limit: usize) -> Self {
        Self { limit, state: SpinLock::new(State { taken: 0, closed: false, waiting: WaitQueue::new() }) }
    }

    pub(super) fn limit(&self) -> usize {
        self.limit
    }

    /// Takes a place, if there is one.
    pub(super) fn try_take(&self) -> bool {
        self.state.lock().take(self.limit)
    }

    /// Takes a place, waiting for one.
    pub(super) fn take(&self) -> Result<(), SpawnError> {
        if self.try_take() {
            return Ok(());
        }
        let taken = wait_charged(&PlaceTurn(self), Accepts::CANCEL, Limit::Never);
        taken.unwrap_or_else(|ended| Err(SpawnError::Wait(ended.without_limit())))
    }

    /// The runtime closes: those who wait are told, for no coroutine may be left to give a place back.
    pub(super) fn close(&self) {
        self.state.lock().closed = true;
        wake_each(|| self.state.lock().waiting.win_first(Outcome::Closed, |_| {}));
    }

    /// Gives a place back.
    pub(super) fn give_back(&self) {
        let mut state = self.state.lock();
        let wake = state.waiting.win_first(Outcome::Event, |_| {});
        if wake.is_none() {
            state.taken -= 1;
        }
        drop(state);
        if let Some(wake) = wake {
            wake.wake();
        }
    }
}

impl State {
    fn take(&mut self, limit: usize) -> bool {
        let free = self.taken < limit;
        self.taken += usize::from(free);
        free
    }
}

/// One who waits for a place.
struct PlaceTurn<'a>(&'a Places);

// SAFETY: the places are `Sync`, and state and queue are their own.
unsafe impl Turn for PlaceTurn<'_> {
    type State = State;
    type Output = Result<(), SpawnError>;

    fn state(&self) -> &SpinLock<State> {
        &self.0.state
    }

    fn queue(state: &mut State) -> &mut WaitQueue {
        &mut state.waiting
    }

    fn waits_for(&self) -> WaitsFor {
        WaitsFor::SpawnLimit
    }

    fn poll(&self, state: &mut State) -> Option<Result<(), SpawnError>> {
        match state.take(self.0.limit) {
            true => Some(Ok(())),
            false => state.closed.then_some(Err(SpawnError::Shutdown)),
        }
    }

    fn won(&self, outcome: Outcome) -> Option<Result<(), SpawnError>> {
        Some(if outcome == Outcome::Closed { Err(SpawnError::Shutdown) } else { Ok(()) })
    }

    fn pass_on(&self, outcome: Outcome) {
        if outcome == Outcome::Event {
            self.0.give_back();
        }
    }
}
