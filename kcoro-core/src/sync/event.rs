// SPDX-License-Identifier: BSD-3-Clause
//! [`Event`]: something has happened, until it is said that it has not.

use core::fmt;

use super::const_unless_loom;
use super::gate::{Gate, waits_at_gate};
use crate::task::claim::Accepts;
use crate::wait::Limit;
use crate::wait::turn::Ended;

/// A flag to wait for. It stays set until it is reset: all who wait pass, and whoever comes later.
///
/// **Order.** Each wait that began before a [`Event::set`] passes, also if a [`Event::reset`] follows at once. What was
/// written before the set is visible to who has passed.
///
/// **Cancellation.** Only [`Event::wait_cancellable`] is a cancellation point.
///
/// ```
/// # #[cfg(feature = "std")] {
/// use kcoro_core::sync::Event;
///
/// static READY: Event = Event::new();
///
/// let waits = std::thread::spawn(|| READY.wait());
/// READY.set();
/// assert_eq!(waits.join().unwrap(), Ok(()));
/// # }
/// ```
pub struct Event {
    /// Open when it is set.
    gate: Gate,
}

const RESET: usize = 1;
const SET: usize = 0;

impl Event {
    const_unless_loom! {
        /// An event that is not set.
        pub fn new() -> Self {
            Self { gate: Gate::new(RESET) }
        }
    }

    /// Sets it, and lets all pass who wait. Says whether it was not set. Legal in an interrupt handler.
    pub fn set(&self) -> bool {
        let mut state = self.gate.lock();
        let was_reset = core::mem::replace(&mut state.count, SET) == RESET;
        if was_reset {
            self.gate.let_all_pass(state);
        }
        was_reset
    }

    /// Takes it back: who comes from now on waits. Says whether it was set.
    pub fn reset(&self) -> bool {
        core::mem::replace(&mut self.gate.lock().count, RESET) == SET
    }

    /// Whether it is set, at one instant.
    pub fn is_set(&self) -> bool {
        self.gate.lock().count == SET
    }

    waits_at_gate!("Event", "it is set", ());

    /// Waits from async code until it is set. Dropping the future gives up.
    pub async fn wait_async(&self) {
        self.gate.pass_async().await;
    }

    fn wait_within(&self, accepts: Accepts, limit: Limit) -> Result<(), Ended> {
        self.gate.pass(accepts, limit)
    }
}

impl Default for Event {
    fn default() -> Self {
        Self::new()
    }
}

impl fmt::Debug for Event {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Event").field("set", &self.is_set()).finish()
    }
}
