// SPDX-License-Identifier: BSD-3-Clause
//! Time: never early, one limit for a wait or for a block, and a wait that ran out leaves nothing behind.

use alloc::rc::Rc;
use alloc::vec::Vec;
use core::time::Duration;

use kcoro_core::channel::{
    Builder, RecvError, RecvTimeoutError, SendError, SendTimeoutError, TryRecvError, TrySendError, bounded, rendezvous,
};
use kcoro_core::platform::ClockId;
use kcoro_core::sched::spawn;
use kcoro_core::select;
use kcoro_core::sync::{Event, Mutex, Semaphore};
use kcoro_core::time::{Elapsed, Instant, TimeError, interval, sleep, sleep_until, timeout};

use crate::Stage;
use crate::tools::{LONG, MS, parked};
use crate::worker::{Do, Log, Worker};

/// How late a timer may be for being kept in coarser units than nanoseconds.
const TIMER: Duration = Duration::from_micros(2);

fn now() -> Instant {
    Instant::now().unwrap()
}

fn since(start: Instant) -> Duration {
    now().duration_since(start).unwrap()
}

pub(crate) fn a_sleep_is_never_early(stage: &Stage) {
    let sleeps = |n: u32| {
        move || {
            let (start, duration) = (now(), Duration::from_micros(17) * n);
            sleep(duration).unwrap();
            let deadline = now().saturating_add(duration);
            let slept = since(start) >= duration;
            sleep_until(deadline).unwrap();
            slept && now() >= deadline
        }
    };
    let handles: Vec<_> = (0..stage.pick(10, 1000)).rev().map(|n| spawn(sleeps(n)).unwrap()).collect();
    assert!(handles.into_iter().all(|handle| handle.join().unwrap()));
}

pub(crate) fn sleepers_wake_in_the_order_of_their_deadlines(_: &Stage) {
    let (tx, rx) = bounded(10);
    let start = now();
    for n in [3u32, 1, 2, 5, 4] {
        let tx = tx.clone();
        let sleeper = move || {
            sleep_until(start.saturating_add(MS * n)).unwrap();
            assert!((MS * n..MS * n + TIMER).contains(&since(start)), "neither early nor late");
            tx.send(n).unwrap();
        };
        spawn(sleeper).unwrap().detach();
    }
    drop(tx);
    assert_eq!(rx.iter().collect::<Vec<_>>(), [1, 2, 3, 4, 5]);
}

pub(crate) fn time_jumps_to_the_next_deadline(_: &Stage) {
    let start = now();
    (1..=100).for_each(|n| {
        sleep(LONG).unwrap();
        assert!((LONG * n..(LONG + TIMER) * n).contains(&since(start)));
    });
}

pub(crate) fn a_sleep_of_no_time_lets_others_run(_: &Stage) {
    let (tx, rx) = bounded(1);
    let other = spawn(move || tx.send(1).unwrap()).unwrap();
    while rx.is_empty() {
        sleep(Duration::ZERO).unwrap();
    }
    other.join().unwrap();
}

pub(crate) fn an_interval_keeps_its_beat(stage: &Stage) {
    let (start, period) = (now(), Duration::from_micros(100));
    let mut beat = interval(period).unwrap();
    let first = beat.tick().unwrap();
    assert!(first.duration_since(start).unwrap() >= period);
    let mut last = first;
    for _ in 0..stage.pick(4, 50) {
        // Sometimes late for the next.
        sleep(period / 3 * 4).unwrap();
        let due = beat.tick().unwrap();
        assert!(now() >= due && due > last, "neither early nor twice");
        assert_eq!(due.duration_since(first).unwrap().as_nanos() % period.as_nanos(), 0, "it does not drift");
        last = due;
    }
}

pub(crate) fn a_timeout_cancels_what_waits_inside_and_returns_its_value(_: &Stage) {
    let (start, (tx, rx)) = (now(), rendezvous::<u8>());
    let limited = timeout(MS, || (rx.recv(), tx.send(5), sleep(LONG), "all of it"));
    let cancelled = (Err(RecvError::Cancelled), Err(SendError::Cancelled(5)), Err(TimeError::Cancelled), "all of it");
    assert_eq!(limited, Err(Elapsed(cancelled)));
    assert!((MS..LONG).contains(&since(start)));
    assert_eq!(rx.try_recv(), Err(TryRecvError::Empty));
}

