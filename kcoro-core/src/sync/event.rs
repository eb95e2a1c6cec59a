// SPDX-License-Identifier: BSD-3-Clause
//! [`Event`]: something has happened, until it is said that it has not.

use core::fmt;
use core::time::Duration;

use super::const_unless_loom;
use super::error::WaitTimeoutError;
use super::gate::Gate;
use crate::task::claim::Accepts;
use crate::task::wait_record::SyncId;
use crate::time::{Instant, ns_of};
use crate::wait::turn::Ended;
use crate::wait::{CannotWait, Limit, WaitError};

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

    /// Waits until it is set.
    ///
    /// # Errors
    ///
    /// It would have had to wait, and the caller cannot.
    pub fn wait(&self) -> Result<(), CannotWait> {
        self.gate.pass(Accepts::NOTHING, Limit::Never).map_err(Ended::only_refused)
    }

    /// As [`Event::wait`], and a cancel ends the wait.
    ///
    /// # Errors
    ///
    /// See [`WaitError`].
    pub fn wait_cancellable(&self) -> Result<(), WaitError> {
        self.gate.pass(Accepts::CANCEL, Limit::Never).map_err(Ended::without_limit)
    }

    /// As [`Event::wait`], for at most `timeout`.
    ///
    /// # Errors
    ///
    /// See [`WaitTimeoutError`].
    pub fn wait_timeout(&self, timeout: Duration) -> Result<(), WaitTimeoutError> {
        Ok(self.gate.pass(Accepts::NOTHING, Limit::AfterNs(ns_of(timeout)))?)
    }

    /// As [`Event::wait`], until `deadline` at the latest.
    ///
    /// # Errors
    ///
    /// See [`WaitTimeoutError`].
    pub fn wait_deadline(&self, deadline: Instant) -> Result<(), WaitTimeoutError> {
        Ok(self.gate.pass(Accepts::NOTHING, deadline.limit()?)?)
    }

    /// Waits from async code until it is set. Dropping the future gives up.
    pub async fn wait_async(&self) {
        self.gate.pass_async().await;
    }

    /// What dumps and deadlock reports call it.
    pub fn id(&self) -> SyncId {
        self.gate.id()
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
