// SPDX-License-Identifier: BSD-3-Clause
//! A token in memory: a counted node of a tree.
//!
//! A node keeps its parent, because a cancel of an ancestor must find the way to its descendants. A parent only lists its
//! children: one whose last handle goes takes itself off the list.
//!
//! | field | who |
//! |---|---|
//! | `refs`, `state` | anyone with a reference |
//! | `cause` | written once, by who cancels, before `state` says so; from then on anyone reads it |
//! | `attached` | under its lock |
//! | `siblings` | under the lock of the parent |
//! | `next_of_pass` | who has cancelled the node, until its pass is over |
//!
//! One lock of a node at a time; under it the lock of one coroutine's [`Sources`](crate::task::sources::Sources).
#![expect(unsafe_code, reason = "counts references, and links nodes by raw pointers")]

mod reference;

use core::cell::Cell;
use core::ptr::NonNull;

pub(super) use self::reference::NodeRef;
use super::Cause;
#[cfg(feature = "alloc")]
use super::deadline::{ALARMS, Alarm};
#[cfg(feature = "alloc")]
use super::hook::Hook;
use super::region::Region;
use crate::primitive::atomic::{AtomicU8, AtomicUsize, Ordering};
use crate::primitive::{SpinGuard, SpinLock, UnsafeCell, const_unless_loom};
use crate::util::list::{Links, List, Listed};
use crate::wait::queue::WaitQueue;

const CANCELLING: u8 = 1;
const CANCELLED: u8 = 2;

/// See the [module](self).
pub(super) struct Node {
    refs: AtomicUsize,
    state: AtomicU8,
    cause: UnsafeCell<Option<Cause>>,
    /// One reference to it, given back when this node goes.
    parent: Option<NonNull<Node>>,
    siblings: Links<Node>,
    next_of_pass: Cell<Option<NonNull<Node>>>,
    attached: SpinLock<Attached>,
}

/// What a cancel reaches from a node. Once the node has been cancelled nothing is added.
pub(super) struct Attached {
    pub(super) children: List<Node>,
    pub(super) regions: List<Region>,
    pub(super) waiters: WaitQueue,
    /// Each is one counted reference, see [`hook`](super::hook).
    #[cfg(feature = "alloc")]
    pub(super) hooks: List<Hook>,
    /// Dropped after the lock.
    #[cfg(feature = "alloc")]
    pub(super) alarms: [Option<Alarm>; ALARMS],
}

// SAFETY: the table in the module documentation. What is attached is used under the lock, and may be used on any thread:
// hooks are `Send`, regions and waiters are woken from anywhere.
unsafe impl Send for Node {}
// SAFETY: as above.
unsafe impl Sync for Node {}

// SAFETY: the links are a field of their own that only the list touches.
unsafe impl Listed for Node {
    fn links(this: NonNull<Self>) -> NonNull<Links<Self>> {
        // SAFETY: a listed node is live.
        unsafe { NonNull::new_unchecked(&raw mut (*this.as_ptr()).siblings) }
    }
}

/// The node had been cancelled before.
pub(super) struct AlreadyCancelled;

impl Node {
    const_unless_loom! {
        /// A node to which one reference is counted. If it has a parent, one to that is given to it.
        pub(super) fn new(parent: Option<NonNull<Node>>) -> Node {
            let attached = Attached {
                children: List::new(),
                regions: List::new(),
                waiters: WaitQueue::new(),
                #[cfg(feature = "alloc")]
                hooks: List::new(),
                #[cfg(feature = "alloc")]
                alarms: [const { None }; ALARMS],
            };
            Node {
                refs: AtomicUsize::new(1),
                state: AtomicU8::new(0),
                cause: UnsafeCell::new(None),
                parent,
                siblings: Links::new(),
                next_of_pass: Cell::new(None),
                attached: SpinLock::new(attached),
            }
        }
    }

    pub(super) fn is_cancelled(&self) -> bool {
        // Acquire: the cause, and what the canceller did before, are visible.
        self.state.load(Ordering::Acquire) & CANCELLED != 0
    }

