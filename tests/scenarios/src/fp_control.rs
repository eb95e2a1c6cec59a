// SPDX-License-Identifier: BSD-3-Clause
//! The floating-point control register: rounding, and on some machines more.
#![expect(unsafe_code, reason = "reads and writes the register")]

use core::arch::asm;

#[cfg(target_arch = "x86_64")]
mod machine {
    use super::asm;

    const DEFAULT: u64 = 0x1f80;
    pub(crate) const ROUND_UP: u64 = DEFAULT | 2 << 13;
    pub(crate) const ROUND_DOWN: u64 = DEFAULT | 1 << 13;
    /// The flags that arithmetic sets are no control.
    const CONTROL: u64 = !0x3f;

    pub(crate) fn read() -> u64 {
        let mut mxcsr = 0u32;
        // SAFETY: stores the register to a local.
        unsafe { asm!("stmxcsr [{}]", in(reg) &raw mut mxcsr, options(nostack)) };
        u64::from(mxcsr) & CONTROL
    }

    pub(crate) fn write(value: u64) {
        let mxcsr = value as u32;
        // SAFETY: a valid value; nothing computes with floats while it is set.
        unsafe { asm!("ldmxcsr [{}]", in(reg) &raw const mxcsr, options(nostack)) };
    }
}

#[cfg(target_arch = "aarch64")]
mod machine {
    use super::asm;

    pub(crate) const ROUND_UP: u64 = 1 << 22;
    pub(crate) const ROUND_DOWN: u64 = 2 << 22;

    pub(crate) fn read() -> u64 {
        let fpcr;
        // SAFETY: reads a register.
        unsafe { asm!("mrs {}, fpcr", out(reg) fpcr, options(nostack, nomem)) };
        fpcr
    }

    pub(crate) fn write(value: u64) {
        // SAFETY: a valid value; nothing computes with floats while it is set.
        unsafe { asm!("msr fpcr, {}", in(reg) value, options(nostack)) };
    }
}

#[cfg(target_arch = "riscv64")]
mod machine {
    use super::asm;

    pub(crate) const ROUND_UP: u64 = 3;
    pub(crate) const ROUND_DOWN: u64 = 2;

    pub(crate) fn read() -> u64 {
        let frm;
        // SAFETY: reads a register.
        unsafe { asm!("frrm {}", out(reg) frm, options(nostack, nomem)) };
        frm
    }

    pub(crate) fn write(value: u64) {
        // SAFETY: a valid value; nothing computes with floats while it is set.
        unsafe { asm!("fsrm {}", in(reg) value, options(nostack)) };
    }
}

pub(crate) use machine::{ROUND_DOWN, ROUND_UP, read, write};
