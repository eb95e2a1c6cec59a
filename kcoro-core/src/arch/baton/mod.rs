// SPDX-License-Identifier: BSD-3-Clause
//! The context switch under Miri, which runs no assembly: each context is a thread, and a baton says whose turn it is.
//!
//! A switch hands the baton to the other context's thread and blocks until somebody hands it back. So of all contexts
//! that would share one thread on hardware exactly one runs, and Miri sees each of them with a stack of its own, which
//! it checks as it checks any: borrows, lifetimes of locals, uninitialised memory, and races between workers. The hand
//! over orders what one context did before what the next does, as running on one thread would.
//!
//! ```text
//!   thread of A                         thread of B
//!   switch(save, B):
//!     *save = A
//!     letter to B  -------------------> wakes up in its own switch, or starts
//!     waits for a letter                goes on
//! ```
//!
//! A saved stack pointer is the address of the [`Context`] of a thread that waits, or of the frame that `prepare` built
//! in stack memory, as everywhere; only the latter has a resume address. The thread starts at the first switch.
//!
//! What differs from hardware, and so goes unchecked here:
//! - Frames do not lie in the stack memory: it holds only what the core itself puts at its top. Nothing overflows.
//! - `thread_local!` in a coroutine is the coroutine's own, not its worker's, and its destructors run when the coroutine
//!   ends. What the core keeps for each thread travels with the baton ([`host`]).
//! - A coroutine that is resumed by a panicking parent does not see `std::thread::panicking()`.
//!
//! A context that is never resumed again leaves its thread behind, and Miri reports that at the end of the program, as
//! it reports leaked memory.

mod context;
pub(crate) mod host;

use context::{Beginning, Context, Letter};

use super::{Entry, FreshFrame, LinkedEntry, Resumed, StackPointer, Suspended, Word};

pub(super) unsafe fn switch(save: *mut StackPointer, to: StackPointer) {
    let me = Context::current();
    me.begin_wait();
    // SAFETY: the caller's promise: `save` is writable, and `to` is suspended or built by `prepare`.
    unsafe {
        save.write(me.stack_pointer());
        Context::at(to, begin_switched).deliver(Letter::empty());
    }
    me.wait();
}

/// As a [`switch`] that nobody switches back from: ends the thread of this context.
pub(super) unsafe fn leave(to: StackPointer) -> ! {
    let me = Context::current();
    // SAFETY: as in `switch`.
    let next = unsafe { Context::at(to, begin_switched) };
    next.deliver(Letter::from_ended(&me));
    context::end_thread()
}

pub(super) unsafe fn resume(child: StackPointer, word: Word, request: usize) -> Suspended {
    let me = Context::current();
    me.begin_wait();
    let letter = Letter::from_parent(&me, word, request);
    // SAFETY: the caller's promise: `child` is suspended or built by `prepare_linked`.
    unsafe { Context::at(child, begin_linked) }.deliver(letter);
    let letter = me.wait();
    Suspended { child: letter.peer, word: letter.word }
}

pub(super) unsafe fn suspend(parent: StackPointer, word: Word) -> Resumed {
    let me = Context::current();
    me.begin_wait();
    let letter = Letter::from_child(&me, word);
    // SAFETY: the caller's promise: `parent` waits in `resume`.
    unsafe { Context::at(parent, begin_linked) }.deliver(letter);
    let letter = me.wait();
    Resumed { parent: letter.peer, word: letter.word, request: letter.request }
}

/// The parent may still read what `word` points to, a frame of this thread. So the thread ends only when the parent
/// says that it has.
pub(super) unsafe fn finish(parent: StackPointer, word: Word) -> ! {
    let me = Context::current();
    me.begin_wait();
    let letter = Letter::from_finished(&me, word);
    // SAFETY: as in `suspend`.
    unsafe { Context::at(parent, begin_linked) }.deliver(letter);
    me.wait();
    context::end_thread()
}

/// Starts a context that [`switch`] or [`leave`] has reached for the first time.
unsafe fn begin_switched(begin: &Beginning, _letter: &Letter) -> ! {
    // SAFETY: `prepare` stored an `Entry`, and only contexts from there are switched to (the callers' promise).
    unsafe {
        let entry = core::mem::transmute::<*const (), Entry>(begin.entry);
        entry(begin.data)
    }
}

/// Starts a context that [`resume`] has reached for the first time.
unsafe fn begin_linked(begin: &Beginning, letter: &Letter) -> ! {
    // SAFETY: as in `begin_switched`, with `prepare_linked` and `resume`.
    unsafe {
        let entry = core::mem::transmute::<*const (), LinkedEntry>(begin.entry);
        entry(begin.data, letter.word, letter.peer, letter.request)
    }
}

/// Marks a frame as fresh; never called. Who reaches it first knows how to start it.
pub(super) extern "C" fn start_switched() {}

/// As [`start_switched`].
pub(super) extern "C" fn start_linked() {}

/// One stack, told from all others by its context.
pub(crate) struct OwnStack(StackPointer);

impl OwnStack {
    pub(crate) fn of_caller(_limit: usize) -> Self {
        Self(Context::current().stack_pointer())
    }

    pub(crate) fn holds_caller(&self, _above: usize) -> bool {
        self.0 == Context::current().stack_pointer()
    }
}

/// For walks by frame pointers: there are no frames to walk over.
pub(super) unsafe fn load(_address: usize) -> usize {
    0
}

pub(super) const RECORD_BELOW_FRAME_POINTER_BYTES: usize = 0;

/// Miri has no control words.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct FpWords;

pub(super) const FP_DEFAULT: FpWords = FpWords;

pub(super) fn read_fp_control() -> FpWords {
    FpWords
}

pub(super) unsafe fn write_fp_control(_words: FpWords) {}

pub(super) fn prefetch(_p: *const u8) {}

pub(super) fn shadow_stack_active() -> bool {
    false
}

#[cfg(test)]
mod tests;
