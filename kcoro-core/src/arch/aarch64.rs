// SPDX-License-Identifier: BSD-3-Clause
//! AArch64, AAPCS64. See `x86_64.rs` for what is not said here.
//!
//! ```text
//!  fresh                        suspended                     running
//!  top  ------------------      top  ------------------       top  ------------------
//!       0                            root frame                    root frame
//!       entry                        ...                           ...
//!       0                            suspended function            running function
//!       data     (base ptr)          0                         sp  ------------------
//!       trampoline (resume)          base pointer    x19
//!  S -> 0     (frame ptr)            resume address
//!                               S -> frame pointer   x29
//! ```
//!
//! A parent that called [`resume`] has on its stack, highest address first: padding, x19, return address, x29.
//! `parent` points to x29; the landing fills the return address in.
//!
//! | register | [`switch`] | [`resume`] -> landing | [`suspend`] -> after the call |
//! |---|---|---|---|
//! | x0 | `save` | child's S | child's S, or 0 |
//! | x1 | `to` | word | word |
//! | x2 | | parent | |
//! | x3 | | request | |
//! | x30 | | return address | |
//!
//! x19 and x29 are LLVM's own; x20 to x28 are clobbered by name, v8 to v15 by `clobber_abi`. x18 is the platform's and is left alone. Branches go through x16, the one kind of indirect jump that a
//! landing pad for calls takes too; the pads are `hint`s, so that older cores and assemblers take them. FPCR stays as
//! it is. The resume address on the stack is not signed: it is as exposed as any function pointer in memory.

use core::arch::{asm, naked_asm};
use core::mem::offset_of;

use super::{FreshFrame, Resumed, StackPointer, Suspended, SuspendedFrame, Word};

/// As in `x86_64.rs`. `clobber_abi` takes all of v0 to v31, the low halves d8 to d15 that the ABI keeps among them.
macro_rules! context_asm {
    ($($code_and_operands:tt)*) => {
        asm!(
            $($code_and_operands)*
            lateout("x20") _, lateout("x21") _, lateout("x22") _, lateout("x23") _,
            lateout("x24") _, lateout("x25") _, lateout("x26") _, lateout("x27") _,
            lateout("x28") _,
            clobber_abi("C"),
        )
    };
}

// `stp` and `ldp` take the first two words of the frame as a pair.
const _: () =
    assert!(offset_of!(SuspendedFrame, frame_pointer) == 0 && offset_of!(SuspendedFrame, resume_address) == 8);

#[inline(always)]
pub(super) unsafe fn switch(save: *mut StackPointer, to: StackPointer) {
    // SAFETY: as in x86_64.rs.
    unsafe {
        context_asm!(
            no_caller!(begin "x30"),
            "adr x16, 2f",
            "stp x29, x16, [sp, #-{frame_bytes}]!",
            "str x19, [sp, #{base_pointer}]",
            "mov x17, sp",
            "str x17, [x0]",
            "ldp x29, x16, [x1]",
            "ldr x19, [x1, #{base_pointer}]",
            "add sp, x1, #{frame_bytes}",
            "br x16",
            no_caller!(end),
            "2:",
            "hint #36", // bti j
            frame_bytes = const size_of::<SuspendedFrame>(),
            base_pointer = const offset_of!(SuspendedFrame, base_pointer),
            inout("x0") save => _,
            inout("x1") to => _,
        );
    }
}

#[inline(always)]
pub(super) unsafe fn resume(child: StackPointer, word: Word, request: usize) -> Suspended {
    let (next, answer): (StackPointer, Word);
    // SAFETY: as in x86_64.rs.
    unsafe {
        context_asm!(
            no_caller!(begin "x30"),
            "str x29, [sp, #-{frame_bytes}]!",
            "str x19, [sp, #{base_pointer}]",
            "mov x2, sp",
            "ldp x29, x16, [x0]",
            "ldr x19, [x0, #{base_pointer}]",
            "blr x16",
            "ldr x19, [sp, #{base_pointer}]",
            "ldr x29, [sp], #{frame_bytes}",
            no_caller!(end),
            frame_bytes = const size_of::<SuspendedFrame>(),
            base_pointer = const offset_of!(SuspendedFrame, base_pointer),
            inout("x0") child => next,
            inout("x1") word => answer,
            inout("x3") request => _,
        );
    }
    Suspended { child: next, word: answer }
}

