// SPDX-License-Identifier: BSD-3-Clause
//! The UART, polled: whoever writes waits until each byte has gone out. For messages of a program that starts or ends, and
//! for small programs.
#![expect(unsafe_code, reason = "reads and writes the UART's registers")]

use core::fmt::{self, Write as _};
use core::sync::atomic::{AtomicUsize, Ordering};

use crate::cores::Core;
use crate::paging;

/// Where QEMU's `virt` has it: for what must be said before the device tree has been read.
pub(crate) const EARLY: usize = 0x0900_0000;
// Registers of a PL011.
const DATA: usize = 0x00;
pub(crate) const FLAGS: usize = 0x18;
const CONTROL: usize = 0x30;
pub(crate) const FULL: u32 = 1 << 5;
const BUSY: u32 = 1 << 3;
/// On, sending and receiving.
const CONTROL_ON: u32 = 1 | 1 << 8 | 1 << 9;

static BASE: AtomicUsize = AtomicUsize::new(EARLY);

/// Who writes: 0, a core's number + 1, or nobody ever again.
static WRITER: AtomicUsize = AtomicUsize::new(NOBODY);
const NOBODY: usize = 0;
const TAKEN_OVER: usize = usize::MAX;

/// Uses the UART that the device tree names.
pub(crate) fn use_registers(base: u64) {
    BASE.store(base as usize, Ordering::Relaxed);
    let control = (base as usize + CONTROL) as *mut u32;
    // SAFETY: a PL011, says the device tree. Firmware has set its speed.
    unsafe { control.write_volatile(control.read_volatile() | CONTROL_ON) };
}

/// Writes `text` and a line end in one piece, whatever other cores write.
///
/// It waits for the UART, and spins while another core writes: it is for few short lines. Not for interrupt handlers, which
/// could wait for what they interrupt.
pub fn say(text: fmt::Arguments<'_>) {
    let own = Core::current().index + 1;
    // Formatting may call user code, which may suspend and come back here on the same core: then it is not locked twice.
    let is_first = loop {
        match WRITER.compare_exchange_weak(NOBODY, own, Ordering::Acquire, Ordering::Relaxed) {
            Ok(_) => break true,
            Err(writer) if writer == own => break false,
            Err(_) => core::hint::spin_loop(),
        }
    };
    write_line(text);
    if is_first {
        // Fails when the end of the program has taken the UART over.
        let _ = WRITER.compare_exchange(own, NOBODY, Ordering::Release, Ordering::Relaxed);
    }
}

/// Takes the UART for the last words of a program. Only the first who asks gets it; others stop here.
pub(crate) fn take_over() {
    // Without the MMU there is one core, and no atomics.
    if paging::is_on() && WRITER.swap(TAKEN_OVER, Ordering::Acquire) == TAKEN_OVER {
        crate::exit::halt();
    }
}

/// Writes a line, asking nobody.
pub(crate) fn write_line(text: fmt::Arguments<'_>) {
    // A UART does not fail. User code that does so when it formats has no more to say.
    let _ = Uart.write_fmt(text);
    let _ = Uart.write_str("\n");
    Uart.drain();
}

struct Uart;

impl Uart {
    fn flags(&self) -> u32 {
        // SAFETY: the UART's registers.
        unsafe { ((BASE.load(Ordering::Relaxed) + FLAGS) as *const u32).read_volatile() }
    }

    fn send(&self, byte: u8) {
        while self.flags() & FULL != 0 {
            core::hint::spin_loop();
        }
        // SAFETY: as above; sends a byte.
        unsafe { ((BASE.load(Ordering::Relaxed) + DATA) as *mut u32).write_volatile(byte.into()) };
    }

    /// What has been written has gone out: the machine may be turned off next.
    fn drain(&self) {
        while self.flags() & BUSY != 0 {
            core::hint::spin_loop();
        }
    }
}

impl fmt::Write for Uart {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        text.bytes().for_each(|byte| self.send(byte));
        Ok(())
    }
}
