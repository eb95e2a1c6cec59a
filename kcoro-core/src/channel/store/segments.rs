// SPDX-License-Identifier: BSD-3-Clause
//! The store of channels that are never full: a chain of segments. Values enter the last and leave the first.
//!
//! ```text
//!   front                          back
//!   [ . . 3 4 ] --> [ 5 6 7 8 ] --> [ 9 . . . ]        spare: one more, or none
//!         ^ head                       ^ tail
//! ```
//!
//! A segment that has been emptied is the next spare; if there is one already it is surplus, and freed after the lock. So a
//! channel that has been emptied has two segments at most, whatever it held, and one whose length goes up and down around
//! the end of a segment does not allocate each time.
//!
//! Every segment but the last is filled to its end, and none but the last of a store is without values.
#![expect(unsafe_code, reason = "a linked list whose last node is written while the first is read")]

use alloc::boxed::Box;
use core::ptr::{self, NonNull};

/// Segments, in a chain, that hold nothing. Dropping it frees them.
pub(in crate::channel) struct Surplus<T>(NonNull<Node<T>>);

struct Node<T> {
    next: *mut Node<T>,
    slots: NonNull<T>,
}

impl<T> Node<T> {
    /// About a page, and one value at least.
    const SLOTS: usize = {
        const BYTES: usize = 4096;
        let size = if size_of::<T>() == 0 { 1 } else { size_of::<T>() };
        let most = if cfg!(loom) { 2 } else { 512 };
        let fitting = if BYTES / size == 0 { 1 } else { BYTES / size };
        if fitting < most { fitting } else { most }
    };
}

impl<T> Surplus<T> {
    fn new() -> Self {
        let node = Node { next: ptr::null_mut(), slots: super::allocate(Node::<T>::SLOTS) };
        Self(NonNull::from(Box::leak(Box::new(node))))
    }

    fn into_raw(self) -> *mut Node<T> {
        core::mem::ManuallyDrop::new(self).0.as_ptr()
    }
}

impl<T> Drop for Surplus<T> {
    fn drop(&mut self) {
        let mut next = self.0.as_ptr();
        // One by one: a recursion over a long chain would need a stack for it.
        while !next.is_null() {
            // SAFETY: the chain is this one's, and each node came from `new`.
            unsafe {
                let node = Box::from_raw(next);
                super::free(node.slots, Node::<T>::SLOTS);
                next = node.next;
            }
        }
    }
}

/// See the [module](self).
pub(super) struct Segments<T> {
    front: *mut Node<T>,
    back: *mut Node<T>,
    /// Where the oldest value is, in `front`.
    head: usize,
    /// Where the next value goes, in `back`.
    tail: usize,
    /// How many there are from `front` to `back`.
    linked: usize,
    spare: Option<Surplus<T>>,
    surplus: Option<Surplus<T>>,
}

impl<T> Segments<T> {
    pub(super) fn new() -> Self {
        Self { front: ptr::null_mut(), back: ptr::null_mut(), head: 0, tail: 0, linked: 0, spare: None, surplus: None }
    }

    pub(super) fn with_spare() -> Self {
        let mut segments = Self::new();
        segments.spare = Some(Surplus::new());
        segments
    }

    /// Takes the spare segment of `other`, unless this has one.
    pub(super) fn take_spare_of(&mut self, other: &mut Self) {
        if self.spare.is_none() {
            self.spare = other.spare.take();
        }
    }

    #[inline(always)]
    pub(super) fn has_surplus(&self) -> bool {
        self.surplus.is_some()
    }

    #[inline(always)]
    pub(super) fn take_surplus(&mut self) -> Option<Surplus<T>> {
        self.surplus.take()
    }

    pub(super) fn slots(&self) -> usize {
        self.linked.saturating_mul(Node::<T>::SLOTS)
    }

    /// # Safety
    ///
    /// `node` is linked, and `index` is below the number of slots.
    #[inline(always)]
    unsafe fn slot(node: *mut Node<T>, index: usize) -> *mut T {
        // SAFETY: the caller's promise.
        unsafe { (*node).slots.as_ptr().add(index) }
    }

    /// The slot behind the last value; `None` if a new segment is needed and no spare one is there.
    #[inline]
    pub(super) fn next_slot(&mut self) -> Option<*mut T> {
        if self.back.is_null() || self.tail == Node::<T>::SLOTS {
            self.link_behind()?;
        }
        // SAFETY: `back` is linked, and not full.
        Some(unsafe { Self::slot(self.back, self.tail) })
    }

    #[inline(always)]
    pub(super) fn commit(&mut self) {
        self.tail += 1;
    }

    fn link_behind(&mut self) -> Option<()> {
        let node = self.spare.take()?.into_raw();
        // SAFETY: a spare node is this one's alone, and so is a linked one.
        unsafe {
            (*node).next = ptr::null_mut();
            match self.back.is_null() {
                true => self.front = node,
                false => (*self.back).next = node,
            }
        }
        (self.back, self.tail) = (node, 0);
        self.linked += 1;
        Some(())
    }

    /// The slot before the oldest of `len` values, which is the oldest value's from now on; `None` as above.
    pub(super) fn slot_before(&mut self, len: usize) -> Option<*mut T> {
        if len == 0 {
            let slot = self.next_slot();
            slot.inspect(|_| self.commit());
            return slot;
        }
        if self.head == 0 {
            let node = self.spare.take()?.into_raw();
            // SAFETY: a spare node is this one's alone.
            unsafe { (*node).next = self.front };
            (self.front, self.head) = (node, Node::<T>::SLOTS);
            self.linked += 1;
        }
        self.head -= 1;
        // SAFETY: there are values, so `front` is linked.
        Some(unsafe { Self::slot(self.front, self.head) })
    }

    /// # Safety
    ///
    /// There is a value, it is not taken again, and `left` is how many others there are.
    #[inline]
    pub(super) unsafe fn take_oldest(&mut self, left: usize) -> T {
        // SAFETY: the caller's promise: `front` is linked, and its slot at `head` holds the oldest value.
        let value = unsafe { Self::slot(self.front, self.head).read() };
        self.head += 1;
        if self.head == Node::<T>::SLOTS && self.front != self.back {
            self.retire_front();
        }
        if left == 0 {
            // Nothing is left, so `front` is `back`: it is filled from its start again.
            (self.head, self.tail) = (0, 0);
        }
        value
    }

    fn retire_front(&mut self) {
        let node = self.front;
        // SAFETY: `front` is linked and not the last; from here on nothing leads to it.
        let mut emptied = unsafe {
            self.front = (*node).next;
            (*node).next = ptr::null_mut();
            Surplus(NonNull::new_unchecked(node))
        };
        self.head = 0;
        self.linked -= 1;
        if self.spare.is_none() {
            self.spare = Some(emptied);
            return;
        }
        if let Some(others) = self.surplus.take() {
            // SAFETY: the node is this one's alone.
            unsafe { emptied.0.as_mut() }.next = others.into_raw();
        }
        self.surplus = Some(emptied);
    }
}

impl<T> Drop for Segments<T> {
    fn drop(&mut self) {
        // The values are gone: the store takes them out before.
        drop(NonNull::new(self.front).map(Surplus));
    }
}
