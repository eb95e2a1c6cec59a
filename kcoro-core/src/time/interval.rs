// SPDX-License-Identifier: BSD-3-Clause
//! A steady beat.

use core::time::Duration;

use super::sleep::sleep_until;
use super::{Instant, TimeError};

/// Ticks at `start + n * period`; see [`interval`].
#[derive(Debug, Clone)]
pub struct Interval {
    next: Instant,
    period: Duration,
}

/// An interval whose first tick is one `period` from now. A period of zero counts as one nanosecond.
///
/// ```
/// # #[cfg(feature = "std")] {
/// use core::time::Duration;
/// use kcoro_core::time::interval;
///
/// let mut beat = interval(Duration::from_millis(2))?;
/// let (first, second) = (beat.tick()?, beat.tick()?);
/// // When they were due, however late they came: a whole number of periods apart.
/// assert_eq!(second.duration_since(first)?.as_nanos() % beat.period().as_nanos(), 0);
/// # }
/// # Ok::<(), Box<dyn core::error::Error>>(())
/// ```
///
/// # Errors
///
/// [`TimeError::CannotWait`] where there is no clock: see [`Instant::now`].
pub fn interval(period: Duration) -> Result<Interval, TimeError> {
    let period = period.max(Duration::from_nanos(1));
    Ok(Interval { next: Instant::now()?.saturating_add(period), period })
}

impl Interval {
    /// Waits for the next tick and returns when it was due.
    ///
    /// A tick that was missed by less than a period is returned at once, so the beat does not drift; ticks missed by more
    /// are skipped.
    ///
    /// # Errors
    ///
    /// See [`TimeError`]; the tick is not consumed.
    pub fn tick(&mut self) -> Result<Instant, TimeError> {
        sleep_until(self.next)?;
        let due = self.next;
        let late = Instant::now()?.duration_since(due).map_err(TimeError::Clock)?;
        let missed = late.as_nanos() / self.period.as_nanos();
        let skipped = u32::try_from(missed).unwrap_or(u32::MAX);
        self.next = due.saturating_add(self.period.saturating_mul(skipped.saturating_add(1)));
        Ok(due)
    }

    /// The time between two ticks.
    pub fn period(&self) -> Duration {
        self.period
    }
}
