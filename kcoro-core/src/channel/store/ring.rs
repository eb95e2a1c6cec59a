// SPDX-License-Identifier: BSD-3-Clause
//! The store of channels with a capacity: slots in a circle.
#![expect(unsafe_code, reason = "slots are raw memory, owned or lent")]

use core::ptr::NonNull;

/// Slots in a circle, of which the values take some from `head` on. How many, the [`Store`](super::Store) knows.
pub(super) struct Ring<T> {
    slots: NonNull<T>,
    count: usize,
    head: usize,
    is_lent: bool,
}

impl<T> Ring<T> {
    pub(super) const fn without_slots() -> Self {
        Self { slots: NonNull::dangling(), count: 0, head: 0, is_lent: false }
    }

    #[cfg(feature = "alloc")]
    pub(super) fn with_slots(count: usize) -> Self {
        Self { slots: super::allocate(count), count, head: 0, is_lent: false }
    }

    pub(super) fn lend(&mut self, slots: NonNull<T>, count: usize) {
        (self.slots, self.count, self.is_lent) = (slots, count, true);
    }

    pub(super) fn is_lent(&self) -> bool {
        self.is_lent
    }

    #[inline(always)]
    pub(super) fn slots(&self) -> usize {
        self.count
    }

    /// The slot that lies `offset` after the oldest value's. There are more slots than that.
    #[inline(always)]
    pub(super) fn slot(&self, offset: usize) -> *mut T {
        debug_assert!(offset < self.count);
        let to_end = self.count - self.head;
        let position = if offset < to_end { self.head + offset } else { offset - to_end };
        // SAFETY: `head` and `offset` are below the number of slots, and so is what comes of them.
        unsafe { self.slots.as_ptr().add(position) }
    }

    /// The slot before the oldest value's, which is the oldest value's from now on. It is free.
    pub(super) fn slot_before(&mut self) -> *mut T {
        self.head = self.head.checked_sub(1).unwrap_or(self.count - 1);
        self.slot(0)
    }

    /// # Safety
    ///
    /// There is a value, and it is not taken again.
    #[inline(always)]
    pub(super) unsafe fn take_oldest(&mut self) -> T {
        // SAFETY: the caller's promise.
        let value = unsafe { self.slot(0).read() };
        self.head += 1;
        if self.head == self.count {
            self.head = 0;
        }
        value
    }

    /// Moves `len` values into `larger`, which is empty, and swaps the two.
    #[cfg(feature = "alloc")]
    pub(super) fn move_into(&mut self, len: usize, larger: &mut Ring<T>) {
        debug_assert!(larger.count > self.count && larger.head == 0);
        for offset in 0..len {
            // SAFETY: this slot holds a value, that one is free, and after the swap only that one counts.
            unsafe { larger.slot(offset).copy_from_nonoverlapping(self.slot(offset), 1) };
        }
        core::mem::swap(self, larger);
    }
}

#[cfg(feature = "alloc")]
impl<T> Drop for Ring<T> {
    fn drop(&mut self) {
        if !self.is_lent {
            // SAFETY: the slots came from `allocate`, or there are none; and the ring goes.
            unsafe { super::free(self.slots, self.count) };
        }
    }
}
