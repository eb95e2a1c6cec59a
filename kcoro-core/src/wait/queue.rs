// SPDX-License-Identifier: BSD-3-Clause
//! Nodes and the list of waiters, first come first served.
//!
//! A queue is a field of what is waited on and is used under its lock; a node lies in the frame of its waiter. The rule
//! that keeps a node from being touched after its frame is gone:
//!
//! - A winner touches the node only under the lock, and unlinks it before it wins the claim.
//! - A waiter leaves its frame without the lock only if its claim was won *through this queue* (then the winner has
//!   unlinked the node and will not come back). In every other case it takes the lock and calls [`WaitQueue::remove`].
//!
//! The nodes of a set of arms lie on the heap and stay queued while the set does not wait: see [`standing`].
#![expect(unsafe_code, reason = "an intrusive list over nodes in the waiters' frames")]

mod node;
#[cfg(feature = "alloc")]
pub(crate) mod standing;

use core::ptr;

pub(crate) use self::node::Node;
use self::standing::Standing;
use super::wake::Wake;
use crate::task::claim::Outcome;
use crate::task::claim::claiming::{Missed, Party, meet};

/// Without an allocator there is no set of arms.
#[cfg(not(feature = "alloc"))]
pub(crate) mod standing {
    use super::{Node, Outcome, Over, Party, Wake};

    pub(crate) enum Standing {}

    impl Standing {
        pub(super) unsafe fn win_or_find(_node: *const Node, _outcome: Outcome) -> Option<Wake> {
            None
        }

        pub(super) unsafe fn meet_or_find(_own: Party<'_>, _node: *const Node) -> Result<Option<Wake>, Over> {
            Ok(None)
        }
    }
}

/// A selector's own wait is over.
pub(crate) struct Over {
    /// Somebody else who has to look again.
    pub(crate) owed: Option<Wake>,
}

/// Waiters in the order in which they came.
pub(crate) struct WaitQueue {
    head: *const Node,
    tail: *const Node,
}

// SAFETY: the queue is used under the lock of its owner, and nodes are touched under that lock only.
unsafe impl Send for WaitQueue {}

impl WaitQueue {
    pub(crate) const fn new() -> Self {
        Self { head: ptr::null(), tail: ptr::null() }
    }

    #[inline]
    pub(crate) fn is_empty(&self) -> bool {
        self.head.is_null()
    }

    /// How many nodes are queued, or `limit` if they are more.
    #[cfg(feature = "alloc")]
    pub(crate) fn count_up_to(&self, limit: usize) -> usize {
        let (mut count, mut node) = (0, self.head);
        while !node.is_null() && count < limit {
            count += 1;
            // SAFETY: nodes in the queue are live while the lock is held, which `&self` stands for.
            node = unsafe { (*node).next.get() };
        }
        count
    }

    /// Puts `node` at the end.
    ///
    /// # Safety
    ///
    /// The node is in no queue, stays where it is, and is removed before it goes (see the [module](self)).
    #[inline]
    pub(crate) unsafe fn push(&mut self, node: *const Node) {
        // SAFETY: the caller's node is live, and so are all nodes in the queue.
        unsafe {
            debug_assert!(!(*node).queued.get());
            (*node).queued.set(true);
            (*node).prev.set(self.tail);
            (*node).next.set(ptr::null());
            if self.tail.is_null() {
                self.head = node;
            } else {
                (*self.tail).next.set(node);
            }
        }
        self.tail = node;
    }

    /// Puts `node` before all others.
    ///
    /// # Safety
    ///
    /// As [`WaitQueue::push`].
    pub(crate) unsafe fn push_front(&mut self, node: *const Node) {
        // SAFETY: the caller's node is live, and so are all nodes in the queue.
        unsafe {
            debug_assert!(!(*node).queued.get());
            (*node).queued.set(true);
            (*node).prev.set(ptr::null());
            (*node).next.set(self.head);
            if self.head.is_null() {
                self.tail = node;
            } else {
                (*self.head).prev.set(node);
            }
        }
        self.head = node;
    }

    /// Takes `node` out if it is still in.
    ///
    /// # Safety
    ///
    /// The node has been pushed to this queue or to none.
    pub(crate) unsafe fn remove(&mut self, node: *const Node) {
        // SAFETY: a node that is queued here has live neighbours.
        unsafe {
            if !(*node).queued.replace(false) {
                return;
            }
            let (prev, next) = ((*node).prev.get(), (*node).next.get());
            if prev.is_null() {
                self.head = next;
            } else {
                (*prev).next.set(next);
            }
            if next.is_null() {
                self.tail = prev;
            } else {
                (*next).prev.set(prev);
            }
        }
    }

