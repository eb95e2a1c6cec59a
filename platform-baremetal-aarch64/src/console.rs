// SPDX-License-Identifier: BSD-3-Clause
//! The console: whoever writes waits until each byte has gone out. For messages of a program that starts or ends, and for
//! small programs.
//!
//! It is the UART, polled, or the debugger. With the interrupt-driven driver of the same UART it takes turns: the driver sends
//! nothing while a line is written. The last words of a program take the UART over: who shuts the driver out for good waits for
//! nobody, so that also a fault in the middle of the driver is reported.

use core::fmt::{self, Write as _};
use core::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use crate::cores::Core;
use crate::machine::Machine;
use crate::uart::pl011::Pl011;
use crate::{debugger, paging, uart};

/// Where the console is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Console {
    /// At the UART, polled.
    Uart,
    /// At the debugger or emulator, by semihosting; for programs that need the UART for something else. Without a debugger the
    /// first line ends the program.
    Debugger,
}

static AT_DEBUGGER: AtomicBool = AtomicBool::new(false);

impl Machine {
    /// From now on [`say`], and the last words of the program, go to `console`. They begin at the UART.
    pub fn set_console(&self, console: Console) {
        AT_DEBUGGER.store(console == Console::Debugger, Ordering::Relaxed);
    }
}

/// Who writes: 0, a core's number + 1, or nobody ever again.
static WRITER: AtomicUsize = AtomicUsize::new(NOBODY);
const NOBODY: usize = 0;
const TAKEN_OVER: usize = usize::MAX;

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
    if is_first && !AT_DEBUGGER.load(Ordering::Relaxed) {
        uart::paused(|| write_line(text));
    } else {
        write_line(text);
    }
    if is_first {
        // Fails when the end of the program has taken the UART over.
        let _ = WRITER.compare_exchange(own, NOBODY, Ordering::Release, Ordering::Relaxed);
    }
}

/// Takes the UART for the last words of a program. Only the first who asks gets it; others stop here.
pub(crate) fn take_over() {
    // Without the MMU there is one core, and no atomics.
    if paging::is_on() {
        if WRITER.swap(TAKEN_OVER, Ordering::Acquire) == TAKEN_OVER {
            crate::exit::halt();
        }
        uart::stop();
    }
}

/// Writes a line, asking nobody.
pub(crate) fn write_line(text: fmt::Arguments<'_>) {
    // Neither fails. User code that does so when it formats has no more to say.
    if AT_DEBUGGER.load(Ordering::Relaxed) {
        let mut out = debugger::Text::new();
        let _ = writeln!(out, "{text}");
    } else {
        let _ = writeln!(Polled, "{text}");
        while Pl011::get().is_busy() {
            // What has been written has gone out: the machine may be turned off next.
            core::hint::spin_loop();
        }
    }
}

/// The UART, polled.
struct Polled;

impl fmt::Write for Polled {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        let uart = Pl011::get();
        for byte in text.bytes() {
            while uart.is_full() {
                core::hint::spin_loop();
            }
            uart.send(byte);
        }
        Ok(())
    }
}
