// SPDX-License-Identifier: BSD-3-Clause
//! Wakers for coroutines and threads, and [`block_on`].
#![expect(unsafe_code, reason = "a waker's table works on raw pointers")]

use core::fmt;
use core::future::Future;
use core::pin::{Pin, pin};
use core::ptr::NonNull;
use core::task::{Context, Poll, RawWaker, RawWakerVTable, Waker};

use super::turn::Ended;
use super::{CannotWait, Limit, Waiter, enter};
use crate::task::claim::{Accepts, Outcome, Pending};
use crate::task::header::{Header, TaskRef};
use crate::task::wait_record::WaitsFor;

/// Why a wait ended without what it waited for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum WaitError {
    /// The caller has been cancelled.
    Cancelled,
    /// The caller cannot wait.
    CannotWait(CannotWait),
}

impl fmt::Display for WaitError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Cancelled => f.write_str("cancelled while waiting"),
            Self::CannotWait(why) => why.fmt(f),
        }
    }
}

impl core::error::Error for WaitError {}

impl From<CannotWait> for WaitError {
    fn from(why: CannotWait) -> Self {
        WaitError::CannotWait(why)
    }
}

/// Runs `future` to its end, parking the calling coroutine (or, with feature `std`, the calling thread) while it is
/// pending.
///
/// The future is polled on the caller's own stack, so it need not be `Send` and may borrow.
///
/// # Errors
///
/// [`WaitError::Cancelled`] when the coroutine is cancelled while the future is pending; the future is then dropped.
/// [`WaitError::CannotWait`] when the caller cannot wait.
///
/// ```
/// # #[cfg(feature = "std")]
/// assert_eq!(kcoro_core::wait::block_on(async { 6 * 7 }), Ok(42));
/// ```
pub fn block_on<F: Future>(future: F) -> Result<F::Output, WaitError> {
    drive(pin!(future), WaitsFor::BlockOn, Accepts::CANCEL, Limit::Never).map_err(Ended::without_limit)
}

/// Polls `future` whenever it is woken, until it is ready or the wait ends as it may otherwise. Dumps say that the caller
/// waits for `what`.
pub(crate) fn drive<F: Future>(
    mut future: Pin<&mut F>,
    what: WaitsFor,
    accepts: Accepts,
    mut limit: Limit,
) -> Result<F::Output, Ended> {
    let first = enter().waiter().map_err(Ended::CannotWait)?;
    limit = first.fixed(limit);
    let waker = first.waker();
    let mut context = Context::from_waker(&waker);
    let ends = accepts.and(Accepts::TOKEN);
    loop {
        if let Poll::Ready(output) = future.as_mut().poll(&mut context) {
            return Ok(output);
        }
        // Asked anew each time: polling may have suspended, and a coroutine may come back on another worker.
        let waiter = enter().waiter().map_err(Ended::CannotWait)?;
        let ended = match waiter.begin(ends) {
            Ok(generation) => waiter.park(what, ends, limit, generation).0,
            Err(Pending::Token) => Outcome::Token,
            Err(Pending::Cancel) => Outcome::Cancelled,
        };
        match ended {
            Outcome::Cancelled => return Err(Ended::Cancelled),
            Outcome::TimedOut => return Err(Ended::TimedOut),
            _ => {}
        }
    }
}

impl Waiter {
    fn waker(&self) -> Waker {
        match self {
            // SAFETY: the running coroutine is live, and the table takes over the reference made here.
            Waiter::Coroutine(_, task) => unsafe {
                Waker::from_raw(RawWaker::new(TaskRef::retain(*task).into_raw().as_ptr().cast(), &COROUTINE_WAKER))
            },
            #[cfg(feature = "std")]
            Waiter::Thread(parker) => parker.clone().into(),
        }
    }
}

/// The data pointer of each such waker is one counted reference to a header.
static COROUTINE_WAKER: RawWakerVTable = RawWakerVTable::new(clone, wake, wake_by_ref, drop_waker);

/// # Safety
///
/// `data` is the data pointer of a live waker of `COROUTINE_WAKER`.
unsafe fn header(data: *const ()) -> NonNull<Header> {
    // SAFETY: it was made from a non-null header.
    unsafe { NonNull::new_unchecked(data.cast_mut().cast()) }
}

unsafe fn clone(data: *const ()) -> RawWaker {
    // SAFETY: `RawWaker`'s contract: `data` is that of a live waker, whose reference keeps the header alive.
    unsafe { Header::retain(header(data)) };
    RawWaker::new(data, &COROUTINE_WAKER)
}

unsafe fn wake(data: *const ()) {
    // SAFETY: as in `clone`; the waker's reference is given up last.
    unsafe {
        wake_by_ref(data);
        drop_waker(data);
    }
}

unsafe fn wake_by_ref(data: *const ()) {
    // SAFETY: as in `clone`.
    let task = unsafe { header(data) };
    // SAFETY: the waker's reference keeps the header alive.
    if let Some(won) = unsafe { task.as_ref() }.claim.unpark() {
        super::wake::make_ready(task, won);
    }
}

unsafe fn drop_waker(data: *const ()) {
    // SAFETY: as in `clone`, and the waker is not used again.
    unsafe { Header::release(header(data)) };
}
