// SPDX-License-Identifier: BSD-3-Clause
//! Coroutines whose body borrows.

use super::unwind;
use super::{Builder, Coroutine, CoroutineResult, NewError, ResumeError, Yielder};
use crate::stack::Stack;

/// A coroutine that lives in a call of [`scoped`].
///
/// It only refers to the coroutine, which the call owns: it can be dropped, moved or leaked without harm.
#[derive(Debug)]
pub struct Scoped<'scope, In, Yield, Out, S: Stack> {
    coroutine: &'scope mut Coroutine<In, Yield, Out, S>,
}

impl<In, Yield, Out, S: Stack> Scoped<'_, In, Yield, Out, S> {
    /// As [`Coroutine::resume`].
    ///
    /// # Panics
    ///
    /// As [`Coroutine::resume`].
    #[inline]
    #[track_caller]
    pub fn resume(&mut self, value: In) -> CoroutineResult<Yield, Out> {
        self.coroutine.resume(value)
    }

    /// As [`Coroutine::try_resume`].
    ///
    /// # Errors
    ///
    /// As [`Coroutine::try_resume`].
    #[inline]
    pub fn try_resume(&mut self, value: In) -> Result<CoroutineResult<Yield, Out>, ResumeError<In>> {
        self.coroutine.try_resume(value)
    }

    /// As [`Coroutine::is_done`].
    pub fn is_done(&self) -> bool {
        self.coroutine.is_done()
    }
}

/// Runs `drive` with a coroutine whose body may borrow from the caller, and ends the coroutine before it returns.
///
/// The coroutine cannot outlive the call, which is what lets its body borrow: a [`Coroutine`] value could be leaked.
///
/// ```
/// use kcoro_core::coroutine::{CoroutineResult, Yielder, scoped};
/// # #[cfg(feature = "alloc")] {
/// use kcoro_core::stack::HeapStack;
///
/// // SAFETY: the body needs far less than 64 KiB.
/// let stack = unsafe { HeapStack::new_unguarded(64 * 1024) }.expect("memory for a stack");
/// let words = ["to", "be"];
/// let mut seen = Vec::new();
/// let body = |yielder: &Yielder<(), usize>, ()| {
///     for word in &words {
///         seen.push(*word);
///         yielder.suspend(word.len());
///     }
/// };
/// let first = scoped(stack, body, |mut lengths| lengths.resume(())).expect("a large stack");
/// assert_eq!(first, CoroutineResult::Yield(2));
/// assert_eq!(seen, ["to"]);
/// # }
/// ```
///
/// # Errors
///
/// As [`Coroutine::try_new`]; `drive` has then not run.
///
/// # Panics
///
/// When `drive` panics, and when the body panics while it is unwound at the end.
///
/// # Aborts
///
/// Where there is no unwinding (no `std`, or `panic = "abort"`), when the coroutine is suspended at the end: its stack
/// could neither be unwound nor left alone.
pub fn scoped<In, Yield, Out, S, F, R>(
    stack: S,
    body: F,
    drive: impl for<'scope> FnOnce(Scoped<'scope, In, Yield, Out, S>) -> R,
) -> Result<R, NewError<S>>
where
    S: Stack,
    F: FnOnce(&Yielder<In, Yield>, In) -> Out,
{
    // SAFETY: the coroutine lives in this call, which gives out no more than a reference to it, with a lifetime that
    // fits no other coroutine's reference. So it is dropped here, or this call never goes on; and the guard does not
    // let it be leaked.
    let coroutine = unsafe { Builder::new().build_borrowing(stack, body) }?;
    let mut guard = EndOrAbort(coroutine);
    Ok(drive(Scoped { coroutine: &mut guard.0 }))
}

/// Drops the coroutine, or aborts where that would leak it.
struct EndOrAbort<In, Yield, Out, S: Stack>(Coroutine<In, Yield, Out, S>);

impl<In, Yield, Out, S: Stack> Drop for EndOrAbort<In, Yield, Out, S> {
    fn drop(&mut self) {
        if !self.0.can_be_ended() {
            unwind::abort("kcoro: a scoped coroutine is suspended at the end of its scope and cannot be unwound");
        }
    }
}
