// SPDX-License-Identifier: BSD-3-Clause
//! Calls of the firmware: cores on, machine off.
#![expect(unsafe_code, reason = "calls the firmware")]

use core::arch::asm;

use crate::tree::Conduit;

const CORE_ON: u64 = 0xc400_0003;
const MACHINE_OFF: u64 = 0x8400_0008;

/// What the firmware answered to a call that it did not carry out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Refused(pub(crate) i32);

/// Turns the core `affinity` on, at `entry` with `argument` in x0.
///
/// # Safety
///
/// `entry` is where a core can start, and `argument` is what it expects.
pub(crate) unsafe fn core_on(conduit: Conduit, affinity: u64, entry: usize, argument: usize) -> Result<(), Refused> {
    // SAFETY: the caller's promise.
    match unsafe { call(conduit, CORE_ON, [affinity, entry as u64, argument as u64]) } {
        0 => Ok(()),
        error => Err(Refused(error as i32)),
    }
}

/// Turns the machine off. Returns if the firmware does not.
pub(crate) fn machine_off(conduit: Conduit) {
    // SAFETY: what comes after is not needed.
    unsafe { call(conduit, MACHINE_OFF, [0; 3]) };
}

/// # Safety
///
/// The function does with the arguments what the caller may do.
unsafe fn call(conduit: Conduit, function: u64, arguments: [u64; 3]) -> i64 {
    let answer: i64;
    macro_rules! call {
        ($instruction:literal) => {
            // SAFETY: a call by the firmware's convention, which changes x0 to x17 at most; and the caller's promise.
            unsafe {
                asm!(
                    $instruction,
                    inout("x0") function => answer,
                    inout("x1") arguments[0] => _,
                    inout("x2") arguments[1] => _,
                    inout("x3") arguments[2] => _,
                    lateout("x4") _, lateout("x5") _, lateout("x6") _, lateout("x7") _, lateout("x8") _,
                    lateout("x9") _, lateout("x10") _, lateout("x11") _, lateout("x12") _, lateout("x13") _,
                    lateout("x14") _, lateout("x15") _, lateout("x16") _, lateout("x17") _,
                    options(nostack),
                )
            }
        };
    }
    match conduit {
        Conduit::Hvc => call!("hvc #0"),
        Conduit::Smc => call!("smc #0"),
    }
    answer
}
