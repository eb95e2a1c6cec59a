// SPDX-License-Identifier: BSD-3-Clause
//! RISC-V, 64 bits, LP64 ABIs. See `x86_64.rs` for what is not said here.
//!
//! ```text
//!  fresh                        suspended                     running
//!  top  ------------------      top  ------------------       top  ------------------
//!       0                            root frame                    root frame
//!       entry                        ...                           ...
//!       0                            suspended function            running function
//!       data     (base ptr)          0                         sp  ------------------
//!       trampoline (resume)          base pointer    s1
//!  S -> 0     (frame ptr)            resume address
//!                               S -> frame pointer   s0
//! ```
//!
//! A parent that called [`resume`] has on its stack, highest address first: padding, s1, return address, s0.
//! `parent` points to s0; the landing fills the return address in. A frame record lies *below* the address in s0 on this
//! architecture: a walk by frame pointers starts at S + 16.
//!
//! | register | [`switch`] | [`resume`] -> landing | [`suspend`] -> after the call |
//! |---|---|---|---|
//! | a0 | `save` | child's S | child's S, or 0 |
//! | a1 | `to` | word | word |
//! | a2 | | parent | |
//! | a3 | | request | |
//! | ra | | return address | |
//!
//! s0 and s1 are LLVM's own; s2 to s11 and fs0 to fs11 are clobbered by name. Jumps go through
//! a4: a jump through ra or t0 would be taken for a return by the predictor. fcsr stays as it is.

use core::arch::{asm, naked_asm};
use core::mem::offset_of;

use super::{FreshFrame, Resumed, StackPointer, Suspended, SuspendedFrame, Word};

/// As in `x86_64.rs`. Clobbering a register that the target lacks is allowed and does nothing.
macro_rules! context_asm {
    ($($code_and_operands:tt)*) => {
        asm!(
            $($code_and_operands)*
            lateout("s2") _, lateout("s3") _, lateout("s4") _, lateout("s5") _,
            lateout("s6") _, lateout("s7") _, lateout("s8") _, lateout("s9") _,
            lateout("s10") _, lateout("s11") _, lateout("fs0") _, lateout("fs1") _,
            lateout("fs2") _, lateout("fs3") _, lateout("fs4") _, lateout("fs5") _,
            lateout("fs6") _, lateout("fs7") _, lateout("fs8") _, lateout("fs9") _,
            lateout("fs10") _, lateout("fs11") _,
            clobber_abi("C"),
        )
    };
}

#[inline(always)]
pub(super) unsafe fn switch(save: *mut StackPointer, to: StackPointer) {
    // SAFETY: as in x86_64.rs.
    unsafe {
        context_asm!(
            no_caller!(begin "ra"),
            "lla a4, 2f",
            "addi sp, sp, -{frame_bytes}",
            "sd s0, {frame_pointer}(sp)",
            "sd a4, {resume_address}(sp)",
            "sd s1, {base_pointer}(sp)",
            "sd sp, 0(a0)",
            "ld s0, {frame_pointer}(a1)",
            "ld a4, {resume_address}(a1)",
            "ld s1, {base_pointer}(a1)",
            "addi sp, a1, {frame_bytes}",
            "jr a4",
            no_caller!(end),
            "2:",
            frame_bytes = const size_of::<SuspendedFrame>(),
            frame_pointer = const offset_of!(SuspendedFrame, frame_pointer),
            resume_address = const offset_of!(SuspendedFrame, resume_address),
            base_pointer = const offset_of!(SuspendedFrame, base_pointer),
            inout("a0") save => _,
            inout("a1") to => _,
        );
    }
}

#[inline(always)]
pub(super) unsafe fn resume(child: StackPointer, word: Word, request: usize) -> Suspended {
    let (next, answer): (StackPointer, Word);
    // SAFETY: as in x86_64.rs.
    unsafe {
        context_asm!(
            no_caller!(begin "ra"),
            "addi sp, sp, -{frame_bytes}",
            "sd s0, {frame_pointer}(sp)",
            "sd s1, {base_pointer}(sp)",
            "mv a2, sp",
            "ld s0, {frame_pointer}(a0)",
            "ld a4, {resume_address}(a0)",
            "ld s1, {base_pointer}(a0)",
            "jalr ra, a4",
            "ld s0, {frame_pointer}(sp)",
            "ld s1, {base_pointer}(sp)",
            "addi sp, sp, {frame_bytes}",
            no_caller!(end),
            frame_bytes = const size_of::<SuspendedFrame>(),
            frame_pointer = const offset_of!(SuspendedFrame, frame_pointer),
            resume_address = const offset_of!(SuspendedFrame, resume_address),
            base_pointer = const offset_of!(SuspendedFrame, base_pointer),
            inout("a0") child => next,
            inout("a1") word => answer,
            inout("a3") request => _,
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
            no_caller!(begin "ra"),
            "lla a4, 2f",
            "addi sp, sp, -{frame_bytes}",
            "sd s0, {frame_pointer}(sp)",
            "sd a4, {resume_address}(sp)",
            "sd s1, {base_pointer}(sp)",
            "mv a0, sp",
            "ld ra, {resume_address}(a2)",
            "mv sp, a2",
            "ret",
            "2:",
            "sd ra, {resume_address}(sp)",
            "addi sp, a0, {frame_bytes}",
            no_caller!(end),
            frame_bytes = const size_of::<SuspendedFrame>(),
            frame_pointer = const offset_of!(SuspendedFrame, frame_pointer),
            resume_address = const offset_of!(SuspendedFrame, resume_address),
            base_pointer = const offset_of!(SuspendedFrame, base_pointer),
            inout("a2") parent => parent_now,
            inout("a1") word => answer,
            lateout("a3") request,
        );
    }
    Resumed { parent: parent_now, word: answer, request }
}

