// SPDX-License-Identifier: BSD-3-Clause
//! [`Condvar`]: waiting for a change of what a mutex guards.

use core::fmt;
use core::future::{Future, poll_fn};
use core::pin::pin;
use core::task::{Context, Poll, Waker};
use core::time::Duration;

use super::const_unless_loom;
use super::error::{Unnotified, WaitTimeoutError};
use super::gate::{Gate, Notified};
use super::mutex::MutexGuard;
use crate::task::claim::Accepts;
use crate::task::wait_record::{SyncId, WaitsFor};
use crate::time::{Instant, ns_of};
use crate::wait::future::drive;
use crate::wait::turn::Ended;
use crate::wait::turn_future::TurnFuture;
use crate::wait::{CannotWait, Limit, WaitError, enter};

/// Lets those who use a [`Mutex`](super::Mutex) wait until another has changed what it guards.
///
/// Each wait gives the mutex up while it waits and **always takes it again** before it returns: the guard comes back also
/// with an error, in [`Unnotified::guard`]. Others may take the mutex in between, so check the condition anew, or use
/// [`Condvar::wait_while`], which does.
///
/// **Order.** Who waits for a notification is queued before the mutex is free: a notification by whoever takes it then is
/// not missed. Notifications go to waiters in the order in which they came. Each ends one wait: one that goes to a wait that
/// has just timed out or been cancelled goes to the next, and so does that of an async wait that is dropped before it could
/// see it.
///
/// **Cancellation.** Only what is named cancellable is a cancellation point, and only until the notification: taking the
/// mutex again is not.
///
/// ```
/// # #[cfg(feature = "std")] {
/// use kcoro_core::sync::{Condvar, Mutex};
///
/// static JOBS: Mutex<Vec<u32>> = Mutex::new(Vec::new());
/// static CAME: Condvar = Condvar::new();
///
/// let worker = std::thread::spawn(|| {
///     let jobs = JOBS.lock().unwrap();
///     let mut jobs = CAME.wait_while(jobs, |jobs| jobs.is_empty()).unwrap();
///     jobs.pop()
/// });
/// JOBS.lock().unwrap().push(7);
/// CAME.notify_one();
/// assert_eq!(worker.join().unwrap(), Some(7));
/// # }
/// ```
pub struct Condvar {
    /// Never open: who waits passes when it is notified.
    gate: Gate,
}

/// What a wait gives back: the guard, also with an error.
type Waited<'a, T, W> = Result<MutexGuard<'a, T>, Unnotified<MutexGuard<'a, T>, W>>;

impl Condvar {
    const_unless_loom! {
        /// One for which nobody waits.
        pub fn new() -> Self {
            Self { gate: Gate::new(1) }
        }
    }

    /// Ends the wait of the one that has waited longest. Says whether there was one.
    pub fn notify_one(&self) -> bool {
        self.gate.let_one_pass()
    }

    /// Ends all waits that have begun.
    pub fn notify_all(&self) {
        self.gate.let_all_pass(self.gate.lock());
    }

