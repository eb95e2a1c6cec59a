// SPDX-License-Identifier: BSD-3-Clause
//! "Which worker am I": a register that nothing else uses, for there is no EL0.
#![expect(unsafe_code, reason = "reads and writes a system register, and registers that with the core")]

use core::arch::asm;

use crate::cores::Core;

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

fn mask() {
    Core::current().mask();
}

fn unmask() {
    Core::current().unmask();
}

fn are_masked() -> bool {
    Core::current().is_masked()
}

// SAFETY: the register is the core's own, and a core's first instructions have set it to null. Masks nest, and what is masked
// is the calling core, which a coroutine does not leave under a lock.
kcoro_core::ambient_worker!(unsafe {
    get = get,
    set = set,
    mask_interrupts = mask,
    unmask_interrupts = unmask,
    are_interrupts_masked = are_masked,
});
