// SPDX-License-Identifier: BSD-3-Clause
//! Size classes and the layout of one slot.
//!
//! ```text
//!   low                                                                  high
//!   | guard        | usable                                    | colour     |
//!   ^ slot          ^ limit                                     ^ top         ^ next slot
//! ```
//!
//! The class is a power of two and is usable in full: a slot has room for the guard and for one page of colouring on
//! top of it. All but the guard is committed by touching it. The colour is the number of bytes by which the top is
//! lowered so that the tops of neighbours do not share cache sets; it leaves [`PARKED_FRAME_BYTES`] in the topmost page,
//! so that a parked coroutine touches one page whatever its colour.

use core::num::NonZeroUsize;

use kcoro_core::platform::StackLimits;
use kcoro_core::stack::StackError;

const MIN_BYTES: usize = 16 << 10;
const DEFAULT_BYTES: usize = 256 << 10;
const MAX_BYTES: usize = 1 << 30;

/// How many size classes there are.
pub(super) const CLASSES: usize = (MAX_BYTES.ilog2() - MIN_BYTES.ilog2() + 1) as usize;

pub(crate) const LIMITS: StackLimits =
    StackLimits { min_bytes: MIN_BYTES, default_bytes: DEFAULT_BYTES, max_bytes: MAX_BYTES };

/// The distance of neighbouring colours: a cache line.
const COLOUR_STEP_BYTES: usize = 64;
/// What a coroutine that has just started and parked is assumed to use.
const PARKED_FRAME_BYTES: usize = 1024;
/// More colour than this gains nothing: it covers the sets of every first-level cache.
const MAX_COLOUR_BYTES: usize = 15 << 10;

/// rustc probes each page of a large frame on x86_64 and aarch64, so that one page catches every Rust frame. It emits
/// no probes elsewhere: there the guard must be larger than the frames.
const MIN_GUARD_BYTES: usize = if cfg!(any(target_arch = "x86_64", target_arch = "aarch64")) { 1 } else { 64 << 10 };

/// A size class: stacks of `16 KiB << class`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Class(u8);

impl Class {
    /// The smallest class with at least `size_bytes` usable.
    pub(super) fn for_size(size_bytes: usize) -> Result<Self, StackError> {
        if size_bytes < MIN_BYTES {
            return Err(StackError::TooSmall { size_bytes, min_bytes: MIN_BYTES });
        }
        if size_bytes > MAX_BYTES {
            return Err(StackError::TooLarge { size_bytes, max_bytes: MAX_BYTES });
        }
        Ok(Self((size_bytes.next_power_of_two().ilog2() - MIN_BYTES.ilog2()) as u8))
    }

    #[cfg(test)]
    pub(super) fn all() -> impl Iterator<Item = Self> {
        (0..CLASSES as u8).map(Self)
    }

    pub(super) fn from_index(index: usize) -> Self {
        debug_assert!(index < CLASSES);
        Self(index as u8)
    }

    pub(super) fn index(self) -> usize {
        self.0.into()
    }

    pub(super) fn usable_bytes(self) -> usize {
        MIN_BYTES << self.0
    }
}

/// The layout of the slots of one class. See the module.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Layout {
    pub(super) guard_bytes: usize,
    pub(super) slot_bytes: usize,
    pub(super) page_bytes: usize,
    colours: NonZeroUsize,
}

impl Layout {
    /// `page_bytes` is a power of two of at least 4 KiB.
    pub(super) fn new(class: Class, page_bytes: usize) -> Self {
        let guard_bytes = MIN_GUARD_BYTES.next_multiple_of(page_bytes);
        let usable_bytes = class.usable_bytes().next_multiple_of(page_bytes);
        let max_colour_bytes = page_bytes.saturating_sub(PARKED_FRAME_BYTES).min(MAX_COLOUR_BYTES);
        Self {
            guard_bytes,
            slot_bytes: guard_bytes + usable_bytes + page_bytes,
            page_bytes,
            colours: NonZeroUsize::MIN.saturating_add(max_colour_bytes / COLOUR_STEP_BYTES),
        }
    }

    /// By how much the top of slot number `slot` is lowered.
    pub(super) fn colour_bytes(&self, slot: usize) -> usize {
        slot % self.colours * COLOUR_STEP_BYTES
    }
}

#[cfg(test)]
mod tests {
    use kcoro_core::stack::{STACK_ALIGN, StackError};

    use super::{CLASSES, Class, LIMITS, Layout, PARKED_FRAME_BYTES};

    #[test]
    fn a_request_is_rounded_up_to_its_class_and_never_wraps() {
        assert_eq!(Class::for_size(LIMITS.min_bytes).unwrap().index(), 0);
        assert_eq!(Class::for_size(LIMITS.min_bytes + 1).unwrap().usable_bytes(), 2 * LIMITS.min_bytes);
        assert_eq!(Class::for_size(LIMITS.default_bytes).unwrap().usable_bytes(), LIMITS.default_bytes);
        assert_eq!(Class::for_size(LIMITS.max_bytes).unwrap().index(), CLASSES - 1);
        for too_small in [0, 1, LIMITS.min_bytes - 1] {
            assert!(
                matches!(Class::for_size(too_small), Err(StackError::TooSmall { size_bytes, .. }) if size_bytes == too_small)
            );
        }
        for too_large in [LIMITS.max_bytes + 1, usize::MAX / 2 + 2, usize::MAX] {
            assert!(
                matches!(Class::for_size(too_large), Err(StackError::TooLarge { size_bytes, .. }) if size_bytes == too_large)
            );
        }
    }

    #[test]
    fn colours_differ_between_neighbours_keep_alignment_and_leave_the_parked_frame_in_the_top_page() {
        for page_bytes in [4 << 10, 16 << 10, 64 << 10] {
            for class in Class::all() {
                let layout = Layout::new(class, page_bytes);
                for slot in 0..200 {
                    let colour = layout.colour_bytes(slot);
                    assert_eq!(colour % STACK_ALIGN, 0);
                    assert_ne!(colour, layout.colour_bytes(slot + 1));
                    assert!(colour + PARKED_FRAME_BYTES <= page_bytes);
                    assert!(layout.slot_bytes - layout.guard_bytes - colour >= class.usable_bytes());
                }
                assert_eq!(layout.guard_bytes % page_bytes, 0);
                assert_eq!(layout.slot_bytes % page_bytes, 0);
            }
        }
    }
}
