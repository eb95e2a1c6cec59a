// SPDX-License-Identifier: BSD-3-Clause
//! The coroutine primitive: usable alone, without a runtime and without an allocator.
//!
//! A [`Coroutine`] runs a closure on a stack of its own. [`Coroutine::resume`] runs it until it suspends through its
//! [`Yielder`] or returns. A [`Generator`] is a coroutine that is an iterator.
//!
//! ```
//! use kcoro_core::coroutine::{Coroutine, CoroutineResult, Yielder};
//! # #[cfg(feature = "alloc")] {
//! use kcoro_core::stack::HeapStack;
//!
//! // SAFETY: the body needs far less than 64 KiB. (Stacks from a backend are guarded and need no promise.)
//! let stack = unsafe { HeapStack::new_unguarded(64 * 1024) }.expect("memory for a stack");
//! let mut running_sum = Coroutine::new(stack, |yielder: &Yielder<u32, u32>, mut input| {
//!     let mut sum = 0;
//!     while input != 0 {
//!         sum += input;
//!         input = yielder.suspend(sum);
//!     }
//!     "done"
//! });
//! assert_eq!(running_sum.resume(1), CoroutineResult::Yield(1));
//! assert_eq!(running_sum.resume(10), CoroutineResult::Yield(11));
//! assert_eq!(running_sum.resume(0), CoroutineResult::Return("done"));
//! # }
//! ```
//!
//! # What happens at the end
//!
//! - A panic in the body ends the coroutine and goes on in `resume` (with `std` and `panic = "unwind"`; elsewhere a
//!   panic ends the program anyway).
//! - Dropping a coroutine that never ran drops its body. Dropping a suspended one unwinds it, without running the panic
//!   hook, so that the values on its stack are dropped once. Where there is no unwinding (no `std`, or `panic =
//!   "abort"`) it is leaked, with its stack and all that lies there: let such coroutines return.
//! - A backtrace taken inside ends at the coroutine's first function. It does not go on in the resumer.
//!
//! # What the compiler refuses
//!
//! A coroutine cannot change threads, and its yielder cannot leave its body:
//!
//! ```compile_fail,E0277
//! use kcoro_core::{coroutine::Coroutine, stack::StaticStack};
//! fn is_send<T: Send>() {}
//! is_send::<Coroutine<(), (), (), StaticStack>>();
//! ```
//!
//! ```compile_fail,E0521
//! use kcoro_core::{coroutine::{Coroutine, Yielder}, stack::StaticStack};
//! fn escape(stack: StaticStack) {
//!     let kept = std::rc::Rc::new(std::cell::Cell::new(None));
//!     let outside = kept.clone();
//!     Coroutine::new(stack, move |yielder: &Yielder<(), ()>, ()| kept.set(Some(yielder)));
//!     let escaped: Option<&Yielder<(), ()>> = outside.get();
//! }
//! ```
//!
//! A body borrows nothing, as nobody is obliged to drop a coroutine ([`scoped`] is for those that do), and what was sent
//! in stays borrowed:
//!
//! ```compile_fail,E0597
//! use kcoro_core::{coroutine::{Coroutine, Yielder}, stack::StaticStack};
//! fn borrow(stack: StaticStack) -> Coroutine<(), (), u32, StaticStack> {
//!     let local = 1;
//!     let borrowed = &local;
//!     Coroutine::new(stack, move |_: &Yielder<(), ()>, ()| *borrowed)
//! }
//! ```
//!
//! ```compile_fail,E0597
//! use kcoro_core::{coroutine::Coroutine, stack::StaticStack};
//! fn send(mut coroutine: Coroutine<&u32, (), (), StaticStack>) {
//!     {
//!         let short = 1;
//!         coroutine.resume(&short);
//!     }
//!     coroutine.resume(&2);
//! }
//! ```
//!
//! # Thread-locals and the like
//!
//! A coroutine is neither `Send` nor `Sync`: it stays on the thread that made it, so thread-locals inside are what they
//! seem. Libraries that keep a thread-local stack of guards and rely on last-in-first-out order must not have a guard
//! alive across a suspension.
//!
//! # Before its thread ends
//!
//! End or drop each coroutine before its thread ends. This is the one duty that no signature can express: a suspended
//! coroutine that is forgotten, or kept in a thread-local, outlives the thread-locals that its frames borrow, and if it
//! has lent such a borrow on (to a thread of `std::thread::scope`, say), that is used after its end. [`scoped`] leaves
//! nothing to forget: it ends its coroutine, or the program, before it returns. Coroutines of a runtime are not concerned
//! either: a thread on which one was abandoned never ends.
//!
//! # Under Miri
//!
//! Programs that use coroutines, also on a runtime, run under Miri (with feature `std` and unwinding): each coroutine is
//! then a thread of its own, and exactly one of those that share a thread elsewhere runs. A `thread_local!` inside of a
//! coroutine is therefore the coroutine's own there, a suspended coroutine that is forgotten is reported as a thread that
//! was not joined, and stacks cannot overflow.
#![expect(unsafe_code, reason = "runs code on other stacks and moves values between them")]

