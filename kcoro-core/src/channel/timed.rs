// SPDX-License-Identifier: BSD-3-Clause
//! Channels that time sends into: [`after`], [`at`] and [`tick`].
//!
//! Each is a channel for one value, and a timer that knows it without keeping it. The channel's hook owns the timer, so the
//! timer is disarmed when the channel goes, which is when its last receiver does. What a tick adds to that, `ticks` has.

use alloc::boxed::Box;
use alloc::sync::{Arc, Weak};
use core::time::Duration;

use super::core::{Shared, State};
use super::receiver::Receiver;
use super::store::Store;
use super::tally::Tally;
use super::ticks::ticking;
use super::undelivered::{Hook, Overflow};
use crate::sched::Handle;
use crate::sched::timer::{Action, Home, Timer};
use crate::time::{Instant, TimeError};

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
    Ok(once(home, at_ns))
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
    Ok(once(home, at_ns))
}

/// A receiver to which an instant comes every `period`, the first one `period` from now.
///
/// The beat does not drift: the instants are when the ticks were due, whole periods apart. A tick that nobody has received
/// when the next is due keeps its place, and the next is dropped; what is missed because time jumped or the worker was busy
/// is dropped, too. A period of zero counts as one nanosecond.
///
/// A worker wakes for each tick that somebody takes. While one waits in the channel no timer is armed: the receive that
/// takes it arms the next.
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
        once(home, at_ns)
    }

    /// As [`at`], from anywhere, by the time of this runtime.
    ///
    /// # Errors
    ///
    /// [`TimeError::Clock`] if the instant is of another clock than the runtime's.
    pub fn at(&self, instant: Instant) -> Result<Receiver<Instant>, TimeError> {
        let home = Home::of(self);
        let at_ns = home.reading_at(instant)?;
        Ok(once(home, at_ns))
    }

    /// As [`tick`], from anywhere, by the time of this runtime.
    pub fn tick(&self, period: Duration) -> Receiver<Instant> {
        ticking(Home::of(self), period)
    }
}

/// Sends one instant when it is due.
struct Once {
    into: Weak<Shared<Instant>>,
    instant: Instant,
}

impl Action for Once {
    fn due(timer: &Arc<Timer<Self>>, _: u64) {
        if let Some(channel) = timer.action.into.upgrade() {
            // One that has been closed takes no more.
            let _ = channel.try_send(timer.action.instant);
        }
    }
}

fn once(home: Home, at_ns: u64) -> Receiver<Instant> {
    let instant = Instant::from_clock(home.clock(), at_ns);
    timed(home, at_ns, |into| Once { into, instant })
}

/// Disarms the timer of a channel when that goes.
struct Disarms<A: Action>(Arc<Timer<A>>);

impl<A: Action> Drop for Disarms<A> {
    fn drop(&mut self) {
        self.0.finish();
    }
}

/// A channel into which a timer sends that is armed for `at_ns`.
pub(super) fn timed<A: Action>(
    home: Home,
    at_ns: u64,
    action: impl FnOnce(Weak<Shared<Instant>>) -> A,
) -> Receiver<Instant> {
    let mut armed = None;
    let shared = Arc::new_cyclic(|into| {
        let timer = Timer::new(home, action(into.clone()));
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
