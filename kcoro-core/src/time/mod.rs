// SPDX-License-Identifier: BSD-3-Clause
//! Time: instants that know their clock, sleeping, time-outs, intervals, and the timer wheel behind them.
//!
//! Nothing here polls: a coroutine that sleeps is parked, and its worker sleeps until the earliest deadline. A wait never
//! ends early; it ends late by the clock's resolution, one tick of the wheel (1.024 us) and whatever else the worker has
//! to run.

mod instant;
mod interval;
mod sleep;
pub(crate) mod wheel;

use core::time::Duration;

pub use self::{
    instant::{ClockMismatch, Instant},
    interval::{Interval, interval},
    sleep::{Elapsed, TimeError, sleep, sleep_until, timeout},
};

/// A duration in nanoseconds; 584 years and more count as for ever.
#[inline]
pub(crate) fn ns_of(duration: Duration) -> u64 {
    u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX)
}
