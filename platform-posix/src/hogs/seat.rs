// SPDX-License-Identifier: BSD-3-Clause
//! A watched worker's thread: how it is asked, and how it answers.

use std::cell::{Cell, UnsafeCell};
use std::ptr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use kcoro_core::task::fault::{Stint, current_stint};

/// See the [module](self).
pub(crate) struct Seat {
    worker: usize,
    thread: libc::pid_t,
    is_asleep: AtomicBool,
    /// Set by the watcher, taken by the handler.
    asked: AtomicBool,
    /// Set by the handler, taken by the watcher, who asks again only then.
    answered: AtomicBool,
    /// The handler's between `asked` and `answered`, the watcher's otherwise.
    answer: UnsafeCell<Option<Stint>>,
}

// SAFETY: `answer` changes hands by the two flags; the rest is atomic or fixed.
unsafe impl Sync for Seat {}
// SAFETY: as above.
unsafe impl Send for Seat {}

thread_local! {
    /// Whose thread this is, for its handler. Without a destructor, so that a handler may read it at any time.
    static SEAT: Cell<*const Seat> = const { Cell::new(ptr::null()) };
}

impl Seat {
    /// Takes a seat for the calling thread, which is worker `worker` from now on.
    pub(super) fn take(worker: usize) -> Arc<Self> {
        let seat = Arc::new(Self {
            worker,
            thread: threads::current(),
            is_asleep: AtomicBool::new(false),
            asked: AtomicBool::new(false),
            answered: AtomicBool::new(false),
            answer: UnsafeCell::new(None),
        });
        SEAT.set(Arc::into_raw(seat.clone()));
        seat
    }

    /// The calling thread, which sat here, leaves.
    pub(super) fn leave(&self) {
        let seat = SEAT.replace(ptr::null());
        if !seat.is_null() {
            // SAFETY: `take` made it of a count of its own, on this thread, whose handler cannot find it any more.
            drop(unsafe { Arc::from_raw(seat) });
        }
    }

    pub(super) fn worker(&self) -> usize {
        self.worker
    }

    /// Tells seats apart, for as long as they live.
    pub(super) fn key(&self) -> usize {
        ptr::from_ref(self).addr()
    }

    pub(super) fn is_asleep(&self) -> bool {
        self.is_asleep.load(Ordering::Relaxed)
    }

    /// Asks the thread, unless it owes an answer.
    pub(super) fn ask(&self) {
        if self.asked.load(Ordering::Relaxed) || self.answered.load(Ordering::Relaxed) {
            return;
        }
        self.asked.store(true, Ordering::Release);
        threads::interrupt(self.thread);
    }

    /// What the thread has answered since: which coroutine runs, if any.
    pub(super) fn answer(&self) -> Option<Option<Stint>> {
        if !self.answered.load(Ordering::Acquire) {
            return None;
        }
        // SAFETY: the handler has set the flag, and does not write before it is asked again.
        let answer = unsafe { *self.answer.get() };
        self.answered.store(false, Ordering::Release);
        Some(answer)
    }

    /// The signal handler: answers for the thread that it runs on, if that was asked. Touches nothing but atomics and the
    /// running coroutine's header.
    pub(super) fn answer_on_this_thread() {
        // SAFETY: the seat stays until its own thread leaves it.
        let Some(seat) = (unsafe { SEAT.get().as_ref() }) else { return };
        if seat.asked.load(Ordering::Acquire) {
            // SAFETY: the watcher has set the flag, and does not read before it is answered.
            unsafe { *seat.answer.get() = current_stint() };
            seat.answered.store(true, Ordering::Release);
            seat.asked.store(false, Ordering::Release);
        }
    }
}

/// Threads by their numbers, and not by their handles: then it is no harm that a thread has ended.
#[cfg(target_os = "linux")]
mod threads {
    pub(super) fn current() -> libc::pid_t {
        // SAFETY: the call has no conditions.
        unsafe { libc::gettid() }
    }

    pub(super) fn interrupt(thread: libc::pid_t) {
        // What the call says is of no use: without an answer there is nothing to tell.
        // SAFETY: plain numbers.
        unsafe { libc::syscall(libc::SYS_tgkill, libc::getpid(), thread, super::super::SIGNAL) };
    }
}

#[cfg(not(target_os = "linux"))]
mod threads {
    pub(super) fn current() -> libc::pid_t {
        0
    }

    pub(super) fn interrupt(_thread: libc::pid_t) {}
}

/// As long as it exists, the calling thread sleeps and is not asked.
pub(crate) struct Sleeping(*const Seat);

impl Sleeping {
    /// Says so, if the thread is watched.
    pub(crate) fn begin() -> Self {
        let seat = SEAT.get();
        // SAFETY: the seat stays until its own thread leaves it, which is asleep meanwhile.
        if let Some(seat) = unsafe { seat.as_ref() } {
            seat.is_asleep.store(true, Ordering::Relaxed);
        }
        Self(seat)
    }
}

impl Drop for Sleeping {
    fn drop(&mut self) {
        // SAFETY: as above.
        if let Some(seat) = unsafe { self.0.as_ref() } {
            seat.is_asleep.store(false, Ordering::Relaxed);
        }
    }
}
