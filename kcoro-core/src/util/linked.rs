// SPDX-License-Identifier: BSD-3-Clause
//! Intrusive singly linked lists: the nodes carry the link, so that queueing never allocates.
//!
//! A node is in at most one queue at a time, and the queue that holds it is the only one to touch its [`Link`]. Handing
//! a node from one queue to another, also across threads, hands over that right; the queue's atomics or lock order the
//! accesses. The link is a plain cell, not an atomic, so that loom checks this order.
#![expect(unsafe_code, reason = "follows pointers to nodes that their owners keep alive while queued")]

use core::ptr::NonNull;

use crate::primitive::{UnsafeCell, const_unless_loom};

/// A node that can be in at most one intrusive queue at a time.
///
/// # Safety
///
/// `link` always returns the same field of the node, and nobody but the queue that holds the node touches it.
pub(crate) unsafe trait Linked: Sized {
    /// The field through which queues chain this node.
    fn link(this: NonNull<Self>) -> NonNull<Link<Self>>;
}

/// The field of a node that names the next one in its queue.
pub(crate) struct Link<T> {
    next: UnsafeCell<Option<NonNull<T>>>,
}

// SAFETY: only the queue that holds the node touches the link (`Linked`), and queues hand nodes over with release and
// acquire, so no two threads touch it at once.
unsafe impl<T> Send for Link<T> {}
// SAFETY: as above.
unsafe impl<T> Sync for Link<T> {}

impl<T> Link<T> {
    const_unless_loom! {
        pub(crate) fn new() -> Self {
            Self { next: UnsafeCell::new(None) }
        }
    }
}

/// The node after `node`.
///
/// # Safety
///
/// `node` is valid and in a queue that the caller is, so that nobody else touches the link now.
#[inline]
pub(crate) unsafe fn next_of<T: Linked>(node: NonNull<T>) -> Option<NonNull<T>> {
    // SAFETY: the caller answers for the node's validity and for being the only one to touch its link.
    unsafe { T::link(node).as_ref().next.with(|next| *next) }
}

/// Makes `next` the node after `node`.
///
/// # Safety
///
/// As [`next_of`].
#[inline]
pub(crate) unsafe fn set_next_of<T: Linked>(node: NonNull<T>, next: Option<NonNull<T>>) {
    // SAFETY: the caller answers for the node's validity and for being the only one to touch its link.
    unsafe { T::link(node).as_ref().next.with_mut(|cell| *cell = next) }
}

/// A first-in-first-out list of nodes with one owner: the form in which queues hand nodes over in bulk.
///
/// Dropping a chain forgets its nodes; it does not own them.
#[must_use = "the nodes of a dropped chain are forgotten"]
pub(crate) struct Chain<T> {
    head: Option<NonNull<T>>,
    /// The last node; meaningless while `head` is `None`.
    tail: Option<NonNull<T>>,
    len: usize,
}

// SAFETY: a chain holds the right to its nodes' links, which may move between threads (see `Link`). It touches nothing
// else of a node.
unsafe impl<T> Send for Chain<T> {}

impl<T> Chain<T> {
    pub(crate) const fn new() -> Self {
        Self { head: None, tail: None, len: 0 }
    }

    #[inline]
    pub(crate) const fn len(&self) -> usize {
        self.len
    }

    #[inline]
    pub(crate) const fn is_empty(&self) -> bool {
        self.head.is_none()
    }

    /// The node that [`Chain::pop_front`] would return.
    #[inline]
    pub(crate) const fn front(&self) -> Option<NonNull<T>> {
        self.head
    }
}

impl<T: Linked> Chain<T> {
    /// The node after the front one.
    #[inline]
    pub(crate) fn second(&self) -> Option<NonNull<T>> {
        // SAFETY: `push_*` promised that queued nodes are valid, and `head` is queued here.
        self.head.and_then(|head| unsafe { next_of(head) })
    }

    /// Adds `node` at the end.
    ///
    /// # Safety
    ///
    /// `node` is in no queue, and stays valid and in place until it has left this one.
    #[inline]
    pub(crate) unsafe fn push_back(&mut self, node: NonNull<T>) {
        // SAFETY: `node` is valid and in no other queue, so its link is ours.
        unsafe { set_next_of(node, None) };
        self.append_run(node, node, 1);
    }

    /// Adds `node` at the front.
    ///
    /// # Safety
    ///
    /// As [`Chain::push_back`].
    #[inline]
    pub(crate) unsafe fn push_front(&mut self, node: NonNull<T>) {
        // SAFETY: `node` is valid and in no other queue, so its link is ours.
        unsafe { set_next_of(node, self.head) };
        if self.head.is_none() {
            self.tail = Some(node);
        }
        self.head = Some(node);
        self.len += 1;
    }

    /// Removes the front node.
    #[inline]
    pub(crate) fn pop_front(&mut self) -> Option<NonNull<T>> {
        let node = self.head?;
        self.head = self.second();
        self.len -= 1;
        Some(node)
    }

    /// Moves all of `other` to the end, in order.
    #[inline]
    pub(crate) fn append(&mut self, other: Chain<T>) {
        if let (Some(first), Some(last)) = (other.head, other.tail) {
            self.append_run(first, last, other.len);
        }
    }

    /// Removes up to `count` nodes from the front, in order.
    pub(crate) fn split_front(&mut self, count: usize) -> Chain<T> {
        if count >= self.len {
            return core::mem::replace(self, Chain::new());
        }
        let mut front = Chain::new();
        while front.len < count {
            let Some(node) = self.pop_front() else { break };
            // SAFETY: `node` has just left this chain, and whoever pushed it here keeps it valid while it is queued.
            unsafe { front.push_back(node) };
        }
        front
    }

    /// Links the `len` nodes from `first` to `last`, which are chained already, to the end.
    #[inline]
    fn append_run(&mut self, first: NonNull<T>, last: NonNull<T>, len: usize) {
        match (self.head, self.tail) {
            // SAFETY: `tail` is queued here, hence valid and its link ours.
            (Some(_), Some(tail)) => unsafe { set_next_of(tail, Some(first)) },
            _ => self.head = Some(first),
        }
        self.tail = Some(last);
        self.len += len;
    }
}
