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
    /// Before a suspension: leaves the default in force and returns what to give to [`FpPolicy::land`].
    #[inline(always)]
    pub(super) fn leave(self) -> FpControl {
        match self {
            Self::Default => {
                check_default();
                FpControl::DEFAULT
            }
            Self::Own => {
                let own = FpControl::read();
                reset();
                own
            }
        }
    }

    /// After a suspension.
    #[inline(always)]
    pub(super) fn land(self, own: FpControl) {
        if self == Self::Own {
            // SAFETY: the coroutine had these words in force when it suspended, and asked to keep them.
            unsafe { own.write() }
        }
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
