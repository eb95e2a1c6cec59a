// SPDX-License-Identifier: BSD-3-Clause
//! Waiting for a step that another thread is about to take.

/// How long one has waited so far. With `std` a waiter hands its time slice away after a short spin, because the other
/// thread may have been preempted.
pub(crate) struct Spin(#[cfg(not(kcoro_interleave))] u32);

impl Spin {
    #[cfg(not(kcoro_interleave))]
    pub(crate) const fn new() -> Self {
        Self(0)
    }

    #[cfg(kcoro_interleave)]
    pub(crate) const fn new() -> Self {
        Self()
    }

    /// Waits a little; then look again.
    #[cfg(not(any(loom, kcoro_interleave)))]
    pub(crate) fn again(&mut self) {
        const SPINS_BEFORE_YIELD: u32 = 64;
        self.0 = self.0.saturating_add(1);
        if cfg!(feature = "std") && self.0 > SPINS_BEFORE_YIELD {
            #[cfg(feature = "std")]
            std::thread::yield_now();
        } else {
            super::hint::spin_loop();
        }
    }

    #[cfg(loom)]
    pub(crate) fn again(&mut self) {
        self.0 += 1;
        if self.0 > MOST_IN_A_MODEL.get() {
            loom::skip_branch();
        }
        loom::thread::yield_now();
    }

    #[cfg(kcoro_interleave)]
    pub(crate) fn again(&mut self) {
        super::interleave::spin();
    }
}

#[cfg(loom)]
std::thread_local! {
    /// How often one waits in a row in a model. Of three threads that spin, two can do so for ever while the third, whom
    /// they wait for, does nothing; loom plays that, too, though no machine does. A model of three sets this so that such
    /// plays are broken off; what comes to an end within them is checked.
    pub(crate) static MOST_IN_A_MODEL: core::cell::Cell<u32> = const { core::cell::Cell::new(u32::MAX) };
}
