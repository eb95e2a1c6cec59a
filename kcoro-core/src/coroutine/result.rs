// SPDX-License-Identifier: BSD-3-Clause
//! What a resume gives back.

use core::fmt;

/// What a resume ended with.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum CoroutineResult<Yield, Out> {
    /// The coroutine suspended with this value and can be resumed.
    Yield(Yield),
    /// The coroutine returned this value and has ended.
    Return(Out),
}

/// The coroutine has ended and cannot be resumed; the value that was to be sent.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct ResumeError<In>(pub In);

impl<In> fmt::Debug for ResumeError<In> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("ResumeError").finish_non_exhaustive()
    }
}

impl<In> fmt::Display for ResumeError<In> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the coroutine has ended and cannot be resumed")
    }
}

impl<In> core::error::Error for ResumeError<In> {}
