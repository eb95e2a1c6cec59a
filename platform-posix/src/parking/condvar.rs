// SPDX-License-Identifier: BSD-3-Clause
//! A parker made of a mutex and a condition variable, for systems without a futex that takes an absolute deadline.
//!
//! Waking takes the mutex, so on these systems `wake` is not callable from a signal handler.

use std::time::Duration;

#[cfg(loom)]
use loom::sync::{Condvar, Mutex};
#[cfg(not(loom))]
use std::sync::{Condvar, Mutex, PoisonError};

use super::token::{BeginPark, Notify, Token};
use crate::monotonic;

/// A relative wait is cut to this: the longest durations overflow some systems' conversions. The loop goes on after it.
const LONGEST_WAIT: Duration = Duration::from_secs(24 * 60 * 60);

/// See the module.
pub(super) struct CondvarParker {
    token: Token,
    lock: Mutex<()>,
    woken: Condvar,
}

impl CondvarParker {
    pub(super) fn new() -> Self {
        Self { token: Token::new(), lock: Mutex::new(()), woken: Condvar::new() }
    }

    pub(super) fn park(&self, deadline_ns: Option<u64>) {
        if self.token.begin_park() == BeginPark::Notified {
            return;
        }
        let mut guard = ignore_poison(self.lock.lock());
        while self.token.is_parked() {
            guard = match deadline_ns {
                None => ignore_poison(self.woken.wait(guard)),
                Some(deadline_ns) => match deadline_ns.saturating_sub(monotonic::now_ns()) {
                    0 => break,
                    left_ns => {
                        let wait = Duration::from_nanos(left_ns).min(LONGEST_WAIT);
                        ignore_poison(self.woken.wait_timeout(guard, wait)).0
                    }
                },
            };
        }
        self.token.end_park();
    }

    pub(super) fn wake(&self) {
        if self.token.notify() == Notify::WakeSleeper {
            // The sleeper reads the token and starts to wait under the lock. Taking it here puts this wake after the
            // start of the wait, or before the read, which then sees the token.
            drop(ignore_poison(self.lock.lock()));
            self.woken.notify_one();
        }
    }
}

/// Nothing can panic under this lock, so that a poisoned one is as good as any.
#[cfg(not(loom))]
fn ignore_poison<T>(result: Result<T, PoisonError<T>>) -> T {
    result.unwrap_or_else(PoisonError::into_inner)
}

#[cfg(loom)]
fn ignore_poison<T>(result: loom::sync::LockResult<T>) -> T {
    result.unwrap()
}

#[cfg(all(test, loom))]
#[expect(unsafe_code, reason = "reads and writes loom's cell")]
mod loom_tests {
    use core::sync::atomic::Ordering;

    use loom::sync::Arc;
    use loom::sync::atomic::AtomicU32;

    use super::CondvarParker;

    /// Each waker's write is visible once the park that its wake ended returns; no wake is lost (loom would report the
    /// deadlock).
    #[test]
    fn loom_every_wake_ends_a_park_and_publishes() {
        // Three threads with a mutex each: all their interleavings take hours, those of three preemptions seconds.
        let mut model = loom::model::Builder::new();
        model.preemption_bound = Some(3);
        model.check(|| {
            let parker = Arc::new(CondvarParker::new());
            let written = Arc::new(AtomicU32::new(0));
            let wakers: Vec<_> = (0..2)
                .map(|_| {
                    let (parker, written) = (parker.clone(), written.clone());
                    loom::thread::spawn(move || {
                        written.fetch_add(1, Ordering::Relaxed);
                        parker.wake();
                    })
                })
                .collect();
            while written.load(Ordering::Relaxed) < 2 {
                parker.park(None);
            }
            for waker in wakers {
                waker.join().unwrap();
            }
        });
    }

    /// A write that is not atomic on its own: the token alone must order it.
    #[test]
    fn loom_a_wake_publishes_what_came_before_it() {
        loom::model(|| {
            let shared = Arc::new((CondvarParker::new(), loom::cell::UnsafeCell::new(0u32)));
            let waker = {
                let shared = Arc::clone(&shared);
                loom::thread::spawn(move || {
                    // SAFETY: the wake below comes after this write, and the reader waits for it; loom checks that.
                    shared.1.with_mut(|value| unsafe { *value = 1 });
                    shared.0.wake();
                })
            };
            // The one wake can end one park only, and nothing else ends a park in this model.
            shared.0.park(None);
            // SAFETY: as above.
            assert_eq!(shared.1.with(|value| unsafe { *value }), 1);
            waker.join().unwrap();
        });
    }
}
