// SPDX-License-Identifier: BSD-3-Clause
//! The nodes of the wheel, and the ring-shaped lists that its slots are.
#![expect(unsafe_code, reason = "follows pointers to nodes that their owners keep alive while they are linked")]

use core::ptr::NonNull;

use crate::primitive::{UnsafeCell, const_unless_loom};

/// A node that can be in at most one [`TimerWheel`](super::TimerWheel) at a time.
///
/// # Safety
///
/// `links` always returns the same field of the node, and nobody but the wheel touches it.
pub(crate) unsafe trait TimerNode: Sized {
    /// The field through which the wheel links this node.
    fn links(this: NonNull<Self>) -> NonNull<TimerLinks<Self>>;
}

/// The field of a node that belongs to the wheel.
pub(crate) struct TimerLinks<T> {
    state: UnsafeCell<State<T>>,
}

/// What the wheel knows of a node. Neighbours and tick mean nothing while the node is in no slot.
pub(super) struct State<T> {
    pub(super) next: Option<NonNull<T>>,
    pub(super) previous: Option<NonNull<T>>,
    /// When it expires.
    pub(super) tick: u64,
    /// The slot that it is in.
    pub(super) place: Option<Place>,
}

/// A slot of the wheel.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Place {
    pub(super) level: u8,
    pub(super) slot: u8,
}

// SAFETY: only the wheel touches the links, and it has one owner at a time, so no two threads touch them at once.
unsafe impl<T> Send for TimerLinks<T> {}
// SAFETY: as above.
unsafe impl<T> Sync for TimerLinks<T> {}

impl<T> TimerLinks<T> {
    const_unless_loom! {
        /// The links of a node that is in no wheel.
        pub(crate) fn new() -> Self {
            Self { state: UnsafeCell::new(State { next: None, previous: None, tick: 0, place: None }) }
        }
    }
}

/// Reads or changes what the wheel knows of `node`.
///
/// # Safety
///
/// `node` is valid, and the caller is the wheel that it is in, or is about to be in.
#[inline]
pub(super) unsafe fn with_state<T: TimerNode, R>(node: NonNull<T>, f: impl FnOnce(&mut State<T>) -> R) -> R {
    // SAFETY: the caller answers for the node's validity and for being the only one to touch its links; `f` gets no
    // second reference, because no caller nests these calls for one node.
    unsafe { T::links(node).as_ref().state.with_mut(|state| f(&mut *state)) }
}

/// A list of nodes in the order they were added: a ring, so that one pointer finds both ends.
pub(super) struct List<T> {
    first: Option<NonNull<T>>,
}

impl<T> List<T> {
    pub(super) const EMPTY: Self = Self { first: None };

    pub(super) const fn is_empty(&self) -> bool {
        self.first.is_none()
    }

    pub(super) const fn first(&self) -> Option<NonNull<T>> {
        self.first
    }
}

impl<T: TimerNode> List<T> {
    /// Adds `node` at the end.
    ///
    /// # Safety
    ///
    /// `node` is in no list, and stays valid and in place until it has left this one. The nodes of this list belong to
    /// the caller's wheel.
    pub(super) unsafe fn push_back(&mut self, node: NonNull<T>) {
        // SAFETY: `node` and the nodes in the list are valid, and their links are ours.
        unsafe {
            let first = *self.first.get_or_insert(node);
            let last = if first == node { node } else { Self::replace_previous(first, node) };
            with_state(node, |state| (state.next, state.previous) = (Some(first), Some(last)));
            with_state(last, |state| state.next = Some(node));
        }
    }

    /// Removes `node`.
    ///
    /// # Safety
    ///
    /// `node` is in this list, whose nodes belong to the caller's wheel.
    pub(super) unsafe fn remove(&mut self, node: NonNull<T>) {
        // SAFETY: `node` is in the list, so it and its neighbours are valid, and their links are ours.
        unsafe {
            let (next, previous) = with_state(node, |state| (state.next, state.previous));
            let (Some(next), Some(previous)) = (next, previous) else { return };
            with_state(previous, |state| state.next = Some(next));
            with_state(next, |state| state.previous = Some(previous));
            if self.first == Some(node) {
                self.first = (next != node).then_some(next);
            }
        }
    }

    /// Makes `node` the one before `first`, and returns the one that was.
    ///
    /// # Safety
    ///
    /// As [`with_state`] for `first`, which is in a list.
    unsafe fn replace_previous(first: NonNull<T>, node: NonNull<T>) -> NonNull<T> {
        // SAFETY: the caller's promise. The links of a node in a list are never `None`.
        unsafe { with_state(first, |state| state.previous.replace(node)).unwrap_or(first) }
    }
}
