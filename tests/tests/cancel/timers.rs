// SPDX-License-Identifier: BSD-3-Clause
//! Timers that call something: armed from anywhere, never early, never lost, and gone with who wanted them.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Wake, Waker};
use std::time::{Duration, Instant as Stopwatch};
use std::{future::Future, pin::pin, thread};

use kcoro_posix::cancel::{CancelToken, Cause};
use kcoro_posix::channel::{RecvTimeoutError, after};
use kcoro_posix::platform::ClockId;
use kcoro_posix::sched::{Handle, TimeoutError, sleep_async};
use kcoro_posix::time::{Instant, TimeError, sleep};
use kcoro_posix::wait::{CannotWait, block_on};
use kcoro_tests::random::Random;
use kcoro_tests::{LONG, SHORT, builder, end, runtime};

const ROUNDS: usize = if cfg!(miri) { 3 } else { 50 };

/// Gives the runtime something to do, and returns when a worker has nothing to do again.
fn one_falls_asleep(runtime: &Handle) {
    let before = runtime.metrics().total.sleeps;
    runtime.spawn(|| ()).unwrap().join().unwrap();
    while runtime.metrics().total.sleeps == before {
        thread::yield_now();
    }
}

#[test]
fn a_deadline_set_from_outside_wakes_a_worker_that_sleeps() {
    let runtime = runtime(2);
    let root = CancelToken::new();
    for round in 0..ROUNDS {
        // Workers sleep for ever, or, every other time, until a deadline that is far away.
        let _later = (round % 2 == 1).then(|| [(); 2].map(|()| root.child_with_timeout_on(&runtime, LONG)));
        one_falls_asleep(&runtime);
        let (start, limit) = (Stopwatch::now(), Duration::from_micros(200));
        let child = root.child_with_timeout_on(&runtime, limit);
        assert_eq!(child.cancelled(), Ok(Cause::Deadline));
        assert!((limit..LONG).contains(&start.elapsed()));
    }
    assert!(!root.is_cancelled());
    end(runtime);
}

#[test]
fn the_deadlines_of_many_threads_come_all_and_in_time() {
    let runtime = runtime(3);
    let root = CancelToken::new();
    thread::scope(|s| {
        for seed in 0..4 {
            let (root, runtime) = (&root, &runtime);
            s.spawn(move || {
                let mut random = Random::new(seed);
                for _ in 0..ROUNDS {
                    let start = Stopwatch::now();
                    let limits: Vec<_> = (0..20).map(|_| Duration::from_micros(random.below(500))).collect();
                    let tokens: Vec<_> =
                        limits.iter().map(|limit| root.child_with_timeout_on(runtime, *limit)).collect();
                    for (number, (token, limit)) in tokens.into_iter().zip(limits).enumerate() {
                        // Some go before their time.
                        if number % 3 != 0 {
                            assert_eq!(token.cancelled(), Ok(Cause::Deadline));
                            assert!(start.elapsed() >= limit, "never early");
                        }
                    }
                }
            });
        }
    });
    end(runtime);
}

#[test]
fn a_token_that_is_cancelled_or_dropped_before_its_deadline_keeps_its_cause_and_its_peace() {
    let runtime = runtime(1);
    let root = CancelToken::new();
    let first = root.child_with_timeout_on(&runtime, SHORT);
    first.cancel_with("first");
    drop(root.child_with_timeout_on(&runtime, SHORT));
    assert_eq!(root.child_with_timeout_on(&runtime, SHORT * 2).cancelled(), Ok(Cause::Deadline));
    assert_eq!(first.cause(), Some(Cause::Message("first")));
    assert!(!root.child_with_timeout_on(&runtime, Duration::MAX).is_cancelled());
    assert_eq!(root.child_with_timeout_on(&runtime, Duration::ZERO).cause(), Some(Cause::Deadline), "at once");
    end(runtime);
}

#[test]
fn outside_of_a_runtime_time_must_be_named() {
    let root = CancelToken::new();
    let nobody = TimeError::CannotWait(CannotWait::NotInCoroutine);
    assert_eq!(root.child_with_timeout(SHORT).unwrap_err(), nobody);
    assert_eq!(root.cancel_with_grace(SHORT), Err(nobody));
    assert!(!root.is_cancelling());
    assert_eq!(block_on(sleep_async(SHORT)), Ok(Err(nobody)));
    let runtime = runtime(1);
    let elsewhere = Instant::from_clock(ClockId(77), 5);
    assert!(matches!(root.child_with_deadline_on(&runtime, elsewhere), Err(TimeError::Clock(_))));
    let start = Stopwatch::now();
    assert_eq!(block_on(runtime.sleep_async(SHORT)), Ok(Ok(())));
    assert_eq!(block_on(runtime.timeout_async(SHORT, root.cancelled_async())), Ok(Err(TimeoutError::Elapsed)));
    assert!(start.elapsed() >= SHORT * 2);
    assert_eq!(block_on(runtime.timeout_async(LONG, async { 5 })), Ok(Ok(5)));
    root.cancel_with_grace_on(&runtime, SHORT);
    assert!(root.is_cancelling());
    assert_eq!(root.cancelled(), Ok(Cause::Cancelled));
    end(runtime);
}

