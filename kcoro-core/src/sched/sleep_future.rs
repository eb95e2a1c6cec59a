// SPDX-License-Identifier: BSD-3-Clause
//! Time for async code: sleeping, and futures with a time limit, by the timers of a runtime.
#![expect(unsafe_code, reason = "projects the pin of a future with a limit")]

use alloc::sync::Arc;
use core::fmt;
use core::future::Future;
use core::pin::Pin;
use core::task::{Context, Poll, Waker};
use core::time::Duration;

use super::handle::Handle;
use super::timer::{Action, Home, Timer};
use crate::primitive::SpinLock;
use crate::time::TimeError;

/// Who awaits a timer.
struct Wakes(SpinLock<Awaited>);

struct Awaited {
    is_due: bool,
    waker: Option<Waker>,
}

impl Action for Wakes {
    fn due(timer: &Arc<Timer<Self>>, _now_ns: u64) {
        let waker = {
            let mut awaited = timer.action.0.lock();
            awaited.is_due = true;
            awaited.waker.take()
        };
        if let Some(waker) = waker {
            waker.wake();
        }
    }
}

/// A future that is ready when `duration` has passed since its first poll; never early.
///
/// Its time is kept by the runtime that it is first polled on; elsewhere it is [`TimeError::CannotWait`], see
/// [`Handle::sleep_async`]. It knows no coroutine, so it is no cancellation point.
///
/// ```
/// # use core::time::Duration;
/// # use kcoro_core::sched::sleep_async;
/// # use kcoro_core::time::TimeError;
/// # use kcoro_core::wait::{WaitError, block_on};
/// // Called in a coroutine:
/// fn nap() -> Result<Result<(), TimeError>, WaitError> {
///     block_on(async { sleep_async(Duration::from_millis(5)).await })
/// }
/// ```
pub fn sleep_async(duration: Duration) -> SleepFuture {
    SleepFuture { duration, home: None, timer: None }
}

/// Runs `future` for at most `duration`, counted from the first poll; then it is [`TimeoutError::Elapsed`]. The time is kept as by
/// [`sleep_async`].
pub fn timeout_async<F: Future>(duration: Duration, future: F) -> TimeoutFuture<F> {
    TimeoutFuture { future, limit: sleep_async(duration) }
}

impl Handle {
    /// As [`sleep_async`], by the time of this runtime, polled anywhere.
    pub fn sleep_async(&self, duration: Duration) -> SleepFuture {
        SleepFuture { duration, home: Some(Home::of(self)), timer: None }
    }

    /// As [`timeout_async`], by the time of this runtime, polled anywhere.
    pub fn timeout_async<F: Future>(&self, duration: Duration, future: F) -> TimeoutFuture<F> {
        TimeoutFuture { future, limit: self.sleep_async(duration) }
    }
}

/// See [`sleep_async`].
#[must_use = "a future does nothing until it is awaited"]
pub struct SleepFuture {
    duration: Duration,
    home: Option<Home>,
    timer: Option<Arc<Timer<Wakes>>>,
}

impl SleepFuture {
    fn begin(&mut self, waker: Waker) -> Result<Poll<()>, TimeError> {
        let home = match self.home.take() {
            Some(home) => home,
            None => Home::here()?,
        };
        let at_ns = home.reading_after(self.duration);
        let awaited = Awaited { is_due: false, waker: Some(waker) };
        let timer = self.timer.insert(Timer::new(home, Wakes(SpinLock::new(awaited))));
        timer.arm(at_ns);
        Ok(Poll::Pending)
    }
}

impl Future for SleepFuture {
    type Output = Result<(), TimeError>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        // Cloned before the lock, and what it replaces is dropped after: wakers are foreign code.
        let waker = context.waker().clone();
        let Some(timer) = &self.timer else {
            return match self.begin(waker) {
                Ok(poll) => poll.map(Ok),
                Err(why) => Poll::Ready(Err(why)),
            };
        };
        let mut awaited = timer.action.0.lock();
        if awaited.is_due {
            drop(awaited);
            return Poll::Ready(Ok(()));
        }
        let before = awaited.waker.replace(waker);
        drop(awaited);
        drop(before);
        Poll::Pending
    }
}

impl Drop for SleepFuture {
    fn drop(&mut self) {
        if let Some(timer) = &self.timer {
            timer.finish();
        }
    }
}

impl fmt::Debug for SleepFuture {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SleepFuture").field("duration", &self.duration).finish_non_exhaustive()
    }
}

/// Why a future with a limit has no output.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum TimeoutError {
    /// The limit passed first.
    Elapsed,
    /// There is no time to be had here.
    Time(TimeError),
}

impl fmt::Display for TimeoutError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Elapsed => f.write_str("the time limit has passed"),
            Self::Time(why) => why.fmt(f),
        }
    }
}

impl core::error::Error for TimeoutError {}

/// See [`timeout_async`].
#[must_use = "a future does nothing until it is awaited"]
pub struct TimeoutFuture<F> {
    future: F,
    limit: SleepFuture,
}

impl<F: Future> Future for TimeoutFuture<F> {
    type Output = Result<F::Output, TimeoutError>;

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        // SAFETY: the inner future is pinned with this one and never moved out; the limit is not pinned.
        let (future, limit) = unsafe {
            let this = self.get_unchecked_mut();
            (Pin::new_unchecked(&mut this.future), Pin::new(&mut this.limit))
        };
        // The future first: what is done in time counts, however late it is asked.
        if let Poll::Ready(output) = future.poll(context) {
            return Poll::Ready(Ok(output));
        }
        match limit.poll(context) {
            Poll::Ready(Ok(())) => Poll::Ready(Err(TimeoutError::Elapsed)),
            Poll::Ready(Err(why)) => Poll::Ready(Err(TimeoutError::Time(why))),
            Poll::Pending => Poll::Pending,
        }
    }
}

impl<F> fmt::Debug for TimeoutFuture<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TimeoutFuture").field("limit", &self.limit).finish_non_exhaustive()
    }
}
