// SPDX-License-Identifier: BSD-3-Clause
//! The registers of a PL011. Who may use which: [`console`](crate::console) and the driver write data in turns, see
//! [`output`](super::output); all else is the driver's.
#![expect(unsafe_code, reason = "reads and writes the UART's registers")]

use core::sync::atomic::{AtomicUsize, Ordering};

/// Where QEMU's `virt` has it: for what must be said before the device tree has been read.
pub(crate) const EARLY: usize = 0x0900_0000;
const DATA: usize = 0x00;
pub(crate) const FLAGS: usize = 0x18;
const LINE: usize = 0x2c;
const CONTROL: usize = 0x30;
const LEVELS: usize = 0x34;
const MASK: usize = 0x38;
const STATUS: usize = 0x40;
const CLEAR: usize = 0x44;

const BUSY: u32 = 1 << 3;
const NOTHING_RECEIVED: u32 = 1 << 4;
pub(crate) const FULL: u32 = 1 << 5;
/// On, sending and receiving.
const CONTROL_ON: u32 = 1 | 1 << 8 | 1 << 9;
const ON: u32 = 1;
const FIFOS: u32 = 1 << 4;
/// Interrupt when the FIFO of what is sent has an eighth left, so that a full one has gone below it once; and when that of
/// what is received is half full.
const LEVELS_USED: u32 = 2 << 3;

/// Something has been received: so much that it should be fetched, or a little, and then nothing for a while.
pub(super) const RECEIVED: u32 = 1 << 4 | 1 << 6;
/// There is room to send more.
pub(super) const ROOM: u32 = 1 << 5;

static BASE: AtomicUsize = AtomicUsize::new(EARLY);

/// The UART that the device tree names.
#[derive(Clone, Copy)]
pub(crate) struct Pl011(usize);

impl Pl011 {
    #[inline]
    pub(crate) fn get() -> Self {
        Self(BASE.load(Ordering::Relaxed))
    }

    /// From now on it is the one at `base`. Firmware has set its speed.
    pub(crate) fn start(base: u64) {
        BASE.store(base as usize, Ordering::Relaxed);
        let uart = Self::get();
        uart.write(CONTROL, uart.read(CONTROL) | CONTROL_ON);
    }

    fn read(self, register: usize) -> u32 {
        // SAFETY: a PL011, says the device tree, whose registers are mapped as a device.
        unsafe { ((self.0 + register) as *const u32).read_volatile() }
    }

    fn write(self, register: usize, value: u32) {
        // SAFETY: as above; what is written here changes no memory.
        unsafe { ((self.0 + register) as *mut u32).write_volatile(value) };
    }

    pub(crate) fn is_full(self) -> bool {
        self.read(FLAGS) & FULL != 0
    }

    /// Whether something that was written has not gone out.
    pub(crate) fn is_busy(self) -> bool {
        self.read(FLAGS) & BUSY != 0
    }

    /// Sends a byte; there is room.
    pub(crate) fn send(self, byte: u8) {
        self.write(DATA, byte.into());
    }

    /// A byte, and above it what was wrong with it.
    pub(super) fn receive(self) -> Option<u16> {
        (self.read(FLAGS) & NOTHING_RECEIVED == 0).then(|| self.read(DATA) as u16)
    }

    /// Uses the FIFOs, and interrupts for nothing yet.
    pub(super) fn prepare(self) {
        self.let_in(0);
        while self.is_busy() {
            core::hint::spin_loop();
        }
        // The line is set while the UART is off.
        let control = self.read(CONTROL);
        self.write(CONTROL, control & !ON);
        self.write(LINE, self.read(LINE) | FIFOS);
        self.write(LEVELS, LEVELS_USED);
        self.write(CONTROL, control);
    }

    /// Interrupts for these only.
    pub(crate) fn let_in(self, interrupts: u32) {
        self.write(MASK, interrupts);
    }

    /// What it interrupts for. That there is room to send is noted anew at the next change. What has been received stays
    /// noted until it is fetched: cleared by hand it would be forgotten while it is still there.
    pub(super) fn acknowledge(self) -> u32 {
        let status = self.read(STATUS);
        self.write(CLEAR, status & ROOM);
        status
    }
}
