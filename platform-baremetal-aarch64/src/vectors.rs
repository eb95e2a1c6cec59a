// SPDX-License-Identifier: BSD-3-Clause
//! The exception vectors: they save everything, call [`on_exception`](crate::exceptions), and put everything back.
//!
//! Everything: code that the compiler made for a handler uses the vector registers even where its source has no number
//! with a point. FPCR is set to its default in between, because the coroutine that was interrupted may have its own.
//!
//! Threads of control run on SP_EL0 (EL1t), exceptions on the core's SP_EL1 (EL1h), whose stack is empty whenever EL1t
//! runs. So an exception from EL1t finds room. One from EL1h, in a handler, may be the overflow of just that stack, and
//! must look before its first store: a valid stack pointer has bit 14 set (see [`cores`](crate::cores)). There is no
//! register to look with, so the sum and the difference of sp and x0 take its place; the same trick exchanges the two to get
//! to the emergency stack. Such an exception is the end of the program: nothing is put back.
#![expect(unsafe_code, reason = "saves and restores what no compiler knows of")]

use core::arch::global_asm;
use core::mem::offset_of;

use crate::cores::{Core, EXCEPTION_STACK_BIT};

/// What an exception interrupted, as the vectors leave it on the stack.
#[repr(C, align(16))]
pub(crate) struct Frame {
    /// x0 to x30.
    pub(crate) x: [u64; 31],
    /// The interrupted thread's stack pointer.
    pub(crate) sp_el0: u64,
    /// Where it goes on.
    pub(crate) elr: u64,
    /// In which state.
    pub(crate) spsr: u64,
    /// What happened.
    pub(crate) esr: u64,
    /// At which address, if the exception has one.
    pub(crate) far: u64,
    fpsr: u64,
    fpcr: u64,
    q: [u128; 32],
}

const _: () = assert!(offset_of!(Frame, sp_el0) == 248 && offset_of!(Frame, elr) == 256 && offset_of!(Frame, esr) == 272);
const _: () = assert!(offset_of!(Frame, fpsr) == 288 && offset_of!(Frame, q) == 304 && size_of::<Frame>() == 816);

/// Added to the number of a vector: the handler's stack had no room, and `x[0]` is where the frame would have been.
pub(crate) const NO_ROOM: u64 = 16;

