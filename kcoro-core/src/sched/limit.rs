// SPDX-License-Identifier: BSD-3-Clause
//! A runtime's limit on live coroutines: places, and who waits for one.
#![expect(unsafe_code, reason = "queues a node that lies in this frame")]

use core::pin::pin;

use super::spawn::SpawnError;
use crate::primitive::SpinLock;
use crate::task::claim::{Accepts, Outcome};
use crate::task::wait_record::WaitsFor;
use crate::wait::queue::{Node, WaitQueue};
use crate::wait::{Limit, WaitError, enter};

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
        let free = state.taken < self.limit;
        if free || state.closed {
            state.taken += usize::from(free);
            drop(state);
            // Ends the wait that was begun for nothing; a cancel that was faster stays pending.
            let _ = waiter.claim().try_win(generation, Outcome::Event, 0);
            return if free { Ok(()) } else { Err(SpawnError::Shutdown) };
        }
        // SAFETY: the node stays in this frame, and is removed below unless it was won in the queue.
        unsafe { state.waiting.push(node) };
        drop(state);
        let ended = waiter.park(WaitsFor::SpawnLimit, Accepts::CANCEL, Limit::Never, generation).0;
        if ended == Outcome::Event {
            return Ok(());
        }
        // SAFETY: it was pushed to this queue.
        unsafe { self.state.lock().waiting.remove(node) };
        if ended == Outcome::Closed { Err(SpawnError::Shutdown) } else { Err(cancelled) }
    }

    /// The runtime closes: those who wait are told, for no coroutine may be left to give a place back.
    pub(super) fn close(&self) {
        loop {
            // One at a time, so that no wake happens under the lock.
            let mut state = self.state.lock();
            state.closed = true;
            let wake = state.waiting.win_first(Outcome::Closed, |_| {});
            drop(state);
            match wake {
                Some(wake) => wake.wake(),
                None => return,
            }
        }
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
