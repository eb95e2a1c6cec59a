// SPDX-License-Identifier: BSD-3-Clause
//! What a runtime's builder decided, and what becomes of panics that nobody will see. Without an allocator none is caught.

#[cfg(feature = "alloc")]
use alloc::boxed::Box;

use crate::trace::Hook;

/// Of a runtime on the heap the name may be put together at run time.
#[cfg(feature = "alloc")]
pub(super) type Name = alloc::borrow::Cow<'static, str>;
#[cfg(not(feature = "alloc"))]
pub(super) type Name = &'static str;

/// What the builder decided.
pub(super) struct Config {
    pub(super) name: Name,
    #[cfg(feature = "alloc")]
    pub(super) stack_class: u8,
    pub(super) limit: Option<usize>,
    #[cfg(feature = "alloc")]
    pub(super) on_panic: Option<PanicHook>,
    #[cfg(feature = "alloc")]
    pub(super) panic_policy: PanicPolicy,
    pub(super) trace: Hook,
}

/// What a runtime does about a coroutine that panics when nobody will see it, because its handle is gone.
#[cfg(feature = "alloc")]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum PanicPolicy {
    /// The panic hook prints it, as for any panic, and the builder's hook, if any, is told. The others go on.
    #[default]
    Report,
    /// After that the runtime closes: it takes no new coroutines and cancels all others.
    Shutdown,
}

/// What is told of panics that nobody will see.
#[cfg(feature = "alloc")]
pub(super) type PanicHook = Box<dyn Fn(&UnobservedPanic<'_>) + Send + Sync>;

/// A panic that nobody will see, because the coroutine's handle is gone.
#[cfg(feature = "alloc")]
#[derive(Debug)]
#[non_exhaustive]
pub struct UnobservedPanic<'a> {
    /// The coroutine's number.
    pub id: u64,
    /// Its name, if it has one.
    pub name: Option<&'a str>,
    /// Where it was spawned.
    pub spawn_site: &'static core::panic::Location<'static>,
}
