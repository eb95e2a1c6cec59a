// SPDX-License-Identifier: BSD-3-Clause
//! What the boot core finds out before any other core runs.
#![expect(unsafe_code, reason = "written once while the boot core is alone")]

use core::cell::UnsafeCell;

use crate::cores::Core;

/// A value that the boot core sets before it starts another core or lets interrupts in; from then on it is only read.
pub(crate) struct BootCell<T>(UnsafeCell<Option<T>>);

// SAFETY: `set` runs while the boot core is alone, and before what it sets is asked for.
unsafe impl<T: Sync + Send> Sync for BootCell<T> {}

impl<T> BootCell<T> {
    pub(crate) const fn new() -> Self {
        Self(UnsafeCell::new(None))
    }

    /// For the boot core, in `boot`.
    pub(crate) fn set(&self, value: T) {
        assert!(Core::current().index == 0 && self.try_get().is_none(), "the machine is set up once, by the boot core");
        // SAFETY: the boot core is alone, and there is no reference: there was no value.
        unsafe { *self.0.get() = Some(value) };
    }

    pub(crate) fn try_get(&self) -> Option<&T> {
        // SAFETY: set before others run, and never again.
        unsafe { (*self.0.get()).as_ref() }
    }

    pub(crate) fn get(&self) -> &T {
        self.try_get().expect("set by the boot core, before all else")
    }
}
