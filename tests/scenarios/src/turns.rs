// SPDX-License-Identifier: BSD-3-Clause
//! Whose turn it is: coroutines of one worker take turns, nobody starves, and a hand-over goes where it says.

use alloc::rc::Rc;
use alloc::sync::Arc;
use alloc::vec::Vec;
use core::cell::{Cell, RefCell};
use core::sync::atomic::{AtomicBool, Ordering};
use core::time::Duration;

use kcoro_core::channel::{Receiver, RecvTimeoutError, bounded};
use kcoro_core::sched::{Builder, JoinHandle, spawn, spawn_local, yield_now, yield_to};
use kcoro_core::time::{Instant, sleep, sleep_until};

use crate::tools::{MS, parked, until};
use crate::{Need, Stage};

/// Runs `busy` over and over on this worker while others want a turn: new coroutines, and one that waits for timers.
fn starves_nobody(stage: &Stage, busy: impl Fn() + 'static) {
    let over = Rc::new(Cell::new(false));
    let seen = over.clone();
    let busy = spawn_local(move || {
        while !seen.get() {
            busy();
        }
    });
    yield_now();
    let near = || Builder::new().near().spawn(yield_now).unwrap();
    let handles: Vec<_> = (0..stage.pick(3, 10)).map(|_| near()).collect();
    handles.into_iter().for_each(|handle| handle.join().unwrap());
    // Where time stands still for who does not wait, no timer is ever due.
    if !stage.has(Need::StillTime) {
        (0..stage.pick(2, 10)).for_each(|_| sleep(Duration::from_micros(50)).unwrap());
    }
    over.set(true);
    busy.unwrap().join().unwrap();
}

pub(crate) fn yielding_coroutines_take_turns(stage: &Stage) {
    let rounds = stage.pick(5, 50);
    let turns = Rc::new(RefCell::new(Vec::new()));
    let taker = |n| {
        let turns = turns.clone();
        let body = move || {
            for _ in 0..rounds {
                turns.borrow_mut().push(n);
                yield_now();
            }
        };
        spawn_local(body).unwrap()
    };
    let handles: Vec<_> = (0..5).map(taker).collect();
    handles.into_iter().for_each(|handle| handle.join().unwrap());
    assert_eq!(turns.borrow().len(), 5 * rounds as usize);
    assert!(turns.borrow().chunks(5).all(|turn| turn == [0, 1, 2, 3, 4]), "{turns:?}");
}

pub(crate) fn nobody_comes_in_between_two_suspensions(stage: &Stage) {
    let inside = Rc::new(Cell::new(false));
    let enter = |_| {
        let (inside, rounds) = (inside.clone(), stage.pick(5, 200));
        let body = move || {
            for _ in 0..rounds {
                assert!(!inside.replace(true), "another one of this worker is in there");
                // None of these has to wait, so none is a suspension; a spawned coroutine does not run at once.
                let (tx, rx) = bounded(1);
                tx.try_send(1).unwrap();
                spawn_local(move || drop(rx)).unwrap().detach();
                inside.set(false);
                yield_now();
            }
        };
        spawn_local(body).unwrap()
    };
    let handles: Vec<_> = (0..4).map(enter).collect();
    handles.into_iter().for_each(|handle| handle.join().unwrap());
}

pub(crate) fn a_yielding_loop_starves_nobody(stage: &Stage) {
    starves_nobody(stage, yield_now);
}

pub(crate) fn operations_that_never_wait_starve_nobody(stage: &Stage) {
    let (tx, rx) = bounded(1);
    starves_nobody(stage, move || {
        tx.send(1).unwrap();
        assert_eq!(rx.recv(), Ok(1));
    });
}

pub(crate) fn spawning_in_a_loop_starves_nobody(_: &Stage) {
    let over = Rc::new(Cell::new(false));
    let ends = over.clone();
    let other = spawn_local(move || ends.set(true)).unwrap();
    // No more than that, so that a failure is told.
    let spawned = (0..100_000).take_while(|_| !over.get()).map(|_| spawn(|| ()).unwrap().detach()).count();
    assert!(over.get(), "{spawned} were spawned before the other had its turn");
    other.join().unwrap();
}

