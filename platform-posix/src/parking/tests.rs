// SPDX-License-Identifier: BSD-3-Clause
//! What both parkers promise, checked on each that this system can build.
#![expect(unsafe_code, reason = "sends signals to a parked thread and reads its CPU time")]

use core::cell::Cell;
use core::sync::atomic::{AtomicBool, AtomicU32, AtomicU64, Ordering};
use std::sync::Arc;
use std::thread;

use super::{MAX_WORKERS, Parkers, locate};
use crate::monotonic::now_ns;

const MS: u64 = 1_000_000;

/// One parker of either kind.
trait Park: Send + Sync + 'static {
    fn new() -> Self;
    fn park(&self, deadline_ns: Option<u64>);
    fn wake(&self);
}

macro_rules! contract {
    ($kind:ident, $parker:ty) => {
        impl Park for $parker {
            fn new() -> Self {
                <$parker>::new()
            }
            fn park(&self, deadline_ns: Option<u64>) {
                self.park(deadline_ns);
            }
            fn wake(&self) {
                self.wake();
            }
        }

        mod $kind {
            #[test]
            fn a_wake_before_the_park_is_not_lost_and_many_count_as_one() {
                super::a_wake_before_the_park_is_not_lost_and_many_count_as_one::<$parker>();
            }
            #[test]
            fn a_deadline_is_never_early() {
                super::a_deadline_is_never_early::<$parker>();
            }
            #[test]
            fn a_far_deadline_sleeps_until_woken() {
                super::a_far_deadline_sleeps_until_woken::<$parker>();
            }
            #[test]
            fn no_wake_is_lost_between_two_threads() {
                super::no_wake_is_lost_between_two_threads::<$parker>();
            }
            #[test]
            fn a_signal_does_not_end_the_park_before_its_deadline() {
                super::a_signal_does_not_end_the_park_before_its_deadline::<$parker>();
            }
        }
    };
}

#[cfg(target_os = "linux")]
contract!(on_futex, crate::parking::futex::FutexParker);
contract!(on_condvar, crate::parking::condvar::CondvarParker);

fn a_wake_before_the_park_is_not_lost_and_many_count_as_one<P: Park>() {
    let parker = P::new();
    parker.wake();
    parker.wake();
    // A lost wake hangs here.
    parker.park(None);
    let deadline_ns = now_ns() + MS;
    parker.park(Some(deadline_ns));
    assert!(now_ns() >= deadline_ns, "the second wake was kept as well");
}

fn a_deadline_is_never_early<P: Park>() {
    let parker = P::new();
    for delay_ns in [0, 1, 1_000, 100_000, 3 * MS] {
        let deadline_ns = now_ns() + delay_ns;
        parker.park(Some(deadline_ns));
        assert!(now_ns() >= deadline_ns);
    }
    for past_ns in [0, 1, now_ns() - 1] {
        parker.park(Some(past_ns));
    }
}

/// Too far for the kernel's signed clock, for a signed 64-bit number, for `now + deadline`: none may wrap to the past.
fn a_far_deadline_sleeps_until_woken<P: Park>() {
    for deadline_ns in [u64::MAX, u64::MAX - 1, i64::MAX as u64 + 1, i64::MAX as u64, i64::MAX as u64 - 1] {
        let parker = Arc::new(P::new());
        let done = Arc::new(AtomicBool::new(false));
        let cpu_ns = Arc::new(AtomicU64::new(0));
        let sleeper = thread::spawn({
            let (parker, done, cpu_ns) = (parker.clone(), done.clone(), cpu_ns.clone());
            move || {
                let before_ns = thread_cpu_ns();
                let mut parks = 0;
                while !done.load(Ordering::Relaxed) {
                    parker.park(Some(deadline_ns));
                    parks += 1;
                }
                cpu_ns.store(thread_cpu_ns() - before_ns, Ordering::Relaxed);
                parks
            }
        });
        let other = P::new();
        other.park(Some(now_ns() + 20 * MS));
        done.store(true, Ordering::Relaxed);
        parker.wake();
        let parks = sleeper.join().unwrap();
        assert!(parks <= 3, "{parks} parks until {deadline_ns}: it returns at once");
        assert!(cpu_ns.load(Ordering::Relaxed) < 10 * MS, "it polls until {deadline_ns}");
    }
}

/// Two threads hand a number back and forth; each step depends on one wake of the other.
fn no_wake_is_lost_between_two_threads<P: Park>() {
    const ROUNDS: u32 = 20_000;
    let shared = Arc::new((P::new(), P::new(), AtomicU32::new(0)));
    let other = thread::spawn({
        let shared = shared.clone();
        move || {
            let (ping, pong, number) = &*shared;
            for round in 0..ROUNDS {
                while number.load(Ordering::Relaxed) != 2 * round + 1 {
                    ping.park(None);
                }
                number.store(2 * round + 2, Ordering::Relaxed);
                pong.wake();
            }
        }
    });
    let (ping, pong, number) = &*shared;
    for round in 0..ROUNDS {
        number.store(2 * round + 1, Ordering::Relaxed);
        ping.wake();
        while number.load(Ordering::Relaxed) != 2 * round + 2 {
            pong.park(None);
        }
    }
    other.join().unwrap();
}

