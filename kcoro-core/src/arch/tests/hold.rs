// SPDX-License-Identifier: BSD-3-Clause
//! Holds a value in every callee-saved register of the ABI over a call, and says which bits came back changed.

use core::arch::naked_asm;

/// A function that `hold_canaries` calls.
pub(super) type Callee = unsafe extern "C" fn(*mut ());

/// How many registers the ABI makes callee-saved, the stack pointer apart. On aarch64 and riscv64 the FPU's are among
/// them; of aarch64's v8 to v15 the low halves.
pub(super) const CANARIES: usize = if cfg!(target_arch = "x86_64") {
    6
} else if cfg!(target_arch = "aarch64") {
    11 + 8
} else {
    12 + 12
};

/// Loads `canaries` into the registers, calls `callee(data)`, and returns the bits in which any register differs after.
///
/// # Safety
///
/// `callee(data)` may be called.
#[cfg(target_arch = "x86_64")]
#[unsafe(naked)]
pub(super) unsafe extern "C" fn hold_canaries(canaries: *const [u64; CANARIES], callee: Callee, data: *mut ()) -> u64 {
    naked_asm!(
        "push rbp",
        "push rbx",
        "push r12",
        "push r13",
        "push r14",
        "push r15",
        "push rdi",
        "mov rbx, [rdi]",
        "mov rbp, [rdi + 8]",
        "mov r12, [rdi + 16]",
        "mov r13, [rdi + 24]",
        "mov r14, [rdi + 32]",
        "mov r15, [rdi + 40]",
        "mov rdi, rdx",
        "call rsi",
        "pop rdi",
        "xor rbx, [rdi]",
        "xor rbp, [rdi + 8]",
        "xor r12, [rdi + 16]",
        "xor r13, [rdi + 24]",
        "xor r14, [rdi + 32]",
        "xor r15, [rdi + 40]",
        "mov rax, rbx",
        "or rax, rbp",
        "or rax, r12",
        "or rax, r13",
        "or rax, r14",
        "or rax, r15",
        "pop r15",
        "pop r14",
        "pop r13",
        "pop r12",
        "pop rbx",
        "pop rbp",
        "ret",
    )
}

/// As on x86_64. Frame: x30, x19 to x29, d8 to d15, the canaries' address.
#[cfg(target_arch = "aarch64")]
#[unsafe(naked)]
pub(super) unsafe extern "C" fn hold_canaries(canaries: *const [u64; CANARIES], callee: Callee, data: *mut ()) -> u64 {
    naked_asm!(
        "sub sp, sp, #176",
        "stp x30, x0, [sp]",
        ".irp k, 19, 20, 21, 22, 23, 24, 25, 26, 27, 28, 29",
        "str x\\k, [sp, #(16 + 8 * (\\k - 19))]",
        "ldr x\\k, [x0, #(8 * (\\k - 19))]",
        ".endr",
        ".irp k, 8, 9, 10, 11, 12, 13, 14, 15",
        "str d\\k, [sp, #(104 + 8 * (\\k - 8))]",
        "ldr d\\k, [x0, #(88 + 8 * (\\k - 8))]",
        ".endr",
        "mov x0, x2",
        "blr x1",
        "ldp x30, x1, [sp]",
        "mov x0, xzr",
        ".irp k, 19, 20, 21, 22, 23, 24, 25, 26, 27, 28, 29",
        "ldr x2, [x1, #(8 * (\\k - 19))]",
        "eor x2, x2, x\\k",
        "orr x0, x0, x2",
        "ldr x\\k, [sp, #(16 + 8 * (\\k - 19))]",
        ".endr",
        ".irp k, 8, 9, 10, 11, 12, 13, 14, 15",
        "ldr x2, [x1, #(88 + 8 * (\\k - 8))]",
        "fmov x3, d\\k",
        "eor x2, x2, x3",
        "orr x0, x0, x2",
        "ldr d\\k, [sp, #(104 + 8 * (\\k - 8))]",
        ".endr",
        "add sp, sp, #176",
        "ret",
    )
}

/// As on x86_64. Frame: ra, the canaries' address, s0 to s11, fs0 to fs11.
#[cfg(target_arch = "riscv64")]
#[unsafe(naked)]
pub(super) unsafe extern "C" fn hold_canaries(canaries: *const [u64; CANARIES], callee: Callee, data: *mut ()) -> u64 {
    naked_asm!(
        ".option push",
        ".option arch, +d",
        "addi sp, sp, -208",
        "sd ra, 0(sp)",
        "sd a0, 8(sp)",
        ".irp k, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11",
        "sd s\\k, (16 + 8 * \\k)(sp)",
        "ld s\\k, (8 * \\k)(a0)",
        "fsd fs\\k, (112 + 8 * \\k)(sp)",
        "fld fs\\k, (96 + 8 * \\k)(a0)",
        ".endr",
        "mv a0, a2",
        "jalr ra, a1",
        "ld ra, 0(sp)",
        "ld a1, 8(sp)",
        "li a0, 0",
        ".irp k, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11",
        "ld a2, (8 * \\k)(a1)",
        "xor a2, a2, s\\k",
        "or a0, a0, a2",
        "ld s\\k, (16 + 8 * \\k)(sp)",
        "ld a2, (96 + 8 * \\k)(a1)",
        "fmv.x.d a3, fs\\k",
        "xor a2, a2, a3",
        "or a0, a0, a2",
        "fld fs\\k, (112 + 8 * \\k)(sp)",
        ".endr",
        "addi sp, sp, 208",
        "ret",
        ".option pop",
    )
}
