// SPDX-License-Identifier: BSD-3-Clause
//! x86_64, System V ABI. The canonical file: the others comment only what differs.
//!
//! Stacks grow down. The three states of one, highest address first; S is the saved stack pointer:
//!
//! ```text
//!  fresh                        suspended                     running
//!  top  ------------------      top  ------------------       top  ------------------
//!       0                            root frame                    root frame
//!       entry                        ...                           ...
//!       data     (base ptr)          suspended function            running function
//!       trampoline (resume)          base pointer    rbx       rsp ------------------
//!  S -> 0     (frame ptr)            resume address
//!                               S -> frame pointer   rbp
//! ```
//!
//! A parent that called [`resume`] has on its stack, highest address first: rbp, rbx, return address. `parent` points
//! to the return address.
//!
//! | register | [`switch`] | [`resume`] -> landing | [`suspend`] -> after the call |
//! |---|---|---|---|
//! | rdi | `save` | child's S | |
//! | rsi | `to` | word | word |
//! | rdx | | parent | |
//! | rcx | | request | |
//! | rax | | | child's S, or 0 |
//!
//! rbx and rbp are the two registers that LLVM does not let inline assembly clobber. All others are clobbered: the
//! caller-saved by `clobber_abi`, r12 to r15 by name. The direction flag is clear on both sides, as the ABI has it.
//! MXCSR and the x87 control word stay as they are.
//!
//! Each place that is jumped to starts with `endbr64`, a no-op unless indirect branch tracking is on.

use core::arch::{asm, naked_asm};
use core::mem::offset_of;

use super::{FreshFrame, Resumed, StackPointer, Suspended, SuspendedFrame, Word};

/// `asm!` that declares every register clobbered that the other context may change and that the frame does not hold.
macro_rules! context_asm {
    ($($code_and_operands:tt)*) => {
        asm!(
            $($code_and_operands)*
            lateout("r12") _, lateout("r13") _, lateout("r14") _, lateout("r15") _,
            clobber_abi("C"),
        )
    };
}

/// Saves the frame, changes stacks, takes the other's frame off, and jumps. A `ret` in place of the jump would be
/// predicted to return to the caller of this function and miss each time.
#[inline(always)]
pub(super) unsafe fn switch(save: *mut StackPointer, to: StackPointer) {
    // SAFETY: the caller promises that `to` points to a suspended frame; every register that the other context may
    // change is saved in the frame or declared clobbered.
    unsafe {
        context_asm!(
            no_caller!(begin "rip"),
            "push rbx",
            "lea rax, [rip + 2f]",
            "push rax",
            "push rbp",
            "mov [rdi], rsp",
            "mov rsp, rsi",
            "pop rbp",
            "pop rax",
            "pop rbx",
            "jmp rax",
            no_caller!(end),
            "2:",
            "endbr64",
            inout("rdi") save => _,
            inout("rsi") to => _,
        );
    }
}

/// Saves the parent's two registers and calls the child's resume address with the child's registers already loaded; the
/// landing has only to change stacks. Comes back by the `ret` in [`suspend`] or [`finish`].
#[inline(always)]
pub(super) unsafe fn resume(child: StackPointer, word: Word, request: usize) -> Suspended {
    let (next, answer): (StackPointer, Word);
    // SAFETY: as in `switch`; the child returns to the address that the call pushes, with the stack pointer just above.
    unsafe {
        context_asm!(
            no_caller!(begin "rip"),
            "push rbp",
            "push rbx",
            "lea rdx, [rsp - 8]",
            "mov rbp, [rdi + {frame_pointer}]",
            "mov rbx, [rdi + {base_pointer}]",
            "call [rdi + {resume_address}]",
            "pop rbx",
            "pop rbp",
            no_caller!(end),
            frame_pointer = const offset_of!(SuspendedFrame, frame_pointer),
            resume_address = const offset_of!(SuspendedFrame, resume_address),
            base_pointer = const offset_of!(SuspendedFrame, base_pointer),
            inout("rdi") child => _,
            inout("rsi") word => answer,
            inout("rcx") request => _,
            lateout("rax") next,
        );
    }
    Suspended { child: next, word: answer }
}

#[inline(always)]
pub(super) unsafe fn suspend(parent: StackPointer, word: Word) -> Resumed {
    let (parent_now, answer, request): (StackPointer, Word, usize);
    // SAFETY: as in `switch`; `parent` points to the return address that `resume` pushed.
    unsafe {
        context_asm!(
            no_caller!(begin "rip"),
            "push rbx",
            "lea rax, [rip + 2f]",
            "push rax",
            "push rbp",
            "mov rax, rsp",
            "mov rsp, rdx",
            "ret",
            "2:",
            "endbr64",
            "lea rsp, [rdi + {frame_bytes}]",
            no_caller!(end),
            frame_bytes = const size_of::<SuspendedFrame>(),
            inout("rdx") parent => parent_now,
            inout("rsi") word => answer,
            lateout("rcx") request,
        );
    }
    Resumed { parent: parent_now, word: answer, request }
}

