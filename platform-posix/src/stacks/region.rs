// SPDX-License-Identifier: BSD-3-Clause
//! One reservation: the memory of many slots of one class in one mapping.
#![expect(unsafe_code, reason = "owns a mapping and hands out addresses in it")]

use core::ptr::NonNull;

use super::layout::Layout;
use super::memory::{self, Errno};
use super::registry::{self, GuardedRange, Registration};
use super::valgrind::KnownStacks;

/// The first region of a class has this many slots; each further one twice as many.
const FIRST_REGION_SLOTS: usize = 64;
/// Regions stop growing at this many slots or at [`MAX_REGION_BYTES`], whichever comes first.
const MAX_REGION_SLOTS: usize = 4096;
const MAX_REGION_BYTES: usize = 2 << 30;

/// How many slots region number `number` of a class should have.
pub(super) fn slots_of_region(number: usize, layout: &Layout) -> usize {
    let growing = FIRST_REGION_SLOTS << number.min(16);
    growing.min(MAX_REGION_SLOTS).min(MAX_REGION_BYTES / layout.slot_bytes).max(1)
}

/// See the module. Dropping it unmaps it.
pub(super) struct Region {
    base: NonNull<u8>,
    layout: Layout,
    slots: usize,
    /// Slots below this one have been handed out at least once.
    carved: usize,
    /// Slots that are handed out now.
    live: usize,
    /// Taken out of the table before the memory goes: `Option` so that `drop` can order the two.
    registration: Option<Registration>,
    known_stacks: KnownStacks,
}

// SAFETY: a region owns its memory as a box does; no thread has a special relation to it.
unsafe impl Send for Region {}

impl Region {
    /// Maps a region of up to `slots` slots, fewer when the address space or a limit does not allow as many.
    pub(super) fn map(layout: Layout, mut slots: usize) -> Result<Self, Errno> {
        loop {
            let size_bytes = slots * layout.slot_bytes;
            match memory::map(size_bytes) {
                Ok(base) => return Ok(Self::new(base, layout, slots)),
                Err(errno) if slots == 1 => return Err(errno),
                Err(_) => slots /= 2,
            }
        }
    }

    fn new(base: NonNull<u8>, layout: Layout, slots: usize) -> Self {
        let address = base.addr().get();
        let registration = registry::register(GuardedRange {
            base: address,
            end: address + slots * layout.slot_bytes,
            slot_bytes: layout.slot_bytes,
            guard_bytes: layout.guard_bytes,
        });
        let known_stacks = KnownStacks::default();
        Self { base, layout, slots, carved: 0, live: 0, registration: Some(registration), known_stacks }
    }

    pub(super) fn slots(&self) -> usize {
        self.slots
    }

    /// No slot is handed out.
    pub(super) fn is_idle(&self) -> bool {
        self.live == 0
    }

    /// How many slots were never handed out.
    pub(super) fn room(&self) -> usize {
        self.slots - self.carved
    }

    /// Hands out up to `count` slots for the first time; returns the first and how many.
    pub(super) fn carve(&mut self, count: usize) -> (usize, usize) {
        let first = self.carved;
        let count = count.min(self.room());
        for slot in first..first + count {
            let address = self.slot(slot).addr().get();
            self.known_stacks.add(address + self.layout.guard_bytes..address + self.layout.slot_bytes);
        }
        self.carved += count;
        self.live += count;
        (first, count)
    }

    /// Takes slots back from [`Region::carve`] that could not be guarded. Those that others were carved behind stay
    /// unused until the region goes, which they prevent.
    pub(super) fn uncarve(&mut self, first: usize, count: usize) {
        if self.carved == first + count {
            self.carved = first;
            self.live -= count;
        }
    }

    /// A slot that was taken back is handed out again.
    pub(super) fn lend(&mut self) {
        self.live += 1;
    }

    /// A slot comes back.
    pub(super) fn take_back(&mut self) {
        self.live -= 1;
    }

    /// The lowest address of slot number `slot`.
    pub(super) fn slot(&self, slot: usize) -> NonNull<u8> {
        assert!(slot < self.slots);
        // SAFETY: the slot lies within the mapping, as just checked.
        unsafe { self.base.add(slot * self.layout.slot_bytes) }
    }
}

impl Drop for Region {
    fn drop(&mut self) {
        // First out of the table: the address range may belong to someone else right after it is unmapped.
        self.registration = None;
        drop(core::mem::take(&mut self.known_stacks));
        // SAFETY: the region owns the mapping; the pool drops a region only when no slot is handed out.
        unsafe { memory::unmap(self.base, self.slots * self.layout.slot_bytes) };
    }
}
