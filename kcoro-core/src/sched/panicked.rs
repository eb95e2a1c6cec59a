// SPDX-License-Identifier: BSD-3-Clause
//! [`Panicked`]: what a coroutine's panic carries.
#![cfg_attr(
    feature = "alloc",
    expect(unsafe_code, reason = "shares a payload of unknown type, of which shared access reads only texts")
)]

#[cfg(feature = "alloc")]
use alloc::boxed::Box;
#[cfg(feature = "alloc")]
use alloc::string::String;
#[cfg(feature = "alloc")]
use core::any::Any;
use core::fmt;

/// The payload of a coroutine's panic.
///
/// Unlike the payload itself it is `Sync`, so that errors which hold one can be boxed as `dyn Error + Send + Sync`.
#[cfg(feature = "alloc")]
pub struct Panicked(Box<dyn Any + Send>);

/// The payload of a coroutine's panic: where panics are not caught there is none.
#[cfg(not(feature = "alloc"))]
pub struct Panicked(core::convert::Infallible);

#[cfg(not(feature = "alloc"))]
impl Panicked {
    /// The panic's message.
    pub fn message(&self) -> Option<&str> {
        match self.0 {}
    }
}

#[cfg(feature = "alloc")]
// SAFETY: shared access reaches the payload only through `message`, which reads it only if it is a `&str` or a `String`;
// both are `Sync`.
unsafe impl Sync for Panicked {}

#[cfg(feature = "alloc")]
impl Panicked {
    pub(crate) fn new(payload: Box<dyn Any + Send>) -> Self {
        Self(payload)
    }

    /// The panic's message, if its payload is a text, as that of `panic!` is.
    pub fn message(&self) -> Option<&str> {
        let text = self.0.downcast_ref::<&'static str>().copied();
        text.or_else(|| self.0.downcast_ref::<String>().map(String::as_str))
    }

    /// The payload itself: pass it to `std::panic::resume_unwind` to panic along.
    pub fn into_payload(self) -> Box<dyn Any + Send> {
        self.0
    }
}

impl fmt::Display for Panicked {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.message().unwrap_or("(its payload is no text)"))
    }
}

impl fmt::Debug for Panicked {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Panicked").field(&self.message()).finish()
    }
}