pub(crate) fn a_timeout_that_is_not_reached_leaves_no_trace(_: &Stage) {
    assert_eq!(timeout(LONG, || sleep(MS)), Ok(Ok(())));
    assert_eq!(timeout(Duration::MAX, || 5), Ok(5));
    // One that has passed ends with its block, too.
    assert!(timeout(Duration::ZERO, || sleep(LONG)).is_err());
    assert_eq!(sleep(MS), Ok(()));
}

pub(crate) fn the_earliest_of_nested_timeouts_counts(_: &Stage) {
    let start = now();
    let outer_first = timeout(MS, || timeout(LONG, || sleep(LONG)));
    assert_eq!(outer_first, Err(Elapsed(Ok(Err(TimeError::Cancelled)))));
    let inner_first = timeout(LONG, || (timeout(MS, || sleep(LONG)), sleep(MS)));
    assert_eq!(inner_first, Ok((Err(Elapsed(Err(TimeError::Cancelled))), Ok(()))));
    assert!(since(start) < LONG);
}

pub(crate) fn a_wait_that_timed_out_leaves_nothing_behind(stage: &Stage) {
    let (tx, rx) = rendezvous();
    for n in 0..stage.pick(3, 50) {
        assert_eq!(tx.send_timeout(n, Duration::from_micros(20)), Err(SendTimeoutError::TimedOut(n)));
        assert_eq!(rx.try_recv(), Err(TryRecvError::Empty), "no sender waits any more");
        assert_eq!(rx.recv_timeout(Duration::from_micros(20)), Err(RecvTimeoutError::TimedOut));
        assert_eq!(tx.try_send(n), Err(TrySendError::Full(n)), "no receiver waits any more");
    }
    let receiver = parked(move || (rx.recv(), rx.recv()));
    tx.try_send(1).unwrap();
    tx.send(2).unwrap();
    assert_eq!(receiver.join().unwrap(), (Ok(1), Ok(2)), "the wait of now gets the first value");
}

/// The two waits have their timers at the same place of the same frame, and the first is in the wheel's finest level.
pub(crate) fn the_deadline_of_a_wait_that_is_over_does_not_end_the_next(stage: &Stage) {
    const US: Duration = Duration::from_micros(1);
    for _ in 0..stage.pick(5, 50) {
        // Brings the wheel up to the present.
        sleep(US).unwrap();
        let (tx, rx) = rendezvous();
        let receiver = parked(move || [20 * US, 10 * MS].map(|limit| rx.recv_timeout(limit)));
        tx.send(1).unwrap();
        // The second wait begins, and the deadline of the first passes.
        sleep(MS).unwrap();
        tx.send(2).unwrap();
        assert_eq!(receiver.join().unwrap(), [Ok(1), Ok(2)]);
    }
}

pub(crate) fn a_wait_with_a_limit_is_never_cut_short(stage: &Stage) {
    let (_tx, rx) = bounded::<u8>(1);
    for n in 0..stage.pick(3, 30) {
        let (start, limit) = (now(), Duration::from_micros(30) * n);
        assert_eq!(rx.recv_timeout(limit), Err(RecvTimeoutError::TimedOut));
        assert!(since(start) >= limit);
    }
}

pub(crate) fn what_is_there_needs_no_time(_: &Stage) {
    let (tx, rx) = bounded(1);
    let past = now();
    assert_eq!(rx.recv_timeout(Duration::ZERO), Err(RecvTimeoutError::TimedOut));
    assert_eq!(tx.send_timeout(1, Duration::ZERO), Ok(()));
    assert_eq!(tx.send_timeout(2, Duration::ZERO), Err(SendTimeoutError::TimedOut(2)));
    assert_eq!(tx.send_deadline(3, past), Err(SendTimeoutError::TimedOut(3)));
    assert_eq!(rx.recv_deadline(past), Ok(1));
    assert_eq!(rx.recv_deadline(past), Err(RecvTimeoutError::TimedOut));
}

