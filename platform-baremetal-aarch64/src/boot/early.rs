// SPDX-License-Identifier: BSD-3-Clause
//! What a fault does before there is memory to report it with: where RAM is smaller than the image, the first store beyond its
//! end faults, and so would every report. These vectors need code and constants only. They say what they can, in words that
//! are fixed, on the UART of QEMU's `virt`.
#![expect(unsafe_code, reason = "vectors of the first instructions")]

use core::arch::global_asm;

use crate::exit::ExitCode;
use crate::uart::pl011;

global_asm!(
    r#"
    .pushsection .text.kcoro.boot, "ax"
    .balign 0x800
    .global kcoro_early_vectors
kcoro_early_vectors:
    .rept   16
    .balign 0x80
    b       kcoro_early_fault
    .endr
    .balign 0x80

kcoro_early_fault:
    mrs     x0, ELR_EL1
    adr     x1, 3f
    cmp     x0, x1
    b.eq    4f                          // nobody answers the call below
    adr     x1, 5f
    ldr     x2, ={uart}
0:  ldrb    w3, [x1], #1
    cbz     w3, 2f
1:  ldr     w4, [x2, #{flags}]
    tbnz    w4, #{full_bit}, 1b
    str     w3, [x2]
    b       0b
2:  mov     x0, #0x18                   // semihosting: the program ends
    adr     x1, 6f
3:  hlt     #0xf000
4:  wfi
    b       4b
5:  .asciz  "kcoro: cannot start: a fault before memory was set up: is RAM smaller than the image?\nkcoro: exit {code}\n"
    .balign 8
6:  .quad   0x20026, {code}
    .ltorg
    .popsection
    "#,
    uart = const pl011::EARLY,
    flags = const pl011::FLAGS,
    full_bit = const pl011::FULL.trailing_zeros(),
    code = const ExitCode::FATAL.0,
);
