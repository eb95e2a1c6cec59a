// SPDX-License-Identifier: BSD-3-Clause
//! GICv2: memory-mapped; some registers of the distributor are each core's own.
#![expect(unsafe_code, reason = "a barrier")]

use core::arch::asm;
use core::sync::atomic::{AtomicU8, Ordering};

use super::Registers;
use crate::MAX_CORES;
use crate::cores::Core;

// Of the distributor.
const CONTROL: usize = 0x000;
const TARGETS: usize = 0x800;
const GENERATE: usize = 0xf00;
// Of the interface.
const INTERFACE_CONTROL: usize = 0x00;
const PRIORITY_MASK: usize = 0x04;
const ACKNOWLEDGE: usize = 0x0c;
const END: usize = 0x10;

const ON: u32 = 1;
const ANY_PRIORITY: u32 = 0xff;

pub(crate) struct Gic {
    pub(super) distributor: Registers,
    interface: Registers,
    pub(super) timer_interrupt: u32,
    /// Each core's bit in the distributor's lists of targets, as the core itself has read it.
    targets: [AtomicU8; MAX_CORES],
}

impl Gic {
    pub(super) fn start(distributor: Registers, interface: Registers, timer_interrupt: u32) -> Self {
        distributor.write(CONTROL, ON);
        Self { distributor, interface, timer_interrupt, targets: [const { AtomicU8::new(0) }; MAX_CORES] }
    }

    pub(super) fn start_core(&self, core: &Core) {
        // The first targets are read-only and say which bit the reader is. With one core there is nothing to say: 0.
        let own_bit = (self.distributor.read(TARGETS) as u8).max(1);
        // Relaxed: who sends to this core has seen it start, or sends nothing.
        self.targets[core.index].store(own_bit, Ordering::Relaxed);
        self.distributor.enable_own(self.timer_interrupt);
        self.interface.write(PRIORITY_MASK, ANY_PRIORITY);
        self.interface.write(INTERFACE_CONTROL, ON);
    }

    /// Interrupt `number` goes to `core`, which has started.
    pub(super) fn route(&self, number: u32, core: &Core) {
        let (word, byte) = ((number / 4 * 4) as usize, 8 * (number % 4));
        let target = u32::from(self.targets[core.index].load(Ordering::Relaxed));
        self.distributor.change(TARGETS + word, 0xff << byte, target << byte);
    }

    pub(super) fn acknowledge(&self) -> u32 {
        self.interface.read(ACKNOWLEDGE)
    }

    pub(super) fn end(&self, acknowledged: u32) {
        // With the sender's number, as it was read.
        self.interface.write(END, acknowledged);
    }

    pub(super) fn send(&self, core: &Core, number: u32) {
        let target = u32::from(self.targets[core.index].load(Ordering::Relaxed));
        // SAFETY: waits until what was stored before is visible.
        unsafe { asm!("dsb ishst", options(nostack, preserves_flags)) };
        self.distributor.write(GENERATE, target << 16 | number);
    }
}
