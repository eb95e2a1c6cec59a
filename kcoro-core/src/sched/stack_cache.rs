// SPDX-License-Identifier: BSD-3-Clause
//! Stacks that a worker keeps at hand: hot ones, last in first out, a few per size class.
//!
//! A stack is taken at a coroutine's first resume and comes back at its end. Fresh ones come from the platform in
//! batches; when too many lie idle, half of them go back with their memory.
#![expect(unsafe_code, reason = "gives stacks back to the platform that made them")]

use alloc::vec::Vec;

use crate::platform::Platform;
use crate::stack::{RawStack, StackError};

/// How many idle stacks of a class a worker keeps.
pub(super) const KEEP: usize = if cfg!(loom) { 1 } else { 64 };
/// How many idle stacks of a class a worker keeps when it has been idle for a while.
const KEEP_COLD: usize = if cfg!(loom) { 0 } else { 8 };
/// How many fresh stacks are asked for at once.
const BATCH: usize = if cfg!(loom) { 1 } else { 32 };
/// Stack sizes are powers of two; a class is the exponent.
const CLASSES: usize = usize::BITS as usize;

/// See the [module](self).
pub(super) struct StackCache {
    /// By class; most classes are never used and hold no memory.
    idle: [Vec<RawStack>; CLASSES],
    warmth: Warmth,
}

/// Whether idle stacks hold memory that could be given back.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Warmth {
    Cold,
    Warm,
}

/// The class of stacks of at least `size_bytes`.
pub(super) fn class_of(size_bytes: usize) -> u8 {
    // A size has at most 64 bits, so its exponent fits.
    size_bytes.checked_next_power_of_two().map_or(usize::BITS as u8 - 1, |size| size.trailing_zeros() as u8)
}

impl StackCache {
    pub(super) const fn new() -> Self {
        Self { idle: [const { Vec::new() }; CLASSES], warmth: Warmth::Cold }
    }

    #[inline]
    pub(super) fn take(&mut self, class: usize) -> Option<RawStack> {
        self.idle[class].pop()
    }

    pub(super) fn warmth(&self) -> Warmth {
        self.warmth
    }

    /// Gives the memory of all idle stacks back, and most of the stacks.
    pub(super) fn cool(&mut self, platform: &dyn Platform) {
        for class in 0..CLASSES {
            self.release(class, KEEP_COLD, platform);
            for stack in &self.idle[class] {
                // SAFETY: an idle stack came from this platform, and nothing runs on it.
                unsafe { platform.trim_stack(stack) };
            }
        }
        self.warmth = Warmth::Cold;
    }

    pub(super) fn put(&mut self, class: usize, stack: RawStack) -> Overflow {
        self.warmth = Warmth::Warm;
        self.idle[class].push(stack);
        if self.idle[class].len() > KEEP { Overflow::TooMany } else { Overflow::None }
    }

    /// Fills the class from the platform, and makes room so that `put` need not allocate soon.
    pub(super) fn refill(&mut self, class: usize, platform: &dyn Platform) -> Result<(), StackError> {
        let mut batch = [const { None }; BATCH];
        // Large stacks come one by one: a batch would reserve too much.
        let wanted = if 1 << class <= 1024 * 1024 { BATCH } else { 1 };
        let idle = &mut self.idle[class];
        idle.reserve(KEEP + 1);
        platform.allocate_stacks(1 << class, &mut batch[..wanted])?;
        idle.extend(batch.into_iter().flatten());
        Ok(())
    }

    /// Gives all but `keep` of a class back.
    pub(super) fn release(&mut self, class: usize, keep: usize, platform: &dyn Platform) {
        // The oldest, which are the coldest, go.
        let surplus = self.idle[class].len().saturating_sub(keep);
        for stack in self.idle[class].drain(..surplus) {
            // SAFETY: an idle stack came from this platform, and nothing runs on it.
            unsafe {
                platform.trim_stack(&stack);
                platform.free_stack(stack);
            }
        }
    }

    /// Gives everything back.
    pub(super) fn release_all(&mut self, platform: &dyn Platform) {
        for class in 0..CLASSES {
            self.release(class, 0, platform);
        }
    }
}

/// Whether too many stacks lie idle.
#[derive(PartialEq, Eq)]
pub(super) enum Overflow {
    None,
    TooMany,
}

#[cfg(all(test, loom))]
#[path = "stack_cache/loom_tests.rs"]
mod loom_tests;
