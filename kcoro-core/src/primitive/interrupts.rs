// SPDX-License-Identifier: BSD-3-Clause
//! Masking the calling core's interrupts while a lock is held.
//!
//! A handler may wake coroutines, and a wake takes locks: those of what is waited for, of the injector, of a timer queue. Were
//! it to interrupt the holder of one, it would spin for ever, because the holder does not go on before the handler ends. So
//! interrupts are masked from before a lock is taken until after it is released. Such a section is bounded: no lock of the
//! core is held over user code, an allocation or a wait.
//!
//! What else waits for a step of another is covered by this: a claim is held still under a lock only.
//!
//! Two symbols, defined by [`ambient_worker!`](crate::ambient_worker), do the masking, and their calls nest. A third says
//! whether they are masked, by these or by a critical section: then nothing may suspend. With `std` there are no interrupts,
//! and these functions are empty.
#![cfg_attr(not(feature = "std"), expect(unsafe_code, reason = "declares the backend's symbols"))]

#[cfg(not(feature = "std"))]
mod imp {
    unsafe extern "Rust" {
        safe fn _kcoro_ambient_1_mask_interrupts();
        safe fn _kcoro_ambient_1_unmask_interrupts();
        safe fn _kcoro_ambient_1_are_interrupts_masked() -> bool;
    }

    #[inline]
    pub(crate) fn mask() {
        _kcoro_ambient_1_mask_interrupts();
    }

    #[inline]
    pub(crate) fn unmask() {
        _kcoro_ambient_1_unmask_interrupts();
    }

    #[inline]
    pub(crate) fn are_masked() -> bool {
        _kcoro_ambient_1_are_interrupts_masked()
    }
}

/// The twin that costs nothing.
#[cfg(feature = "std")]
mod imp {
    #[inline(always)]
    pub(crate) fn mask() {}

    #[inline(always)]
    pub(crate) fn unmask() {}

    #[inline(always)]
    pub(crate) fn are_masked() -> bool {
        false
    }
}

pub(crate) use imp::{are_masked, mask, unmask};
