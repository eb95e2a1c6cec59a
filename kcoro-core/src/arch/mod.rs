// SPDX-License-Identifier: BSD-3-Clause
//! The context switch, one file per architecture. `x86_64.rs` explains; its siblings comment what differs.
//!
//! A context is a stack, and a suspended context is nothing but the address of the frame on top of it
//! ([`SuspendedFrame`]). Whoever switches to a context takes the frame off and jumps to its resume address; the code
//! there finds its stack as it left it. Two ways to switch share that frame:
//!
//! - [`switch`] is symmetric: any context to any other. It leaves by an indirect jump, so that no return is predicted
//!   wrongly. The scheduler uses it.
//! - [`resume`], [`suspend`] and [`finish`] are a pair like call and return: `resume` *calls* the resume address, with
//!   the return address on the parent's stack, and `suspend` *returns* to it. Both ends are predicted. `Coroutine` uses
//!   them. They also carry a word each way.
//!
//! The frame holds only what the compiler does not let inline assembly clobber: the frame pointer and the base pointer.
//! Every other register of the ABI is declared clobbered, callee-saved integer and floating-point ones too, so the
//! compiler saves exactly those that hold something at the point of the switch, and often that is none.
//!
//! Unwinding: the CFI of the surrounding function holds again at the resume address, so a suspended context can be
//! unwound from (resume address, frame pointer, base pointer, address past the frame). Between leaving one stack and
//! arriving on the other, where no rule could be right, the CFI says "outermost frame": an unwinder stops early there
//! and never runs off. The root frame of each context ends the chain, by CFI and by a zero frame pointer. Where code keeps
//! frame pointers, [`frames`] walks a suspended context.
//!
//! Floating-point control words are not switched: see [`FpControl`].
#![expect(unsafe_code, reason = "exchanges stack pointers")]

use core::ptr::NonNull;

/// The rule "no caller" for the return address, around the instructions during which the surrounding function's CFI is
/// wrong: an unwinder that looks there stops early. Only where unwind tables are sure to be emitted: the assembler
/// refuses the directives elsewhere.
#[cfg(all(panic = "unwind", not(miri)))]
macro_rules! no_caller {
    (begin $return_address:literal) => {
        concat!(".cfi_remember_state\n.cfi_undefined ", $return_address)
    };
    (end) => {
        ".cfi_restore_state"
    };
}
#[cfg(all(not(panic = "unwind"), not(miri)))]
macro_rules! no_caller {
    ($($_:tt)*) => {
        ""
    };
}

