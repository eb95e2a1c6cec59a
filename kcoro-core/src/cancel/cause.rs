// SPDX-License-Identifier: BSD-3-Clause
//! Why something was cancelled.

#[cfg(feature = "alloc")]
use alloc::string::String;
#[cfg(feature = "alloc")]
use alloc::sync::Arc;
use core::fmt;

/// Why something was cancelled. The first cancel of a token decides, and its children inherit it.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Cause {
    /// Somebody said so, and not why.
    Cancelled,
    /// A deadline has passed.
    Deadline,
    /// For this reason.
    Message(&'static str),
    /// For this reason, which was put together at run time.
    #[cfg(feature = "alloc")]
    Text(Arc<str>),
}

impl fmt::Display for Cause {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Cancelled => f.write_str("cancelled"),
            Self::Deadline => f.write_str("the deadline has passed"),
            Self::Message(why) => f.write_str(why),
            #[cfg(feature = "alloc")]
            Self::Text(why) => f.write_str(why),
        }
    }
}

impl core::error::Error for Cause {}

impl From<&'static str> for Cause {
    fn from(why: &'static str) -> Self {
        Self::Message(why)
    }
}

#[cfg(feature = "alloc")]
impl From<String> for Cause {
    fn from(why: String) -> Self {
        Self::Text(why.into())
    }
}