#[inline(always)]
pub(super) unsafe fn finish(parent: StackPointer, word: Word) -> ! {
    // SAFETY: as in x86_64.rs.
    unsafe {
        asm!(
            "mv a0, zero",
            "ld ra, {resume_address}(a2)",
            "mv sp, a2",
            "ret",
            resume_address = const offset_of!(SuspendedFrame, resume_address),
            in("a2") parent,
            in("a1") word,
            options(noreturn),
        );
    }
}

/// sp points to `entry`, 16 bytes below the top; s1 holds the data.
#[unsafe(naked)]
pub(super) unsafe extern "C" fn start_switched() {
    naked_asm!(
        ".cfi_startproc",
        ".cfi_undefined ra",
        "ld a4, 0(sp)",
        "mv a0, s1",
        "jalr ra, a4",
        "unimp",
        ".cfi_endproc",
    );
}

/// On the parent's stack still; a0 is the child's S, s1 holds the data, a1 to a3 are arguments already.
#[unsafe(naked)]
pub(super) unsafe extern "C" fn start_linked() {
    naked_asm!(
        ".cfi_startproc",
        ".cfi_undefined ra",
        "sd ra, {resume_address}(sp)",
        "addi sp, a0, {entry}",
        "ld a4, 0(sp)",
        "mv a0, s1",
        "jalr ra, a4",
        "unimp",
        ".cfi_endproc",
        resume_address = const offset_of!(SuspendedFrame, resume_address),
        entry = const offset_of!(FreshFrame, entry),
    );
}

/// The rounding mode. The rest of fcsr is status flags.
///
/// The stable compiler does not say whether a RISC-V target has an FPU (`target_feature = "f"` is never set), so without
/// an operating system, where there may be none, the mode is left alone and coroutines cannot keep their own.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct FpWords(usize);

pub(super) const FP_DEFAULT: FpWords = FpWords(0);

#[cfg(not(target_os = "none"))]
#[inline]
pub(super) fn read_fp_control() -> FpWords {
    let rounding;
    // SAFETY: copies a register. Not `nomem`: the compiler must not move the read over a switch.
    unsafe { asm!("frrm {}", out(reg) rounding, options(nostack, preserves_flags)) };
    FpWords(rounding)
}

#[cfg(not(target_os = "none"))]
#[inline]
pub(super) unsafe fn write_fp_control(words: FpWords) {
    // SAFETY: the mode was read from the register or is the default.
    unsafe { asm!("fsrm {}", in(reg) words.0, options(nostack, preserves_flags)) };
}

#[cfg(target_os = "none")]
pub(super) fn read_fp_control() -> FpWords {
    FP_DEFAULT
}

#[cfg(target_os = "none")]
pub(super) unsafe fn write_fp_control(_words: FpWords) {}

#[inline(always)]
pub(super) fn stack_pointer() -> usize {
    let sp;
    // SAFETY: copies a register.
    unsafe { asm!("mv {}, sp", out(reg) sp, options(nomem, nostack, preserves_flags)) };
    sp
}

/// Here the frame pointer points past the record.
pub(super) const RECORD_BELOW_FRAME_POINTER_BYTES: usize = 16;

#[inline(always)]
pub(super) unsafe fn load(address: usize) -> usize {
    let word;
    // SAFETY: the caller's promise.
    unsafe { asm!("ld {}, ({})", out(reg) word, in(reg) address, options(readonly, nostack, preserves_flags)) };
    word
}

/// `prefetch.w`, spelled as the `ori` to the zero register that it is, which older assemblers and cores take.
#[inline(always)]
pub(super) fn prefetch(p: *const u8) {
    // SAFETY: as in x86_64.rs.
    unsafe { asm!("ori zero, {}, 3", in(reg) p.addr(), options(nomem, nostack, preserves_flags)) };
}

/// Zicfiss shadow stacks are not on unless a program asks for them, and Rust programs have no way to yet.
pub(super) fn shadow_stack_active() -> bool {
    false
}