/// Defines the first function of a context: `extern "C"`, so that a panic that gets so far aborts. Under Miri a context
/// ends its thread by unwinding it.
macro_rules! first_function {
    ($(#[$attribute:meta])* unsafe fn $($signature_and_body:tt)*) => {
        $(#[$attribute])*
        #[cfg(not(miri))]
        unsafe extern "C" fn $($signature_and_body)*

        $(#[$attribute])*
        #[cfg(miri)]
        unsafe extern "C-unwind" fn $($signature_and_body)*
    };
}
pub(crate) use first_function;

pub(crate) mod frames;

#[cfg(all(target_arch = "aarch64", not(miri)))]
mod aarch64;
#[cfg(miri)]
mod baton;
#[cfg(not(miri))]
mod own_stack;
#[cfg(all(target_arch = "riscv64", not(miri)))]
mod riscv64;
#[cfg(all(target_arch = "x86_64", not(windows), not(miri)))]
mod x86_64;

#[cfg(all(target_arch = "aarch64", not(miri)))]
use aarch64 as imp;
#[cfg(miri)]
use baton as imp;
#[cfg(miri)]
pub(crate) use baton::{OwnStack, host};
#[cfg(not(miri))]
pub(crate) use own_stack::OwnStack;
#[cfg(all(target_arch = "riscv64", not(miri)))]
use riscv64 as imp;
#[cfg(all(target_arch = "x86_64", not(windows), not(miri)))]
use x86_64 as imp;

#[cfg(not(any(all(target_arch = "x86_64", not(windows)), target_arch = "aarch64", target_arch = "riscv64", miri)))]
compile_error!(
    "kcoro has no context switch for this target. A port is one file in kcoro-core/src/arch/ with the names that \
     arch/mod.rs re-exports: switch, resume, suspend, finish, two fresh-context trampolines, FpControl, stack_pointer, \
     prefetch and shadow_stack_active. It must keep every callee-saved register of the ABI; the tests in arch/tests.rs \
     say whether it does."
);

#[cfg(all(test, not(miri)))]
mod tests;

/// Saved stack pointer of a suspended context: the address of its [`SuspendedFrame`].
pub(crate) type StackPointer = *mut u8;

/// The alignment of a stack's top and of the stack pointer at every call, in bytes.
pub(crate) const STACK_ALIGN: usize = 16;

/// A word that travels with [`resume`] and [`suspend`]. It may be uninitialised: it is moved, never looked at.
pub(crate) type Word = core::mem::MaybeUninit<*mut ()>;

/// What lies at the saved stack pointer of every suspended context.
///
/// The first two words are a frame record, as a walk by frame pointers expects one: the walk can start here.
#[repr(C)]
#[cfg_attr(miri, derive(Default))]
pub(crate) struct SuspendedFrame {
    /// The frame pointer of the suspended function: `rbp`, `x29`, `s0`.
    pub(crate) frame_pointer: *const (),
    /// Where the context goes on.
    pub(crate) resume_address: *const (),
    /// The compiler's base pointer, a register that it keeps for itself: `rbx`, `x19`, `s1`.
    base_pointer: *const (),
    /// Keeps the stack pointer aligned where the hardware insists.
    #[cfg(not(target_arch = "x86_64"))]
    _padding: *const (),
}

/// What [`prepare`] builds: a suspended frame that resumes at a trampoline, which calls `entry`.
#[repr(C)]
struct FreshFrame {
    suspended: SuspendedFrame,
    /// The trampoline's stack pointer points here, 16 bytes below the top.
    entry: *const (),
    /// A zero above the outermost frame, for walkers that look there.
    end: *const (),
}

/// How far below its `top` a fresh context's saved stack pointer lies.
pub(crate) const FRESH_FRAME_BYTES: usize = size_of::<FreshFrame>();

/// The first function of a context that [`switch`] starts; see [`first_function`].
#[cfg(not(miri))]
pub(crate) type Entry = unsafe extern "C" fn(data: *mut ()) -> !;
#[cfg(miri)]
pub(crate) type Entry = unsafe extern "C-unwind" fn(data: *mut ()) -> !;

/// The first function of a context that [`resume`] starts: its own data, and what [`Resumed`] says of later resumes.
#[cfg(not(miri))]
pub(crate) type LinkedEntry =
    unsafe extern "C" fn(data: *mut (), word: Word, parent: StackPointer, request: usize) -> !;
#[cfg(miri)]
pub(crate) type LinkedEntry =
    unsafe extern "C-unwind" fn(data: *mut (), word: Word, parent: StackPointer, request: usize) -> !;

/// What a suspended context finds when it is resumed.
#[derive(Clone, Copy)]
pub(crate) struct Resumed {
    /// Where to [`suspend`] to next.
    pub(crate) parent: StackPointer,
    /// What the parent sent.
    pub(crate) word: Word,
    /// What the parent wants, a number that means nothing here.
    pub(crate) request: usize,
}

/// What a parent finds when the context that it resumed suspends or finishes.
#[derive(Clone, Copy)]
pub(crate) struct Suspended {
    /// Where to [`resume`] next; null when the context has finished.
    pub(crate) child: StackPointer,
    /// What the child sent.
    pub(crate) word: Word,
}

/// Builds the first frame of a fresh context below `top` so that switching to it calls `entry(data)`.
///
/// # Safety
///
/// `top` is aligned to [`STACK_ALIGN`]; the memory below it is writable, belongs to the
/// context, and is enough for [`FRESH_FRAME_BYTES`] and for `entry`, which never returns and never unwinds.
pub(crate) unsafe fn prepare(top: NonNull<u8>, entry: Entry, data: *mut ()) -> StackPointer {
    // SAFETY: the caller's promise; the trampoline calls what lies in `entry` with an `Entry`'s signature.
    unsafe { prepare_frame(top, imp::start_switched as *const (), entry as *const (), data) }
}

/// As [`prepare`], for a context that [`resume`] starts.
///
/// # Safety
///
/// As [`prepare`].
pub(crate) unsafe fn prepare_linked(top: NonNull<u8>, entry: LinkedEntry, data: *mut ()) -> StackPointer {
    // SAFETY: the caller's promise; the trampoline calls what lies in `entry` with a `LinkedEntry`'s signature.
    unsafe { prepare_frame(top, imp::start_linked as *const (), entry as *const (), data) }
}

unsafe fn prepare_frame(top: NonNull<u8>, trampoline: *const (), entry: *const (), data: *mut ()) -> StackPointer {
    debug_assert!(top.addr().get().is_multiple_of(STACK_ALIGN), "a stack's top is aligned");
    let frame = FreshFrame {
        suspended: SuspendedFrame {
            frame_pointer: core::ptr::null(),
            resume_address: trampoline,
            // The trampolines pass this on as the entry's first argument.
            base_pointer: data,
            #[cfg(not(target_arch = "x86_64"))]
            _padding: core::ptr::null(),
        },
        entry,
        end: core::ptr::null(),
    };
    // SAFETY: the caller promises room for the frame below the aligned `top`, and the frame's size keeps the alignment
    // of its words.
    unsafe {
        let sp = top.as_ptr().sub(FRESH_FRAME_BYTES);
        sp.cast::<FreshFrame>().write(frame);
        sp
    }
}

/// Symmetric switch: saves the running context's stack pointer to `*save` and continues at `to`. Returns when some
/// context switches back to what was saved.
///
/// # Safety
///
/// `save` is writable and `to` was saved by `switch` or built by [`prepare`], is resumed only once, and its stack is
/// still there. The values live across the call must be sound to keep across whatever the other contexts do.
#[inline(always)]
pub(crate) unsafe fn switch(save: *mut StackPointer, to: StackPointer) {
    // SAFETY: the caller's promise.
    unsafe { imp::switch(save, to) }
}

/// Symmetric switch without a way back: the running context ends.
///
/// # Safety
///
/// As [`switch`]; nothing on this stack is needed any more.
#[inline(always)]
pub(crate) unsafe fn leave(to: StackPointer) -> ! {
    #[cfg(miri)]
    // SAFETY: the caller's promise.
    unsafe {
        imp::leave(to)
    }
    #[cfg(not(miri))]
    {
        let mut nowhere = core::ptr::null_mut();
        // SAFETY: the caller's promise.
        unsafe { imp::switch(&raw mut nowhere, to) };
        unreachable!("a context that has left is not resumed")
    }
}

/// Calls into the suspended context `child`; returns when it suspends or finishes.
///
/// # Safety
///
/// `child` was returned by `resume` or built by [`prepare_linked`], is resumed only once, and its stack is still there.
/// It understands `word` and `request`.
#[inline(always)]
pub(crate) unsafe fn resume(child: StackPointer, word: Word, request: usize) -> Suspended {
    // SAFETY: the caller's promise.
    unsafe { imp::resume(child, word, request) }
}

/// Returns to the parent's [`resume`], and comes back when this context is resumed again.
///
/// # Safety
///
/// `parent` is what this context was given when it was last resumed, not used since. The parent understands `word`.
#[inline(always)]
pub(crate) unsafe fn suspend(parent: StackPointer, word: Word) -> Resumed {
    // SAFETY: the caller's promise.
    unsafe { imp::suspend(parent, word) }
}

/// Returns to the parent's [`resume`] for the last time.
///
/// # Safety
///
/// As [`suspend`]; nothing on this stack is needed any more but what `word` points to.
#[inline(always)]
pub(crate) unsafe fn finish(parent: StackPointer, word: Word) -> ! {
    // SAFETY: the caller's promise.
    unsafe { imp::finish(parent, word) }
}

/// The control words of the floating-point unit: rounding mode, exception masks, flush-to-zero. Not the sticky status
/// flags, which no coroutine may count on across a suspension.
///
/// Every context suspends with [`FpControl::DEFAULT`] in force, so a switch need not save them (merely reading MXCSR
/// makes a switch three times as slow). A coroutine that keeps its own reads it, writes the default, suspends, and
/// writes its own again when it is back.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct FpControl(imp::FpWords);

impl FpControl {
    /// What a Rust program starts with: round to nearest, all exceptions masked, no flush to zero.
    pub(crate) const DEFAULT: Self = Self(imp::FP_DEFAULT);

    /// What is in force now.
    pub(crate) fn read() -> Self {
        Self(imp::read_fp_control())
    }

    /// Puts `self` in force.
    ///
    /// # Safety
    ///
    /// Rust assumes the default: with anything else in force, floating-point code compiled by Rust may compute other
    /// values than it should. The caller runs on behalf of one who asked for it.
    pub(crate) unsafe fn write(self) {
        // SAFETY: the value came from `read` or is the default, so the unit accepts it; the caller answers for its use.
        unsafe { imp::write_fp_control(self.0) }
    }
}

/// Asks for the cache line at `p`, to write to it soon. Only a hint: any address will do.
#[inline(always)]
pub(crate) fn prefetch(p: *const u8) {
    imp::prefetch(p);
}

/// Whether the hardware checks returns against a shadow stack, which these switches do not exchange: the first return
/// after a switch would fault. Whoever makes contexts refuses to when this says so.
pub(crate) fn shadow_stack_active() -> bool {
    imp::shadow_stack_active()
}
