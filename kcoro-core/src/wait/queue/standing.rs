// SPDX-License-Identifier: BSD-3-Clause
//! Nodes that stay queued from one wait to the next: those of a set of arms, on the heap.
//!
//! The set has one claim (see [`claim::standing`](crate::task::claim::standing)) and one list of nodes that were *found*. A
//! node of it is always in one of three places, and only these may touch it:
//!
//! | place | who touches it | how it leaves |
//! |---|---|---|
//! | queued | whoever holds the queue's lock | it is found or won, or the set unlinks it |
//! | found: on the list | the set | the set takes the whole list |
//! | with the set | the set | the set registers its arm anew |
//!
//! - *Won* while a wait is under way: as any other node. It is with the set then, which is told by the claim.
//! - *Found* while the set is idle: the finder serves nobody by it. It unlinks the node as it does one whose wait was ended
//!   by others, puts it on the list, which is its last touch of the node, leaves a token, and turns to the next in the queue.
//!   So whatever would have ended the wait of an ordinary waiter in that place is a hint for the set: the set looks at the arm
//!   before it waits again, and registers it anew, at the end of the queue, if there is nothing.
//!
//! No wake is lost. A node that is not queued is with the set, or on the list; and if it is on the list a token is there, or
//! is about to be left by somebody who then finds out whether the set waits. If it does after all, the finder serves it: it
//! wins the claim, or, if it cannot serve anybody any more, ends the wait by `unpark`.
//!
//! Nobody's place is lost either: an idle set is no waiter, so who is behind it is not overtaken; and one that waits again has
//! kept its place only where it has not been served since it registered.
#![expect(unsafe_code, reason = "an intrusive list over nodes on the heap")]

use core::ptr;

use super::{Node, Over, WaitQueue};
use crate::primitive::atomic::{AtomicPtr, Ordering};
use crate::task::claim::claiming::{Missed, Party, meet};
use crate::task::claim::standing::Reminded;
use crate::task::claim::{Claim, Generation, Outcome};
use crate::wait::wake::Wake;

/// What the nodes of a set share; see the [module](self). The wake handles of its nodes keep it alive.
pub(crate) struct Standing {
    pub(crate) claim: Claim,
    generation: Generation,
    /// One for all waits, whoever waits: it is stamped on nodes, and two that meet must agree who is below.
    rank: u32,
    /// The first of the nodes that were found, linked through `next`.
    found: AtomicPtr<Node>,
}

impl Standing {
    pub(crate) fn new(rank: u32) -> Self {
        let claim = Claim::new();
        let generation = claim.stand();
        Self { claim, generation, rank, found: AtomicPtr::new(ptr::null_mut()) }
    }

    pub(crate) fn generation(&self) -> Generation {
        self.generation
    }