mod builder;
mod fp;
mod generator;
mod result;
mod root;
mod scoped;
#[cfg(all(test, not(feature = "std")))]
mod tests;
mod unwind;
mod word;
mod yielder;

use core::fmt;
use core::marker::PhantomData;
use core::mem::ManuallyDrop;
use core::ptr::NonNull;

pub use self::builder::{Builder, NewError, NewErrorReason};
pub use self::generator::Generator;
pub use self::result::{CoroutineResult, ResumeError};
use self::root::{Ending, Header};
pub use self::scoped::{Scoped, scoped};
use self::word::{pack, unpack};
pub use self::yielder::Yielder;
use self::yielder::request;
use crate::arch::{self, StackPointer, Suspended, Word};
use crate::stack::Stack;
use crate::stack::fiber::{self, Fiber};

/// A closure that runs on its own stack `S` and can be suspended and resumed.
///
/// Each [`resume`](Coroutine::resume) sends an `In`, and gets a `Yield` for each suspension and one `Out` at the end.
///
/// What enters a coroutine is `'static`: its captures, each `In`, and `Yield`, which could be a channel to it. A suspended
/// coroutine can be forgotten, which leaves its frames where they are for ever. If a borrow lay in them, something that
/// trusts those frames to end first (a thread of `std::thread::scope`, started in the body) would go on using it.
pub struct Coroutine<In, Yield, Out, S: Stack> {
    /// Null once the body has ended.
    child: StackPointer,
    /// At the stack's top. Read only while `child` is not null.
    header: NonNull<Header>,
    fiber: Fiber,
    stack: ManuallyDrop<S>,
    // A pointer: invariant, as the stack may hold an `In` of just this lifetime, and !Send and !Sync.
    _types: PhantomData<*mut (In, Yield, Out)>,
}

impl<In, Yield, Out, S: Stack> Coroutine<In, Yield, Out, S> {
    /// A coroutine that will run `body` on `stack`. It runs nothing yet: the first resume sends `body` its second
    /// argument. The body is moved to the top of the stack; nothing is allocated.
    ///
    /// # Panics
    ///
    /// When the stack is refused; [`Coroutine::try_new`] says when and gives it back.
    pub fn new<F>(stack: S, body: F) -> Self
    where
        In: 'static,
        Yield: 'static,
        F: FnOnce(&Yielder<In, Yield>, In) -> Out + 'static,
    {
        match Self::try_new(stack, body) {
            Ok(coroutine) => coroutine,
            Err(error) => panic!("cannot make a coroutine: {}", error.reason),
        }
    }

    /// As [`Coroutine::new`].
    ///
    /// # Errors
    ///
    /// [`NewError`], with the stack, when the stack cannot hold the body and the first frames, or when the processor
    /// checks returns against a shadow stack, which coroutines do not support.
    pub fn try_new<F>(stack: S, body: F) -> Result<Self, NewError<S>>
    where
        In: 'static,
        Yield: 'static,
        F: FnOnce(&Yielder<In, Yield>, In) -> Out + 'static,
    {
        Builder::new().build(stack, body)
    }

    /// Runs the coroutine until it suspends or returns.
    ///
    /// # Panics
    ///
    /// When the coroutine has ended before ([`Coroutine::try_resume`] returns an error instead), and when the body
    /// panics: with the body's own payload, after which the coroutine has ended.
    #[inline]
    #[track_caller]
    pub fn resume(&mut self, value: In) -> CoroutineResult<Yield, Out> {
        match self.try_resume(value) {
            Ok(result) => result,
            Err(_) => resumed_after_end(),
        }
    }

    /// As [`Coroutine::resume`].
    ///
    /// # Errors
    ///
    /// [`ResumeError`], with the value, when the coroutine has ended before.
    ///
    /// # Panics
    ///
    /// When the body panics.
    #[inline]
    pub fn try_resume(&mut self, value: In) -> Result<CoroutineResult<Yield, Out>, ResumeError<In>> {
        if self.child.is_null() {
            return Err(ResumeError(value));
        }
        let mut value = ManuallyDrop::new(value);
        let parent_panicking = if unwind::panicking() { request::PARENT_PANICKING } else { request::GO_ON };
        let back = self.switch_in(pack(&mut value), parent_panicking);
        if back.child.is_null() {
            // SAFETY: the child has finished, and this is where its ending goes.
            return Ok(CoroutineResult::Return(unsafe { self.take_result(back.word) }));
        }
        // SAFETY: a child that has not finished sends a `Yield`, which stays in its frame until it is resumed.
        Ok(CoroutineResult::Yield(unsafe { unpack(back.word) }))
    }