    /// Puts `node`, which has just been taken out of here, back to where it was.
    ///
    /// # Safety
    ///
    /// Nothing else has been taken out of the queue or put into it since.
    unsafe fn put_back(&mut self, node: *const Node) {
        // SAFETY: the neighbours are those that `remove` left, and are queued.
        unsafe {
            (*node).queued.set(true);
            let (prev, next) = ((*node).prev.get(), (*node).next.get());
            if prev.is_null() {
                self.head = node;
            } else {
                (*prev).next.set(node);
            }
            if next.is_null() {
                self.tail = node;
            } else {
                (*next).prev.set(node);
            }
        }
    }

    /// Ends the wait of the first waiter whose claim can be won; waiters that others have ended are dropped from the
    /// queue on the way.
    ///
    /// `hand_over` gets each candidate's slot *before* its claim is won, for after the win the waiter may be gone. It
    /// copies bits only: if the claim is lost, what it wrote does not count and it is called for the next candidate.
    #[inline]
    pub(crate) fn win_first(&mut self, outcome: Outcome, mut hand_over: impl FnMut(*mut ())) -> Option<Wake> {
        self.win_first_if(outcome, |slot| {
            hand_over(slot);
            true
        })
    }

    /// As [`WaitQueue::win_first`], up to the first waiter whose slot `admit` refuses: that one stays the first.
    #[inline]
    pub(crate) fn win_first_if(&mut self, outcome: Outcome, mut admit: impl FnMut(*mut ()) -> bool) -> Option<Wake> {
        while !self.head.is_null() {
            let node = self.head;
            // SAFETY: nodes in the queue are live while the lock is held, which `&mut self` stands for.
            let (claim, generation, arm, slot) =
                unsafe { (&*(*node).claim, (*node).generation, (*node).arm, (*node).slot) };
            if !admit(slot) {
                return None;
            }
            // SAFETY: it is queued here.
            unsafe { self.remove(node) };
            // SAFETY: as above; the handle is taken before the win, which is the last touch.
            let handle = unsafe { (*(*node).handle.get()).take() };
            match claim.try_win(generation, outcome, arm) {
                Ok(won) => {
                    let handle = handle.expect("a queued node has its wake handle");
                    return Some(Wake { handle, won });
                }
                // SAFETY: the waiter lost this node's race elsewhere, so it must take the lock before it leaves: the
                // node is still live. The handle goes back so that foreign code is not dropped under the lock.
                Err(_) => unsafe {
                    *(*node).handle.get() = handle;
                    if !(*node).standing.is_null()
                        && let Some(wake) = Standing::win_or_find(node, outcome)
                    {
                        return Some(wake);
                    }
                },
            }
        }
        None
    }

    /// As [`WaitQueue::win_first`], for a selector that is queued elsewhere already: its own wait ends together with that
    /// of the waiter, or neither does. Its own nodes in this queue are passed over.
    ///
    /// # Errors
    ///
    /// The selector's own wait is over.
    pub(crate) fn meet_first(
        &mut self,
        own: Party<'_>,
        mut hand_over: impl FnMut(*mut ()),
    ) -> Result<Option<Wake>, Over> {
        let mut node = self.head;
        while !node.is_null() {
            // SAFETY: nodes in the queue are live while the lock is held, which `&mut self` stands for.
            let (peer, slot, next) = unsafe {
                let Node { claim, generation, arm, rank, slot, .. } = &*node;
                (Party { claim: &**claim, generation: *generation, arm: *arm, rank: *rank }, *slot, (*node).next.get())
            };
            if core::ptr::eq(peer.claim, own.claim) {
                node = next;
                continue;
            }
            // SAFETY: it is queued here. It is unlinked before the win, which is the last touch, as in `win_first`.
            unsafe { self.remove(node) };
            hand_over(slot);
            // SAFETY: as in `win_first`.
            let handle = unsafe { (*(*node).handle.get()).take() };
            match meet(own, peer) {
                Ok(won) => {
                    let handle = handle.expect("a queued node has its wake handle");
                    return Ok(Some(Wake { handle, won }));
                }
                // SAFETY: not won, so the waiter has to take the lock before it leaves: the node is still live.
                Err(missed) => unsafe {
                    *(*node).handle.get() = handle;
                    if missed == Missed::OwnIsOver {
                        // The waiter waits on, in its place.
                        self.put_back(node);
                        return Err(Over { owed: None });
                    }
                    if !(*node).standing.is_null()
                        && let Some(wake) = Standing::meet_or_find(own, node)?
                    {
                        return Ok(Some(wake));
                    }
                },
            }
            node = next;
        }
        Ok(None)
    }
}
