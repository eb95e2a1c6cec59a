// SPDX-License-Identifier: BSD-3-Clause
//! How a program ends: a last line says with what code, semihosting tells the emulator or debugger, and where there is none
//! the firmware turns the machine off.
#![expect(unsafe_code, reason = "stops a core")]

use core::arch::asm;
use core::fmt;
use core::sync::atomic::{AtomicBool, Ordering};

use crate::{boot, console, debugger, psci};

/// What a program came to. 0 is success.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ExitCode(pub u8);

impl ExitCode {
    /// All went well.
    pub const SUCCESS: Self = Self(0);
    /// Something did not.
    pub const FAILURE: Self = Self(1);
    /// A panic.
    pub const PANIC: Self = Self(101);
    /// An exception that nobody expects: a fault, an overflow, an interrupt without a handler.
    pub const FAULT: Self = Self(102);
    /// The machine or the runtime cannot go on.
    pub const FATAL: Self = Self(103);
}

/// Set when the debugger has been called: if an exception comes then, there is none.
static CALLED: AtomicBool = AtomicBool::new(false);

/// Says `text` as the program's last words and ends it.
pub(crate) fn die(code: ExitCode, text: fmt::Arguments<'_>) -> ! {
    console::take_over();
    console::write_line(text);
    exit(code)
}

/// Ends the program.
pub(crate) fn exit(code: ExitCode) -> ! {
    // A program that is turned off by its firmware cannot hand its code over: so it is in the last line, too.
    console::write_line(format_args!("kcoro: exit {}", code.0));
    // An ordinary store, for there may be no atomics yet.
    CALLED.store(true, Ordering::Relaxed);
    debugger::exit(code);
    turn_off()
}

/// Whether an exception comes from calling a debugger that is not there.
pub(crate) fn has_called_debugger() -> bool {
    CALLED.load(Ordering::Relaxed)
}

pub(crate) fn turn_off() -> ! {
    if let Some(conduit) = boot::conduit() {
        psci::machine_off(conduit);
    }
    halt()
}

/// This core does nothing any more.
pub(crate) fn halt() -> ! {
    loop {
        // SAFETY: with all masked, nothing wakes it to any effect.
        unsafe { asm!("msr DAIFSet, #0xf", "wfi", options(nomem, nostack)) };
    }
}
