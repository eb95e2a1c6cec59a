// SPDX-License-Identifier: BSD-3-Clause
//! Atomics, cells and the spin lock: the only place that knows whether this is a normal build or a loom model.
//!
//! Every other module takes its atomics, its `UnsafeCell` and its locks from here, so that one `cfg` switches the whole
//! core between hardware and the model checker.

pub(crate) mod held;
mod spin_lock;

#[allow(unused_imports, reason = "only builds with alloc name the guard")]
pub(crate) use spin_lock::{SpinGuard, SpinLock};

#[cfg(not(loom))]
mod imp {
    pub(crate) use core::hint;
    pub(crate) use core::sync::atomic;
    #[cfg(feature = "std")]
    pub(crate) use std::thread;

    /// `core::cell::UnsafeCell` with loom's closure interface, so that loom can track each access.
    #[repr(transparent)]
    pub(crate) struct UnsafeCell<T: ?Sized>(core::cell::UnsafeCell<T>);

    impl<T> UnsafeCell<T> {
        pub(crate) const fn new(value: T) -> Self {
            Self(core::cell::UnsafeCell::new(value))
        }
    }

    impl<T: ?Sized> UnsafeCell<T> {
        #[inline(always)]
        pub(crate) fn with<R>(&self, f: impl FnOnce(*const T) -> R) -> R {
            f(self.0.get())
        }

        #[inline(always)]
        pub(crate) fn with_mut<R>(&self, f: impl FnOnce(*mut T) -> R) -> R {
            f(self.0.get())
        }
    }
}

#[cfg(loom)]
mod imp {
    pub(crate) use loom::cell::UnsafeCell;
    pub(crate) use loom::hint;
    pub(crate) use loom::sync::atomic;

    pub(crate) mod thread {
        pub(crate) use loom::thread::{Thread, current, park};

        /// Loom knows no time: a model's waits have no deadline.
        pub(crate) fn park_timeout(_timeout: core::time::Duration) {
            park();
        }
    }
}

#[cfg(feature = "std")]
pub(crate) use imp::thread;
#[allow(unused_imports, reason = "which of these a build needs depends on its features")]
pub(crate) use imp::{UnsafeCell, atomic, hint};
