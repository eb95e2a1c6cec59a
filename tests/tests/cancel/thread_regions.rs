// SPDX-License-Identifier: BSD-3-Clause
//! Regions and shields on plain threads: they wait as coroutines do, so they are cancelled as coroutines are.

use std::thread;
use std::time::{Duration, Instant};

use kcoro_posix::cancel::{CancelToken, Cause, cause, shield};
use kcoro_posix::channel::{Builder, RecvError, RecvTimeoutError, SendError, TryRecvError, bounded, never};
use kcoro_posix::scope::scope;
use kcoro_posix::select;
use kcoro_posix::sync::{Event, Mutex, WaitTimeoutError};
use kcoro_posix::time::{Elapsed, TimeError, sleep, timeout};
use kcoro_posix::wait::{WaitError, block_on};
use kcoro_tests::{LONG, SHORT, end, runtime, until};

#[test]
fn a_cancel_ends_the_wait_of_a_thread_in_a_region_and_nothing_after_it() {
    let (tx, rx) = Builder::bounded(1).with_stats().build();
    let token = CancelToken::new();
    let (stats, cancel) = (tx.clone(), token.clone());
    let canceller = thread::spawn(move || {
        until(|| stats.stats().unwrap().receive_waits == 1);
        cancel.cancel_with("enough")
    });
    token.run(|| {
        assert_eq!(rx.recv(), Err(RecvError::Cancelled));
        assert_eq!(cause(), Some(Cause::Message("enough")));
    });
    assert!(canceller.join().unwrap());
    tx.send(1).unwrap();
    assert_eq!((rx.recv(), cause()), (Ok(1), None));
}

#[test]
fn in_a_cancelled_region_of_a_thread_nothing_waits_and_try_forms_work() {
    let (tx, rx) = bounded(2);
    tx.send(1).unwrap();
    let token = CancelToken::new();
    token.cancel();
    let (never_set, free) = (Event::new(), Mutex::new(5));
    token.run(|| {
        // Before all else, also where no wait is needed.
        assert_eq!((rx.recv(), tx.send(2)), (Err(RecvError::Cancelled), Err(SendError::Cancelled(2))));
        assert_eq!((rx.try_recv(), rx.try_recv()), (Ok(1), Err(TryRecvError::Empty)));
        assert_eq!(sleep(LONG), Err(TimeError::Cancelled));
        assert_eq!(never_set.wait_cancellable(), Err(WaitError::Cancelled));
        assert_eq!(block_on(std::future::pending::<()>()), Err(WaitError::Cancelled));
        // These are no cancellation points.
        assert_eq!(*free.lock().unwrap(), 5);
        assert!(never_set.wait_timeout(SHORT).is_err());
        let chosen = select! {
            recv(rx) -> _ => "a value",
            cancelled() => "a cancel",
        };
        assert_eq!(chosen, "a cancel");
    });
    tx.send(3).unwrap();
    assert_eq!(rx.recv(), Ok(3));
}

#[test]
fn the_end_of_a_region_of_a_thread_leaves_what_the_one_around_it_says() {
    let (outer, inner) = (CancelToken::new(), CancelToken::new());
    let cancelled = || never::<()>().recv_timeout(SHORT) == Err(kcoro_posix::channel::RecvTimeoutError::Cancelled);
    outer.run(|| {
        inner.run(|| {
            inner.cancel();
            assert!(cancelled());
        });
        assert!(!cancelled());
        let unwound = std::panic::catch_unwind(|| inner.run(|| std::panic::resume_unwind(Box::new(cancelled()))));
        assert_eq!(unwound.unwrap_err().downcast_ref(), Some(&true));
        shield(|| {
            outer.cancel_with("outer");
            assert!(!cancelled() && cause().is_none());
        });
        assert!(cancelled());
        assert_eq!(cause(), Some(Cause::Message("outer")));
    });
    assert!(!cancelled());
}

#[test]
fn the_regions_of_one_thread_are_not_those_of_another_nor_of_coroutines() {
    let runtime = runtime(1);
    let token = CancelToken::new();
    token.cancel();
    token.run(|| {
        thread::scope(|s| assert_eq!(s.spawn(|| sleep(SHORT)).join().unwrap(), Ok(())));
        // The root runs to its end, and waits as it likes.
        assert_eq!(runtime.run(|| sleep(SHORT)).unwrap(), Ok(()));
        // A scope passes the cancel of its parent on to its children, and waits for them.
        let began = Instant::now();
        scope(|s| drop(s.spawn_with(runtime.builder(), || sleep(LONG)).unwrap()));
        assert!(began.elapsed() < LONG);
    });
    end(runtime);
}

#[test]
fn a_time_limit_on_a_thread_cancels_what_waits_in_it_and_ends_with_it() {
    let (tx, rx) = bounded::<u8>(1);
    let begun = Instant::now();
    let received = timeout(SHORT, || {
        let first = (rx.recv(), cause());
        // From then on each.
        (first, sleep(LONG), block_on(std::future::pending::<()>()), select! { recv(rx) -> value => value })
    });
    let cancelled = Err(RecvError::Cancelled);
    let all = ((cancelled, Some(Cause::Deadline)), Err(TimeError::Cancelled), Err(WaitError::Cancelled), cancelled);
    assert_eq!(received, Err(Elapsed(all)));
    assert!(begun.elapsed() >= SHORT);
    // The limit has gone with its frame; a body that is late without a wait is late, too; what is in time is not.
    assert_eq!((rx.recv_timeout(SHORT), cause()), (Err(RecvTimeoutError::TimedOut), None));
    assert_eq!(timeout(Duration::ZERO, || 3), Err(Elapsed(3)));
    assert_eq!(timeout(LONG, || tx.send(4).and_then(|()| rx.recv().map_err(|_| unreachable!()))), Ok(Ok(4)));
    assert_eq!(timeout(Duration::MAX, || 5), Ok(5));
    let panicked = std::panic::catch_unwind(|| timeout(Duration::ZERO, || panic!("on purpose")));
    assert!(panicked.is_err());
    assert_eq!(timeout(LONG, || rx.recv_timeout(SHORT)), Ok(Err(RecvTimeoutError::TimedOut)));
}

#[test]
fn time_limits_of_a_thread_nest_and_a_shield_keeps_them_off() {
    let nothing = never::<u8>();
    let inner = timeout(LONG, || timeout(SHORT, || nothing.recv()));
    assert_eq!(inner, Ok(Err(Elapsed(Err(RecvError::Cancelled)))));
    let outer = timeout(SHORT, || timeout(LONG, || nothing.recv()));
    assert_eq!(outer, Err(Elapsed(Ok(Err(RecvError::Cancelled)))));
    let shielded = timeout(Duration::ZERO, || {
        let inside = shield(|| (nothing.recv_timeout(SHORT), cause()));
        (inside, nothing.recv_timeout(LONG))
    });
    let inside = (Err(RecvTimeoutError::TimedOut), None);
    assert_eq!(shielded, Err(Elapsed((inside, Err(RecvTimeoutError::Cancelled)))));
    // No cancellation points, hence not cut short; and another thread is not in it.
    let (event, free) = (Event::new(), Mutex::new(()));
    let _ = timeout(Duration::ZERO, || {
        assert_eq!(event.wait_timeout(SHORT), Err(WaitTimeoutError::TimedOut));
        assert!(free.lock().is_ok());
        let elsewhere = thread::spawn(|| never::<u8>().recv_timeout(SHORT)).join().unwrap();
        assert_eq!(elsewhere, Err(RecvTimeoutError::TimedOut));
    });
}
