// SPDX-License-Identifier: BSD-3-Clause
//! Cancelling: every wait ends, nothing is lost, and what was done stays done.

use core::future::pending;

use kcoro_core::channel::{
    RecvError, RecvTimeoutError, SendError, SendTimeoutError, TryRecvError, bounded, rendezvous,
};
use kcoro_core::sched::{Builder, JoinError, spawn, yield_now};
use kcoro_core::time::{Instant, TimeError, interval, sleep, sleep_until};
use kcoro_core::wait::{WaitError, block_on};

use crate::Stage;
use crate::tools::{Drops, LONG, parked, until};

/// What `waits` returns when it is cancelled while it is parked.
#[track_caller]
fn cancelled<T: 'static>(waits: impl FnOnce() -> T + 'static) -> T {
    let handle = parked(waits);
    handle.cancel();
    handle.join().unwrap()
}

pub(crate) fn a_cancel_before_the_first_run_drops_the_closure_once(_: &Stage) {
    let (drops, ran) = (Drops::new(), Drops::new());
    let (value, runs) = (drops.value(), ran.value());
    let body = move || {
        let _value = value;
        core::mem::forget(runs);
    };
    // It shares this worker, so it has not begun.
    let handle = Builder::new().near().spawn(body).unwrap();
    handle.cancel();
    assert!(matches!(handle.join(), Err(JoinError::Cancelled)));
    assert_eq!((drops.count(), ran.count()), (1, 1), "dropped, and not by running");
}

pub(crate) fn a_cancel_ends_a_wait_for_a_value(_: &Stage) {
    let (tx, rx) = bounded::<u8>(1);
    let receivers = [rx.clone(), rx.clone(), rx.clone()];
    let [first, second, third] = receivers;
    assert_eq!(cancelled(move || first.recv()), Err(RecvError::Cancelled));
    assert_eq!(cancelled(move || second.recv_timeout(LONG)), Err(RecvTimeoutError::Cancelled));
    let deadline = Instant::now().unwrap().saturating_add(LONG);
    assert_eq!(cancelled(move || third.recv_deadline(deadline)), Err(RecvTimeoutError::Cancelled));
    tx.try_send(1).unwrap();
    assert_eq!(rx.try_recv(), Ok(1), "none of them takes it");
}

pub(crate) fn a_cancel_ends_a_wait_for_room_and_the_value_comes_back(_: &Stage) {
    for capacity in [0, 1] {
        let (tx, rx) = bounded(capacity);
        (0..capacity).for_each(|_| tx.send(9).unwrap());
        let (first, second) = (tx.clone(), tx.clone());
        assert_eq!(cancelled(move || first.send(1)), Err(SendError::Cancelled(1)));
        assert_eq!(cancelled(move || second.send_timeout(2, LONG)), Err(SendTimeoutError::Cancelled(2)));
        assert_eq!(rx.try_iter().count(), capacity, "nothing was left behind");
        assert_eq!(rx.try_recv(), Err(TryRecvError::Empty));
    }
}

pub(crate) fn a_cancel_ends_sleeps_and_intervals(_: &Stage) {
    let start = Instant::now().unwrap();
    assert_eq!(cancelled(|| sleep(LONG)), Err(TimeError::Cancelled));
    assert_eq!(cancelled(move || sleep_until(start.saturating_add(LONG))), Err(TimeError::Cancelled));
    assert_eq!(cancelled(|| interval(LONG).unwrap().tick()), Err(TimeError::Cancelled));
    assert!(Instant::now().unwrap().duration_since(start).unwrap() < LONG);
}

pub(crate) fn a_cancelled_join_leaves_the_other_alone(_: &Stage) {
    let (tx, rx) = bounded(1);
    let (got_tx, got_rx) = bounded(1);
    let joined = spawn(move || got_tx.send(rx.recv()).unwrap()).unwrap();
    let why = cancelled(move || joined.join().unwrap_err());
    assert!(matches!(why, JoinError::Wait(WaitError::Cancelled)));
    tx.send(1).unwrap();
    assert_eq!(got_rx.recv(), Ok(Ok(1)), "it went on");
}

pub(crate) fn a_cancel_drops_the_pending_future(_: &Stage) {
    let drops = Drops::new();
    let value = drops.value();
    let waits = move || {
        block_on(async move {
            let _value = value;
            pending::<()>().await;
        })
    };
    assert_eq!(cancelled(waits), Err(WaitError::Cancelled));
    assert_eq!(drops.count(), 1);
}

pub(crate) fn a_cancelled_coroutine_waits_no_more_but_may_try(_: &Stage) {
    let (tx, rx) = bounded(1);
    let body = move || {
        assert_eq!(rx.recv(), Err(RecvError::Cancelled));
        tx.try_send(5).unwrap();
        assert_eq!(rx.recv(), Err(RecvError::Cancelled), "although a value is there");
        assert_eq!(tx.send(6), Err(SendError::Cancelled(6)));
        assert_eq!(sleep(LONG), Err(TimeError::Cancelled));
        assert_eq!(rx.try_recv(), Ok(5));
        let child = spawn(|| 7).unwrap();
        // To yield is not to wait.
        until(|| child.is_finished());
        (0..3).for_each(|_| yield_now());
        8
    };
    assert_eq!(cancelled(body), 8);
}

pub(crate) fn a_cancel_after_the_end_changes_nothing(_: &Stage) {
    let ended = spawn(|| 5).unwrap();
    until(|| ended.is_finished());
    ended.cancel();
    ended.cancel();
    assert_eq!(ended.join().unwrap(), 5);
}

pub(crate) fn a_completed_operation_completes_and_the_next_sees_the_cancel(_: &Stage) {
    let (tx, rx) = rendezvous();
    let own = rx.clone();
    let receiver = parked(move || (own.recv(), own.recv()));
    tx.try_send(7).unwrap();
    // It has its value, and has not run yet.
    receiver.cancel();
    assert_eq!(receiver.join().unwrap(), (Ok(7), Err(RecvError::Cancelled)));
    let sender = parked(move || (tx.send(1), tx.send(2)));
    assert_eq!(rx.try_recv(), Ok(1));
    sender.cancel();
    assert_eq!(sender.join().unwrap(), (Ok(()), Err(SendError::Cancelled(2))));
}

pub(crate) fn a_value_that_races_with_a_cancel_is_received_or_stays(stage: &Stage) {
    for round in 0..stage.pick(2, 500) {
        let (tx, rx) = rendezvous();
        let other = rx.clone();
        let receiver = spawn(move || other.recv()).unwrap();
        let sender = spawn(move || tx.try_send(round).map_err(|why| why.into_inner())).unwrap();
        receiver.cancel();
        let sent = sender.join().unwrap();
        match receiver.join() {
            Ok(Ok(value)) => assert_eq!((value, sent), (round, Ok(()))),
            Ok(Err(RecvError::Closed)) => assert_eq!(sent, Err(round), "nobody was there to take it"),
            Ok(Err(RecvError::Cancelled)) | Err(JoinError::Cancelled) => assert_eq!(sent, Err(round)),
            other => panic!("{other:?}"),
        }
        assert!(rx.is_empty());
    }
}
