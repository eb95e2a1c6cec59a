// SPDX-License-Identifier: BSD-3-Clause
//! What a waiter puts into a queue.
#![expect(unsafe_code, reason = "a cell that is touched under the queue's lock")]

use core::cell::{Cell, UnsafeCell};
use core::marker::PhantomPinned;
use core::ptr;

use super::standing::Standing;
use crate::task::claim::claiming::Party;
use crate::task::claim::{Claim, Generation};
use crate::wait::Waiter;
use crate::wait::wake::WakeHandle;

/// One waiter's place in one queue.
pub(crate) struct Node {
    pub(super) prev: Cell<*const Node>,
    pub(super) next: Cell<*const Node>,
    pub(super) queued: Queued,
    /// See [`Party::rank`]; means something if this is the node of a selector.
    pub(super) rank: u32,
    pub(super) claim: *const Claim,
    pub(super) generation: Generation,
    pub(super) arm: u32,
    pub(super) handle: UnsafeCell<Option<WakeHandle>>,
    pub(super) slot: *mut (),
    /// Whose node it is, if it stays queued from one wait to the next.
    pub(super) standing: *const Standing,
    pub(super) _pinned: PhantomPinned,
}

/// Whether a node is in a queue.
pub(super) struct Queued(Cell<bool>);

impl core::ops::Deref for Queued {
    type Target = Cell<bool>;

    #[inline(always)]
    fn deref(&self) -> &Cell<bool> {
        &self.0
    }
}

/// A node that goes while it is queued would be found in the queue when it is gone.
#[cfg(debug_assertions)]
impl Drop for Queued {
    fn drop(&mut self) {
        assert!(!self.0.get(), "a waiter leaves its node in a queue");
    }
}

impl Node {
    /// A node for the wait `generation` of `waiter`. `slot` is where a value is handed over; it means something to the
    /// queue's users only.
    #[inline]
    pub(crate) fn new(waiter: &Waiter, generation: Generation, slot: *mut ()) -> Node {
        Node::with_claim(waiter.claim(), waiter.handle(), generation, slot)
    }

    /// A node whose claim lies elsewhere (in a pinned future).
    #[inline]
    pub(crate) fn with_claim(claim: *const Claim, handle: WakeHandle, generation: Generation, slot: *mut ()) -> Node {
        Node {
            prev: Cell::new(ptr::null()),
            next: Cell::new(ptr::null()),
            queued: Queued(Cell::new(false)),
            rank: 0,
            claim,
            generation,
            arm: 0,
            handle: UnsafeCell::new(Some(handle)),
            slot,
            standing: ptr::null(),
            _pinned: PhantomPinned,
        }
    }

    /// A node for one arm of a selector, which may be a set of arms. `handle` keeps the set alive.
    pub(crate) fn of_arm(own: Party<'_>, handle: WakeHandle, slot: *mut (), set: Option<&Standing>) -> Node {
        let node = Node::with_claim(own.claim, handle, own.generation, slot);
        Node { rank: own.rank, arm: own.arm, standing: set.map_or(ptr::null(), ptr::from_ref), ..node }
    }

    /// Replaces what wakes this waiter and returns what did before; drop that outside the lock.
    ///
    /// # Safety
    ///
    /// The lock of the queue that the node is in is held.
    pub(crate) unsafe fn replace_handle(&self, handle: WakeHandle) -> Option<WakeHandle> {
        // SAFETY: the lock excludes the winner, the only other one who touches the handle.
        unsafe { (*self.handle.get()).replace(handle) }
    }
}
