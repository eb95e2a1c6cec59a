// SPDX-License-Identifier: BSD-3-Clause
//! The Linux parker: the token is the futex word, deadlines are absolute readings of `CLOCK_MONOTONIC`.
#![expect(unsafe_code, reason = "futex is a raw system call")]

use core::ptr;
use core::sync::atomic::AtomicU32;

use super::token::{BeginPark, Notify, PARKED, Token};
use crate::monotonic;

/// See the module.
pub(super) struct FutexParker {
    token: Token,
}

impl FutexParker {
    pub(super) fn new() -> Self {
        Self { token: Token::new() }
    }

    pub(super) fn park(&self, deadline_ns: Option<u64>) {
        if self.token.begin_park() == BeginPark::Notified {
            return;
        }
        let deadline = deadline_ns.and_then(timespec);
        // A signal ends the wait early (EINTR); the deadline is absolute, so that waiting again is exact.
        while self.token.is_parked() {
            if futex_wait(self.token.word(), PARKED, deadline.as_ref()) == Waited::TimedOut {
                break;
            }
        }
        self.token.end_park();
    }

    /// Callable from a signal handler: one atomic swap and at most one system call.
    pub(super) fn wake(&self) {
        if self.token.notify() == Notify::WakeSleeper {
            futex_wake_one(self.token.word());
        }
    }
}

/// A deadline as the kernel wants it; `None` where it is too far off for the kernel's signed clock, 292 years, which is
/// as good as no deadline.
fn timespec(deadline_ns: u64) -> Option<libc::timespec> {
    let deadline_ns = i64::try_from(monotonic::kernel_ns(deadline_ns)).ok()?;
    Some(libc::timespec { tv_sec: deadline_ns / 1_000_000_000, tv_nsec: deadline_ns % 1_000_000_000 })
}

#[derive(PartialEq, Eq)]
enum Waited {
    TimedOut,
    /// Woken, interrupted, or the word had already changed.
    LookAgain,
}

fn futex_wait(word: &AtomicU32, expected: u32, deadline: Option<&libc::timespec>) -> Waited {
    let deadline = deadline.map_or(ptr::null(), ptr::from_ref);
    // WAIT_BITSET and not WAIT: only it takes an absolute deadline, by CLOCK_MONOTONIC unless told otherwise.
    // SAFETY: `word` and the deadline, if any, live across the call; the kernel only reads them.
    let result = unsafe {
        libc::syscall(
            libc::SYS_futex,
            word.as_ptr(),
            libc::FUTEX_WAIT_BITSET | libc::FUTEX_PRIVATE_FLAG,
            expected,
            deadline,
            ptr::null::<u32>(),
            libc::FUTEX_BITSET_MATCH_ANY,
        )
    };
    // SAFETY: errno is this thread's own; it is read right after the call that set it.
    if result == -1 && unsafe { *libc::__errno_location() } == libc::ETIMEDOUT {
        Waited::TimedOut
    } else {
        Waited::LookAgain
    }
}

fn futex_wake_one(word: &AtomicU32) {
    // SAFETY: errno is this thread's own.
    let errno = unsafe { libc::__errno_location() };
    // SAFETY: as above. A signal handler must leave errno as it found it, and wakes may come from one.
    let errno_before = unsafe { *errno };
    // SAFETY: `word` lives across the call; the kernel only uses its address.
    unsafe { libc::syscall(libc::SYS_futex, word.as_ptr(), libc::FUTEX_WAKE | libc::FUTEX_PRIVATE_FLAG, 1) };
    // SAFETY: as above.
    unsafe { *errno = errno_before };
}
