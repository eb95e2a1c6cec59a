// SPDX-License-Identifier: BSD-3-Clause
//! Where a channel keeps the values that wait: a ring that grows up to its capacity, or segments that come and go.
//!
//! A store never allocates and never frees under the channel's lock. When it is out of room it says so; the caller then
//! makes a [`Growth`] without the lock and offers it. A segment that has become empty is set aside as *surplus*, which
//! the channel's guard takes along as it releases the lock, and frees then.
#![expect(unsafe_code, reason = "moves values as bits into slots that are not initialised, and out of them")]

mod ring;
#[cfg(feature = "alloc")]
mod segments;
#[cfg(all(test, not(loom)))]
mod tests;

use core::ptr::NonNull;

use self::ring::Ring;
#[cfg(feature = "alloc")]
use self::segments::Segments;
#[cfg(feature = "alloc")]
pub(super) use self::segments::Surplus;
use super::undelivered::each;

/// A first-in first-out buffer. How many values may be in it is the channel's affair.
pub(super) struct Store<T> {
    len: usize,
    memory: Memory<T>,
}

enum Memory<T> {
    Ring(Ring<T>),
    #[cfg(feature = "alloc")]
    Segments(Segments<T>),
}

// SAFETY: the pointers are to memory that the store owns, or was lent for as long as it lives.
unsafe impl<T: Send> Send for Store<T> {}

/// More room for a store, made without the lock. What [`Store::grow`] leaves in it is freed with it.
#[cfg(feature = "alloc")]
pub(super) struct Growth<T>(Memory<T>);

#[cfg(feature = "alloc")]
impl<T> Store<T> {
    /// A ring has so many slots at first, if they are not too large, and more when it fills.
    const FIRST_SLOTS: usize = if cfg!(loom) { 2 } else { 1024 };
    const FIRST_BYTES: usize = 64 * 1024;

    /// An empty store, for up to `capacity` values.
    ///
    /// Where senders wait for room it is a ring: there a value that leaves always makes room for one that waits. In
    /// segments that room may need memory first, so they are for channels that are never full.
    pub(super) fn new(capacity: usize) -> Self {
        let mut store = Self::empty(capacity);
        if let Memory::Ring(ring) = &mut store.memory {
            let affordable = Self::FIRST_BYTES.checked_div(size_of::<T>()).unwrap_or(Self::FIRST_SLOTS).max(1);
            *ring = Ring::with_slots(capacity.min(affordable).min(Self::FIRST_SLOTS));
        }
        store
    }

    /// An empty store, for up to `capacity` values, which has no memory yet.
    pub(super) fn empty(capacity: usize) -> Self {
        let memory = match capacity {
            usize::MAX => Memory::Segments(Segments::new()),
            _ => Memory::Ring(Ring::without_slots()),
        };
        Self { len: 0, memory }
    }

    /// An empty store with room for so many values.
    pub(super) fn with_slots(slots: usize) -> Self {
        Self { len: 0, memory: Memory::Ring(Ring::with_slots(slots)) }
    }

    /// What a store for `capacity` values needs when its `slots` are not enough. Call it without the lock.
    pub(super) fn growth(capacity: usize, slots: usize) -> Growth<T> {
        Growth(match capacity {
            usize::MAX => Memory::Segments(Segments::with_spare()),
            _ => Memory::Ring(Ring::with_slots((slots * 2).max(1))),
        })
    }

    /// Takes what it needs of `growth`, unless the store has grown since it had `slots`.
    pub(super) fn grow(&mut self, growth: &mut Growth<T>, slots: usize) {
        if self.slots() != slots {
            return;
        }
        match (&mut self.memory, &mut growth.0) {
            (Memory::Ring(ring), Memory::Ring(larger)) => ring.move_into(self.len, larger),
            (Memory::Segments(segments), Memory::Segments(growth)) => segments.take_spare_of(growth),
            _ => {}
        }
    }

    /// Whether something is to be freed after the lock.
    #[inline(always)]
    pub(super) fn has_surplus(&self) -> bool {
        match &self.memory {
            Memory::Ring(_) => false,
            Memory::Segments(segments) => segments.has_surplus(),
        }
    }

    /// What is to be freed after the lock.
    pub(super) fn take_surplus(&mut self) -> Option<Surplus<T>> {
        match &mut self.memory {
            Memory::Ring(_) => None,
            Memory::Segments(segments) => segments.take_surplus(),
        }
    }
}

impl<T> Store<T> {
    /// A store without memory: see [`Store::lend`].
    pub(super) const fn without_memory() -> Self {
        Self { len: 0, memory: Memory::Ring(Ring::without_slots()) }
    }

