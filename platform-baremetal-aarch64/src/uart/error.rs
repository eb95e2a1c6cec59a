// SPDX-License-Identifier: BSD-3-Clause
//! [`UartError`].

use core::fmt;

use embedded_io::ErrorKind;
use kcoro_core::wait::{CannotWait, WaitError};

use crate::received::LineError;

/// Why reading or writing failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum UartError {
    /// Something went wrong on the line, at this place of what was received. What comes after it can be read.
    Line(LineError),
    /// The coroutine has been cancelled. Nothing was read or written.
    Cancelled,
    /// It would have had to wait, and the caller cannot.
    CannotWait(CannotWait),
}

impl From<WaitError> for UartError {
    fn from(error: WaitError) -> Self {
        match error {
            WaitError::CannotWait(why) => Self::CannotWait(why),
            _ => Self::Cancelled,
        }
    }
}

impl fmt::Display for UartError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Line(error) => error.fmt(f),
            Self::Cancelled => WaitError::Cancelled.fmt(f),
            Self::CannotWait(why) => why.fmt(f),
        }
    }
}

impl core::error::Error for UartError {}

impl embedded_io::Error for UartError {
    /// A cancel is no `Interrupted`, at which many try again.
    fn kind(&self) -> ErrorKind {
        match self {
            Self::Line(_) => ErrorKind::InvalidData,
            _ => ErrorKind::Other,
        }
    }
}
