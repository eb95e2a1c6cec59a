// SPDX-License-Identifier: BSD-3-Clause
//! Atomics, cells and the spin lock: the only place that knows whether this is a normal build, a loom model, or a build
//! for simulations that switch between workers at every operation.
//!
//! Every other module takes its atomics, its `UnsafeCell` and its locks from here, so that one `cfg` switches the whole
//! core between hardware, the model checker and the simulator.

pub(crate) mod held;
#[cfg(kcoro_interleave)]
pub mod interleave;
pub(crate) mod interrupts;
pub(crate) mod spin;
mod spin_lock;

#[cfg(all(kcoro_interleave, loom))]
compile_error!("a build is either a loom model or interleaved by a simulation");
#[cfg(all(kcoro_interleave, not(feature = "std")))]
compile_error!("cfg(kcoro_interleave) keeps the simulation of a thread in a thread-local: it needs feature `std`");

#[allow(unused_imports, reason = "only builds with alloc wait for steps of others")]
pub(crate) use spin::Spin;
#[allow(unused_imports, reason = "only builds with alloc name the guard")]
pub(crate) use spin_lock::{SpinGuard, SpinLock};

#[cfg(not(any(loom, kcoro_interleave)))]
mod imp {
    pub(crate) use core::hint;
    pub(crate) use core::sync::atomic;
    #[cfg(feature = "std")]
    pub(crate) use std::thread;

    pub(super) use super::spin_lock::Unknown as Holder;

    /// `core::cell::UnsafeCell` with loom's closure interface, so that loom can track each access.
    #[repr(transparent)]
    pub(crate) struct UnsafeCell<T: ?Sized>(core::cell::UnsafeCell<T>);

    impl<T> UnsafeCell<T> {
        pub(crate) const fn new(value: T) -> Self {
            Self(core::cell::UnsafeCell::new(value))
        }

        pub(crate) fn into_inner(self) -> T {
            self.0.into_inner()
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

#[cfg(kcoro_interleave)]
mod imp {
    pub(crate) use core::hint;

    pub(super) use super::interleave::Holder;
    pub(crate) use super::interleave::{UnsafeCell, atomic, thread};
}

#[cfg(loom)]
mod imp {
    pub(super) use super::spin_lock::Unknown as Holder;
    pub(crate) use loom::cell::UnsafeCell;
    pub(crate) use loom::hint;
    pub(crate) use loom::sync::atomic;

    pub(crate) mod thread {
        pub(crate) use loom::thread::{Thread, current, park};
        pub(crate) use std::thread::panicking;

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

/// A constructor that is `const`, but for loom, whose objects are made at run time.
macro_rules! const_unless_loom {
    ($(#[$attribute:meta])* $visibility:vis fn $($function:tt)*) => {
        #[cfg(not(loom))]
        $(#[$attribute])*
        $visibility const fn $($function)*

        #[cfg(loom)]
        $(#[$attribute])*
        $visibility fn $($function)*
    };
}
pub(crate) use const_unless_loom;
