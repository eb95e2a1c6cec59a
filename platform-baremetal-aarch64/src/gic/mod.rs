// SPDX-License-Identifier: BSD-3-Clause
//! The interrupt controller, of which this crate needs little: the timer's interrupt on each core, interrupts that cores
//! send each other, and those of devices, each of which goes to one core.
#![expect(unsafe_code, reason = "reads and writes the registers of the interrupt controller")]

mod shared;
mod v2;
mod v3;

use core::ops::Range;

pub use self::shared::Trigger;
use crate::boot::once::BootCell;
use crate::cores::Core;
use crate::tree::{Board, GicRegisters};

/// The software-generated interrupt by which one core wakes another.
pub(crate) const WAKE: u32 = 0;
/// A bit for each interrupt that cores send each other.
const SENT_BY_CORES: u32 = 0xffff;
/// From here on an identifier is no interrupt: none is pending (1023), or it is for another security state.
const FIRST_SPECIAL: u32 = 1020;
/// In the middle: this crate uses no preemption among interrupts.
const PRIORITY: u32 = 0x8080_8080;

static GIC: BootCell<Gic> = BootCell::new();

pub(crate) enum Gic {
    V2(v2::Gic),
    V3(v3::Gic),
}

/// What [`Gic::acknowledge`] gives: to be handed back when it is handled.
#[derive(Clone, Copy)]
pub(crate) struct Acknowledged(u32);

impl Acknowledged {
    /// The interrupt's number; `None` if there is none.
    pub(crate) fn number(self) -> Option<u32> {
        let number = self.0 & 0x3ff;
        // A GICv3 has more than a GICv2's 1,020, which nobody has enabled.
        (number < FIRST_SPECIAL).then_some(number)
    }
}

/// The machine's.
pub(crate) fn get() -> &'static Gic {
    GIC.get()
}

/// Why an interrupt controller cannot be used.
#[derive(Clone, Copy, Debug)]
pub(crate) struct NoRedistributor;

/// Sets up what the cores share. By the boot core, before all else here.
pub(crate) fn start(board: &Board) {
    GIC.set(match &board.gic {
        GicRegisters::V2 { distributor, interface } => {
            Gic::V2(v2::Gic::start(Registers::new(distributor), Registers::new(interface), board.timer_interrupt))
        }
        GicRegisters::V3 { distributor, redistributors } => {
            Gic::V3(v3::Gic::start(Registers::new(distributor), redistributors.clone(), board.timer_interrupt))
        }
    });
}

impl Gic {
    /// Sets up what the calling core has of its own.
    pub(crate) fn start_core(&self, core: &Core) -> Result<(), NoRedistributor> {
        match self {
            Self::V2(gic) => {
                gic.start_core(core);
                Ok(())
            }
            Self::V3(gic) => gic.start_core(core),
        }
    }

    /// Takes the most urgent pending interrupt.
    pub(crate) fn acknowledge(&self) -> Acknowledged {
        Acknowledged(match self {
            Self::V2(gic) => gic.acknowledge(),
            Self::V3(_) => v3::acknowledge(),
        })
    }

    /// The interrupt has been handled.
    pub(crate) fn end(&self, interrupt: Acknowledged) {
        match self {
            Self::V2(gic) => gic.end(interrupt.0),
            Self::V3(_) => v3::end(interrupt.0),
        }
    }

    /// Interrupts `core` by a software-generated interrupt, once it does not mask interrupts. What the caller has stored before
    /// is visible by then.
    pub(crate) fn send(&self, core: &Core, number: u32) {
        match self {
            Self::V2(gic) => gic.send(core, number),
            Self::V3(_) => v3::send(core, number),
        }
    }

    fn distributor(&self) -> Registers {
        match self {
            Self::V2(gic) => gic.distributor,
            Self::V3(gic) => gic.distributor,
        }
    }

    /// Whether there is interrupt `number`, and it is a device's.
    pub(crate) fn has_shared(&self, number: u32) -> bool {
        shared::exists(self.distributor(), number)
    }

    /// Lets the device that has interrupt `number`, which there is, interrupt `core`. One caller at a time.
    pub(crate) fn enable_shared(&self, number: u32, trigger: Trigger, core: &Core) {
        let distributor = self.distributor();
        shared::describe(distributor, number, trigger);
        match self {
            Self::V2(gic) => gic.route(number, core),
            Self::V3(gic) => gic.route(number, core),
        }
        shared::enable(distributor, number);
    }

    /// The number of the timer's interrupt.
    pub(crate) fn timer_interrupt(&self) -> u32 {
        match self {
            Self::V2(gic) => gic.timer_interrupt,
            Self::V3(gic) => gic.timer_interrupt,
        }
    }
}

/// Registers of 32 bits, by their offset in bytes.
#[derive(Clone, Copy)]
struct Registers(usize);

impl Registers {
    fn new(range: &Range<u64>) -> Self {
        Self(range.start as usize)
    }

    fn read(self, offset: usize) -> u32 {
        // SAFETY: the device tree says that the registers are there, and they are mapped as a device.
        unsafe { ((self.0 + offset) as *const u32).read_volatile() }
    }

    fn write(self, offset: usize, value: u32) {
        // SAFETY: as above; what is written here changes no memory.
        unsafe { ((self.0 + offset) as *mut u32).write_volatile(value) };
    }

    /// Changes the bits of `mask` to those of `bits`.
    fn change(self, offset: usize, mask: u32, bits: u32) {
        self.write(offset, self.read(offset) & !mask | bits);
    }

    /// The bits for the interrupts that each core has for itself: those that cores send, and the timer.
    fn enable_own(self, timer_interrupt: u32) {
        const ENABLE: usize = 0x100;
        const PRIORITIES: usize = 0x400;
        for word in 0..8 {
            self.write(PRIORITIES + 4 * word, PRIORITY);
        }
        self.write(ENABLE, SENT_BY_CORES | 1 << timer_interrupt);
    }
}
