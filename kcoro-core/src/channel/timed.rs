// SPDX-License-Identifier: BSD-3-Clause
//! Channels that time sends into: [`after`], [`at`] and [`tick`].
//!
//! Each is a channel for one value, and a timer that knows it without keeping it. The channel's hook owns the timer, so the
//! timer is disarmed when the channel goes, which is when its last receiver does.

use alloc::boxed::Box;
use alloc::sync::{Arc, Weak};
use core::time::Duration;

use super::core::{Shared, State};
use super::receiver::Receiver;
use super::stats::Tally;
use super::store::Store;
use super::undelivered::{Hook, Overflow};
use crate::platform::ClockId;
use crate::primitive::atomic::{AtomicU64, Ordering};
use crate::sched::Handle;
use crate::sched::timer::{Action, Home, Timer};
use crate::time::{Instant, TimeError, ns_of};

/// A receiver to which one instant comes, `duration` from now: the instant itself, however late it is received. Nothing
/// comes after it, as with [`never`](super::never).
///
/// The runtime that the caller runs on keeps the time. Threads, futures and selects receive as from any channel. With
/// [`Duration::MAX`] nothing ever comes.
///
/// ```
/// # use core::time::Duration;
/// # use kcoro_core::channel::{RecvError, after};
/// # use kcoro_core::time::{Instant, TimeError};
/// // Called in a coroutine:
/// fn alarm() -> Result<Result<Instant, RecvError>, TimeError> {
///     Ok(after(Duration::from_millis(20))?.recv())
/// }
/// ```
///
/// # Errors
///
/// [`TimeError::CannotWait`] outside of a runtime: use [`Handle::after`].
pub fn after(duration: Duration) -> Result<Receiver<Instant>, TimeError> {
    let home = Home::here()?;
    let at_ns = home.reading_after(duration);
    Ok(timed(home, at_ns, ONCE))
}

/// As [`after`], at this instant; at once if it is past.
///
/// # Errors
///
/// [`TimeError::CannotWait`] outside of a runtime: use [`Handle::at`]. [`TimeError::Clock`] if the instant is of another
/// clock.
pub fn at(instant: Instant) -> Result<Receiver<Instant>, TimeError> {
    let home = Home::here()?;
    let at_ns = home.reading_at(instant)?;
    Ok(timed(home, at_ns, ONCE))
}

/// A receiver to which an instant comes every `period`, the first one `period` from now.
///
/// The beat does not drift: the instants are when the ticks were due, whole periods apart. A tick that nobody has received
/// when the next is due keeps its place, and the next is dropped; what is missed because time jumped or the worker was busy
/// is dropped, too. A period of zero counts as one nanosecond.
///
/// The worker wakes for each tick as long as there is a receiver.
///
/// # Errors
///
/// [`TimeError::CannotWait`] outside of a runtime: use [`Handle::tick`].
pub fn tick(period: Duration) -> Result<Receiver<Instant>, TimeError> {
    Ok(ticking(Home::here()?, period))
}

impl Handle {
    /// As [`after`], from anywhere, by the time of this runtime.
    pub fn after(&self, duration: Duration) -> Receiver<Instant> {
        let home = Home::of(self);
        let at_ns = home.reading_after(duration);
        timed(home, at_ns, ONCE)
    }

    /// As [`at`], from anywhere, by the time of this runtime.
    ///
    /// # Errors
    ///
    /// [`TimeError::Clock`] if the instant is of another clock than the runtime's.
    pub fn at(&self, instant: Instant) -> Result<Receiver<Instant>, TimeError> {
        let home = Home::of(self);
        let at_ns = home.reading_at(instant)?;
        Ok(timed(home, at_ns, ONCE))
    }

    /// As [`tick`], from anywhere, by the time of this runtime.
    pub fn tick(&self, period: Duration) -> Receiver<Instant> {
        ticking(Home::of(self), period)
    }
}

/// The period of what comes once.
const ONCE: u64 = 0;

/// Sends an instant when it is due.
struct Sends {
    into: Weak<Shared<Instant>>,
    clock: ClockId,
    period_ns: u64,
    /// When the next one is due. Only the timer's worker uses it once the timer is armed.
    due_ns: AtomicU64,
}

impl Action for Sends {
    fn due(timer: &Arc<Timer<Self>>, now_ns: u64) {
        let Some(channel) = timer.action.into.upgrade() else { return };
        // Relaxed: see the field.
        let due_ns = timer.action.due_ns.load(Ordering::Relaxed);
        // A tick that finds the one before it still there is dropped, and so is one whose channel has been closed.
        let _ = channel.try_send(Instant::from_clock(timer.action.clock, due_ns));
        let period_ns = timer.action.period_ns;
        if period_ns != ONCE && !channel.is_closed() {
            let next_ns = next_tick(due_ns, period_ns, now_ns);
            timer.action.due_ns.store(next_ns, Ordering::Relaxed);
            timer.arm(next_ns);
        }
    }
}

/// The first tick of the beat that `due_ns` is of which is still to come.
fn next_tick(due_ns: u64, period_ns: u64, now_ns: u64) -> u64 {
    let passed = now_ns.saturating_sub(due_ns) / period_ns;
    due_ns.saturating_add(period_ns.saturating_mul(passed.saturating_add(1)))
}

/// Disarms the timer of a channel when that goes.
struct Disarms(Arc<Timer<Sends>>);

impl Drop for Disarms {
    fn drop(&mut self) {
        self.0.finish();
    }
}

fn ticking(home: Home, period: Duration) -> Receiver<Instant> {
    let period_ns = ns_of(period).max(1);
    let first_ns = home.reading_after(period.max(Duration::from_nanos(1)));
    timed(home, first_ns, period_ns)
}

fn timed(home: Home, at_ns: u64, period_ns: u64) -> Receiver<Instant> {
    let mut armed = None;
    let shared = Arc::new_cyclic(|into| {
        let clock = home.clock();
        let sends = Sends { into: into.clone(), clock, period_ns, due_ns: AtomicU64::new(at_ns) };
        let timer = Timer::new(home, sends);
        armed = Some(timer.clone());
        let owns = Disarms(timer);
        let hook = Hook::Closure(Box::new(move |_, _| _ = &owns));
        Shared::new(State::new(Store::new(1), Overflow::Suspend, Tally::OFF), 1, hook)
    });
    // Not before the channel is there.
    if let Some(timer) = armed {
        timer.arm(at_ns);
    }
    // As with `never`, the one sender that is counted is nobody's.
    Receiver::new(shared)
}

#[cfg(test)]
mod tests {
    use super::next_tick;

    #[test]
    fn the_next_tick_is_to_come_and_of_the_same_beat() {
        assert_eq!(next_tick(100, 10, 100), 110);
        assert_eq!(next_tick(100, 10, 109), 110);
        assert_eq!(next_tick(100, 10, 110), 120);
        assert_eq!(next_tick(100, 10, 157), 160, "those in between are missed");
        assert_eq!(next_tick(u64::MAX - 5, 10, u64::MAX - 3), u64::MAX, "the end of time");
        assert_eq!(next_tick(5, u64::MAX, 9), u64::MAX);
    }
}
