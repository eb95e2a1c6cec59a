// SPDX-License-Identifier: BSD-3-Clause
//! Which addresses are guards of stacks: a process-wide table that a signal handler can read.
//!
//! One entry for each region of stacks. Writers hold a mutex; readers take no lock and never wait, which is what a
//! handler needs: it may have interrupted a writer on this very thread. Entries live in blocks that are never freed, and
//! a freed entry is used again. A version that is odd while an entry changes lets a reader skip it: a region that is
//! just coming or going has no coroutine on it, so it is never the one a reader looks for.
#![expect(unsafe_code, reason = "follows pointers to blocks that are never freed")]

use core::ptr;
use core::sync::atomic::{AtomicPtr, AtomicUsize, Ordering, fence};
use std::sync::{Mutex, PoisonError};

const ENTRIES_PER_BLOCK: usize = 64;

static FIRST: Block = Block::new();
static WRITER: Mutex<()> = Mutex::new(());

struct Block {
    entries: [Entry; ENTRIES_PER_BLOCK],
    next: AtomicPtr<Block>,
}

struct Entry {
    version: AtomicUsize,
    base: AtomicUsize,
    /// 0 where the entry is free.
    end: AtomicUsize,
    slot_bytes: AtomicUsize,
    guard_bytes: AtomicUsize,
}

/// A range of slots of equal layout, each with its guard at its low end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct GuardedRange {
    pub(crate) base: usize,
    pub(crate) end: usize,
    pub(crate) slot_bytes: usize,
    pub(crate) guard_bytes: usize,
}

/// The stack whose guard an address lies in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct GuardHit {
    /// One past the guard, which is the lowest usable byte of the stack.
    pub(crate) limit: usize,
    /// The end of the slot: one past the highest byte of the stack, colouring included.
    pub(crate) end: usize,
}

/// A range in the table; dropping it takes it out.
#[derive(Debug)]
pub(super) struct Registration(&'static Entry);

/// Adds a range.
pub(super) fn register(range: GuardedRange) -> Registration {
    let _writer = WRITER.lock().unwrap_or_else(PoisonError::into_inner);
    let entry = free_entry();
    entry.write(range);
    Registration(entry)
}

impl Drop for Registration {
    fn drop(&mut self) {
        let _writer = WRITER.lock().unwrap_or_else(PoisonError::into_inner);
        self.0.write(GuardedRange { base: 0, end: 0, slot_bytes: 1, guard_bytes: 0 });
    }
}

/// The stack whose guard `address` lies in. Callable from a signal handler.
pub(crate) fn find_guard(address: usize) -> Option<GuardHit> {
    blocks().flat_map(|block| &block.entries).find_map(|entry| entry.read()?.guard_at(address))
}

fn blocks() -> impl Iterator<Item = &'static Block> {
    core::iter::successors(Some(&FIRST), |block| {
        // SAFETY: `next` is null or a leaked block. Acquire pairs with the Release that published it.
        unsafe { block.next.load(Ordering::Acquire).as_ref() }
    })
}

/// The writer lock is held.
fn free_entry() -> &'static Entry {
    let free = blocks().flat_map(|block| &block.entries).find(|entry| entry.end.load(Ordering::Relaxed) == 0);
    free.unwrap_or_else(|| {
        let block: &'static Block = Box::leak(Box::new(Block::new()));
        let last = blocks().last().unwrap_or(&FIRST);
        // Release: a reader that finds the block finds it initialised.
        last.next.store(ptr::from_ref(block).cast_mut(), Ordering::Release);
        &block.entries[0]
    })
}

impl Block {
    const fn new() -> Self {
        Self { entries: [const { Entry::free() }; ENTRIES_PER_BLOCK], next: AtomicPtr::new(ptr::null_mut()) }
    }
}