    /// Whether it, or a node that it descends from, has been cancelled or soon will be.
    pub(super) fn is_cancelling(&self) -> bool {
        let mut node = self;
        loop {
            // Acquire: as above.
            if node.state.load(Ordering::Acquire) != 0 {
                return true;
            }
            let Some(parent) = node.parent else { return false };
            // SAFETY: a node keeps its parent.
            node = unsafe { parent.as_ref() };
        }
    }

    /// Lets [`Node::is_cancelling`] say so. Says whether it is the first to do that.
    pub(super) fn announce_cancel(&self) -> bool {
        // Release: what the caller did before is visible to who asks.
        self.state.fetch_or(CANCELLING, Ordering::AcqRel) == 0
    }

    /// Why it was cancelled, if it was.
    pub(super) fn cause(&self) -> Option<&Cause> {
        // SAFETY: once the state says so, which is read with Acquire, the cause is there and does not change.
        self.is_cancelled().then(|| self.cause.with(|cause| unsafe { (*cause).as_ref() }))?
    }

    /// Marks it cancelled; the caller then runs a pass over what is attached.
    pub(super) fn mark(&self, why: &Cause) -> Result<(), AlreadyCancelled> {
        let attached = self.attached.lock();
        if self.is_cancelled() {
            return Err(AlreadyCancelled);
        }
        // SAFETY: the lock keeps other cancellers out, and nobody reads the cause before the state says so.
        self.cause.with_mut(|cause| unsafe { *cause = Some(why.clone()) });
        // Under the lock: who attaches something either sees this or is seen by the pass. Release: the cause.
        self.state.fetch_or(CANCELLED, Ordering::Release);
        drop(attached);
        Ok(())
    }

    /// The lock over what is attached, if it may still be added to: the node has not been cancelled.
    pub(super) fn lock_open(&self) -> Option<SpinGuard<'_, Attached>> {
        let attached = self.attached.lock();
        (!self.is_cancelled()).then_some(attached)
    }

    /// Disarms its alarms.
    #[cfg(feature = "alloc")]
    pub(super) fn disarm(&self) {
        let alarms = core::mem::take(&mut self.lock().alarms);
        drop(alarms);
    }

    #[cfg(feature = "alloc")]
    pub(super) fn has_hooks(&self) -> bool {
        !self.lock().hooks.is_empty()
    }

    pub(super) fn lock(&self) -> SpinGuard<'_, Attached> {
        self.attached.lock()
    }
}

#[cfg(feature = "alloc")]
impl Drop for Node {
    fn drop(&mut self) {
        self.disarm();
        // Whatever else can be attached holds a reference. Hooks are user data: dropped after the lock.
        loop {
            let hook = self.lock().hooks.pop_front();
            let Some(hook) = hook else { return };
            // SAFETY: it was on the list, which had one reference to it.
            drop(unsafe { Hook::from_list(hook) });
        }
    }
}

/// Nodes in the order in which a pass comes to them. It has a reference to each.
pub(super) struct PassQueue {
    first: Option<NonNull<Node>>,
    last: Option<NonNull<Node>>,
}

impl PassQueue {
    pub(super) const fn new() -> Self {
        Self { first: None, last: None }
    }

    /// Adds a node that the caller has cancelled, and that is in no such queue.
    pub(super) fn push(&mut self, node: NodeRef) {
        let node = node.into_raw();
        // SAFETY: the queue's references keep the nodes, and only who has cancelled a node touches this field.
        unsafe {
            node.as_ref().next_of_pass.set(None);
            match self.last {
                Some(last) => last.as_ref().next_of_pass.set(Some(node)),
                None => self.first = Some(node),
            }
        }
        self.last = Some(node);
    }

    pub(super) fn pop(&mut self) -> Option<NodeRef> {
        let first = self.first?;
        // SAFETY: as above.
        self.first = unsafe { first.as_ref() }.next_of_pass.get();
        if self.first.is_none() {
            self.last = None;
        }
        Some(NodeRef(first))
    }
}

impl Drop for PassQueue {
    fn drop(&mut self) {
        while self.pop().is_some() {}
    }
}
