// SPDX-License-Identifier: BSD-3-Clause
//! The buffer: a ring that never allocates under the channel's lock.
#![expect(unsafe_code, reason = "slots outside of head..head+len are uninitialised")]

use alloc::boxed::Box;
use alloc::vec::Vec;
use core::mem::MaybeUninit;

/// Larger rings start at this size and grow as they fill.
const FIRST_SLOTS: usize = 1024;

/// A first-in first-out buffer. Its slots are a power of two, for cheap wrap-around; how many values may be in it is the
/// channel's affair.
pub(super) struct Ring<T> {
    slots: Box<[MaybeUninit<T>]>,
    head: usize,
    len: usize,
}

impl<T> Ring<T> {
    /// An empty ring, for up to `capacity` values.
    pub(super) fn new(capacity: usize) -> Self {
        Self::with_slots(capacity.min(FIRST_SLOTS).next_power_of_two())
    }

    fn with_slots(slots: usize) -> Self {
        let mut memory = Vec::with_capacity(slots);
        // SAFETY: `MaybeUninit` needs no initialisation.
        unsafe { memory.set_len(slots) };
        Self { slots: memory.into_boxed_slice(), head: 0, len: 0 }
    }

    #[inline]
    pub(super) fn len(&self) -> usize {
        self.len
    }

    /// How many values fit before it must grow.
    #[inline]
    pub(super) fn slots(&self) -> usize {
        self.slots.len()
    }

    #[inline]
    fn position(&self, offset: usize) -> usize {
        self.head.wrapping_add(offset) & (self.slots.len() - 1)
    }

    /// The slot behind the last value: write it, then call [`Ring::commit`]. There must be a free one.
    #[inline]
    pub(super) fn next_slot(&mut self) -> *mut T {
        debug_assert!(self.len < self.slots.len());
        let position = self.position(self.len);
        self.slots[position].as_mut_ptr()
    }

    /// The slot behind the last value now holds the last value.
    ///
    /// # Safety
    ///
    /// It has been written.
    #[inline]
    pub(super) unsafe fn commit(&mut self) {
        self.len += 1;
    }

    /// Takes the oldest value.
    #[inline]
    pub(super) fn pop(&mut self) -> Option<T> {
        if self.len == 0 {
            return None;
        }
        // SAFETY: the slot at `head` is initialised, and no longer counts below.
        let value = unsafe { self.slots[self.head].as_ptr().read() };
        self.head = self.position(1);
        self.len -= 1;
        Some(value)
    }

    /// An empty ring of twice the size, made before the lock is taken.
    pub(super) fn larger(slots: usize) -> Self {
        Self::with_slots(slots * 2)
    }

    /// Moves everything into `larger` and swaps the two; the old memory is to be freed outside of the lock.
    pub(super) fn grow_into(&mut self, larger: &mut Ring<T>) {
        debug_assert!(larger.len == 0 && larger.slots.len() > self.slots.len());
        while let Some(value) = self.pop() {
            let slot = larger.next_slot();
            // SAFETY: the slot is free memory of the larger ring, and is written before it is committed.
            unsafe {
                slot.write(value);
                larger.commit();
            }
        }
        core::mem::swap(self, larger);
    }
}

impl<T> Drop for Ring<T> {
    fn drop(&mut self) {
        // Each value is out of the ring before its destructor runs: one that panics leaks the others, never drops twice.
        while let Some(value) = self.pop() {
            drop(value);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Ring;

    fn push(ring: &mut Ring<u32>, value: u32) {
        // SAFETY: written, then committed.
        unsafe {
            ring.next_slot().write(value);
            ring.commit();
        }
    }

    #[test]
    fn values_leave_in_order_across_wrap_and_growth() {
        let mut ring = Ring::new(3);
        assert_eq!(ring.slots(), 4);
        push(&mut ring, 0);
        push(&mut ring, 1);
        assert_eq!(ring.pop(), Some(0));
        (2..5).for_each(|value| push(&mut ring, value));
        let mut larger = Ring::larger(ring.slots());
        ring.grow_into(&mut larger);
        drop(larger);
        push(&mut ring, 5);
        assert_eq!(core::iter::from_fn(|| ring.pop()).collect::<alloc::vec::Vec<_>>(), [1, 2, 3, 4, 5]);
    }
}
