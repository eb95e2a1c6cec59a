// SPDX-License-Identifier: BSD-3-Clause
//! Telling the own stack from others, by addresses.

/// One stack. It costs a word, and a comparison of two numbers with the stack pointer.
pub(crate) struct OwnStack {
    /// Its lowest usable byte.
    limit: usize,
}

impl OwnStack {
    /// The stack that the caller runs on, which ends at `limit`.
    pub(crate) fn of_caller(limit: usize) -> Self {
        Self { limit }
    }

    /// Whether the caller runs on this stack, in a frame below the address `above`, which lies on it.
    #[inline(always)]
    pub(crate) fn holds_caller(&self, above: usize) -> bool {
        (self.limit..above).contains(&super::imp::stack_pointer())
    }
}
