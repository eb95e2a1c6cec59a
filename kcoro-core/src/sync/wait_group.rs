// SPDX-License-Identifier: BSD-3-Clause
//! [`WaitGroup`]: waiting until so many are done.

use core::fmt;

use super::const_unless_loom;
use super::gate::{Gate, waits_at_gate};
use crate::task::claim::Accepts;
use crate::wait::Limit;
use crate::wait::turn::Ended;

/// Counts what is still to be done, and lets others wait until that is nothing. It may be used again and again.
///
/// **Order.** Each wait that began before the count came to zero ends then, also if [`WaitGroup::add`] follows at once. What
/// was written before a [`WaitGroup::done`] is visible to whoever has waited for it.
///
/// **Cancellation.** Only [`WaitGroup::wait_cancellable`] is a cancellation point.
///
/// ```
/// # #[cfg(feature = "std")] {
/// use kcoro_core::sync::WaitGroup;
///
/// static WORK: WaitGroup = WaitGroup::new();
///
/// for _ in 0..3 {
///     let task = WORK.task(); // before the thread starts: else the wait might come first
///     std::thread::spawn(move || drop(task));
/// }
/// assert_eq!(WORK.wait(), Ok(()));
/// # }
/// ```
pub struct WaitGroup {
    /// Open when nothing is to be done.
    gate: Gate,
}

impl WaitGroup {
    const_unless_loom! {
        /// A group with nothing to be done.
        pub fn new() -> Self {
            Self { gate: Gate::new(0) }
        }
    }

    /// So much more is to be done.
    ///
    /// # Panics
    ///
    /// When that is more than `usize::MAX` in all; nothing has been added then.
    pub fn add(&self, count: usize) {
        let mut state = self.gate.lock();
        let sum = state.count.checked_add(count);
        state.count = sum.unwrap_or(state.count);
        drop(state);
        assert!(sum.is_some(), "a wait group with more to do than can be counted");
    }

    /// One of it is done. Legal in an interrupt handler.
    ///
    /// # Panics
    ///
    /// When nothing was to be done.
    pub fn done(&self) {
        let mut state = self.gate.lock();
        let Some(rest) = state.count.checked_sub(1) else {
            drop(state);
            panic!("a wait group is done more often than was added");
        };
        state.count = rest;
        if rest == 0 {
            self.gate.let_all_pass(state);
        }
    }

    /// One thing more to be done, which is done when what this returns is dropped: also by a panic.
    ///
    /// # Panics
    ///
    /// As [`WaitGroup::add`].
    pub fn task(&self) -> WaitGroupTask<'_> {
        self.add(1);
        WaitGroupTask(self)
    }

    /// How much is to be done, at one instant.
    pub fn count(&self) -> usize {
        self.gate.lock().count
    }

    waits_at_gate!("WaitGroup", "nothing is to be done", ());

    /// Waits from async code until nothing is to be done. Dropping the future gives up.
    pub async fn wait_async(&self) {
        self.gate.pass_async().await;
    }

    fn wait_within(&self, accepts: Accepts, limit: Limit) -> Result<(), Ended> {
        self.gate.pass(accepts, limit)
    }
}

/// One thing that is to be done in a [`WaitGroup`], and is when this is dropped.
#[must_use = "it is done when this is dropped"]
#[derive(Debug)]
pub struct WaitGroupTask<'a>(&'a WaitGroup);

impl Drop for WaitGroupTask<'_> {
    fn drop(&mut self) {
        self.0.done();
    }
}

impl Default for WaitGroup {
    fn default() -> Self {
        Self::new()
    }
}

impl fmt::Debug for WaitGroup {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("WaitGroup").field("count", &self.count()).finish()
    }
}
