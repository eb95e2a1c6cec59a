// SPDX-License-Identifier: BSD-3-Clause
//! Stats: every operation is counted once, where it belongs.

use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use kcoro_posix::channel::{Builder, Overflow, Rates, Stats, bounded};
use kcoro_posix::platform::ambient::in_interrupt;
use kcoro_posix::sched::spawn;
use kcoro_tests::{SHORT, end, runtime, until_parks};

fn poll<F: Future>(future: Pin<&mut F>) -> Poll<F::Output> {
    future.poll(&mut Context::from_waker(Waker::noop()))
}

#[test]
fn a_channel_has_stats_if_it_was_asked_for_them() {
    let (tx, rx) = bounded::<u8>(1);
    assert_eq!((tx.stats(), rx.stats()), (None, None));
    let (tx, rx) = Builder::<u8>::bounded(1).with_stats().build();
    assert_eq!((tx.stats(), rx.stats()), (Some(Stats::default()), Some(Stats::default())));
}

#[test]
fn failures_are_counted_by_their_cause() {
    let runtime = runtime(1);
    let (tx, rx) = Builder::rendezvous().with_stats().build();
    let stats = || rx.stats().unwrap();
    let (_, _) = (tx.try_send(1).unwrap_err(), rx.try_recv().unwrap_err());
    assert_eq!((stats().failed_sends.full, stats().failed_receives.empty), (1, 1));
    assert_eq!((stats().send_waits, stats().receive_waits), (0, 0));
    let _ = (tx.send_timeout(1, SHORT).unwrap_err(), rx.recv_timeout(SHORT).unwrap_err());
    assert_eq!((stats().failed_sends.timed_out, stats().failed_receives.timed_out), (1, 1));
    assert_eq!((stats().send_waits, stats().receive_waits), (1, 1));
    in_interrupt(|| (tx.send(1).unwrap_err(), rx.recv().unwrap_err()));
    assert_eq!((stats().failed_sends.cannot_wait, stats().failed_receives.cannot_wait), (1, 1));
    // Cancelled while it waits, and again at the entry of the next.
    let (own_tx, own_rx) = (tx.clone(), rx.clone());
    let sends = runtime.spawn(move || (own_tx.send(1).unwrap_err(), own_tx.send(2).unwrap_err())).unwrap();
    until_parks(&runtime, 1);
    sends.cancel();
    sends.join().unwrap();
    let receives = runtime.spawn(move || (own_rx.recv().unwrap_err(), own_rx.recv().unwrap_err())).unwrap();
    until_parks(&runtime, 2);
    receives.cancel();
    receives.join().unwrap();
    assert_eq!((stats().failed_sends.cancelled, stats().failed_receives.cancelled), (2, 2));
    assert_eq!((stats().send_waits, stats().receive_waits), (2, 2));
    // Closed while they wait, one of them a future, and each one at its entry.
    let own_rx = rx.clone();
    let waits = runtime.spawn(move || own_rx.recv().unwrap_err()).unwrap();
    until_parks(&runtime, 3);
    let mut receive = Box::pin(rx.recv_async());
    assert!(poll(receive.as_mut()).is_pending());
    rx.close();
    waits.join().unwrap();
    assert!(poll(receive.as_mut()).is_ready());
    let _ = (tx.try_send(1).unwrap_err(), tx.send(1).unwrap_err(), rx.try_recv().unwrap_err(), rx.recv().unwrap_err());
    assert_eq!((stats().failed_sends.closed, stats().failed_receives.closed), (2, 4));
    assert_eq!((stats().failed_sends.total(), stats().failed_receives.total()), (7, 9));
    assert_eq!((stats().sends, stats().receives, stats().high_water), (0, 0, 0));
    end(runtime);
}

#[test]
fn every_way_in_and_out_is_counted_once() {
    let runtime = runtime(1);
    runtime
        .run(|| {
            let (tx, rx) = Builder::bounded(2).with_stats().build();
            (1..=2).for_each(|n| tx.send(n).unwrap());
            let sender = {
                let tx = tx.clone();
                spawn(move || (3..=5).for_each(|n| tx.send(n).unwrap())).unwrap()
            };
            // Into the room that a receive makes, and into the room that a drain makes.
            let mut received = 0;
            while received < 3 {
                rx.recv().unwrap();
                received += 1;
            }
            kcoro_posix::sched::yield_now();
            received += rx.drain().len() as u64;
            sender.join().unwrap();
            received += rx.try_iter().count() as u64;
            let stats = rx.stats().unwrap();
            assert_eq!((stats.sends, stats.receives, received, stats.high_water), (5, 5, 5, 2));
            // From hand to hand, and back.
            let mut receive = Box::pin(rx.recv_async());
            assert!(poll(receive.as_mut()).is_pending());
            tx.send(6).unwrap();
            assert_eq!(rx.stats().unwrap().receives, 6);
            drop(receive);
            assert_eq!((rx.stats().unwrap().sends, rx.stats().unwrap().receives, rx.len()), (6, 5, 1));
            assert_eq!(rx.discard(), 1);
            let stats = tx.stats().unwrap();
            assert_eq!((stats.discarded, stats.sends), (1, stats.receives + 1));
        })
        .unwrap();
    end(runtime);
}

#[test]
fn what_the_policy_drops_is_counted() {
    let (tx, rx) = Builder::bounded(2).overflow(Overflow::DropOldest).with_stats().build();
    (0..5).for_each(|n| tx.send(n).unwrap());
    let stats = rx.stats().unwrap();
    assert_eq!((stats.sends, stats.replaced, stats.refused, stats.high_water), (5, 3, 0, 2));
    let (tx, rx) = Builder::bounded(2).overflow(Overflow::DropLatest).with_stats().build();
    (0..5).for_each(|n| tx.send(n).unwrap());
    let stats = rx.stats().unwrap();
    assert_eq!((stats.sends, stats.replaced, stats.refused, stats.high_water), (2, 0, 3, 2));
}

#[test]
fn rates_are_of_what_lies_between_two_snapshots() {
    let (tx, rx) = Builder::conflated().with_stats().build();
    tx.send(0).unwrap();
    let before = tx.stats().unwrap();
    (0..4).for_each(|n| tx.send(n).unwrap());
    let _ = (rx.recv().unwrap(), rx.try_recv().unwrap_err(), rx.recv_timeout(Duration::ZERO).unwrap_err());
    let after = tx.stats().unwrap();
    let rates = after.since(&before, Duration::from_secs(2));
    assert_eq!((rates.sends_per_s, rates.receives_per_s, rates.undelivered_per_s), (2.0, 0.5, 2.0));
    assert_eq!((rates.waits_per_s, rates.failures_per_s), (0.5, 1.0));
    assert_eq!(after.since(&before, Duration::ZERO), Rates::default());
    assert_eq!(before.since(&after, Duration::from_secs(1)), Rates::default(), "the wrong way round");
    assert_eq!(after.since(&after, Duration::MAX), Rates::default());
}