    /// Gives the mutex up, waits for a notification, and takes it again.
    ///
    /// # Errors
    ///
    /// The caller cannot wait; the mutex was not given up.
    pub fn wait<'a, T: ?Sized>(&self, guard: MutexGuard<'a, T>) -> Waited<'a, T, CannotWait> {
        convert(self.wait_within(guard, Accepts::NOTHING, Limit::Never), Ended::only_refused)
    }

    /// As [`Condvar::wait`], and a cancel ends the wait.
    ///
    /// # Errors
    ///
    /// See [`WaitError`].
    pub fn wait_cancellable<'a, T: ?Sized>(&self, guard: MutexGuard<'a, T>) -> Waited<'a, T, WaitError> {
        convert(self.wait_within(guard, Accepts::CANCEL, Limit::Never), Ended::without_limit)
    }

    /// As [`Condvar::wait`], for a notification within `timeout`.
    ///
    /// # Errors
    ///
    /// See [`WaitTimeoutError`].
    pub fn wait_timeout<'a, T: ?Sized>(
        &self,
        guard: MutexGuard<'a, T>,
        timeout: Duration,
    ) -> Waited<'a, T, WaitTimeoutError> {
        convert(self.wait_within(guard, Accepts::NOTHING, Limit::AfterNs(ns_of(timeout))), WaitTimeoutError::from)
    }

    /// As [`Condvar::wait`], for a notification before `deadline`.
    ///
    /// # Errors
    ///
    /// See [`WaitTimeoutError`].
    pub fn wait_deadline<'a, T: ?Sized>(
        &self,
        guard: MutexGuard<'a, T>,
        deadline: Instant,
    ) -> Waited<'a, T, WaitTimeoutError> {
        match deadline.limit() {
            Ok(limit) => convert(self.wait_within(guard, Accepts::NOTHING, limit), WaitTimeoutError::from),
            Err(why) => Err(Unnotified { guard, why: why.into() }),
        }
    }

    /// Waits for as long as `condition` holds; it is asked under the lock, before the first wait and after each
    /// notification.
    ///
    /// # Errors
    ///
    /// As [`Condvar::wait`]; the condition held when it was asked last.
    pub fn wait_while<'a, T: ?Sized>(
        &self,
        guard: MutexGuard<'a, T>,
        condition: impl FnMut(&mut T) -> bool,
    ) -> Waited<'a, T, CannotWait> {
        convert(self.wait_while_within(guard, condition, Accepts::NOTHING, Limit::Never), Ended::only_refused)
    }

    /// As [`Condvar::wait_while`], and a cancel ends the wait.
    ///
    /// # Errors
    ///
    /// See [`WaitError`].
    pub fn wait_while_cancellable<'a, T: ?Sized>(
        &self,
        guard: MutexGuard<'a, T>,
        condition: impl FnMut(&mut T) -> bool,
    ) -> Waited<'a, T, WaitError> {
        convert(self.wait_while_within(guard, condition, Accepts::CANCEL, Limit::Never), Ended::without_limit)
    }

    /// As [`Condvar::wait_while`], for at most `timeout`. The condition is asked once more when the time is up.
    ///
    /// # Errors
    ///
    /// See [`WaitTimeoutError`].
    pub fn wait_while_timeout<'a, T: ?Sized>(
        &self,
        guard: MutexGuard<'a, T>,
        condition: impl FnMut(&mut T) -> bool,
        timeout: Duration,
    ) -> Waited<'a, T, WaitTimeoutError> {
        let limit = Limit::AfterNs(ns_of(timeout));
        convert(self.wait_while_within(guard, condition, Accepts::NOTHING, limit), WaitTimeoutError::from)
    }

    /// As [`Condvar::wait`], from async code. A future that is dropped does not take the mutex again.
    pub async fn wait_async<'a, T: ?Sized>(&self, guard: MutexGuard<'a, T>) -> MutexGuard<'a, T> {
        let mutex = guard.mutex();
        self.give_up_and_wait(guard).await;
        mutex.lock_async().await
    }

    /// What dumps and deadlock reports call it.
    pub fn id(&self) -> SyncId {
        self.gate.id()
    }

    fn wait_while_within<'a, T: ?Sized>(
        &self,
        mut guard: MutexGuard<'a, T>,
        mut condition: impl FnMut(&mut T) -> bool,
        accepts: Accepts,
        mut limit: Limit,
    ) -> Waited<'a, T, Ended> {
        if let Ok(waiter) = enter().waiter() {
            limit = waiter.fixed(limit);
        }
        while condition(&mut guard) {
            match self.wait_within(guard, accepts, limit) {
                Ok(held) => guard = held,
                Err(mut unnotified) => {
                    let in_time = unnotified.why == Ended::TimedOut && !condition(&mut unnotified.guard);
                    return if in_time { Ok(unnotified.guard) } else { Err(unnotified) };
                }
            }
        }
        Ok(guard)
    }

    fn wait_within<'a, T: ?Sized>(
        &self,
        guard: MutexGuard<'a, T>,
        accepts: Accepts,
        limit: Limit,
    ) -> Waited<'a, T, Ended> {
        let entry = enter();
        if let Err(why) = entry.waiter() {
            return Err(Unnotified { guard, why: Ended::CannotWait(why) });
        }
        if accepts == Accepts::CANCEL && entry.check_cancelled().is_err() {
            return Err(Unnotified { guard, why: Ended::Cancelled });
        }
        let mutex = guard.mutex();
        let ended = self.wait_without(guard, accepts, limit);
        let guard = MutexGuard::again(mutex);
        match ended {
            Ok(()) => Ok(guard),
            Err(why) => Err(Unnotified { guard, why }),
        }
    }

    /// Waits as an async task does. The claim of that wait is not the caller's own, so giving the mutex up may run a foreign
    /// waker, which may wait for something itself, or panic.
    fn wait_without<T: ?Sized>(&self, guard: MutexGuard<'_, T>, accepts: Accepts, limit: Limit) -> Result<(), Ended> {
        let mut waiting = pin!(self.give_up_and_wait(guard));
        let ended = drive(waiting.as_mut(), WaitsFor::Signal(self.id()), accepts, limit);
        // A notification that came at the same time counts.
        let notified = ended.is_err() && waiting.poll(&mut Context::from_waker(Waker::noop())).is_ready();
        if notified { Ok(()) } else { ended }
    }

    async fn give_up_and_wait<T: ?Sized>(&self, guard: MutexGuard<'_, T>) {
        let mut notified = pin!(TurnFuture::new(Notified::new(&self.gate)));
        let queued = poll_fn(|context| Poll::Ready(notified.as_mut().poll(context))).await;
        debug_assert!(queued.is_pending(), "nobody can be notified before it waits");
        drop(guard);
        notified.await;
    }
}

fn convert<'a, T: ?Sized, W>(waited: Waited<'a, T, Ended>, why: impl FnOnce(Ended) -> W) -> Waited<'a, T, W> {
    waited.map_err(|unnotified| Unnotified { guard: unnotified.guard, why: why(unnotified.why) })
}

impl Default for Condvar {
    fn default() -> Self {
        Self::new()
    }
}

impl fmt::Debug for Condvar {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Condvar").finish_non_exhaustive()
    }
}
