// SPDX-License-Identifier: BSD-3-Clause
//! How a worker gets stacks for its coroutines and takes them back.
#![expect(unsafe_code, reason = "owner-only cache behind a shared reference; tasks by raw pointer")]

use core::ptr::NonNull;

use super::slot::{self, SLOT_CLASS};
use super::stack_cache::StackCache;
#[cfg(feature = "alloc")]
use super::stack_cache::{KEEP, Overflow};
use super::worker::Worker;
use crate::stack::{RawStack, StackError};
use crate::task::header::Header;

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
        // One in a slot has brought its own. No stack of its class is ever cached, so the others pay nothing for it.
        self.stacks().take(header.stack_class()).or_else(|| header.detach_stack())
    }

    /// A stack for `task`, from the platform if need be. Only on the base context.
    pub(super) fn stack_from_base(&self, task: NonNull<Header>) -> Result<RawStack, StackError> {
        // SAFETY: the callers own the task.
        let header = unsafe { task.as_ref() };
        let class = header.stack_class();
        if let Some(stack) = self.stacks().take(class).or_else(|| header.detach_stack()) {
            return Ok(stack);
        }
        self.stacks().refill(class, self.runtime().platform())?;
        self.stacks().take(class).ok_or(StackError::OutOfMemory { os_code: 0 })
    }

    /// Takes back the stack of a coroutine that has ended and has left it for good.
    pub(super) fn recycle(&self, stack: RawStack, class: usize) {
        if class == usize::from(SLOT_CLASS) {
            // SAFETY: stacks of this class are those of slots, and nothing runs on this one any more.
            unsafe { slot::stack_is_left(&stack) };
        } else {
            self.keep(stack, class);
        }
    }

    #[cfg(feature = "alloc")]
    fn keep(&self, stack: RawStack, class: usize) {
        if self.stacks().put(class, stack) == Overflow::TooMany {
            self.stacks().release(class, KEEP / 2, self.runtime().platform());
        }
    }

    /// Without an allocator there are slots only.
    #[cfg(not(feature = "alloc"))]
    fn keep(&self, _stack: RawStack, _class: usize) {}
}
