// SPDX-License-Identifier: BSD-3-Clause
//! Whose floating-point control words a coroutine runs with.

use crate::arch::FpControl;

/// What to do about the control words at a suspension.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum FpPolicy {
    /// The coroutine leaves them at their default, so there is nothing to do. Debug builds check.
    Default,
    /// The coroutine has its own: saved and replaced by the default, put back on landing.
    Own,
}

impl FpPolicy {
    /// At the end of a body: leaves the default in force.
    pub(super) fn finish(self) {
        match self {
            Self::Default => check_default(),
            Self::Own => reset(),
        }
    }
}

/// A coroutine's own control words while others run; dropping it puts them back in force, also when the suspension ends
/// by unwinding.
pub(super) struct Kept(FpControl);

impl Kept {
    /// Keeps the words that are in force and puts the default in their place.
    pub(super) fn leave() -> Self {
        let own = FpControl::read();
        reset();
        Self(own)
    }
}

impl Drop for Kept {
    fn drop(&mut self) {
        // SAFETY: the coroutine had these words in force when it suspended, and asked to keep them.
        unsafe { self.0.write() }
    }
}

/// In debug builds, panics when other control words than the default are in force.
#[inline(always)]
pub(super) fn check_default() {
    debug_assert!(
        FpControl::read() == FpControl::DEFAULT,
        "floating-point control words (rounding mode, exception masks) must be at their default when coroutines \
         switch; use Builder::own_fp_control for a coroutine that changes them"
    );
}

/// Puts the default in force.
pub(super) fn reset() {
    // SAFETY: the default is what Rust code expects.
    unsafe { FpControl::DEFAULT.write() }
}
