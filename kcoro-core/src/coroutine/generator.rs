// SPDX-License-Identifier: BSD-3-Clause
//! Iterators that are written as plain code.

use core::iter::FusedIterator;

use super::{Coroutine, CoroutineResult, NewError, Yielder};
use crate::stack::Stack;

/// A coroutine as an iterator over what it yields.
///
/// ```
/// use kcoro_core::coroutine::Generator;
/// # #[cfg(feature = "alloc")] {
/// use kcoro_core::stack::HeapStack;
///
/// // SAFETY: the body needs far less than 64 KiB.
/// let stack = unsafe { HeapStack::new_unguarded(64 * 1024) }.expect("memory for a stack");
/// let fibonacci = Generator::new(stack, |yielder| {
///     let (mut a, mut b) = (0u64, 1);
///     loop {
///         yielder.suspend(a);
///         (a, b) = (b, a + b);
///     }
/// });
/// assert_eq!(fibonacci.take(8).collect::<Vec<_>>(), [0, 1, 1, 2, 3, 5, 8, 13]);
/// # }
/// ```
#[derive(Debug)]
#[must_use = "generators are lazy and run only when iterated"]
pub struct Generator<Yield, S: Stack> {
    coroutine: Coroutine<(), Yield, (), S>,
}

impl<Yield, S: Stack> Generator<Yield, S> {
    /// An iterator over what `body` suspends with. It ends when `body` returns.
    ///
    /// # Panics
    ///
    /// When the stack is refused; see [`Coroutine::try_new`].
    pub fn new(stack: S, body: impl FnOnce(&Yielder<(), Yield>) + 'static) -> Self
    where
        Yield: 'static,
    {
        Self { coroutine: Coroutine::new(stack, |yielder: &Yielder<(), Yield>, ()| body(yielder)) }
    }

    /// As [`Generator::new`].
    ///
    /// # Errors
    ///
    /// As [`Coroutine::try_new`].
    pub fn try_new(stack: S, body: impl FnOnce(&Yielder<(), Yield>) + 'static) -> Result<Self, NewError<S>>
    where
        Yield: 'static,
    {
        let coroutine = Coroutine::try_new(stack, |yielder: &Yielder<(), Yield>, ()| body(yielder))?;
        Ok(Self { coroutine })
    }

    /// The coroutine behind the iterator.
    pub fn into_inner(self) -> Coroutine<(), Yield, (), S> {
        self.coroutine
    }
}

impl<Yield, S: Stack> Iterator for Generator<Yield, S> {
    type Item = Yield;

    /// # Panics
    ///
    /// When the body panics; the iterator has then ended.
    #[inline]
    fn next(&mut self) -> Option<Yield> {
        match self.coroutine.try_resume(()) {
            Ok(CoroutineResult::Yield(value)) => Some(value),
            Ok(CoroutineResult::Return(())) | Err(_) => None,
        }
    }
}

impl<Yield, S: Stack> FusedIterator for Generator<Yield, S> {}
