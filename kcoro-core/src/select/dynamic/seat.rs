// SPDX-License-Identifier: BSD-3-Clause
//! What the nodes of a set lead to, whoever waits: its claim, and the waker of the one who waits now.
#![expect(unsafe_code, reason = "reads the number of the calling coroutine")]

use alloc::sync::Arc;
use alloc::task::Wake;
use core::task::Waker;

use crate::primitive::SpinLock;
use crate::task::schedule::Place;
use crate::wait::arm::Ticket;
use crate::wait::queue::standing::Standing;
use crate::wait::wake::WakeHandle;

/// A set's own, made when it is first needed.
pub(super) struct Seat {
    shared: Arc<Shared>,
    /// What each node has a duplicate of: it is the same for all waits.
    handle: WakeHandle,
}

struct Shared {
    standing: Standing,
    /// There while somebody waits, until it is woken.
    waiter: SpinLock<Option<Waker>>,
}

impl Seat {
    pub(super) fn new() -> Self {
        // SAFETY: the running coroutine is live. Truncated: where two are equal their addresses decide.
        let rank = Place::coroutine().map_or(0, |task| unsafe { task.as_ref() }.id as u32);
        let shared = Arc::new(Shared { standing: Standing::new(rank), waiter: SpinLock::new(None) });
        let handle = WakeHandle::Task(shared.clone().into());
        Self { shared, handle }
    }

    pub(super) fn standing(&self) -> &Standing {
        &self.shared.standing
    }

    pub(super) fn ticket(&self, arm: usize) -> Ticket<'_> {
        Ticket::of_set(self.standing(), arm as u32, &self.handle)
    }

    /// For an arm that is watched: its node does not stay.
    pub(super) fn ticket_to_watch(&self, arm: usize) -> Ticket<'_> {
        Ticket::new(self.standing().party(arm as u32), &self.handle)
    }

    /// From now on `waker` is woken. Look at the claim afterwards: who has won it before may have woken nobody.
    pub(super) fn sit(&self, waker: &Waker) {
        let is_same = |before: &Option<Waker>| before.as_ref().is_some_and(|before| before.will_wake(waker));
        if is_same(&self.shared.waiter.lock()) {
            return;
        }
        // A waker is foreign code: cloned before the lock, and dropped after it.
        let waker = waker.clone();
        let before = self.shared.waiter.lock().replace(waker);
        drop(before);
    }

    pub(super) fn leave(&self) {
        let before = self.shared.waiter.lock().take();
        drop(before);
    }
}

impl Wake for Shared {
    fn wake(self: Arc<Self>) {
        self.wake_by_ref();
    }

    /// Somebody has ended a wait of the set. If that is over by now and the next one has begun, this wakes it for nothing,
    /// which it allows for.
    fn wake_by_ref(self: &Arc<Self>) {
        let waiter = self.waiter.lock().take();
        if let Some(waiter) = waiter {
            waiter.wake();
        }
    }
}
