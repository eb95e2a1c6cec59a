// SPDX-License-Identifier: BSD-3-Clause
//! Stacks without a guard: for targets without memory protection, and for tests.

use core::mem::MaybeUninit;
use core::ptr::NonNull;

#[cfg(feature = "alloc")]
use super::StackError;
use super::{STACK_ALIGN, Stack};

/// Static memory as a stack, without a guard.
///
/// ```
/// use core::mem::MaybeUninit;
/// use kcoro_core::coroutine::{Coroutine, CoroutineResult};
/// use kcoro_core::stack::StaticStack;
///
/// let memory: &'static mut [MaybeUninit<u8>] = Box::leak(Box::new_uninit_slice(64 * 1024));
/// // SAFETY: the body below needs far less than 64 KiB.
/// let stack = unsafe { StaticStack::new_unguarded(memory) };
/// let mut double = Coroutine::new(stack, |_: &kcoro_core::coroutine::Yielder<u32, ()>, n| n * 2);
/// assert_eq!(double.resume(21), CoroutineResult::Return(42));
/// ```
#[derive(Debug)]
pub struct StaticStack {
    limit: NonNull<u8>,
    top: NonNull<u8>,
}

impl StaticStack {
    /// Makes `memory` a stack. Its end is rounded down to [`STACK_ALIGN`].
    ///
    /// # Safety
    ///
    /// There is no guard: whatever runs on the stack never needs more than `memory`, or an overflow faults in a guard
    /// that the caller put below it.
    pub unsafe fn new_unguarded(memory: &'static mut [MaybeUninit<u8>]) -> Self {
        let range = memory.as_mut_ptr_range();
        let spare_bytes = range.end.addr() % STACK_ALIGN;
        let limit = NonNull::from(memory).cast::<u8>();
        // Less memory than the rounding takes is an empty stack, which every coroutine refuses.
        let size_bytes = (range.end.addr() - range.start.addr()).saturating_sub(spare_bytes);
        if size_bytes == 0 {
            let aligned = NonNull::<u128>::dangling().cast();
            return Self { limit: aligned, top: aligned };
        }
        // SAFETY: at most the slice's length, so inside the slice or one past its end.
        let top = unsafe { limit.add(size_bytes) };
        Self { limit, top }
    }
}

// SAFETY: the memory is borrowed for ever and by this value alone; `new_unguarded` aligned the top, and its caller
// answers for overflow.
unsafe impl Stack for StaticStack {
    fn limit(&self) -> NonNull<u8> {
        self.limit
    }

    fn top(&self) -> NonNull<u8> {
        self.top
    }
}

/// Heap memory as a stack, without a guard. Meant for tests: a backend's stacks are guarded.
#[cfg(feature = "alloc")]
#[derive(Debug)]
pub struct HeapStack {
    limit: NonNull<u8>,
    layout: core::alloc::Layout,
}

#[cfg(feature = "alloc")]
impl HeapStack {
    /// Allocates a stack of `size_bytes`, rounded up to [`STACK_ALIGN`].
    ///
    /// # Safety
    ///
    /// There is no guard: whatever runs on the stack never needs more than `size_bytes`.
    ///
    /// # Errors
    ///
    /// [`StackError::TooSmall`] for a size of zero, [`StackError::TooLarge`] for one that no allocation can have,
    /// [`StackError::OutOfMemory`] when the allocator has none left.
    pub unsafe fn new_unguarded(size_bytes: usize) -> Result<Self, StackError> {
        const MAX_BYTES: usize = isize::MAX as usize + 1 - STACK_ALIGN;
        if size_bytes == 0 {
            return Err(StackError::TooSmall { size_bytes, min_bytes: STACK_ALIGN });
        }
        let Ok(layout) = core::alloc::Layout::from_size_align(size_bytes, STACK_ALIGN) else {
            return Err(StackError::TooLarge { size_bytes, max_bytes: MAX_BYTES });
        };
        let layout = layout.pad_to_align();
        // SAFETY: the layout's size is not zero.
        let memory = unsafe { alloc::alloc::alloc(layout) };
        let limit = NonNull::new(memory).ok_or(StackError::OutOfMemory { os_code: 0 })?;
        Ok(Self { limit, layout })
    }
}

#[cfg(feature = "alloc")]
impl Drop for HeapStack {
    fn drop(&mut self) {
        // SAFETY: allocated with this layout in `new_unguarded`, and freed once.
        unsafe { alloc::alloc::dealloc(self.limit.as_ptr(), self.layout) }
    }
}

// SAFETY: the allocation belongs to this value, stays where it is until `drop`, and its start and size are multiples of
// `STACK_ALIGN`; the caller of `new_unguarded` answers for overflow.
#[cfg(feature = "alloc")]
unsafe impl Stack for HeapStack {
    fn limit(&self) -> NonNull<u8> {
        self.limit
    }

    fn top(&self) -> NonNull<u8> {
        // SAFETY: one past the allocation's end.
        unsafe { self.limit.add(self.layout.size()) }
    }
}
