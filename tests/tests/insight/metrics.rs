// SPDX-License-Identifier: BSD-3-Clause
//! The counters of a runtime count what happened, once, for the worker that did it; two snapshots tell what lies between.

use std::time::Duration;

use kcoro_posix::channel::rendezvous;
use kcoro_posix::sched::{Builder, spawn, yield_now};
use kcoro_posix::time::sleep;
use kcoro_tests::{Hog, LONG, SHORT, end, runtime};

#[test]
fn what_one_worker_does_is_counted_once() {
    let runtime = runtime(1);
    let handle = runtime.handle().clone();
    let (before, after) = runtime
        .run(move || {
            // The other end of each step is in the same coroutine or has ended, so that the numbers are exact.
            let before = handle.metrics();
            (0..10).for_each(|_| spawn(|| ()).unwrap().join().unwrap());
            (0..3).for_each(|_| sleep(SHORT).unwrap());
            let (tx, rx) = rendezvous::<()>();
            let sender = spawn(move || tx.send(())).unwrap();
            rx.recv_timeout(LONG).unwrap();
            sender.join().unwrap().unwrap();
            (before, handle.metrics())
        })
        .unwrap();
    let done = after.since(&before);
    assert_eq!((done.total.spawned, done.total.started, done.total.ended), (11, 11, 11));
    assert_eq!(done.total.rejected, 0);
    // Three sleeps, and the receive, which its sender ended.
    assert_eq!((done.total.timers_armed, done.total.timers_fired), (4, 3));
    assert!((4..=17).contains(&done.total.parks), "{done:?}");
    assert!(done.total.switches >= 11 + 3, "{done:?}");
    assert!(done.elapsed >= 3 * SHORT, "{done:?}");
    assert_eq!(done.workers, [done.total], "there is one worker, and nothing came from outside");
    assert_eq!((after.live, after.injector_len), (1, 0), "the root itself");
    end(runtime);
}

#[test]
fn a_pair_that_yields_counts_its_yields_and_switches() {
    let runtime = runtime(1);
    let handle = runtime.handle().clone();
    let done = runtime.run(move || {
        let other = spawn(|| (0..1000).for_each(|_| yield_now())).unwrap();
        let before = handle.metrics();
        (0..1000).for_each(|_| yield_now());
        let done = handle.metrics().since(&before);
        other.join().unwrap();
        done
    });
    let total = done.unwrap().total;
    // Each yield of the one lets the other run; visits of the base loop come on top.
    assert!((1990..=2000).contains(&total.yields), "{total:?}");
    assert!((1990..=2000).contains(&total.switches), "{total:?}");
    end(runtime);
}

#[test]
fn what_waits_behind_a_hog_is_counted_where_it_is() {
    let runtime = runtime(1);
    let hog = Hog::on(&runtime, 0);
    let before = runtime.metrics();
    let outside: Vec<_> = (0..5).map(|_| runtime.spawn(|| ()).unwrap()).collect();
    let metrics = runtime.metrics();
    assert_eq!((metrics.injector_len, metrics.live), (5, 6));
    assert_eq!(metrics.since(&before).total.spawned, 5);
    assert_eq!(metrics.workers[0].stats.spawned, 0, "plain threads spawned them");
    assert_eq!(metrics.workers[0].bound, 1);
    hog.release();
    outside.into_iter().for_each(|one| one.join().unwrap());
    assert_eq!(runtime.metrics().since(&before).total.injected, 5);
    end(runtime);
}

#[test]
fn wakes_from_other_threads_are_counted_by_the_worker_that_they_come_to() {
    let runtime = runtime(2);
    let (tx, rx) = rendezvous::<u32>();
    let waiter = runtime.builder().worker(1).spawn(move || rx.iter().count()).unwrap();
    let before = runtime.metrics();
    for value in 0..10 {
        while runtime.stats().parks <= value {
            std::thread::yield_now();
        }
        tx.send(value as u32).unwrap();
    }
    drop(tx);
    assert_eq!(waiter.join().unwrap(), 10);
    let done = runtime.metrics().since(&before);
    assert!(done.workers[1].inbox >= 10, "{done:?}");
    assert_eq!(done.workers[0].inbox, 0, "{done:?}");
    end(runtime);
}

#[test]
fn what_never_ran_counts_as_rejected_and_ended() {
    let runtime = runtime(1);
    let hog = Hog::on(&runtime, 0);
    let never = runtime.spawn(|| ()).unwrap();
    never.cancel();
    hog.release();
    assert!(never.join().is_err());
    let handle = runtime.handle().clone();
    end(runtime);
    let total = handle.metrics().total;
    assert_eq!((total.spawned, total.started, total.rejected, total.ended), (2, 1, 1, 2));
}

#[test]
fn ready_coroutines_are_seen_in_the_run_queue() {
    let runtime = runtime(1);
    let handle = runtime.handle().clone();
    let longest = runtime.run(move || {
        let builder = || Builder::new().near();
        let yielders: Vec<_> =
            (0..100).map(|_| builder().spawn(|| (0..100).for_each(|_| yield_now())).unwrap()).collect();
        let mut longest = 0;
        while yielders.iter().any(|one| !one.is_finished()) {
            longest = longest.max(handle.metrics().workers[0].run_queue_len);
            yield_now();
        }
        longest
    });
    assert!((90..=101).contains(&longest.unwrap()));
    end(runtime);
}

#[test]
fn a_difference_to_a_later_snapshot_is_zero_not_a_wrap() {
    let runtime = runtime(1);
    let before = runtime.metrics();
    runtime.run(yield_now).unwrap();
    let backwards = before.since(&runtime.metrics());
    assert_eq!((backwards.elapsed, backwards.total.spawned), (Duration::ZERO, 0));
    end(runtime);
}
