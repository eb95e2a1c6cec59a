// SPDX-License-Identifier: BSD-3-Clause
//! Stacks that a worker keeps at hand: hot ones, last in first out, a few per size class.
//!
//! A stack is taken at a coroutine's first resume and comes back at its end. Fresh ones come from the platform in
//! batches; when too many lie idle, half of them go back with their memory.
#![expect(unsafe_code, reason = "gives stacks back to the platform that made them")]

use alloc::vec::Vec;
use core::ptr::NonNull;

use super::worker::Worker;
use crate::platform::Platform;
use crate::stack::{RawStack, StackError};
use crate::task::header::Header;

/// How many idle stacks of a class a worker keeps.
const KEEP: usize = 64;
/// How many fresh stacks are asked for at once.
const BATCH: usize = 32;
/// Stack sizes are powers of two; a class is the exponent.
const CLASSES: usize = usize::BITS as usize;

/// See the [module](self).
pub(super) struct StackCache {
    /// By class; most classes are never used and hold no memory.
    idle: [Vec<RawStack>; CLASSES],
}

/// The class of stacks of at least `size_bytes`.
pub(super) fn class_of(size_bytes: usize) -> u8 {
    // A size has at most 64 bits, so its exponent fits.
    size_bytes.checked_next_power_of_two().map_or(usize::BITS as u8 - 1, |size| size.trailing_zeros() as u8)
}

impl StackCache {
    pub(super) const fn new() -> Self {
        Self { idle: [const { Vec::new() }; CLASSES] }
    }

    #[inline]
    fn take(&mut self, class: usize) -> Option<RawStack> {
        self.idle[class].pop()
    }

    fn put(&mut self, class: usize, stack: RawStack) -> Overflow {
        self.idle[class].push(stack);
        if self.idle[class].len() > KEEP { Overflow::TooMany } else { Overflow::None }
    }

    /// Fills the class from the platform, and makes room so that `put` need not allocate soon.
    fn refill(&mut self, class: usize, platform: &dyn Platform) -> Result<(), StackError> {
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
    fn release(&mut self, class: usize, keep: usize, platform: &dyn Platform) {
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

#[derive(PartialEq, Eq)]
enum Overflow {
    None,
    TooMany,
}

impl Worker {
    #[expect(clippy::mut_from_ref, reason = "the cache is owner-only; no two references to it live at once")]
    pub(super) fn stacks(&self) -> &mut StackCache {
        // SAFETY: owner-only, and no reference to it outlives the statement that asked for it.
        unsafe { &mut *self.local.stacks.get() }
    }

    /// A cached stack for `task`, if it may start here and now: callable between the note of a departure and the switch.
    #[inline]
    pub(super) fn stack_without_fail(&self, task: NonNull<Header>) -> Option<RawStack> {
        // SAFETY: the callers own the task.
        let header = unsafe { task.as_ref() };
        if header.claim.is_cancelled() || self.runtime().is_closing() {
            return None;
        }
        self.stacks().take(header.stack_class())
    }

    /// A stack for `task`, from the platform if need be. Only on the base context.
    pub(super) fn stack_from_base(&self, task: NonNull<Header>) -> Result<RawStack, StackError> {
        // SAFETY: the callers own the task.
        let class = unsafe { task.as_ref() }.stack_class();
        if let Some(stack) = self.stacks().take(class) {
            return Ok(stack);
        }
        self.stacks().refill(class, self.runtime().platform())?;
        self.stacks().take(class).ok_or(StackError::OutOfMemory { os_code: 0 })
    }

    /// Takes back the stack of a coroutine that has ended.
    pub(super) fn recycle(&self, stack: RawStack, class: usize) {
        if self.stacks().put(class, stack) == Overflow::TooMany {
            self.stacks().release(class, KEEP / 2, self.runtime().platform());
        }
    }
}
