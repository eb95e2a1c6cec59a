// SPDX-License-Identifier: BSD-3-Clause
//! What becomes of values that nobody receives.
//!
//! Each reaches the channel's hook once, or is dropped once if there is none: after the lock, and also when the hook or a
//! destructor panics over another one.

#[cfg(feature = "alloc")]
use alloc::boxed::Box;

/// What a channel that is full does with a value that is sent into it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Overflow {
    /// The sender waits for room.
    #[default]
    Suspend,
    /// The new value takes the place of the oldest, which is [`Undelivered::Replaced`].
    DropOldest,
    /// The new value is [`Undelivered::Refused`].
    DropLatest,
}

/// Why a value that was sent is received by nobody.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Undelivered {
    /// A newer value took its place ([`Overflow::DropOldest`]).
    Replaced,
    /// There was no room for it ([`Overflow::DropLatest`]; also [`Overflow::DropOldest`] where there is no buffer).
    Refused,
    /// It was in the channel when [`discard`](super::Receiver::discard) emptied it, or its last receiver went.
    Discarded,
    /// It had been handed to a receive future that was dropped, and a [`StaticChannel`](super::StaticChannel) had no room
    /// to take it back.
    Abandoned,
}

/// The channel's hook, if it has one.
pub(super) enum Hook<T> {
    None,
    /// What a static can hold.
    Function(fn(T, Undelivered)),
    #[cfg(feature = "alloc")]
    Closure(Box<dyn Fn(T, Undelivered) + Send + Sync>),
}

impl<T> Hook<T> {
    pub(super) const fn function(hook: Option<fn(T, Undelivered)>) -> Self {
        match hook {
            None => Self::None,
            Some(hook) => Self::Function(hook),
        }
    }

    /// Gives `value` to the hook, or drops it. No lock is held: the hook may use this very channel.
    pub(super) fn give(&self, value: T, why: Undelivered) {
        match self {
            Hook::None => drop(value),
            Hook::Function(hook) => hook(value, why),
            #[cfg(feature = "alloc")]
            Hook::Closure(hook) => hook(value, why),
        }
    }
}

/// Calls `give` with each value that `next` has. If it panics over some, the others follow all the same; then the first
/// panic goes on, unless the caller is unwinding already.
#[cfg(feature = "std")]
pub(super) fn each<T>(mut next: impl FnMut() -> Option<T>, mut give: impl FnMut(T)) {
    use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};

    let mut first = None;
    // Neither closure is left in the middle of its work: the panic comes from the user's code, which has got its value.
    let mut go_on = || {
        while let Some(value) = next() {
            give(value)
        }
    };
    while let Err(payload) = catch_unwind(AssertUnwindSafe(&mut go_on)) {
        match first {
            None => first = Some(payload),
            // Its destructor could panic, too.
            Some(_) => core::mem::forget(payload),
        }
    }
    match first {
        Some(payload) if !crate::wait::is_unwinding() => resume_unwind(payload),
        Some(payload) => core::mem::forget(payload),
        None => {}
    }
}

/// As above, where a panic cannot be caught: should it unwind all the same, the others follow while it does.
#[cfg(not(feature = "std"))]
pub(super) fn each<T>(next: impl FnMut() -> Option<T>, give: impl FnMut(T)) {
    struct Rest<T, N: FnMut() -> Option<T>, G: FnMut(T)>(N, G);

    impl<T, N: FnMut() -> Option<T>, G: FnMut(T)> Drop for Rest<T, N, G> {
        fn drop(&mut self) {
            while let Some(value) = (self.0)() {
                (self.1)(value);
            }
        }
    }

    // The second of two panics ends the program.
    let mut all = Rest(next, give);
    while let Some(value) = (all.0)() {
        (all.1)(value);
    }
}
