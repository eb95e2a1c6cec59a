// SPDX-License-Identifier: BSD-3-Clause
//! GICv3: the core's side in system registers, a redistributor for each core in memory.
#![expect(unsafe_code, reason = "reads and writes system registers of the interrupt controller")]

use core::arch::asm;
use core::ops::Range;
use core::sync::atomic::Ordering;

use super::{NoRedistributor, Registers, shared};
use crate::cores::Core;

// Of the distributor.
const CONTROL: usize = 0x0000;
const ROUTES: usize = 0x6000;
/// Affinity routing, and both groups, as the one security state or the non-secure view of two names them.
const CONTROL_ON: u32 = 1 << 4 | 1 << 1 | 1;
// Of a redistributor.
const KIND_LOW: usize = 0x0008;
const KIND_HIGH: usize = 0x000c;
const WAKER: usize = 0x0014;
const GROUP: usize = 0x0080;
const LAST: u32 = 1 << 4;
const HAS_VIRTUAL_LPIS: u32 = 1 << 1;
const ASLEEP: u32 = 1 << 1;
const CHILDREN_ASLEEP: u32 = 1 << 2;
/// The first half has the control, the second the interrupts; virtual LPIs add two more of that size.
const HALF_BYTES: usize = 0x1_0000;

pub(crate) struct Gic {
    pub(super) distributor: Registers,
    redistributors: Range<u64>,
    pub(super) timer_interrupt: u32,
}

impl Gic {
    pub(super) fn start(distributor: Registers, redistributors: Range<u64>, timer_interrupt: u32) -> Self {
        distributor.write(CONTROL, CONTROL_ON);
        Self { distributor, redistributors, timer_interrupt }
    }

    pub(super) fn start_core(&self, core: &Core) -> Result<(), NoRedistributor> {
        let redistributor = self.redistributor(core.affinity.load(Ordering::Relaxed)).ok_or(NoRedistributor)?;
        redistributor.write(WAKER, redistributor.read(WAKER) & !ASLEEP);
        while redistributor.read(WAKER) & CHILDREN_ASLEEP != 0 {
            core::hint::spin_loop();
        }
        let interrupts = Registers(redistributor.0 + HALF_BYTES);
        interrupts.write(GROUP, u32::MAX);
        interrupts.enable_own(self.timer_interrupt);
        // SAFETY: turns the core's side on: system registers, all priorities, group 1. With interrupts masked.
        unsafe {
            asm!(
                "mrs {word}, S3_0_C12_C12_5", // ICC_SRE_EL1
                "orr {word}, {word}, #1",
                "msr S3_0_C12_C12_5, {word}",
                "isb",
                "mov {word}, #0xff",
                "msr S3_0_C4_C6_0, {word}", // ICC_PMR_EL1
                "msr S3_0_C12_C12_4, xzr", // ICC_CTLR_EL1: ending an interrupt deactivates it
                "mov {word}, #1",
                "msr S3_0_C12_C12_7, {word}", // ICC_IGRPEN1_EL1
                "isb",
                word = out(reg) _,
                options(nostack, preserves_flags),
            );
        }
        Ok(())
    }

    /// Interrupt `number` goes to `core`, in the group of all others.
    pub(super) fn route(&self, number: u32, core: &Core) {
        shared::set_group(self.distributor, number);
        let affinity = core.affinity.load(Ordering::Relaxed);
        let route = ROUTES + 8 * number as usize;
        self.distributor.write(route, affinity as u32 & 0xff_ffff);
        self.distributor.write(route + 4, (affinity >> 32) as u32 & 0xff);
    }

    /// Each says which core it is for; only as many are there as there are cores.
    fn redistributor(&self, affinity: u64) -> Option<Registers> {
        let mut at = self.redistributors.start as usize;
        while (at as u64) < self.redistributors.end {
            let registers = Registers(at);
            let kind = registers.read(KIND_LOW);
            if registers.read(KIND_HIGH) == packed(affinity) {
                return Some(registers);
            }
            if kind & LAST != 0 {
                return None;
            }
            at += if kind & HAS_VIRTUAL_LPIS != 0 { 4 * HALF_BYTES } else { 2 * HALF_BYTES };
        }
        None
    }
}

/// The four fields of an affinity side by side, as a redistributor has them.
fn packed(affinity: u64) -> u32 {
    (affinity as u32 & 0xff_ffff) | (affinity >> 8) as u32 & 0xff00_0000
}

pub(super) fn acknowledge() -> u32 {
    let interrupt: u64;
    // SAFETY: takes the pending interrupt; `dsb` so that what it stands for is seen.
    unsafe { asm!("mrs {}, S3_0_C12_C12_0", "dsb sy", out(reg) interrupt, options(nostack, preserves_flags)) };
    interrupt as u32
}

pub(super) fn end(acknowledged: u32) {
    // SAFETY: what was acknowledged ends.
    unsafe { asm!("msr S3_0_C12_C12_1, {}", "isb", in(reg) u64::from(acknowledged), options(nostack, preserves_flags)) };
}

pub(super) fn send(core: &Core, number: u32) {
    let affinity = core.affinity.load(Ordering::Relaxed);
    // The upper fields name a cluster, and the lowest a bit in a list of 16, of which there are several.
    let (list, bit) = (affinity >> 4 & 0xf, 1 << (affinity & 0xf));
    let cluster = (affinity >> 8 & 0xff) << 16 | (affinity >> 16 & 0xff) << 32 | (affinity >> 32 & 0xff) << 48;
    let word = cluster | list << 44 | u64::from(number) << 24 | bit;
    // SAFETY: sends an interrupt. The barrier: what was stored before is visible by then.
    unsafe { asm!("dsb ishst", "msr S3_0_C12_C11_5, {}", "isb", in(reg) word, options(nostack, preserves_flags)) };
}
