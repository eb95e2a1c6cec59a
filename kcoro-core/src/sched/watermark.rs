// SPDX-License-Identifier: BSD-3-Clause
//! How much of its stack a coroutine has used: the stack is painted at the start, and what is still painted was not used.
#![expect(unsafe_code, reason = "writes and reads raw stack memory")]

use crate::stack::RawStack;

/// Unlikely as data, and no valid address.
const PAINT: usize = 0xa5c3_f00d_5afe_57ac;

/// Paints a free stack from its limit to its top.
pub(super) fn paint(stack: &RawStack) {
    let words = stack.size_bytes() / size_of::<usize>();
    let limit = stack.limit().as_ptr().cast::<usize>();
    for index in 0..words {
        // SAFETY: the stack is free memory of that size, and its limit is aligned as stacks are.
        unsafe { limit.add(index).write_volatile(PAINT) };
    }
}

/// How many bytes from the top down have been written since the stack was painted.
pub(super) fn used_bytes(stack: &RawStack) -> usize {
    let words = stack.size_bytes() / size_of::<usize>();
    let limit = stack.limit().as_ptr().cast::<usize>();
    let unused = (0..words)
        // SAFETY: as in `paint`; the coroutine that ran on it has ended or is the caller, whose frames are above.
        .take_while(|&index| unsafe { limit.add(index).read_volatile() } == PAINT)
        .count();
    (words - unused) * size_of::<usize>()
}
