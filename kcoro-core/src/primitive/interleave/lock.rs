// SPDX-License-Identifier: BSD-3-Clause
//! What a spin lock of an interleaved build knows of its holder: whom to run while it is waited for.

use core::sync::atomic::{AtomicUsize, Ordering};

use super::atomic::AtomicBool;
use super::registered;
use crate::primitive::Spin;

/// Who holds a lock.
pub(crate) struct Holder(AtomicUsize);

impl Holder {
    pub(crate) const fn new() -> Self {
        Self(AtomicUsize::new(0))
    }

    /// The caller has taken the lock.
    pub(crate) fn note(&self) {
        if let Some(interleave) = registered() {
            self.0.store(interleave.who(), Ordering::Relaxed);
        }
    }

    /// The caller has released a lock, which may be gone by now.
    pub(crate) fn released() {
        if let Some(interleave) = registered() {
            interleave.released();
        }
    }

    /// Waits until `locked` is false, or for a while.
    pub(crate) fn back_off(&self, locked: &AtomicBool, _spin: &mut Spin) {
        match registered() {
            Some(interleave) => interleave.blocked(locked.real(), self.0.load(Ordering::Relaxed)),
            None => std::thread::yield_now(),
        }
    }
}