fn a_signal_does_not_end_the_park_before_its_deadline<P: Park>() {
    thread_local! {
        // Of a constant and without a destructor, so that a handler may use it.
        static SIGNALS: Cell<u32> = const { Cell::new(0) };
    }
    extern "C" fn on_signal(_: libc::c_int) {
        SIGNALS.set(SIGNALS.get() + 1);
    }
    // SAFETY: all-zero is a valid sigaction; the handler counts.
    unsafe {
        let mut action: libc::sigaction = core::mem::zeroed();
        action.sa_sigaction = on_signal as extern "C" fn(libc::c_int) as usize;
        libc::sigaction(libc::SIGUSR1, &raw const action, core::ptr::null_mut());
    }
    let parker = P::new();
    let stop = AtomicBool::new(false);
    // SAFETY: names the calling thread.
    let parked = unsafe { libc::pthread_self() };
    thread::scope(|scope| {
        scope.spawn(|| {
            while !stop.load(Ordering::Relaxed) {
                // SAFETY: the parked thread ends the scope, so that it lives.
                unsafe { libc::pthread_kill(parked, libc::SIGUSR1) };
                thread::yield_now();
            }
        });
        // Until a signal has come in several parks: on a busy machine the other thread does not run in each of them.
        let mut early_ns = 0;
        let mut disturbed = 0;
        while disturbed < 5 && early_ns == 0 {
            let (before, deadline_ns) = (SIGNALS.get(), now_ns() + 20 * MS);
            parker.park(Some(deadline_ns));
            early_ns = deadline_ns.saturating_sub(now_ns());
            disturbed += u32::from(SIGNALS.get() != before);
        }
        stop.store(true, Ordering::Relaxed);
        assert_eq!(early_ns, 0, "a park ended before its deadline");
    });
}

fn thread_cpu_ns() -> u64 {
    let mut time = libc::timespec { tv_sec: 0, tv_nsec: 0 };
    // SAFETY: `time` is valid to write to.
    unsafe { libc::clock_gettime(libc::CLOCK_THREAD_CPUTIME_ID, &raw mut time) };
    time.tv_sec as u64 * 1_000_000_000 + time.tv_nsec as u64
}

#[cfg(target_os = "linux")]
#[test]
fn a_signal_handler_can_wake() {
    static PARKERS: std::sync::LazyLock<Parkers> = std::sync::LazyLock::new(Parkers::new);
    extern "C" fn on_signal(_: libc::c_int) {
        PARKERS.wake(5);
    }
    PARKERS.prepare(5);
    // SAFETY: as above; `wake` of a prepared index is callable from a handler.
    unsafe {
        let mut action: libc::sigaction = core::mem::zeroed();
        action.sa_sigaction = on_signal as extern "C" fn(libc::c_int) as usize;
        libc::sigaction(libc::SIGUSR2, &raw const action, core::ptr::null_mut());
    }
    // SAFETY: names the calling thread.
    let parked = unsafe { libc::pthread_self() };
    let waker = thread::spawn(move || {
        // SAFETY: the parked thread joins this one, so that it lives.
        unsafe { libc::pthread_kill(parked, libc::SIGUSR2) };
    });
    // A lost wake hangs here, wherever the signal arrives.
    PARKERS.park(5, None);
    waker.join().unwrap();
}

#[test]
fn every_index_has_a_place_of_its_own() {
    let mut last = None;
    for index in 0..10_000 {
        let place = locate(index);
        assert!(Some(place) > last);
        assert!(place.1 < super::FIRST_BUCKET << place.0);
        last = Some(place);
    }
    assert_eq!(locate(MAX_WORKERS - 1).0, super::BUCKETS - 1);
}

#[test]
#[should_panic(expected = "out of range")]
fn an_index_that_is_no_worker_is_refused_by_name() {
    Parkers::new().wake(MAX_WORKERS);
}

#[test]
fn the_table_grows_under_concurrent_wakes() {
    let parkers = Arc::new(Parkers::new());
    let threads: Vec<_> = (0..4)
        .map(|_| {
            let parkers = parkers.clone();
            thread::spawn(move || (0..2_000).for_each(|index| parkers.wake(index)))
        })
        .collect();
    threads.into_iter().for_each(|thread| thread.join().unwrap());
    // Each index kept its token: a park that sleeps hangs here.
    (0..2_000).for_each(|index| parkers.park(index, None));
}
