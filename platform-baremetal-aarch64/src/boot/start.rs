// SPDX-License-Identifier: BSD-3-Clause
//! The first instructions of each core, up to the first Rust function.
//!
//! ```text
//!   boot core:    _start            -> EL1, stacks, vectors, .bss zeroed          -> boot::boot(device tree)
//!   other cores:  kcoro_other_core  -> EL1, stacks, vectors, MMU and caches on    -> boot::other_core(index)
//! ```
//!
//! A core starts with its MMU and caches off, at EL1 or EL2. From EL2 it drops to EL1, where everything runs. EL3 is
//! refused: what would have to be set up there is a firmware's work.
//!
//! Memory that is cached on another core may not be touched before the own caches are on, so the other cores turn them on
//! before their first load or store: their stacks are found by arithmetic only.
#![expect(unsafe_code, reason = "the first instructions that a core executes")]

use core::arch::global_asm;

use crate::cores::{BASE_TOP, BLOCK_BYTES, CORES, Core, EXCEPTION_TOP, MEMORY};
use crate::paging::{ROOT, SCTLR, SCTLR_OFF, TCR};
use crate::table::MAIR;

global_asm!(
    r#"
    .pushsection .text.kcoro.boot, "ax"
    .global _start
_start:
    msr     DAIFSet, #0xf
    mov     x20, x0                     // where the device tree is, or 0
    adrp    x21, {memory}               // this core's block of stacks; aligned to a page
    adrp    x22, {cores}
    add     x22, x22, :lo12:{cores}     // this core's own record
    bl      kcoro_drop_to_el1
    bl      kcoro_set_up
    adrp    x1, kcoro_early_vectors     // until memory is known to be there
    add     x1, x1, :lo12:kcoro_early_vectors
    msr     VBAR_EL1, x1
    isb
    adrp    x1, __kcoro_bss_start
    adrp    x2, __kcoro_bss_end
0:  cmp     x1, x2
    b.hs    1f
    stp     xzr, xzr, [x1], #16
    b       0b
1:  adrp    x1, kcoro_vectors
    add     x1, x1, :lo12:kcoro_vectors
    msr     VBAR_EL1, x1
    isb
    mov     x0, x20
    bl      {boot}
    brk     #1

    // x0: the number that whoever started this core gave it.
    .global kcoro_other_core
kcoro_other_core:
    msr     DAIFSet, #0xf
    mov     x20, x0
    ldr     x1, ={block_bytes}
    adrp    x21, {memory}
    madd    x21, x20, x1, x21
    ldr     x1, ={core_bytes}
    adrp    x22, {cores}
    add     x22, x22, :lo12:{cores}
    madd    x22, x20, x1, x22
    bl      kcoro_drop_to_el1
    bl      kcoro_set_up
    bl      kcoro_enable_mmu
    mov     x0, x20
    bl      {other_core}
    brk     #1

    // Returns at EL1 with the MMU off. Uses x1 and no memory.
kcoro_drop_to_el1:
    mrs     x1, CurrentEL
    cmp     x1, #(3 << 2)
    b.eq    kcoro_at_el3
    ldr     x1, ={sctlr_off}
    msr     SCTLR_EL1, x1
    isb
    mrs     x1, CurrentEL
    cmp     x1, #(2 << 2)
    b.eq    0f
    ret
0:  mov     x1, #(1 << 31)              // EL1 is AArch64; pointer authentication is not trapped
    orr     x1, x1, #(3 << 40)
    msr     HCR_EL2, x1
    isb
    mov     x1, #3                      // EL1 reads the counter and has the timers
    msr     CNTHCTL_EL2, x1
    msr     CNTVOFF_EL2, xzr            // so that the virtual counter is the same on all cores
    mov     x1, #0x33ff                 // floating point is not trapped
    msr     CPTR_EL2, x1
    msr     HSTR_EL2, xzr
    msr     VTTBR_EL2, xzr
    mrs     x1, MIDR_EL1
    msr     VPIDR_EL2, x1
    mrs     x1, MPIDR_EL1
    msr     VMPIDR_EL2, x1
    mrs     x1, ID_AA64PFR0_EL1
    ubfx    x1, x1, #24, #4
    cbz     x1, 1f
    mrs     x1, S3_4_C12_C9_5           // ICC_SRE_EL2: EL1 uses the system registers of a GICv3
    orr     x1, x1, #1                  // SRE
    orr     x1, x1, #8                  // Enable
    msr     S3_4_C12_C9_5, x1
    isb
    msr     S3_4_C12_C11_0, xzr         // ICH_HCR_EL2
1:  mov     x1, #0x3c5                  // EL1h, all masked
    msr     SPSR_EL2, x1
    msr     ELR_EL2, x30
    eret

    // Stacks, vectors, floating point, the pointers that a core has. Leaves SP_EL0 in force. Uses x1 and no memory.
kcoro_set_up:
    msr     SPSel, #1
    ldr     x1, ={exception_top}
    add     x1, x21, x1
    mov     sp, x1
    msr     SPSel, #0
    ldr     x1, ={base_top}
    add     x1, x21, x1
    mov     sp, x1
    adrp    x1, kcoro_vectors
    add     x1, x1, :lo12:kcoro_vectors
    msr     VBAR_EL1, x1
    mov     x1, #(3 << 20)              // floating point is not trapped
    msr     CPACR_EL1, x1
    msr     TPIDR_EL1, x22
    msr     TPIDR_EL0, xzr
    isb
    mov     x29, xzr
    ret

    // Uses x1 to x3 and no memory. The tables are in memory, whoever made them.
    .global kcoro_enable_mmu
kcoro_enable_mmu:
    adrp    x1, {root}
    msr     TTBR0_EL1, x1
    ldr     x1, ={mair}
    msr     MAIR_EL1, x1
    ldr     x1, ={tcr}
    mrs     x2, ID_AA64MMFR0_EL1        // addresses are as large as this core can, 48 bits at most
    and     x2, x2, #0xf
    mov     x3, #5
    cmp     x2, x3
    csel    x2, x2, x3, lo
    orr     x1, x1, x2, lsl #32
    msr     TCR_EL1, x1
    tlbi    vmalle1
    ic      iallu
    dsb     sy
    isb
    ldr     x1, ={sctlr}
    msr     SCTLR_EL1, x1
    isb
    ret

    // With EL3 all cores of `virt` come at once. One is enough to say so.
kcoro_at_el3:
    mrs     x1, MPIDR_EL1
    tst     x1, #0xffffff
    b.ne    0f
    msr     CPTR_EL3, xzr
    isb
    ldr     x1, ={base_top}
    add     x1, x21, x1
    mov     sp, x1
    bl      {refuse_el3}
0:  wfi
    b       0b
    .ltorg
    .popsection
    "#,
    memory = sym MEMORY,
    cores = sym CORES,
    root = sym ROOT,
    boot = sym super::boot,
    other_core = sym super::other_core,
    refuse_el3 = sym super::refuse_el3,
    block_bytes = const BLOCK_BYTES,
    core_bytes = const size_of::<Core>(),
    exception_top = const EXCEPTION_TOP,
    base_top = const BASE_TOP,
    mair = const MAIR,
    tcr = const TCR,
    sctlr = const SCTLR,
    sctlr_off = const SCTLR_OFF,
);

unsafe extern "C" {
    /// Turns MMU and caches on, with the tables at `ROOT`.
    ///
    /// # Safety
    ///
    /// The tables map what runs, at the address that it has; no cache holds anything of them that memory does not.
    pub(crate) fn kcoro_enable_mmu();

    /// Where another core starts; never called.
    pub(crate) fn kcoro_other_core();
}