    /// Lends a store made by [`Store::without_memory`] its memory; to be called again with the same changes nothing.
    ///
    /// # Safety
    ///
    /// The `count` slots are the store's alone for as long as it lives.
    pub(super) unsafe fn lend(&mut self, slots: NonNull<T>, count: usize) {
        match &mut self.memory {
            Memory::Ring(ring) => ring.lend(slots, count),
            #[cfg(feature = "alloc")]
            Memory::Segments(_) => {}
        }
    }

    /// Whether there may be more room than there is.
    pub(super) fn can_grow(&self) -> bool {
        !matches!(&self.memory, Memory::Ring(ring) if ring.is_lent())
    }

    /// How many values are in it.
    #[inline(always)]
    pub(super) fn len(&self) -> usize {
        self.len
    }

    /// How many slots there are: a store that has grown has more than before.
    pub(super) fn slots(&self) -> usize {
        match &self.memory {
            Memory::Ring(ring) => ring.slots(),
            #[cfg(feature = "alloc")]
            Memory::Segments(segments) => segments.slots(),
        }
    }

    /// Moves the value behind `value` to the end; `false` if it must grow first.
    ///
    /// # Safety
    ///
    /// `value` points to a value, which is moved if the result is `true`.
    #[inline]
    pub(super) unsafe fn push(&mut self, value: *const T) -> bool {
        let slot = match &mut self.memory {
            Memory::Ring(ring) if self.len < ring.slots() => ring.slot(self.len),
            Memory::Ring(_) => return false,
            #[cfg(feature = "alloc")]
            Memory::Segments(segments) => match segments.next_slot() {
                Some(slot) => {
                    segments.commit();
                    slot
                }
                None => return false,
            },
        };
        // SAFETY: the slot is free memory; `value` is the caller's promise.
        unsafe { slot.copy_from_nonoverlapping(value, 1) };
        self.len += 1;
        true
    }

    /// The slot behind the last value, if there is one: write it, then call [`Store::commit`].
    pub(super) fn next_slot(&mut self) -> Option<*mut T> {
        match &mut self.memory {
            Memory::Ring(ring) => (self.len < ring.slots()).then(|| ring.slot(self.len)),
            #[cfg(feature = "alloc")]
            Memory::Segments(segments) => segments.next_slot(),
        }
    }

    /// The slot behind the last value now holds the last value.
    ///
    /// # Safety
    ///
    /// [`Store::next_slot`] has just returned it, and it has been written.
    pub(super) unsafe fn commit(&mut self) {
        #[cfg(feature = "alloc")]
        if let Memory::Segments(segments) = &mut self.memory {
            segments.commit();
        }
        self.len += 1;
    }

    /// Moves the value behind `value` before the oldest; `false` if it must grow first.
    ///
    /// # Safety
    ///
    /// As [`Store::push`].
    pub(super) unsafe fn push_front(&mut self, value: *const T) -> bool {
        let slot = match &mut self.memory {
            Memory::Ring(ring) if self.len < ring.slots() => Some(ring.slot_before()),
            Memory::Ring(_) => None,
            #[cfg(feature = "alloc")]
            Memory::Segments(segments) => segments.slot_before(self.len),
        };
        let Some(slot) = slot else { return false };
        // SAFETY: as in `push`.
        unsafe { slot.copy_from_nonoverlapping(value, 1) };
        self.len += 1;
        true
    }

    /// Takes the oldest value.
    #[inline]
    pub(super) fn pop(&mut self) -> Option<T> {
        self.len = self.len.checked_sub(1)?;
        // SAFETY: the oldest slot holds a value, and counts no more from here on.
        Some(unsafe {
            match &mut self.memory {
                Memory::Ring(ring) => ring.take_oldest(),
                #[cfg(feature = "alloc")]
                Memory::Segments(segments) => segments.take_oldest(self.len),
            }
        })
    }
}

impl<T> Drop for Store<T> {
    fn drop(&mut self) {
        each(|| self.pop(), drop);
    }
}

/// Memory for so many values.
#[cfg(feature = "alloc")]
fn allocate<T>(count: usize) -> NonNull<T> {
    NonNull::from(alloc::boxed::Box::leak(alloc::boxed::Box::<[T]>::new_uninit_slice(count))).cast()
}

/// Gives it back.
///
/// # Safety
///
/// It came from [`allocate`] with this count, and is not used again.
#[cfg(feature = "alloc")]
unsafe fn free<T>(slots: NonNull<T>, count: usize) {
    let slots = core::ptr::slice_from_raw_parts_mut(slots.as_ptr().cast::<core::mem::MaybeUninit<T>>(), count);
    // SAFETY: the caller's promise.
    drop(unsafe { alloc::boxed::Box::from_raw(slots) });
}
