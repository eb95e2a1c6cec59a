// SPDX-License-Identifier: BSD-3-Clause
//! A list of nodes that others own, linked through a field of theirs: anywhere in it, adding and removing take constant
//! time.
//!
//! A list and the links of its nodes belong to one lock, or to one thread.
#![expect(unsafe_code, reason = "links nodes that their owners keep alive while they are on the list")]

use core::cell::Cell;
use core::ptr::NonNull;

/// A node that can be on at most one [`List`] at a time.
///
/// # Safety
///
/// `links` always returns the same field of the node, and nobody but the list touches it.
pub(crate) unsafe trait Listed: Sized {
    /// The field through which a list links this node.
    fn links(this: NonNull<Self>) -> NonNull<Links<Self>>;
}

/// The field of a node that belongs to the list.
pub(crate) struct Links<T> {
    before: Cell<Option<NonNull<T>>>,
    after: Cell<Option<NonNull<T>>>,
    is_listed: Cell<bool>,
}

impl<T> Links<T> {
    /// The links of a node that is on no list.
    pub(crate) const fn new() -> Self {
        Self { before: Cell::new(None), after: Cell::new(None), is_listed: Cell::new(false) }
    }
}

/// See the [module](self). Dropping it forgets its nodes; it does not own them.
pub(crate) struct List<T> {
    first: Option<NonNull<T>>,
    last: Option<NonNull<T>>,
}

// SAFETY: a list holds the right to its nodes' links, which may move between threads with it. It touches nothing else of
// a node.
unsafe impl<T> Send for List<T> {}

impl<T> List<T> {
    pub(crate) const fn new() -> Self {
        Self { first: None, last: None }
    }

    pub(crate) const fn is_empty(&self) -> bool {
        self.first.is_none()
    }

    pub(crate) const fn first(&self) -> Option<NonNull<T>> {
        self.first
    }
}

impl<T: Listed> List<T> {
    /// # Safety
    ///
    /// `node` is live, and its links are the caller's.
    unsafe fn links<'a>(node: NonNull<T>) -> &'a Links<T> {
        // SAFETY: the caller's promise.
        unsafe { T::links(node).as_ref() }
    }

    /// The node after `node`.
    ///
    /// # Safety
    ///
    /// `node` is on this list.
    pub(crate) unsafe fn after(&self, node: NonNull<T>) -> Option<NonNull<T>> {
        // SAFETY: who put it on the list promised that it is live while it is there.
        unsafe { Self::links(node) }.after.get()
    }

    /// Whether `node` is on this list.
    ///
    /// # Safety
    ///
    /// `node` is live, and is on this list or on none.
    pub(crate) unsafe fn has(&self, node: NonNull<T>) -> bool {
        // SAFETY: the caller's promise.
        unsafe { Self::links(node) }.is_listed.get()
    }

    /// Adds `node` at the end.
    ///
    /// # Safety
    ///
    /// `node` is on no list, and stays live and in place until it has left this one.
    pub(crate) unsafe fn push_back(&mut self, node: NonNull<T>) {
        // SAFETY: the caller's promise; the last node is on this list.
        unsafe {
            let links = Self::links(node);
            links.is_listed.set(true);
            links.before.set(self.last);
            links.after.set(None);
            match self.last {
                Some(last) => Self::links(last).after.set(Some(node)),
                None => self.first = Some(node),
            }
        }
        self.last = Some(node);
    }

    /// Adds `node` at the front.
    ///
    /// # Safety
    ///
    /// As [`List::push_back`].
    pub(crate) unsafe fn push_front(&mut self, node: NonNull<T>) {
        // SAFETY: the caller's promise; the first node is on this list.
        unsafe {
            let links = Self::links(node);
            links.is_listed.set(true);
            links.before.set(None);
            links.after.set(self.first);
            match self.first {
                Some(first) => Self::links(first).before.set(Some(node)),
                None => self.last = Some(node),
            }
        }
        self.first = Some(node);
    }

    /// Removes `node` if it is on this list, and says whether it was.
    ///
    /// # Safety
    ///
    /// `node` is live, and is on this list or on none.
    pub(crate) unsafe fn remove(&mut self, node: NonNull<T>) -> bool {
        // SAFETY: the caller's promise; the neighbours are on this list.
        unsafe {
            let links = Self::links(node);
            if !links.is_listed.replace(false) {
                return false;
            }
            let (before, after) = (links.before.get(), links.after.get());
            match before {
                Some(before) => Self::links(before).after.set(after),
                None => self.first = after,
            }
            match after {
                Some(after) => Self::links(after).before.set(before),
                None => self.last = before,
            }
        }
        true
    }

    /// Removes the first node.
    pub(crate) fn pop_front(&mut self) -> Option<NonNull<T>> {
        let first = self.first?;
        // SAFETY: it is on this list.
        unsafe { self.remove(first) };
        Some(first)
    }
}

#[cfg(all(test, not(loom)))]
mod tests {
    use core::ptr::NonNull;
    use std::vec::Vec;

    use super::{Links, List, Listed};

    struct Item {
        number: usize,
        links: Links<Item>,
    }

    // SAFETY: the links are a field of their own that only the list touches.
    unsafe impl Listed for Item {
        fn links(this: NonNull<Self>) -> NonNull<Links<Self>> {
            // SAFETY: listed items are live.
            unsafe { NonNull::new_unchecked(&raw mut (*this.as_ptr()).links) }
        }
    }

    fn drain(list: &mut List<Item>) -> Vec<usize> {
        // SAFETY: the items outlive the list.
        core::iter::from_fn(|| list.pop_front()).map(|item| unsafe { item.as_ref() }.number).collect()
    }

    #[test]
    fn nodes_leave_from_anywhere_once_and_the_rest_keeps_its_order() {
        let mut items: Vec<Item> = (0..6).map(|number| Item { number, links: Links::new() }).collect();
        let base = NonNull::new(items.as_mut_ptr()).unwrap();
        // SAFETY: within the vector, which does not change any more.
        let at = |index| unsafe { base.add(index) };
        let mut list = List::new();
        // SAFETY: each is on no list when it is added, and outlives the list.
        unsafe {
            (1..5).for_each(|index| list.push_back(at(index)));
            list.push_front(at(0));
            list.push_back(at(5));
            for leaves in [0, 3, 5] {
                assert!(list.has(at(leaves)));
                assert!(list.remove(at(leaves)));
                assert!(!list.remove(at(leaves)), "it leaves once");
            }
            list.push_front(at(3));
        }
        assert_eq!(drain(&mut list), [3, 1, 2, 4]);
        assert!(list.is_empty());
        // SAFETY: as above.
        unsafe { list.push_back(at(2)) };
        assert_eq!(drain(&mut list), [2]);
    }
}
