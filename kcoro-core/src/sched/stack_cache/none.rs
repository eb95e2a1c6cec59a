// SPDX-License-Identifier: BSD-3-Clause
//! The cache of a build without an allocator: every coroutine has brought its own stack, so there is none to keep.

use crate::platform::Platform;
use crate::stack::{RawStack, StackError};

/// See the [module](self).
pub(super) struct StackCache;

/// Whether idle stacks hold memory that could be given back.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Warmth {
    Cold,
    #[expect(dead_code, reason = "nothing lies idle")]
    Warm,
}

impl StackCache {
    pub(super) const fn new() -> Self {
        Self
    }

    #[inline(always)]
    pub(super) fn take(&mut self, _class: usize) -> Option<RawStack> {
        None
    }

    pub(super) fn warmth(&self) -> Warmth {
        Warmth::Cold
    }

    pub(super) fn cool(&mut self, _platform: &dyn Platform) {}

    pub(super) fn refill(&mut self, _class: usize, _platform: &dyn Platform) -> Result<(), StackError> {
        Err(StackError::Unsupported("without an allocator a coroutine brings its own stack: use a slot"))
    }

    pub(super) fn release_all(&mut self, _platform: &dyn Platform) {}
}
