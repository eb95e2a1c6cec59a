// SPDX-License-Identifier: BSD-3-Clause
//! A stack for a coroutine without a runtime.
#![expect(unsafe_code, reason = "promises that the memory is the value's own")]

use core::ptr::NonNull;
use std::sync::LazyLock;

use kcoro_core::stack::{RawStack, Stack, StackError};

use super::pool::{self, StackPool};
use crate::builder::PosixBuilder;

/// Standalone stacks share one pool, so that making one is as cheap as reusing the last one that was dropped.
static POOL: LazyLock<StackPool> = LazyLock::new(|| StackPool::new(&PosixBuilder::new()));

/// A guarded stack of its own, for a `Coroutine` that no runtime runs.
///
/// An overflow is reported by name only if [`report_overflow_here`](crate::report_overflow_here) was called on the
/// thread; else it is a plain SIGSEGV.
///
/// ```
/// use kcoro_posix::GuardedStack;
/// use kcoro_posix::stack::Stack;
///
/// let stack = GuardedStack::new(64 * 1024)?;
/// assert!(stack.top().addr().get() - stack.limit().addr().get() >= 64 * 1024);
/// # Ok::<(), kcoro_posix::stack::StackError>(())
/// ```
#[derive(Debug)]
pub struct GuardedStack {
    raw: RawStack,
}

impl GuardedStack {
    /// A stack with at least `size_bytes` usable.
    ///
    /// # Errors
    ///
    /// [`StackError`] when the size is out of range or there is no memory.
    pub fn new(size_bytes: usize) -> Result<Self, StackError> {
        let mut out = [None];
        POOL.allocate(size_bytes, &mut out)?;
        let [raw] = out;
        raw.map(|raw| Self { raw }).ok_or(StackError::OutOfMemory { os_code: 0 })
    }

    /// How many bytes were in use at most since the stack was last unused, in whole pages; `None` when nothing ran on it
    /// or the system does not say. A reused stack counts what its former owners used.
    pub fn high_water_bytes(&self) -> Option<usize> {
        pool::high_water_bytes(&self.raw)
    }
}

// SAFETY: the pool gave the stack to this value alone, it stays mapped until it is freed by `drop`, and `RawStack`'s
// ends do not change.
unsafe impl Stack for GuardedStack {
    fn limit(&self) -> NonNull<u8> {
        self.raw.limit()
    }

    fn top(&self) -> NonNull<u8> {
        self.raw.top()
    }
}

impl Drop for GuardedStack {
    fn drop(&mut self) {
        // SAFETY: it came from this pool, and whoever ran on it has ended: it owned or borrowed this value.
        unsafe { POOL.free(&self.raw) };
    }
}