global_asm!(
    r#"
    .macro KCORO_SAVE_REST              // x0 and x1 are saved; x0 is the number of the vector, and x19 from here on
    stp     x2, x3, [sp, #16]
    stp     x4, x5, [sp, #32]
    stp     x6, x7, [sp, #48]
    stp     x8, x9, [sp, #64]
    stp     x10, x11, [sp, #80]
    stp     x12, x13, [sp, #96]
    stp     x14, x15, [sp, #112]
    stp     x16, x17, [sp, #128]
    stp     x18, x19, [sp, #144]
    stp     x20, x21, [sp, #160]
    stp     x22, x23, [sp, #176]
    stp     x24, x25, [sp, #192]
    stp     x26, x27, [sp, #208]
    stp     x28, x29, [sp, #224]
    mov     x19, x0
    mrs     x0, SP_EL0
    stp     x30, x0, [sp, #240]
    mrs     x0, ELR_EL1
    mrs     x1, SPSR_EL1
    stp     x0, x1, [sp, #256]
    mrs     x0, ESR_EL1
    mrs     x1, FAR_EL1
    stp     x0, x1, [sp, #272]
    mrs     x0, FPSR
    mrs     x1, FPCR
    stp     x0, x1, [sp, #288]
    KCORO_VECTOR_REGISTERS stp
    msr     FPCR, xzr
    mov     x29, xzr                    // a walk by frame pointers ends here
    mov     x0, sp
    mov     x1, x19
    .endm

    .macro KCORO_FROM_THREAD number
    .balign 0x80
    sub     sp, sp, #{frame_bytes}
    stp     x0, x1, [sp]
    mov     x0, #\number
    b       kcoro_from_thread
    .endm

    .macro KCORO_FROM_HANDLER number
    .balign 0x80
    sub     sp, sp, #{frame_bytes}
    add     sp, sp, x0                  // sp + x0
    sub     x0, sp, x0                  // sp
    tbz     x0, #{stack_bit}, 0f
    sub     x0, sp, x0                  // x0
    sub     sp, sp, x0                  // sp
    stp     x0, x1, [sp]
    mov     x0, #\number
    b       kcoro_from_handler
0:  sub     x0, sp, x0
    sub     sp, sp, x0
    mrs     x0, TPIDR_EL1
    ldr     x0, [x0, #{emergency_top}]
    add     sp, sp, x0                  // exchanges sp and x0
    sub     x0, sp, x0
    sub     sp, sp, x0
    sub     sp, sp, #{frame_bytes}
    stp     x0, x1, [sp]
    mov     x0, #(\number + {no_room})
    b       kcoro_from_handler
    .endm

    .macro KCORO_VECTOR_REGISTERS op
    \op     q0, q1, [sp, #304]
    \op     q2, q3, [sp, #336]
    \op     q4, q5, [sp, #368]
    \op     q6, q7, [sp, #400]
    \op     q8, q9, [sp, #432]
    \op     q10, q11, [sp, #464]
    \op     q12, q13, [sp, #496]
    \op     q14, q15, [sp, #528]
    \op     q16, q17, [sp, #560]
    \op     q18, q19, [sp, #592]
    \op     q20, q21, [sp, #624]
    \op     q22, q23, [sp, #656]
    \op     q24, q25, [sp, #688]
    \op     q26, q27, [sp, #720]
    \op     q28, q29, [sp, #752]
    \op     q30, q31, [sp, #784]
    .endm

    .pushsection .text.kcoro.boot, "ax"
    .balign 0x800
    .global kcoro_vectors
kcoro_vectors:
    KCORO_FROM_THREAD 0
    KCORO_FROM_THREAD 1
    KCORO_FROM_THREAD 2
    KCORO_FROM_THREAD 3
    KCORO_FROM_HANDLER 4
    KCORO_FROM_HANDLER 5
    KCORO_FROM_HANDLER 6
    KCORO_FROM_HANDLER 7
    KCORO_FROM_HANDLER 8
    KCORO_FROM_HANDLER 9
    KCORO_FROM_HANDLER 10
    KCORO_FROM_HANDLER 11
    KCORO_FROM_HANDLER 12
    KCORO_FROM_HANDLER 13
    KCORO_FROM_HANDLER 14
    KCORO_FROM_HANDLER 15
    .balign 0x80

kcoro_from_handler:
    KCORO_SAVE_REST
    bl      {on_exception}
    brk     #1

kcoro_from_thread:
    KCORO_SAVE_REST
    bl      {on_exception}
    ldp     x0, x1, [sp, #288]
    msr     FPSR, x0
    msr     FPCR, x1
    KCORO_VECTOR_REGISTERS ldp
    ldp     x0, x1, [sp, #256]
    msr     ELR_EL1, x0
    msr     SPSR_EL1, x1
    ldp     x2, x3, [sp, #16]
    ldp     x4, x5, [sp, #32]
    ldp     x6, x7, [sp, #48]
    ldp     x8, x9, [sp, #64]
    ldp     x10, x11, [sp, #80]
    ldp     x12, x13, [sp, #96]
    ldp     x14, x15, [sp, #112]
    ldp     x16, x17, [sp, #128]
    ldp     x18, x19, [sp, #144]
    ldp     x20, x21, [sp, #160]
    ldp     x22, x23, [sp, #176]
    ldp     x24, x25, [sp, #192]
    ldp     x26, x27, [sp, #208]
    ldp     x28, x29, [sp, #224]
    ldp     x30, x0, [sp, #240]
    msr     SP_EL0, x0
    ldp     x0, x1, [sp]
    add     sp, sp, #{frame_bytes}
    eret
    .popsection
    "#,
    frame_bytes = const size_of::<Frame>(),
    stack_bit = const EXCEPTION_STACK_BIT,
    emergency_top = const offset_of!(Core, emergency_top),
    no_room = const NO_ROOM,
    on_exception = sym crate::exceptions::on_exception,
);
