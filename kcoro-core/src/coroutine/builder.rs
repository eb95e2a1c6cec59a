// SPDX-License-Identifier: BSD-3-Clause
//! Making coroutines.

use core::fmt;
use core::marker::PhantomData;
use core::mem::ManuallyDrop;

use super::fp::FpPolicy;
use super::{Coroutine, Yielder, root};
use crate::arch;
use crate::stack::{Stack, StackError};

/// Makes coroutines with other than the default options.
#[derive(Clone, Debug)]
pub struct Builder {
    fp: FpPolicy,
}

impl Builder {
    /// The default options, as [`Coroutine::new`] takes them.
    pub const fn new() -> Self {
        Self { fp: FpPolicy::Default }
    }

    /// Gives the coroutine its own floating-point control words (rounding mode, exception masks, flush to zero): they
    /// are saved when it suspends, the default is in force while others run, and they are put back when it is resumed.
    /// Suspending takes a few nanoseconds longer.
    ///
    /// Without this a coroutine must leave the control words at their default whenever it suspends and when it ends.
    /// The sticky status flags are never kept.
    pub const fn own_fp_control(mut self) -> Self {
        self.fp = FpPolicy::Own;
        self
    }

    /// A coroutine that will run `body` on `stack`; see [`Coroutine::try_new`].
    ///
    /// # Errors
    ///
    /// As [`Coroutine::try_new`].
    pub fn build<In, Yield, Out, S, F>(&self, stack: S, body: F) -> Result<Coroutine<In, Yield, Out, S>, NewError<S>>
    where
        In: 'static,
        Yield: 'static,
        S: Stack,
        F: FnOnce(&Yielder<In, Yield>, In) -> Out + 'static,
    {
        // SAFETY: the body borrows nothing.
        unsafe { self.build_borrowing(stack, body) }
    }

    /// As [`Builder::build`], for a body that may borrow.
    ///
    /// # Safety
    ///
    /// The coroutine is dropped, or never resumed again, before what the body borrows ends. Dropping it where it can
    /// only be leaked counts as neither if it has started.
    pub(super) unsafe fn build_borrowing<In, Yield, Out, S, F>(
        &self,
        stack: S,
        body: F,
    ) -> Result<Coroutine<In, Yield, Out, S>, NewError<S>>
    where
        S: Stack,
        F: FnOnce(&Yielder<In, Yield>, In) -> Out,
    {
        if arch::shadow_stack_active() {
            return Err(NewError { stack, reason: NewErrorReason::ShadowStack });
        }
        match root::build(&stack, self.fp, body) {
            Ok((header, child, fiber)) => {
                Ok(Coroutine { child, header, fiber, stack: ManuallyDrop::new(stack), _types: PhantomData })
            }
            Err(error) => Err(NewError { stack, reason: NewErrorReason::Stack(error) }),
        }
    }
}

impl Default for Builder {
    fn default() -> Self {
        Self::new()
    }
}

/// A coroutine could not be made. The body has been dropped.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct NewError<S> {
    /// The stack that was refused.
    pub stack: S,
    /// Why.
    pub reason: NewErrorReason,
}

/// Why a coroutine could not be made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum NewErrorReason {
    /// The stack cannot hold the body and the first frames.
    Stack(StackError),
    /// The processor checks returns against a shadow stack (CET, GCS), which would fault at the first switch.
    ShadowStack,
}

impl fmt::Display for NewErrorReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Stack(error) => error.fmt(f),
            Self::ShadowStack => f.write_str("coroutines cannot run with hardware shadow stacks; turn them off"),
        }
    }
}

impl<S> fmt::Debug for NewError<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("NewError").field("reason", &self.reason).finish_non_exhaustive()
    }
}

impl<S> fmt::Display for NewError<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.reason.fmt(f)
    }
}

impl<S> core::error::Error for NewError<S> {}
