// SPDX-License-Identifier: BSD-3-Clause
//! How RAM is divided.
//!
//! ```text
//!   device tree | image: code, constants, data | coroutine stacks | free: the program's own
//! ```

use core::fmt;
use core::ops::Range;

use crate::table::{MAX_STACK_BYTES, PAGE_BYTES as PAGE};

/// Large entries of the tables begin at such addresses.
const BLOCK: u64 = 2 << 20;
/// With less a program cannot do much.
const MIN_STACK_BYTES: u64 = 1 << 20;

/// See the [module](self). All ends are multiples of a page.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Layout {
    pub(crate) image: Range<u64>,
    pub(crate) text: Range<u64>,
    pub(crate) constants: Range<u64>,
    pub(crate) data: Range<u64>,
    pub(crate) stacks: Range<u64>,
    pub(crate) free: Range<u64>,
}

/// Where the parts of the image end.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Image {
    pub(crate) start: u64,
    pub(crate) text_end: u64,
    pub(crate) constants_end: u64,
    pub(crate) end: u64,
}

/// RAM is too small, or not where the image is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct TooLittleMemory {
    image_end: u64,
    memory: Range<u64>,
}

impl fmt::Display for TooLittleMemory {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (start, end) = (self.memory.start, self.memory.end);
        write!(
            f,
            "too little memory: the image ends at {:#x}, RAM is {start:#x} to {end:#x}, and coroutine stacks need another \
             {} KiB",
            self.image_end,
            MIN_STACK_BYTES >> 10
        )
    }
}

impl Layout {
    /// Divides `memory`, of which `image` is a part. Stacks get a quarter of what is left.
    pub(crate) fn new(image: Image, memory: Range<u64>) -> Result<Self, TooLittleMemory> {
        let too_little = || TooLittleMemory { image_end: image.end, memory: memory.clone() };
        if memory.start > image.start {
            return Err(too_little());
        }
        let end = memory.end & !(PAGE - 1);
        let left = end.checked_sub(image.end).ok_or_else(too_little)?;
        let wanted = (left / 4).clamp(MIN_STACK_BYTES, MAX_STACK_BYTES - BLOCK);
        // To the next block, so that what follows is mapped in large entries.
        let stacks_end = (image.end + wanted).next_multiple_of(BLOCK).min(end);
        if stacks_end - image.end < MIN_STACK_BYTES {
            return Err(too_little());
        }
        Ok(Self {
            image: image.start..image.end,
            text: image.start..image.text_end,
            constants: image.text_end..image.constants_end,
            data: image.constants_end..image.end,
            stacks: image.end..stacks_end,
            free: stacks_end..end,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::{BLOCK, Image, Layout, MAX_STACK_BYTES, MIN_STACK_BYTES};

    const IMAGE: Image =
        Image { start: 0x4020_0000, text_end: 0x4020_5000, constants_end: 0x4020_7000, end: 0x4031_0000 };

    fn layout(memory_bytes: u64) -> Option<Layout> {
        Layout::new(IMAGE, 0x4000_0000..0x4000_0000 + memory_bytes).ok()
    }

    #[test]
    fn the_parts_follow_one_another_without_a_gap() {
        for megabytes in [8, 64, 128, 4096] {
            let layout = layout(megabytes << 20).unwrap();
            assert_eq!((layout.text.start, layout.text.end), (layout.image.start, layout.constants.start));
            assert_eq!((layout.constants.end, layout.data.end), (layout.data.start, layout.stacks.start));
            assert_eq!((layout.stacks.end, layout.free.end), (layout.free.start, 0x4000_0000 + (megabytes << 20)));
            let stacks = layout.stacks.end - layout.stacks.start;
            assert!((MIN_STACK_BYTES..=MAX_STACK_BYTES).contains(&stacks), "{megabytes} MiB: {stacks:#x}");
            assert!(layout.free.start.is_multiple_of(BLOCK) || layout.free.is_empty());
        }
    }

    #[test]
    fn too_little_memory_is_refused_with_a_message() {
        assert!(layout(4 << 20).is_none_or(|layout| layout.stacks.end <= 0x4040_0000));
        assert_eq!(layout(2 << 20), None);
        let error = Layout::new(IMAGE, 0x8000_0000..0x9000_0000).unwrap_err();
        assert!(std::format!("{error}").contains("the image ends at 0x40310000, RAM is 0x80000000"));
    }
}