    /// Whether the body has returned or panicked.
    pub fn is_done(&self) -> bool {
        self.child.is_null()
    }

    /// Takes the stack out of a coroutine that has ended.
    ///
    /// # Errors
    ///
    /// The coroutine, when it has not ended.
    pub fn into_stack(self) -> Result<S, Self> {
        if !self.is_done() {
            return Err(self);
        }
        let mut this = ManuallyDrop::new(self);
        // SAFETY: `this` is never used or dropped again, and nothing runs on the stack.
        Ok(unsafe { ManuallyDrop::take(&mut this.stack) })
    }

    /// The stack that the coroutine runs on.
    pub fn stack(&self) -> &S {
        &self.stack
    }

    /// Resumes the child, which is not null, and keeps where it stopped.
    #[inline(always)]
    fn switch_in(&mut self, word: Word, request: usize) -> Suspended {
        fp::check_default();
        // SAFETY: `child` came from `build` or from the last resume; `&mut self` makes this the only resume, and the
        // stack is ours until `drop` and `into_stack`, which need the child to have finished. The word is an `In`, or
        // the request tells the child not to look.
        let back = unsafe {
            fiber::enter(self.fiber);
            let back = arch::resume(self.child, word, request);
            fiber::arrive();
            back
        };
        self.child = back.child;
        back
    }

    /// # Safety
    ///
    /// `word` came with the null child. Called once.
    #[cold]
    #[inline(never)]
    unsafe fn take_result(&mut self, word: Word) -> Out {
        // SAFETY: `finish` sends the address of an `Ending<Out>` on the child's stack, which we still own.
        match unsafe { word.assume_init().cast::<Ending<Out>>().read() } {
            Ending::Returned(out) => out,
            Ending::Panicked(payload) => unwind::propagate(payload),
            Ending::Unwound => unwind::abort("kcoro: a coroutine unwound without being dropped"),
        }
    }

    /// Whether dropping this leaves nothing behind.
    fn can_be_ended(&self) -> bool {
        // SAFETY: while the child has not finished, the header is there.
        unwind::CAN_UNWIND || self.child.is_null() || unsafe { (*self.header.as_ptr()).drop_body.is_some() }
    }

    /// Ends a child that has not finished; `None` when it cannot be ended.
    fn end(&mut self) -> Option<Ending<Out>> {
        // SAFETY: the child has not finished, so the header is still there.
        if let Some(drop_body) = unsafe { (*self.header.as_ptr()).drop_body.take() } {
            // SAFETY: the body has not started, and taking the function makes this the only call.
            unsafe {
                self.fiber.discard();
                drop_body(self.header);
            }
            return Some(Ending::Unwound);
        }
        if !unwind::CAN_UNWIND {
            return None;
        }
        let parent_panicking = if unwind::panicking() { request::PARENT_PANICKING } else { request::GO_ON };
        let back = self.switch_in(Word::uninit(), request::UNWIND | parent_panicking);
        // A child that is to unwind does not suspend again: see `Yielder::suspend`.
        assert!(back.child.is_null(), "an unwound coroutine has ended");
        // SAFETY: as in `take_result`.
        Some(unsafe { back.word.assume_init().cast::<Ending<Out>>().read() })
    }
}

impl<In, Yield, Out, S: Stack> Drop for Coroutine<In, Yield, Out, S> {
    fn drop(&mut self) {
        let ending = if self.child.is_null() { Some(Ending::Unwound) } else { self.end() };
        let Some(ending) = ending else {
            // Leaked: the stack stays as it is for ever, as `Stack` promises.
            return;
        };
        // SAFETY: the child has ended, so nothing lies on the stack, and `self` is not used again.
        unsafe { ManuallyDrop::drop(&mut self.stack) };
        if let Ending::Panicked(payload) = ending {
            unwind::propagate(payload);
        }
    }
}

#[cold]
#[track_caller]
fn resumed_after_end() -> ! {
    panic!("a coroutine was resumed after it had ended")
}

impl<In, Yield, Out, S: Stack> fmt::Debug for Coroutine<In, Yield, Out, S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Coroutine").field("done", &self.is_done()).finish_non_exhaustive()
    }
}