#[inline(always)]
pub(super) unsafe fn suspend(parent: StackPointer, word: Word) -> Resumed {
    let (parent_now, answer, request): (StackPointer, Word, usize);
    // SAFETY: as in x86_64.rs; the landing stored the return address in the parent's frame.
    unsafe {
        context_asm!(
            no_caller!(begin "x30"),
            "adr x16, 2f",
            "stp x29, x16, [sp, #-{frame_bytes}]!",
            "str x19, [sp, #{base_pointer}]",
            "mov x0, sp",
            "ldr x30, [x2, #{resume_address}]",
            "mov sp, x2",
            "ret",
            "2:",
            "hint #34", // bti c
            "str x30, [sp, #{resume_address}]",
            "add sp, x0, #{frame_bytes}",
            no_caller!(end),
            frame_bytes = const size_of::<SuspendedFrame>(),
            resume_address = const offset_of!(SuspendedFrame, resume_address),
            base_pointer = const offset_of!(SuspendedFrame, base_pointer),
            inout("x2") parent => parent_now,
            inout("x1") word => answer,
            lateout("x3") request,
        );
    }
    Resumed { parent: parent_now, word: answer, request }
}

#[inline(always)]
pub(super) unsafe fn finish(parent: StackPointer, word: Word) -> ! {
    // SAFETY: as in x86_64.rs.
    unsafe {
        asm!(
            "mov x0, xzr",
            "ldr x30, [x2, #{resume_address}]",
            "mov sp, x2",
            "ret",
            resume_address = const offset_of!(SuspendedFrame, resume_address),
            in("x2") parent,
            in("x1") word,
            options(noreturn),
        );
    }
}

/// sp points to `entry`, 16 bytes below the top; x19 holds the data.
#[unsafe(naked)]
pub(super) unsafe extern "C" fn start_switched() {
    naked_asm!(
        ".cfi_startproc",
        ".cfi_undefined x30",
        "hint #38", // bti jc
        "ldr x16, [sp]",
        "mov x0, x19",
        "blr x16",
        "brk #1",
        ".cfi_endproc",
    );
}

/// On the parent's stack still; x0 is the child's S, x19 holds the data, x1 to x3 are arguments already.
#[unsafe(naked)]
pub(super) unsafe extern "C" fn start_linked() {
    naked_asm!(
        ".cfi_startproc",
        ".cfi_undefined x30",
        "hint #38", // bti jc
        "str x30, [sp, #{resume_address}]",
        "add sp, x0, #{entry}",
        "ldr x16, [sp]",
        "mov x0, x19",
        "blr x16",
        "brk #1",
        ".cfi_endproc",
        resume_address = const offset_of!(SuspendedFrame, resume_address),
        entry = const offset_of!(FreshFrame, entry),
    );
}

/// FPCR. The status flags are in another register, FPSR.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct FpWords(u64);

pub(super) const FP_DEFAULT: FpWords = FpWords(0);

#[cfg(target_feature = "neon")]
#[inline]
pub(super) fn read_fp_control() -> FpWords {
    let fpcr;
    // SAFETY: copies a register. Not `nomem`: the compiler must not move the read over a switch.
    unsafe { asm!("mrs {}, fpcr", out(reg) fpcr, options(nostack, preserves_flags)) };
    FpWords(fpcr)
}

#[cfg(target_feature = "neon")]
#[inline]
pub(super) unsafe fn write_fp_control(words: FpWords) {
    // SAFETY: the word was read from the register or is the default, so no reserved bit is set.
    unsafe { asm!("msr fpcr, {}", in(reg) words.0, options(nostack, preserves_flags)) };
}

#[cfg(not(target_feature = "neon"))]
pub(super) fn read_fp_control() -> FpWords {
    FP_DEFAULT
}

#[cfg(not(target_feature = "neon"))]
pub(super) unsafe fn write_fp_control(_words: FpWords) {}

#[inline(always)]
pub(super) fn stack_pointer() -> usize {
    let sp;
    // SAFETY: copies a register.
    unsafe { asm!("mov {}, sp", out(reg) sp, options(nomem, nostack, preserves_flags)) };
    sp
}

pub(super) const RECORD_BELOW_FRAME_POINTER_BYTES: usize = 0;

#[inline(always)]
pub(super) unsafe fn load(address: usize) -> usize {
    let word;
    // SAFETY: the caller's promise.
    unsafe { asm!("ldr {}, [{}]", out(reg) word, in(reg) address, options(readonly, nostack, preserves_flags)) };
    word
}

#[inline(always)]
pub(super) fn prefetch(p: *const u8) {
    // SAFETY: as in x86_64.rs.
    unsafe { asm!("prfm pstl1keep, [{}]", in(reg) p.addr(), options(nomem, nostack, preserves_flags)) };
}

/// CHKFEAT asks about the guarded control stack (bit 0 of x16, cleared when it is on); a no-op on cores without it.
pub(super) fn shadow_stack_active() -> bool {
    let mut feature = 1u64;
    // SAFETY: changes x16 only.
    unsafe { asm!("hint #40", inout("x16") feature, options(nomem, nostack, preserves_flags)) };
    feature == 0
}
