// SPDX-License-Identifier: BSD-3-Clause
//! The limit of a scope: how many children may live at once, and who waits for a place among them.
//!
//! A place that a child leaves goes straight to the first who waits, so nobody who comes later overtakes it. Under the
//! lock always: whoever waits does so because as many live as may.
#![expect(unsafe_code, reason = "queues a node that lies in this frame")]

use core::pin::pin;
use core::ptr;

use super::children::{Children, State};
use crate::sched::{AtLimit, SpawnError};
use crate::task::claim::{Accepts, Outcome};
use crate::task::wait_record::WaitsFor;
use crate::wait::queue::Node;
use crate::wait::wake::Wake;
use crate::wait::{Limit, WaitError, enter};

impl State {
    fn try_take(&mut self) -> bool {
        let free = self.live < self.limit;
        self.live += usize::from(free);
        free
    }

    /// A child has ended, or was not spawned after all: its place goes to who waits for one. Returns whom to wake.
    #[must_use]
    pub(super) fn end_one(&mut self) -> Option<Wake> {
        self.live -= 1;
        self.pass_on()
    }

    /// Gives a free place to the first who waits, if there are both.
    fn pass_on(&mut self) -> Option<Wake> {
        if self.live >= self.limit {
            return None;
        }
        let wake = self.waiting.win_first(Outcome::Event, |_| {});
        self.live += usize::from(wake.is_some());
        wake
    }
}

impl Children {
    /// Lets at most `limit` children live at once from now on; at least one.
    pub(super) fn set_limit(&self, limit: usize) {
        self.state.lock().limit = limit.max(1);
        loop {
            // One at a time, so that no wake happens under the lock.
            let next = self.state.lock().pass_on();
            match next {
                Some(wake) => wake.wake(),
                None => return,
            }
        }
    }

    /// Takes a place for a new child, and returns the name of the scope.
    pub(super) fn take_place(&self, at_limit: AtLimit) -> Result<Option<&'static str>, SpawnError> {
        let mut state = self.state.lock();
        let (taken, limit, name) = (state.try_take(), state.limit, state.name);
        drop(state);
        match at_limit {
            _ if taken => Ok(name),
            AtLimit::Fail => Err(SpawnError::Full { limit }),
            AtLimit::Wait => self.wait_for_place().map(|()| name),
        }
    }

    fn wait_for_place(&self) -> Result<(), SpawnError> {
        let waiter = enter().waiter().map_err(|why| SpawnError::Wait(WaitError::CannotWait(why)))?;
        let cancelled = SpawnError::Wait(WaitError::Cancelled);
        let generation = waiter.begin(Accepts::CANCEL).map_err(|_| cancelled)?;
        let node = pin!(Node::new(&waiter, generation, ptr::null_mut()));
        let node: *const Node = &raw const *node;
        let mut state = self.state.lock();
        if state.try_take() {
            drop(state);
            // Ends the wait that was begun for nothing; a cancel that was faster stays pending.
            let _ = waiter.claim().try_win(generation, Outcome::Event, 0);
            return Ok(());
        }
        // SAFETY: the node stays in this frame, and is removed below unless it was won in the queue.
        unsafe { state.waiting.push(node) };
        drop(state);
        if waiter.park(WaitsFor::SpawnLimit, Accepts::CANCEL, Limit::Never, generation).0 == Outcome::Event {
            return Ok(());
        }
        // SAFETY: it was pushed to this queue.
        unsafe { self.state.lock().waiting.remove(node) };
        Err(cancelled)
    }

    /// Gives back a place that was taken for a child which was not spawned.
    pub(super) fn give_place_back(&self) {
        let next = self.state.lock().end_one();
        if let Some(wake) = next {
            wake.wake();
        }
    }
}
