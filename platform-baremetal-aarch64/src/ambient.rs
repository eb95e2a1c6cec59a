// SPDX-License-Identifier: BSD-3-Clause
//! "Which worker am I": a register that nothing else uses, for there is no EL0.
#![expect(unsafe_code, reason = "reads and writes a system register, and registers that with the core")]

use core::arch::asm;

fn get() -> *const () {
    let worker;
    // SAFETY: copies a register. Not `nomem`: it is read anew after each switch.
    unsafe { asm!("mrs {}, tpidr_el0", out(reg) worker, options(nostack, preserves_flags)) };
    worker
}

fn set(worker: *const ()) {
    // SAFETY: only this module uses the register.
    unsafe { asm!("msr tpidr_el0, {}", in(reg) worker, options(nostack, preserves_flags)) };
}

// SAFETY: the register is the core's own, and a core's first instructions have set it to null.
kcoro_core::ambient_worker!(unsafe { get = get, set = set });
