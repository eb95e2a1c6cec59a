// SPDX-License-Identifier: BSD-3-Clause
//! What the interrupt handler knows of the open disks.
//!
//! `registers` is claimed once, by who opens the disk, who then stores `interrupt`; afterwards both are only read.
#![expect(unsafe_code, reason = "acknowledges an interrupt at the device")]

use core::sync::atomic::{AtomicU32, AtomicU64, Ordering};

use kcoro_core::sync::Event;

/// As many disks can be open.
const MOST: usize = 4;
// Registers of a virtio device.
const INTERRUPT_STATUS: u64 = 0x60;
const INTERRUPT_ACKNOWLEDGE: u64 = 0x64;

/// An open disk.
pub(super) struct Line {
    /// 0 for none.
    registers: AtomicU64,
    interrupt: AtomicU32,
    /// The device has finished something.
    pub(super) used: Event,
}

static LINES: [Line; MOST] =
    [const { Line { registers: AtomicU64::new(0), interrupt: AtomicU32::new(0), used: Event::new() } }; MOST];

impl Line {
    /// For the device at `registers`, unless it has one, or all are taken.
    pub(super) fn take(registers: u64) -> Option<&'static Self> {
        for line in &LINES {
            match line.registers.compare_exchange(0, registers, Ordering::Relaxed, Ordering::Relaxed) {
                Ok(_) => return Some(line),
                Err(taken) if taken == registers => return None,
                Err(_) => {}
            }
        }
        None
    }

    /// Says which interrupt is the device's. Before it is let in.
    pub(super) fn connect(&self, interrupt: u32) {
        // Release: who finds the number finds the registers.
        self.interrupt.store(interrupt, Ordering::Release);
    }

    fn acknowledge(&self) {
        let registers = self.registers.load(Ordering::Relaxed);
        let (status, acknowledge) = (registers + INTERRUPT_STATUS, registers + INTERRUPT_ACKNOWLEDGE);
        // SAFETY: registers of the device, which no driver touches besides. What was finished before is looked at after this.
        unsafe { (acknowledge as *mut u32).write_volatile((status as *const u32).read_volatile()) };
    }
}

/// Runs on the core that opened the disk.
pub(super) fn on_interrupt(number: u32) {
    // Acquire: pairs with `connect`.
    for line in LINES.iter().filter(|line| line.interrupt.load(Ordering::Acquire) == number) {
        line.acknowledge();
        line.used.set();
    }
}
