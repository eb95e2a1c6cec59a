// SPDX-License-Identifier: BSD-3-Clause
//! Permits that are handed out in the order of the requests, however many each asks for: what is under
//! [`Semaphore`](super::Semaphore) and [`RwLock`](super::RwLock).
//!
//! Nobody is served, and nobody who comes takes any, while somebody stands before them in the line: so a large request is met
//! in the end. Whoever adds permits, and whoever leaves the line, serves those in it until the first asks for more than is
//! free.
#![expect(unsafe_code, reason = "reads the requests that the slots of nodes point to")]

use super::const_unless_loom;
use crate::primitive::{SpinGuard, SpinLock};
use crate::task::claim::{Accepts, Outcome};
use crate::task::wait_record::{SyncId, WaitsFor};
use crate::wait::Limit;
use crate::wait::queue::WaitQueue;
use crate::wait::turn::{Ended, Turn, charge, wait_charged};
use crate::wait::turn_future::TurnFuture;
use crate::wait::wake::Wake;
use crate::wait::wake::wake_each;

/// See the [module](self).
pub(super) struct Permits {
    state: SpinLock<State>,
}

pub(super) struct State {
    free: usize,
    closed: bool,
    queue: WaitQueue,
}

/// Why a request cannot be met now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Refused {
    /// Too few are free, or somebody waits.
    NotNow,
    /// It is closed.
    Closed,
}

impl Permits {
    const_unless_loom! {
        pub(super) fn new(free: usize) -> Self {
            Self { state: SpinLock::new(State { free, closed: false, queue: WaitQueue::new() }) }
        }
    }

    #[inline]
    pub(super) fn try_acquire(&self, count: usize) -> Result<(), Refused> {
        self.state.lock().take(count)
    }

    /// Waits for permits; refuses only if it is closed.
    #[inline]
    pub(super) fn acquire(
        &self,
        request: Request,
        accepts: Accepts,
        limit: Limit,
    ) -> Result<Result<(), Refused>, Ended> {
        charge(accepts)?;
        match self.try_acquire(request.count) {
            Err(Refused::NotNow) => self.acquire_slowly(request, accepts, limit),
            taken => Ok(taken),
        }
    }

    #[cold]
    fn acquire_slowly(&self, request: Request, accepts: Accepts, limit: Limit) -> Result<Result<(), Refused>, Ended> {
        wait_charged(&Acquire { permits: self, request }, accepts, limit)
    }

    pub(super) fn acquire_async(&self, request: Request) -> TurnFuture<Acquire<'_>> {
        TurnFuture::new(Acquire { permits: self, request })
    }

    /// Adds permits and serves who waits. Says whether there was room for so many; if not, nothing has changed.
    #[inline]
    pub(super) fn release(&self, count: usize) -> bool {
        let mut state = self.state.lock();
        let Some(free) = state.free.checked_add(count) else { return false };
        state.free = free;
        if !state.queue.is_empty() {
            self.serve(state);
        }
        true
    }

    /// Serves those in line whose requests can be met.
    #[cold]
    fn serve(&self, mut state: SpinGuard<'_, State>) {
        let mut first = state.grant_first();
        let others_wait = !state.queue.is_empty();
        drop(state);
        wake_each(|| first.take().or_else(|| if others_wait { self.state.lock().grant_first() } else { None }));
    }

    /// Ends all waits, and refuses requests from now on. Says whether it was open.
    pub(super) fn close(&self) -> bool {
        if core::mem::replace(&mut self.state.lock().closed, true) {
            return false;
        }
        // Nobody queues any more.
        wake_each(|| self.state.lock().queue.win_first(Outcome::Closed, |_| {}));
        true
    }

    pub(super) fn is_closed(&self) -> bool {
        self.state.lock().closed
    }

    pub(super) fn free(&self) -> usize {
        self.state.lock().free
    }

    pub(super) fn id(&self) -> SyncId {
        SyncId::of(self)
    }
}

impl State {
    #[inline]
    fn take(&mut self, count: usize) -> Result<(), Refused> {
        if self.closed {
            return Err(Refused::Closed);
        }
        match self.free.checked_sub(count) {
            Some(rest) if self.queue.is_empty() => {
                self.free = rest;
                Ok(())
            }
            _ => Err(Refused::NotNow),
        }
    }

    /// Gives the first in line its permits, if there are enough.
    fn grant_first(&mut self) -> Option<Wake> {
        if self.closed {
            return None;
        }
        let mut rest = self.free;
        let enough = |request: *mut ()| {
            // SAFETY: the slot of a node in this queue is an `Acquire`, live while the lock is held.
            let count = unsafe { (*request.cast::<Acquire<'_>>()).request.count };
            self.free.checked_sub(count).is_some_and(|left| {
                rest = left;
                true
            })
        };
        let wake = self.queue.win_first_if(Outcome::Event, enough)?;
        self.free = rest;
        Some(wake)
    }
}

/// So many permits, for an object that tells of its waiters in its own way.
#[derive(Clone, Copy)]
pub(super) struct Request {
    pub(super) count: usize,
    pub(super) waits_for: WaitsFor,
}

/// One who waits for permits.
pub(super) struct Acquire<'a> {
    permits: &'a Permits,
    request: Request,
}

// SAFETY: the permits are `Sync`, and the request never changes. State and queue are the permits' own.
unsafe impl Turn for Acquire<'_> {
    type State = State;
    /// Whether it is not closed.
    type Output = Result<(), Refused>;

    fn state(&self) -> &SpinLock<State> {
        &self.permits.state
    }

    fn queue(state: &mut State) -> &mut WaitQueue {
        &mut state.queue
    }

    fn waits_for(&self) -> WaitsFor {
        self.request.waits_for
    }

    fn poll(&self, state: &mut State) -> Option<Result<(), Refused>> {
        let taken = state.take(self.request.count);
        (taken != Err(Refused::NotNow)).then_some(taken)
    }

    fn won(&self, outcome: Outcome) -> Option<Result<(), Refused>> {
        Some(if outcome == Outcome::Closed { Err(Refused::Closed) } else { Ok(()) })
    }

    /// It may have been the one in line for which there was not enough.
    fn leave(&self, state: SpinGuard<'_, State>) -> Option<Result<(), Refused>> {
        self.permits.serve(state);
        None
    }

    fn pass_on(&self, outcome: Outcome) {
        if outcome == Outcome::Event {
            self.permits.release(self.request.count);
        }
    }
}
