// SPDX-License-Identifier: BSD-3-Clause
//! The twin of `arch/frames` under Miri: frames lie on the stacks of threads, where nobody can look.

use core::ops::Range;

use crate::arch::StackPointer;

/// Finds nothing.
///
/// # Safety
///
/// None; the twin on real stacks needs some.
pub(crate) unsafe fn return_addresses(_sp: StackPointer, _stack: Range<usize>, _found: &mut [usize]) -> usize {
    0
}
