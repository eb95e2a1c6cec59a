// SPDX-License-Identifier: BSD-3-Clause
//! Where virtio devices may be: a virtual machine has many such places, and most are empty.

use core::ops::Range;

use fdt_raw::Node;

use super::{is_compatible, is_enabled, ranges, shared_interrupt};

/// QEMU's `virt` has so many.
const MOST: usize = 32;

/// A place for a device.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Slot {
    pub(crate) registers: u64,
    pub(crate) registers_bytes: u64,
    #[cfg(any(test, feature = "virtio"))]
    pub(crate) interrupt: u32,
}

/// All places that the tree lists, as far as there is room for them here.
#[derive(Clone, Debug)]
pub(crate) struct Slots {
    slots: [Slot; MOST],
    count: usize,
}

impl Slots {
    pub(super) fn of<'a>(nodes: impl Iterator<Item = Node<'a>>) -> Self {
        let mut all = Self { slots: [Slot::default(); MOST], count: 0 };
        let devices = nodes.filter(|node| is_enabled(node) && is_compatible(node, &["virtio,mmio"]));
        for (place, slot) in all.slots.iter_mut().zip(devices.filter_map(|node| slot(&node))) {
            *place = slot;
            all.count += 1;
        }
        all
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = &Slot> {
        self.slots[..self.count].iter()
    }

    pub(crate) fn registers(&self) -> impl Iterator<Item = Range<u64>> {
        self.iter().map(|slot| slot.registers..slot.registers + slot.registers_bytes)
    }
}

fn slot(node: &Node<'_>) -> Option<Slot> {
    let registers = ranges(node).next()?;
    let registers_bytes = registers.end - registers.start;
    // One that cannot interrupt is of no use.
    let number = shared_interrupt(node)?;
    #[cfg(not(any(test, feature = "virtio")))]
    let _ = number;
    Some(Slot {
        registers: registers.start,
        registers_bytes,
        #[cfg(any(test, feature = "virtio"))]
        interrupt: number,
    })
}