pub(crate) fn for_ever_does_not_end(_: &Stage) {
    let past_32_bits = Duration::from_millis(u64::from(u32::MAX)) + MS;
    for limit in [past_32_bits, Duration::from_nanos(u64::MAX), Duration::MAX] {
        let (tx, rx) = bounded(1);
        let receiver = parked(move || rx.recv_timeout(limit));
        let sleeper = parked(move || sleep(limit));
        sleep(MS).unwrap();
        assert!(!receiver.is_finished() && !sleeper.is_finished());
        tx.send(1).unwrap();
        sleeper.cancel();
        assert_eq!((receiver.join().unwrap(), sleeper.join().unwrap()), (Ok(1), Err(TimeError::Cancelled)));
    }
}

pub(crate) fn who_waits_for_ever_for_a_lock_a_select_or_an_answer_is_served_in_the_end(_: &Stage) {
    const FOR_EVER: Duration = Duration::MAX;
    let (mutex, semaphore, event) = (Rc::new(Mutex::new(())), Rc::new(Semaphore::new(0)), Rc::new(Event::new()));
    let (log, (go, wait), (tx, rx)) = (Log::default(), rendezvous(), rendezvous());
    let (worker, handle) = log.builder(Builder::bounded(1)).spawn(Worker::new(&log)).unwrap();
    assert!(worker.tell(Do::Wait(wait)).is_ok());
    let held = mutex.lock().unwrap();
    let (own, other) = (mutex.clone(), rx.clone());
    let locks = parked(move || own.lock_timeout(FOR_EVER).is_ok());
    let own = semaphore.clone();
    let acquires = parked(move || own.acquire_timeout(1, FOR_EVER).is_ok());
    let own = event.clone();
    let waits = parked(move || own.wait_timeout(FOR_EVER).is_ok());
    let selects = parked(move || {
        select! {
            recv(rx) -> value => value == Ok(1),
            after(FOR_EVER) => false,
        }
    });
    let defaults = parked(move || {
        select! {
            recv(other) -> value => value == Ok(1),
            default(FOR_EVER) => false,
        }
    });
    let asks = parked(move || worker.ask_timeout(Do::Answer, FOR_EVER).is_ok());
    let all = [locks, acquires, waits, selects, defaults, asks];
    sleep(MS).unwrap();
    assert!(all.iter().all(|one| !one.is_finished()));
    drop((held, go));
    semaphore.release(1);
    event.set();
    (0..2).for_each(|_| tx.send(1).unwrap());
    assert!(all.into_iter().all(|one| one.join().unwrap()));
    handle.join().unwrap();
}

pub(crate) fn instants_of_another_clock_are_refused(_: &Stage) {
    let other = Instant::from_clock(ClockId(77), 0);
    let (tx, rx) = bounded(1);
    assert!(matches!(sleep_until(other), Err(TimeError::Clock(_))));
    assert!(matches!(rx.recv_deadline(other), Err(RecvTimeoutError::Clock(_))));
    assert!(matches!(tx.send_deadline(5, other), Err(SendTimeoutError::Clock(5, _))));
    assert!(now().duration_since(other).is_err() && now().partial_cmp(&other).is_none());
}

pub(crate) fn a_value_that_races_with_a_timeout_is_received_or_comes_back(stage: &Stage) {
    for round in 0..stage.pick(2, 300) {
        let (tx, rx) = rendezvous();
        let sends = move || {
            sleep(Duration::from_micros(10)).unwrap();
            tx.send_timeout(round, Duration::from_micros(10)).map_err(SendTimeoutError::into_inner)
        };
        let sender = spawn(sends).unwrap();
        let first = rx.recv_timeout(Duration::from_micros(10));
        let received = first.or_else(|_| rx.recv_timeout(Duration::from_micros(5)));
        // The sender knows what happened to its value.
        assert_eq!(sender.join().unwrap(), received.map(|value| assert_eq!(value, round)).map_err(|_| round));
    }
}