pub(crate) fn waits_that_are_over_before_they_begin_starve_nobody(stage: &Stage) {
    let past = Instant::now().unwrap();
    starves_nobody(stage, move || sleep_until(past).unwrap());
    let (_tx, rx) = bounded::<u8>(1);
    starves_nobody(stage, move || assert_eq!(rx.recv_deadline(past), Err(RecvTimeoutError::TimedOut)));
}

pub(crate) fn channel_pairs_starve_nobody(stage: &Stage) {
    for capacity in [0, 1, 64] {
        let ((ping, pings), (pong, pongs)) = (bounded(capacity), bounded(capacity));
        let echo = move || pings.iter().for_each(|()| pong.send(()).unwrap());
        let echo = Builder::new().near().spawn(echo).unwrap();
        starves_nobody(stage, move || {
            ping.send(()).unwrap();
            pongs.recv().unwrap();
        });
        echo.join().unwrap();
    }
}

pub(crate) fn coroutines_that_hand_over_to_each_other_starve_nobody(stage: &Stage) {
    let over = Arc::new(AtomicBool::new(false));
    let hands_over = |other: Receiver<JoinHandle<()>>| {
        let over = over.clone();
        let body = move || {
            let other = other.recv().unwrap();
            while !over.load(Ordering::SeqCst) {
                // The other may be about to end, and not ready any more.
                if !yield_to(&other) {
                    yield_now();
                }
            }
        };
        Builder::new().near().spawn(body).unwrap()
    };
    let ((to_first, of_first), (to_second, of_second)) = (bounded(1), bounded(1));
    let (first, second) = (hands_over(of_first), hands_over(of_second));
    to_first.send(second).unwrap();
    to_second.send(first).unwrap();
    starves_nobody(stage, yield_now);
    over.store(true, Ordering::SeqCst);
}

pub(crate) fn a_hand_over_runs_the_named_one_next(_: &Stage) {
    for named in 0..3 {
        let (open, order) = (Rc::new(Cell::new(false)), Rc::new(RefCell::new(Vec::new())));
        let started = Rc::new(Cell::new(0));
        let waits = |n| {
            let (open, order, started) = (open.clone(), order.clone(), started.clone());
            let body = move || {
                started.set(started.get() + 1);
                until(|| open.get());
                order.borrow_mut().push(n);
            };
            spawn_local(body).unwrap()
        };
        let handles = [0, 1, 2].map(waits);
        until(|| started.get() == 3);
        // All are ready, and none of them goes on before this coroutine suspends.
        open.set(true);
        assert!(yield_to(&handles[named]), "it is ready");
        assert_eq!(order.borrow().first(), Some(&named));
        handles.into_iter().for_each(|handle| handle.join().unwrap());
    }
}

pub(crate) fn a_hand_over_to_one_that_is_not_ready_does_nothing(_: &Stage) {
    let (tx, rx) = bounded::<u8>(1);
    let waits = parked(move || rx.recv());
    let ready = Rc::new(Cell::new(false));
    let runs = ready.clone();
    let other = spawn_local(move || runs.set(true)).unwrap();
    assert!(!yield_to(&waits), "it waits");
    assert!(!ready.get(), "the caller went on at once");
    other.join().unwrap();
    let ended = spawn(|| ()).unwrap();
    until(|| ended.is_finished());
    assert!(!yield_to(&ended), "it has ended");
    tx.send(1).unwrap();
    assert_eq!(waits.join().unwrap(), Ok(1));
}

pub(crate) fn near_coroutines_start_in_the_order_in_which_they_were_spawned(stage: &Stage) {
    let order = Rc::new(RefCell::new(Vec::new()));
    let start = |n| {
        let order = order.clone();
        spawn_local(move || order.borrow_mut().push(n)).unwrap()
    };
    let handles: Vec<_> = (0..stage.pick(5, 100)).map(start).collect();
    sleep(MS).unwrap();
    handles.into_iter().for_each(|handle| handle.join().unwrap());
    assert!(order.borrow().iter().copied().eq(0..stage.pick(5, 100)), "{order:?}");
}