    /// The set as one that meets others with its arm `arm`.
    pub(crate) fn party(&self, arm: u32) -> Party<'_> {
        Party { claim: &self.claim, generation: self.generation, arm, rank: self.rank }
    }

    /// Takes the list of nodes that were found, and the token, and calls `each` with their arms. For the set itself, while it
    /// is idle, and before it registers or drops an arm.
    pub(crate) fn take_found(&self, mut each: impl FnMut(u32)) {
        // First: a token that is left after this one belongs to a node that is put on the list meanwhile, and is seen next time.
        self.claim.take_token();
        // Acquire: what the finders did with the nodes comes before.
        let mut node: *const Node = self.found.swap(ptr::null_mut(), Ordering::Acquire);
        while !node.is_null() {
            // SAFETY: the set keeps its arms, and with them their nodes, until it has taken them from the list.
            let (arm, next) = unsafe { ((*node).arm, (*node).next.get()) };
            each(arm);
            node = next;
        }
    }

    /// # Safety
    ///
    /// The node has just been unlinked, under the lock that the caller holds, and is not touched by it again.
    unsafe fn put_on_list(&self, node: *const Node) {
        // Relaxed: what is read is linked to, not looked at.
        let mut first = self.found.load(Ordering::Relaxed);
        loop {
            // SAFETY: the caller's promise: the node is ours.
            unsafe { (*node).next.set(first) };
            // Release: all that was done with the node comes before it is on the list.
            match self.found.compare_exchange_weak(first, node.cast_mut(), Ordering::Release, Ordering::Relaxed) {
                Ok(_) => return,
                Err(now) => first = now,
            }
        }
    }

    /// After the claim of `node` was not won with `outcome`: the node was found, unless its set has begun to wait meanwhile.
    /// Then that is won after all.
    ///
    /// # Safety
    ///
    /// The node has just been unlinked, under the lock that the caller holds, and is not touched by it again. It has its wake
    /// handle.
    #[cold]
    pub(super) unsafe fn win_or_find(node: *const Node, outcome: Outcome) -> Option<Wake> {
        // SAFETY: under the lock, as the caller says.
        let (standing, arm, handle) = unsafe { (&*(*node).standing, (*node).arm, (*(*node).handle.get()).take()?) };
        // SAFETY: forwarded. From here on the handle keeps `standing` alive.
        unsafe { standing.put_on_list(node) };
        while standing.claim.remind() == Reminded::Waits {
            if let Ok(won) = standing.claim.try_win(standing.generation, outcome, arm) {
                return Some(Wake { handle, won });
            }
        }
        // No foreign code and no memory given back: the handle is the set's own, and the set keeps another, because it takes
        // this lock before it goes.
        drop(handle);
        None
    }

    /// The node was found. Should its set have begun to wait meanwhile it is owed a wake, by which it looks again.
    ///
    /// # Safety
    ///
    /// As [`Standing::win_or_find`].
    unsafe fn find(node: *const Node) -> Option<Wake> {
        // SAFETY: under the lock, as the caller says.
        let (standing, handle) = unsafe { (&*(*node).standing, (*(*node).handle.get()).take()?) };
        // SAFETY: as in `win_or_find`.
        unsafe { standing.put_on_list(node) };
        if standing.claim.remind() == Reminded::Waits
            && let Some(won) = standing.claim.unpark()
        {
            return Some(Wake { handle, won });
        }
        drop(handle);
        None
    }

    /// As [`Standing::win_or_find`], for a selector, after the two did not meet.
    ///
    /// # Errors
    ///
    /// The selector's own wait is over. The set whose node this was may be owed a wake: it waits, and is not queued here any
    /// more.
    ///
    /// # Safety
    ///
    /// As [`Standing::win_or_find`].
    #[cold]
    pub(super) unsafe fn meet_or_find(own: Party<'_>, node: *const Node) -> Result<Option<Wake>, Over> {
        // SAFETY: under the lock, as the caller says.
        let (standing, arm, handle) = unsafe { (&*(*node).standing, (*node).arm, (*(*node).handle.get()).take()) };
        let Some(handle) = handle else { return Ok(None) };
        // SAFETY: as in `win_or_find`.
        unsafe { standing.put_on_list(node) };
        while standing.claim.remind() == Reminded::Waits {
            match meet(own, standing.party(arm)) {
                Ok(won) => return Ok(Some(Wake { handle, won })),
                Err(Missed::PeerIsOver) => {}
                Err(Missed::OwnIsOver) => {
                    let owed = standing.claim.unpark().map(|won| Wake { handle, won });
                    return Err(Over { owed });
                }
            }
        }
        drop(handle);
        Ok(None)
    }
}

/// What one who only looks has seen in a queue.
pub(crate) enum Looked {
    /// Somebody waits.
    Waits,
    Nobody,
    /// A set has begun to wait while it was found. After the lock it is to be woken, and one looks anew.
    Owes(Wake),
}

impl WaitQueue {
    /// Whether somebody waits here, without serving anybody. Where nobody does, the sets are found whose nodes are here: when
    /// one of them waits, its node comes anew, and can be told from what was here before.
    pub(crate) fn look_over(&mut self) -> Looked {
        let mut node = self.head;
        while !node.is_null() {
            // SAFETY: nodes in the queue are live while the lock is held, which `&mut self` stands for.
            let (is_waiting, standing, next) =
                unsafe { ((*(*node).claim).is_waiting((*node).generation), (*node).standing, (*node).next.get()) };
            if is_waiting {
                return Looked::Waits;
            }
            if !standing.is_null() {
                // SAFETY: it is queued here, and is not touched again.
                let owed = unsafe {
                    self.remove(node);
                    Standing::find(node)
                };
                if let Some(wake) = owed {
                    return Looked::Owes(wake);
                }
            }
            node = next;
        }
        Looked::Nobody
    }

    /// As [`WaitQueue::look_over`], and finds no set.
    pub(crate) fn has_waiter(&self) -> bool {
        let mut node = self.head;
        while !node.is_null() {
            // SAFETY: nodes in the queue are live while the lock is held, which `&self` stands for.
            let Node { claim, generation, next, .. } = unsafe { &*node };
            // SAFETY: a queued node's waiter is there.
            if unsafe { &**claim }.is_waiting(*generation) {
                return true;
            }
            node = next.get();
        }
        false
    }
}

// SAFETY: nodes on the list are the set's; finders put them there while they are theirs.
unsafe impl Send for Standing {}
// SAFETY: as above.
unsafe impl Sync for Standing {}

#[cfg(all(test, loom))]
mod loom_tests;
