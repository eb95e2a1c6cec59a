// SPDX-License-Identifier: BSD-3-Clause
//! Sleeping, and running something under a time limit.
#![expect(unsafe_code, reason = "sets the deadline in the current coroutine's header")]

use core::fmt;
use core::ptr::NonNull;
use core::time::Duration;

use super::{ClockMismatch, Instant, ns_of};
#[cfg(feature = "std")]
use crate::platform::system_clock;
use crate::task::claim::{Accepts, Outcome};
use crate::task::header::Header;
use crate::task::schedule::{Place, WorkerHead};
use crate::task::wait_record::WaitsFor;
#[cfg(feature = "std")]
use crate::wait::thread;
use crate::wait::{CannotWait, Limit, Waiter, enter};

/// Why a sleep ended early, or did not begin.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum TimeError {
    /// The coroutine has been cancelled.
    Cancelled,
    /// The caller cannot wait.
    CannotWait(CannotWait),
    /// The instant is of another clock than the caller's.
    Clock(ClockMismatch),
}

impl fmt::Display for TimeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Cancelled => f.write_str("cancelled while sleeping"),
            Self::CannotWait(why) => why.fmt(f),
            Self::Clock(why) => why.fmt(f),
        }
    }
}

impl core::error::Error for TimeError {}

impl From<CannotWait> for TimeError {
    fn from(why: CannotWait) -> Self {
        Self::CannotWait(why)
    }
}

/// Parks the calling coroutine (or, with feature `std`, thread) for at least `duration`. Zero only lets others run.
///
/// # Errors
///
/// See [`TimeError`].
pub fn sleep(duration: Duration) -> Result<(), TimeError> {
    sleep_within(Limit::AfterNs(ns_of(duration)))
}

/// Parks the calling coroutine (or, with feature `std`, thread) until `deadline`; not at all if that is past.
///
/// # Errors
///
/// See [`TimeError`].
pub fn sleep_until(deadline: Instant) -> Result<(), TimeError> {
    let clock = enter().waiter()?.clock_id();
    if clock != deadline.clock() {
        return Err(TimeError::Clock(ClockMismatch { left: clock, right: deadline.clock() }));
    }
    sleep_within(Limit::AtNs(deadline.as_nanos()))
}

fn sleep_within(limit: Limit) -> Result<(), TimeError> {
    let waiter: Waiter = enter().waiter()?;
    let generation = waiter.begin(Accepts::CANCEL).map_err(|_| TimeError::Cancelled)?;
    match waiter.park(WaitsFor::Sleep, Accepts::CANCEL, limit, generation).0 {
        Outcome::TimedOut => Ok(()),
        _ => Err(TimeError::Cancelled),
    }
}

/// The time limit passed before the closure returned; this is what it returned all the same.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Elapsed<T>(pub T);

impl<T> fmt::Display for Elapsed<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the time limit has passed")
    }
}

impl<T: fmt::Debug> core::error::Error for Elapsed<T> {}

/// Runs `body` under a time limit: from `duration` on, each wait inside that can be cancelled returns `Cancelled`.
///
/// The closure always runs to its own end, so nothing it holds is lost. Limits nest; the earliest counts. It works in
/// coroutines and, with feature `std`, on plain threads; where nothing can wait (in an interrupt handler, say) there is
/// nothing to interrupt, and the closure runs without a limit.
///
/// ```
/// # #[cfg(feature = "std")] {
/// use core::time::Duration;
/// use kcoro_core::channel::{RecvError, bounded};
/// use kcoro_core::time::{Elapsed, timeout};
///
/// let (_tx, rx) = bounded::<u8>(1);
/// // The same on this thread as in a coroutine.
/// let received = timeout(Duration::from_millis(1), || rx.recv());
/// assert_eq!(received, Err(Elapsed(Err(RecvError::Cancelled))));
/// # }
/// ```
///
/// # Errors
///
/// [`Elapsed`] with the closure's value if the limit had passed when it returned.
pub fn timeout<T>(duration: Duration, body: impl FnOnce() -> T) -> Result<T, Elapsed<T>> {
    let (head, task) = match Place::current() {
        Place::Coroutine(head, task) => (head, task),
        #[cfg(feature = "std")]
        Place::Outside => return timeout_of_thread(duration, body),
        _ => return Ok(body()),
    };
    // SAFETY: the calling worker and its current coroutine are live.
    let deadline_ns = unsafe { WorkerHead::now_ns(head) }.saturating_add(ns_of(duration));
    let value = {
        let _limit = DeadlineScope::enter(task, deadline_ns);
        body()
    };
    // Asked anew: the coroutine may have migrated.
    match Place::current() {
        // SAFETY: as above.
        Place::Coroutine(head, _) if unsafe { WorkerHead::now_ns(head) } >= deadline_ns => Err(Elapsed(value)),
        _ => Ok(value),
    }
}

#[cfg(feature = "std")]
fn timeout_of_thread<T>(duration: Duration, body: impl FnOnce() -> T) -> Result<T, Elapsed<T>> {
    /// Puts the deadline back. A thread's frames stay on it, unlike a coroutine's, which may be carried off.
    struct LimitScope(u64);

    impl Drop for LimitScope {
        fn drop(&mut self) {
            thread::replace_limit(self.0);
        }
    }

    let deadline_ns = system_clock::now_ns().saturating_add(ns_of(duration));
    let value = {
        let _limit = LimitScope(thread::replace_limit(deadline_ns.min(thread::limit_ns())));
        body()
    };
    if system_clock::now_ns() >= deadline_ns { Err(Elapsed(value)) } else { Ok(value) }
}

/// The current coroutine's deadline, put back on every way out.
///
/// Compared by number, too: this may lie on the stack of a primitive coroutine that is resumed after the coroutine which
/// entered has ended.
struct DeadlineScope {
    task: NonNull<Header>,
    id: u64,
    before_ns: u64,
}

impl DeadlineScope {
    fn enter(task: NonNull<Header>, deadline_ns: u64) -> Self {
        // SAFETY: the coroutine is the current one: it is live, and the deadline is its own field.
        let header = unsafe { task.as_ref() };
        let before_ns = header.deadline_ns.get();
        header.deadline_ns.set(before_ns.min(deadline_ns));
        Self { task, id: header.id, before_ns }
    }
}

impl Drop for DeadlineScope {
    fn drop(&mut self) {
        let Some(current) = Place::coroutine() else { return };
        // SAFETY: the current coroutine is live, and the deadline is its own field.
        let header = unsafe { current.as_ref() };
        if current == self.task && header.id == self.id {
            header.deadline_ns.set(self.before_ns);
        }
    }
}
