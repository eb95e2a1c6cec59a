// SPDX-License-Identifier: BSD-3-Clause
//! Misuse is named, by a typed error or by a message, and hangs nothing. Waiting where nobody can is in `cannot_wait`.

use std::panic::{AssertUnwindSafe, catch_unwind};

use kcoro_posix::channel::{RecvTimeoutError, SendTimeoutError, bounded};
use kcoro_posix::platform::ambient::in_interrupt;
use kcoro_posix::sched::{JoinError, JoinHandle, RunError, SpawnError, TryJoinError, spawn};
use kcoro_posix::time::{TimeError, sleep_until};
use kcoro_posix::wait::{CannotWait, WaitError, block_on};
use kcoro_tests::counted::OnDrop;
use kcoro_tests::{Hog, LONG, builder, end, runtime};

#[test]
fn awaiting_oneself_is_refused_like_joining_oneself() {
    let runtime = runtime(1);
    let (tx, rx) = bounded::<JoinHandle<()>>(1);
    let (verdict_tx, verdict) = bounded(1);
    let own = runtime.spawn(move || {
        let own = rx.recv().unwrap();
        verdict_tx.send(matches!(block_on(own), Ok(Err(JoinError::Itself)))).unwrap();
    });
    tx.send(own.unwrap()).unwrap();
    assert_eq!(verdict.recv_timeout(LONG), Ok(true));
    end(runtime);
}

#[test]
fn a_handle_of_a_runtime_that_has_ended_answers_everything() {
    let runtime = runtime(2);
    runtime.run(|| spawn(|| ()).unwrap().join().unwrap()).unwrap();
    let handle = runtime.handle().clone();
    end(runtime);
    let dump = handle.dump();
    assert!(dump.coroutines.is_empty() && dump.unlisted == 0, "{dump}");
    let metrics = handle.metrics();
    assert_eq!((metrics.live, metrics.total.spawned, metrics.total.ended), (0, 2, 2));
    assert_eq!(metrics.total, handle.stats());
    assert!(handle.unfinished().is_clean());
    assert_eq!(handle.spawn(|| ()).unwrap_err().to_string(), "the runtime has shut down");
    assert_eq!(block_on(async { 1 }), Ok(1), "it needs no runtime");
}

/// What waits and is not in `cannot_wait::everything_is_refused`.
fn the_rest_is_refused(why: CannotWait, unended: &mut JoinHandle<()>, runtime: &kcoro_posix::sched::Runtime) {
    let join = unended.join_mut().unwrap_err();
    assert!(matches!(join, JoinError::Wait(WaitError::CannotWait(refused)) if refused == why), "{join}");
    let join = unended.join_timeout(LONG).unwrap_err();
    assert!(
        matches!(join, TryJoinError::Failed(JoinError::Wait(WaitError::CannotWait(refused))) if refused == why),
        "{join}"
    );
    let run = runtime.run(|| ()).unwrap_err();
    assert!(matches!(run, RunError::CannotWait(refused) if refused == why), "{run}");
    let (tx, rx) = bounded(1);
    assert_eq!(rx.recv_timeout(LONG), Err(RecvTimeoutError::CannotWait(why)));
    tx.try_send(1).unwrap();
    assert_eq!(tx.send_timeout(2, LONG), Err(SendTimeoutError::CannotWait(2, why)));
    assert_eq!(rx.iter().next(), Some(1));
    assert_eq!(rx.iter().next(), None, "an iterator ends where it cannot wait");
}

#[test]
fn a_worker_at_its_base_can_neither_join_nor_run() {
    let (runtime, other) = (runtime(1), runtime(1));
    let (never_tx, never_rx) = bounded::<()>(1);
    let mut unended = other.spawn(move || _ = never_rx.recv()).unwrap();
    let hog = Hog::on(&runtime, 0);
    let (tx, rx) = std::sync::mpsc::channel();
    let mut other = Some(other);
    let on_drop = OnDrop(move || {
        let other = other.take().expect("dropped once");
        let check = AssertUnwindSafe(|| the_rest_is_refused(CannotWait::NotInCoroutine, &mut unended, &other));
        let caught = catch_unwind(check).map_err(|_| "panicked");
        tx.send((caught, other)).unwrap();
    });
    let never = runtime.spawn(move || drop(on_drop)).unwrap();
    never.cancel();
    hog.release();
    let (caught, other) = rx.recv().unwrap();
    assert_eq!(caught, Ok(()));
    drop(never_tx);
    end(other);
    end(runtime);
}

#[test]
fn a_handler_can_neither_join_run_spawn_nor_dump() {
    let runtime = builder().workers(1).limit(1).build().unwrap();
    let (tx, rx) = bounded::<()>(1);
    let mut unended = runtime.spawn(move || _ = rx.recv()).unwrap();
    in_interrupt(|| {
        the_rest_is_refused(CannotWait::InInterrupt, &mut unended, &runtime);
        // Refused for what it is, before the limit is asked.
        assert_eq!(runtime.spawn(|| ()).unwrap_err(), SpawnError::InInterrupt);
        assert!(SpawnError::InInterrupt.to_string().contains("signal handler"));
        let dumped = catch_unwind(AssertUnwindSafe(|| runtime.dump())).unwrap_err();
        assert!(dumped.downcast_ref::<&str>().is_some_and(|text| text.contains("interrupt or signal handler")));
    });
    assert_eq!(runtime.dump().coroutines.len() + runtime.dump().unlisted, 1);
    drop(tx);
    unended.join().unwrap();
    end(runtime);
}

#[test]
fn a_sleep_until_where_nobody_can_wait_is_refused() {
    let runtime = runtime(1);
    let now = runtime.run(|| kcoro_posix::time::Instant::now().unwrap()).unwrap();
    let refused = in_interrupt(|| sleep_until(now));
    assert_eq!(refused, Err(TimeError::CannotWait(CannotWait::InInterrupt)));
    end(runtime);
}
