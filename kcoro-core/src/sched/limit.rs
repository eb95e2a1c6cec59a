// SPDX-License-Identifier: BSD-3-Clause
//! A runtime's limit on live coroutines: places, and who waits for one.
#![expect(unsafe_code, reason = "queues a node that lies in this frame")]

use core::pin::pin;

use super::spawn::SpawnError;
use crate::primitive::SpinLock;
use crate::task::claim::{Accepts, Outcome};
use crate::wait::queue::{Node, WaitQueue};
use crate::wait::{Limit, WaitError, enter};

/// Places for live coroutines. A place that is given back goes straight to the first who waits.
pub(super) struct Places {
    limit: usize,
    state: SpinLock<State>,
}

struct State {
    taken: usize,
    waiting: WaitQueue,
}

impl Places {
    pub(super) fn new(limit: usize) -> Self {
        Self { limit, state: SpinLock::new(State { taken: 0, waiting: WaitQueue::new() }) }
    }

    pub(super) fn limit(&self) -> usize {
        self.limit
    }

    /// Takes a place, if there is one.
    pub(super) fn try_take(&self) -> bool {
        let mut state = self.state.lock();
        let free = state.taken < self.limit;
        state.taken += usize::from(free);
        free
    }

    /// Takes a place, waiting for one.
    pub(super) fn take(&self) -> Result<(), SpawnError> {
        if self.try_take() {
            return Ok(());
        }
        let waiter = enter().waiter().map_err(|why| SpawnError::Wait(WaitError::CannotWait(why)))?;
        let cancelled = SpawnError::Wait(WaitError::Cancelled);
        let generation = waiter.begin(Accepts::CANCEL).map_err(|_| cancelled)?;
        let node = pin!(Node::new(&waiter, generation, core::ptr::null_mut()));
        let node: *const Node = &raw const *node;
        let mut state = self.state.lock();
        if state.taken < self.limit {
            state.taken += 1;
            drop(state);
            // Ends the wait that was begun for nothing; a cancel that was faster stays pending.
            let _ = waiter.claim().try_win(generation, Outcome::Event, 0);
            return Ok(());
        }
        // SAFETY: the node stays in this frame, and is removed below unless it was won in the queue.
        unsafe { state.waiting.push(node) };
        drop(state);
        if waiter.park(Accepts::CANCEL, Limit::Never, generation).0 == Outcome::Event {
            return Ok(());
        }
        // SAFETY: it was pushed to this queue.
        unsafe { self.state.lock().waiting.remove(node) };
        Err(cancelled)
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
