// SPDX-License-Identifier: BSD-3-Clause
//! [`Instant`]: a reading of a clock that is remembered with it.
#![expect(unsafe_code, reason = "asks the current worker for its clock")]

use core::fmt;
use core::time::Duration;

use super::ns_of;
use crate::platform::ClockId;
use crate::task::schedule::{Place, WorkerHead};
use crate::wait::{CannotWait, Limit, enter};

/// A moment on a monotonic clock, in nanoseconds.
///
/// Inside of a coroutine the clock is that of its runtime's platform (virtual time in a simulator); on a plain thread it
/// is the operating system's monotonic clock. Readings of two clocks cannot be compared: what would mix them is an error.
///
/// ```
/// use core::time::Duration;
/// use kcoro_core::platform::ClockId;
/// use kcoro_core::time::Instant;
///
/// let (board, simulator) = (ClockId(7), ClockId(8));
/// let start = Instant::from_clock(board, 1_000);
/// assert_eq!(start.saturating_add(Duration::from_nanos(5)).duration_since(start), Ok(Duration::from_nanos(5)));
/// assert!(start.duration_since(Instant::from_clock(simulator, 1_000)).is_err());
/// ```
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Instant {
    clock: ClockId,
    ns: u64,
}

/// Two instants of different clocks were mixed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ClockMismatch {
    /// The clock of the one.
    pub left: ClockId,
    /// The clock of the other.
    pub right: ClockId,
}

impl fmt::Display for ClockMismatch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "instants of two clocks ({} and {}) cannot be mixed", self.left.0, self.right.0)
    }
}

impl core::error::Error for ClockMismatch {}

impl Instant {
    /// Now, on the clock of the caller's runtime or thread.
    ///
    /// # Errors
    ///
    /// [`CannotWait::NotInCoroutine`] where there is no clock: outside of a runtime in a build without `std`, or in an
    /// interrupt handler.
    pub fn now() -> Result<Instant, CannotWait> {
        match Place::current() {
            Place::Coroutine(head, _) | Place::Base(head) => {
                // SAFETY: the calling worker is live.
                unsafe { Ok(Instant { clock: WorkerHead::clock_id(head), ns: WorkerHead::now_ns(head) }) }
            }
            Place::Interrupt => Err(CannotWait::InInterrupt),
            #[cfg(feature = "std")]
            Place::Outside => {
                Ok(Instant { clock: ClockId::SYSTEM_MONOTONIC, ns: crate::platform::system_clock::now_ns() })
            }
            #[cfg(not(feature = "std"))]
            Place::Outside => Err(CannotWait::NotInCoroutine),
        }
    }

    /// The instant at which `clock` reads `ns`.
    pub const fn from_clock(clock: ClockId, ns: u64) -> Instant {
        Instant { clock, ns }
    }

    /// The clock that this was read from.
    pub const fn clock(self) -> ClockId {
        self.clock
    }

    /// The clock's reading, in nanoseconds since some moment that only the clock knows.
    pub const fn as_nanos(self) -> u64 {
        self.ns
    }

    /// This much later. Beyond the end of the clock, 584 years, it stays at the end.
    #[must_use]
    pub fn saturating_add(self, duration: Duration) -> Instant {
        Instant { ns: self.ns.saturating_add(ns_of(duration)), ..self }
    }

    /// The limit of a wait that ends at this instant, if it is one of the caller's clock.
    pub(crate) fn limit(self) -> Result<Limit, ClockMismatch> {
        match enter().waiter() {
            Ok(waiter) if waiter.clock_id() != self.clock => {
                Err(ClockMismatch { left: waiter.clock_id(), right: self.clock })
            }
            // Who cannot wait needs no clock.
            _ => Ok(Limit::AtNs(self.ns)),
        }
    }

    /// How long after `earlier` this is; zero if it is not.
    ///
    /// # Errors
    ///
    /// [`ClockMismatch`] if the two are from different clocks.
    pub fn duration_since(self, earlier: Instant) -> Result<Duration, ClockMismatch> {
        if self.clock != earlier.clock {
            return Err(ClockMismatch { left: self.clock, right: earlier.clock });
        }
        Ok(Duration::from_nanos(self.ns.saturating_sub(earlier.ns)))
    }
}

impl PartialOrd for Instant {
    /// Instants of different clocks have no order.
    fn partial_cmp(&self, other: &Self) -> Option<core::cmp::Ordering> {
        (self.clock == other.clock).then(|| self.ns.cmp(&other.ns))
    }
}

impl fmt::Debug for Instant {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Instant({} ns on clock {})", self.ns, self.clock.0)
    }
}