#[test]
fn threads_receive_what_a_runtime_times() {
    let runtime = runtime(2);
    let (start, ticks) = (Stopwatch::now(), runtime.tick(SHORT));
    let due: Vec<_> = ticks.iter().take(3).collect();
    assert!(start.elapsed() >= SHORT * 3);
    assert!(due.windows(2).all(|pair| pair[1].duration_since(pair[0]).unwrap() >= SHORT));
    let last = due[2].saturating_add(SHORT);
    assert_eq!(runtime.at(last).unwrap().recv(), Ok(last));
    assert!(runtime.after(SHORT).recv_timeout(LONG).is_ok());
    assert_eq!(after(SHORT).unwrap_err(), TimeError::CannotWait(CannotWait::NotInCoroutine));
    // Receivers may outlive the runtime; then nothing comes any more.
    end(runtime);
    while ticks.try_recv().is_ok() {}
    assert_eq!(ticks.recv_timeout(SHORT * 3), Err(RecvTimeoutError::TimedOut));
}

#[test]
fn a_local_runtime_keeps_deadlines_while_it_is_driven() {
    let runtime = builder().workers(1).build_local().unwrap();
    let root = CancelToken::new();
    let early = root.child_with_timeout_on(&runtime, SHORT);
    let start = Stopwatch::now();
    while start.elapsed() < SHORT * 2 {
        thread::yield_now();
    }
    assert!(!early.is_cancelled(), "nobody was there");
    let own = early.clone();
    assert_eq!(runtime.run(move || own.cancelled()).unwrap(), Ok(Cause::Deadline));
    let inside = root.clone();
    let waits = runtime.run(move || inside.child_with_timeout(SHORT).unwrap().cancelled());
    assert_eq!(waits.unwrap(), Ok(Cause::Deadline));
    // From another thread, while it sleeps.
    let (handle, outside) = (runtime.handle().clone(), root.clone());
    let awake = handle.metrics().total.sleeps;
    let armed = thread::spawn(move || {
        while handle.metrics().total.sleeps == awake {
            thread::yield_now();
        }
        outside.cancel_with_grace_on(&handle, SHORT);
    });
    let own = root.clone();
    assert_eq!(runtime.run(move || own.cancelled()).unwrap(), Ok(Cause::Cancelled));
    armed.join().unwrap();
    assert!(runtime.shutdown(LONG).is_clean());
}

#[test]
fn a_runtime_that_has_ended_keeps_no_deadline_and_nothing_of_it() {
    let (root, alive) = (CancelToken::new(), Arc::new(()));
    let runtime = runtime(2);
    let handle = runtime.handle().clone();
    let armed = root.child_with_timeout_on(&handle, LONG);
    let held = alive.clone();
    armed.on_cancel(move |_| drop(held)).keep();
    end(runtime);
    assert!(!root.child_with_timeout_on(&handle, SHORT).is_cancelled());
    drop(handle);
    assert!(!armed.is_cancelled());
    drop(armed);
    assert_eq!(Arc::strong_count(&alive), 1);
}

/// Is counted by its owners.
struct Counted(AtomicBool);

impl Wake for Counted {
    fn wake(self: Arc<Self>) {
        self.0.store(true, Ordering::SeqCst);
    }
}

#[test]
fn a_sleep_that_is_dropped_leaves_no_timer_behind() {
    let runtime = runtime(1);
    let counted = Arc::new(Counted(AtomicBool::new(false)));
    let waker = Waker::from(counted.clone());
    {
        let mut sleeps = pin!(runtime.sleep_async(LONG));
        assert!(sleeps.as_mut().poll(&mut Context::from_waker(&waker)).is_pending());
        assert_eq!(Arc::strong_count(&counted), 3);
    }
    assert_eq!(Arc::strong_count(&counted), 2, "the timer is gone, and the waker with it");
    let mut sleeps = pin!(runtime.sleep_async(SHORT));
    assert!(sleeps.as_mut().poll(&mut Context::from_waker(&waker)).is_pending());
    while !counted.0.load(Ordering::SeqCst) {
        thread::yield_now();
    }
    assert!(sleeps.as_mut().poll(&mut Context::from_waker(&waker)).is_ready());
    end(runtime);
}

#[test]
fn a_hook_that_a_deadline_calls_may_panic_and_set_deadlines() {
    let runtime = runtime(1);
    let root = CancelToken::new();
    let (first, second) = (root.child_with_timeout_on(&runtime, SHORT), CancelToken::new());
    let chained = second.clone();
    first.on_cancel(|_| std::panic::resume_unwind(Box::new("a hook on the base context"))).keep();
    first
        .on_cancel(move |why| {
            assert_eq!(why, &Cause::Deadline);
            assert_eq!(sleep(SHORT), Err(TimeError::CannotWait(CannotWait::NotInCoroutine)));
            chained.cancel_with_grace(SHORT).unwrap();
        })
        .keep();
    assert_eq!(second.cancelled(), Ok(Cause::Cancelled));
    end(runtime);
}