impl Entry {
    const fn free() -> Self {
        Self {
            version: AtomicUsize::new(0),
            base: AtomicUsize::new(0),
            end: AtomicUsize::new(0),
            slot_bytes: AtomicUsize::new(1),
            guard_bytes: AtomicUsize::new(0),
        }
    }

    /// The writer lock is held.
    fn write(&self, range: GuardedRange) {
        let version = self.version.load(Ordering::Relaxed);
        self.version.store(version.wrapping_add(1), Ordering::Relaxed);
        // A reader that sees one of the stores below sees the odd version as well, by its own fence.
        fence(Ordering::Release);
        self.base.store(range.base, Ordering::Relaxed);
        self.end.store(range.end, Ordering::Relaxed);
        self.slot_bytes.store(range.slot_bytes, Ordering::Relaxed);
        self.guard_bytes.store(range.guard_bytes, Ordering::Relaxed);
        // Release: a reader that sees the even version sees the stores above.
        self.version.store(version.wrapping_add(2), Ordering::Release);
    }

    /// `None` when the entry is free or changes right now.
    fn read(&self) -> Option<GuardedRange> {
        // Acquire: pairs with the last store of `write`.
        let version = self.version.load(Ordering::Acquire);
        let range = GuardedRange {
            base: self.base.load(Ordering::Relaxed),
            end: self.end.load(Ordering::Relaxed),
            slot_bytes: self.slot_bytes.load(Ordering::Relaxed),
            guard_bytes: self.guard_bytes.load(Ordering::Relaxed),
        };
        // Pairs with the fence of `write`: if a load above read a newer value, the load below sees a newer version.
        fence(Ordering::Acquire);
        let unchanged = self.version.load(Ordering::Relaxed) == version;
        (unchanged && version.is_multiple_of(2) && range.end != 0).then_some(range)
    }
}

impl core::fmt::Debug for Entry {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_tuple("Entry").field(&self.read()).finish()
    }
}

impl GuardedRange {
    fn guard_at(&self, address: usize) -> Option<GuardHit> {
        if !(self.base..self.end).contains(&address) {
            return None;
        }
        let offset = (address - self.base) % self.slot_bytes;
        let slot = address - offset;
        (offset < self.guard_bytes).then(|| GuardHit { limit: slot + self.guard_bytes, end: slot + self.slot_bytes })
    }
}

#[cfg(test)]
mod tests {
    use super::{ENTRIES_PER_BLOCK, GuardHit, GuardedRange, find_guard, register};

    /// Addresses that no mapping of this process has, so that real regions do not interfere.
    fn range(number: usize) -> GuardedRange {
        let base = usize::MAX / 2 + (number << 20);
        GuardedRange { base, end: base + 4 * 0x5000, slot_bytes: 0x5000, guard_bytes: 0x1000 }
    }

    #[test]
    fn only_guards_of_registered_ranges_are_found() {
        let range = range(1);
        let registration = register(range);
        let second_slot = range.base + range.slot_bytes;
        let hit = Some(GuardHit { limit: second_slot + 0x1000, end: second_slot + 0x5000 });
        assert_eq!(find_guard(second_slot), hit);
        assert_eq!(find_guard(second_slot + 0xfff), hit);
        assert_eq!(find_guard(second_slot + 0x1000), None);
        assert_eq!(find_guard(second_slot - 1), None);
        assert_eq!(find_guard(range.base - 1), None);
        assert_eq!(find_guard(range.end), None);
        drop(registration);
        assert_eq!(find_guard(second_slot), None);
    }

    #[test]
    fn the_table_grows_and_reuses_entries() {
        for _ in 0..3 {
            let registrations: Vec<_> = (10..10 + 3 * ENTRIES_PER_BLOCK).map(|n| register(range(n))).collect();
            for n in 10..10 + 3 * ENTRIES_PER_BLOCK {
                assert!(find_guard(range(n).base).is_some());
            }
            drop(registrations);
            assert_eq!(find_guard(range(10).base), None);
        }
        assert!(super::blocks().count() <= 5);
    }
}
