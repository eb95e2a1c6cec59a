// SPDX-License-Identifier: BSD-3-Clause
//! Semihosting: calls that a debugger or an emulator answers. Without one each is an exception.
#![expect(unsafe_code, reason = "calls the debugger")]

use core::arch::asm;
use core::fmt;

use crate::exit::ExitCode;

const WRITE_TEXT: u64 = 0x04;
const EXIT: u64 = 0x18;

/// Ends the program, if there is a debugger.
pub(crate) fn exit(code: ExitCode) {
    const APPLICATION_EXIT: u64 = 0x2_0026;
    let block = [APPLICATION_EXIT, code.0.into()];
    // SAFETY: the call that ends the program; it reads the block.
    unsafe { call(EXIT, block.as_ptr().cast()) };
}

/// # Safety
///
/// `argument` is what the call takes.
unsafe fn call(number: u64, argument: *const u8) {
    // SAFETY: the caller's promise. The answer is in x0.
    unsafe { asm!("hlt #0xf000", inout("x0") number => _, in("x1") argument, options(nostack)) };
}

/// Text on its way to the debugger, which takes pieces that end with a zero.
pub(crate) struct Text {
    bytes: [u8; 128],
    length: usize,
}

impl Text {
    pub(crate) fn new() -> Self {
        Self { bytes: [0; 128], length: 0 }
    }

    fn send(&mut self) {
        self.bytes[self.length] = 0;
        self.length = 0;
        // SAFETY: text that ends with a zero.
        unsafe { call(WRITE_TEXT, self.bytes.as_ptr()) };
    }
}

impl fmt::Write for Text {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        for byte in text.bytes() {
            self.bytes[self.length] = byte;
            self.length += 1;
            if self.length == self.bytes.len() - 1 {
                self.send();
            }
        }
        Ok(())
    }
}

impl Drop for Text {
    fn drop(&mut self) {
        self.send();
    }
}
