// SPDX-License-Identifier: BSD-3-Clause
//! What coroutines and handlers share: a spin lock under which the core's interrupts are masked, so that no handler waits for
//! whom it has interrupted.

use spin::Mutex;

use crate::cores::Core;

/// A value that is used for a few instructions at a time.
pub(crate) struct Masked<T>(Mutex<T>);

impl<T> Masked<T> {
    pub(crate) const fn new(value: T) -> Self {
        Self(Mutex::new(value))
    }

    /// Runs `body`, which neither waits nor calls a user's code, with the value.
    pub(crate) fn with<R>(&self, body: impl FnOnce(&mut T) -> R) -> R {
        let core = Core::current();
        core.mask();
        let result = body(&mut self.0.lock());
        core.unmask();
        result
    }
}
