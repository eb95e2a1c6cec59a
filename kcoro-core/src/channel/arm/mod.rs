// SPDX-License-Identifier: BSD-3-Clause
//! Sending and receiving as arms of a select.
//!
//! Node and slot lie in the arm, which is pinned while it is queued. A winner touches them under the channel's lock only,
//! and an arm takes that lock before it goes, as a future does.
#![expect(unsafe_code, reason = "pinned arms whose nodes are queued")]

mod recv;
mod send;
mod state;

use core::cell::UnsafeCell;
use core::marker::PhantomPinned;

pub use self::recv::RecvArm;
pub use self::send::SendArm;
use crate::wait::arm::{Ended, Ticket};
use crate::wait::queue::Node;

/// What both arms keep of a select.
struct Waiting {
    node: UnsafeCell<Option<Node>>,
    progress: Progress,
    _pinned: PhantomPinned,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Progress {
    /// In no select, or lost in one.
    Idle,
    Queued,
    #[cfg(feature = "alloc")]
    Watching,
    /// The operation has been carried out: the value is in the slot, or gone from it.
    Done,
    Closed,
    /// The result has been taken.
    Over,
}

// SAFETY: the node is touched by the arm's owner and, under the channel's lock, by winners.
unsafe impl Send for Waiting {}
// SAFETY: a shared arm gives no access.
unsafe impl Sync for Waiting {}

impl Waiting {
    const fn new() -> Self {
        Self { node: UnsafeCell::new(None), progress: Progress::Idle, _pinned: PhantomPinned }
    }

    /// Makes the node for a new wait; push it under the lock.
    fn prepare(&mut self, ticket: &Ticket<'_>, slot: *mut ()) -> *const Node {
        let node = ticket.node(slot);
        self.node.get_mut().insert(node)
    }

    fn node(&self) -> *const Node {
        // SAFETY: a reference that does not outlive the statement; winners touch the node's cells only.
        unsafe { &*self.node.get() }.as_ref().map_or(core::ptr::null(), |node| node)
    }

    fn won(&mut self, how: Ended) {
        self.progress = if how == Ended::Event { Progress::Done } else { Progress::Closed };
    }

    /// How it ended, once.
    fn take(&mut self) -> Progress {
        core::mem::replace(&mut self.progress, Progress::Over)
    }
}