#[inline(always)]
pub(super) unsafe fn finish(parent: StackPointer, word: Word) -> ! {
    // SAFETY: as in `suspend`; a null child tells the parent that there is nothing to come back to.
    unsafe {
        asm!(
            "xor eax, eax",
            "mov rsp, rdx",
            "ret",
            in("rdx") parent,
            in("rsi") word,
            options(noreturn),
        );
    }
}

/// Where a fresh context that `switch` starts resumes. The switch has taken the suspended frame off: rsp points to
/// `entry`, 16 bytes below the top, as aligned as a caller must be at its call. rbx holds the data.
#[unsafe(naked)]
pub(super) unsafe extern "C" fn start_switched() {
    naked_asm!(".cfi_startproc", ".cfi_undefined rip", "endbr64", "mov rdi, rbx", "call [rsp]", "ud2", ".cfi_endproc",);
}

/// Where a fresh context that `resume` starts resumes, on the parent's stack still. rdi is the child's S; rsi, rdx and
/// rcx are the entry's second to fourth arguments already. rbx holds the data.
#[unsafe(naked)]
pub(super) unsafe extern "C" fn start_linked() {
    naked_asm!(
        ".cfi_startproc",
        ".cfi_undefined rip",
        "endbr64",
        "lea rsp, [rdi + {entry}]",
        "mov rdi, rbx",
        "call [rsp]",
        "ud2",
        ".cfi_endproc",
        entry = const offset_of!(FreshFrame, entry),
    );
}

/// MXCSR without its status flags, and the x87 control word.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct FpWords {
    mxcsr: u32,
    x87: u16,
}

pub(super) const FP_DEFAULT: FpWords = FpWords { mxcsr: 0x1F80, x87: 0x037F };

/// A target without SSE is one whose kernel has not turned the unit on.
#[cfg(target_feature = "sse")]
#[inline]
pub(super) fn read_fp_control() -> FpWords {
    const MXCSR_STATUS: u32 = 0x3F;
    let (mut mxcsr, mut x87) = (0u32, 0u16);
    // SAFETY: both instructions only store, to the two locals.
    unsafe {
        asm!("stmxcsr [{m}]", "fnstcw [{x}]", m = in(reg) &mut mxcsr, x = in(reg) &mut x87, options(nostack, preserves_flags));
    }
    FpWords { mxcsr: mxcsr & !MXCSR_STATUS, x87 }
}

/// See [`FpControl::write`](super::FpControl::write).
#[cfg(target_feature = "sse")]
#[inline]
pub(super) unsafe fn write_fp_control(words: FpWords) {
    // SAFETY: the words were read from the registers or are the ABI's default, so no reserved bit is set.
    unsafe {
        asm!("ldmxcsr [{m}]", "fldcw [{x}]", m = in(reg) &words.mxcsr, x = in(reg) &words.x87, options(nostack, preserves_flags));
    }
}

#[cfg(not(target_feature = "sse"))]
pub(super) fn read_fp_control() -> FpWords {
    FP_DEFAULT
}

#[cfg(not(target_feature = "sse"))]
pub(super) unsafe fn write_fp_control(_words: FpWords) {}

#[inline(always)]
pub(super) fn stack_pointer() -> usize {
    let sp;
    // SAFETY: copies a register.
    unsafe { asm!("mov {}, rsp", out(reg) sp, options(nomem, nostack, preserves_flags)) };
    sp
}

/// How far below the frame pointer the frame record lies.
pub(super) const RECORD_BELOW_FRAME_POINTER_BYTES: usize = 0;

/// The word at `address`. The compiler is not told whose memory it is, nor whether anyone has written it: on a stack that
/// question has no answer.
///
/// # Safety
///
/// The word is aligned and in readable memory that nobody writes meanwhile.
#[inline(always)]
pub(super) unsafe fn load(address: usize) -> usize {
    let word;
    // SAFETY: the caller's promise.
    unsafe { asm!("mov {}, [{}]", out(reg) word, in(reg) address, options(readonly, nostack, preserves_flags)) };
    word
}

#[inline(always)]
pub(super) fn prefetch(p: *const u8) {
    // SAFETY: a prefetch does not fault, whatever the address, and changes nothing that a program can see.
    unsafe { asm!("prefetchw [{}]", in(reg) p.addr(), options(nomem, nostack, preserves_flags)) };
}

/// `rdsspq` leaves its register alone where shadow stacks are off or unknown.
pub(super) fn shadow_stack_active() -> bool {
    let mut shadow_stack = 0usize;
    // SAFETY: copies a register, or does nothing.
    unsafe { asm!("rdsspq {}", inout(reg) shadow_stack, options(nomem, nostack, preserves_flags)) };
    shadow_stack != 0
}
