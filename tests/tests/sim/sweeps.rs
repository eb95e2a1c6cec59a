// SPDX-License-Identifier: BSD-3-Clause
//! What holds on threads holds in the simulator, under every seed.

#![expect(unsafe_code, reason = "tests the unsafe option, too")]

use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use kcoro_sim::Sim;
use kcoro_sim::channel::{bounded, rendezvous};
use kcoro_sim::sched::{Builder, JoinError, spawn, yield_now, yield_to};
use kcoro_sim::scope::{scope, try_scope};
use kcoro_sim::time::{Elapsed, Instant, interval, sleep, timeout};
use kcoro_tests::sweep::everywhere;

const MS: Duration = Duration::from_millis(1);

#[test]
fn every_spawned_coroutine_runs_once() {
    everywhere(|| {
        let spawned = (0..40u64).map(|n| {
            spawn(move || {
                yield_now();
                n
            })
        });
        let handles: Vec<_> = spawned.map(Result::unwrap).collect();
        assert_eq!(handles.into_iter().map(|handle| handle.join().unwrap()).sum::<u64>(), 780);
    });
}

#[test]
fn ping_pong_over_rendezvous_and_bounded() {
    everywhere(|| {
        for capacity in [0, 1, 7] {
            let (ping_tx, ping_rx) = bounded::<u64>(capacity);
            let (pong_tx, pong_rx) = rendezvous::<u64>();
            let echo = spawn(move || ping_rx.iter().for_each(|n| pong_tx.send(n + 1).unwrap())).unwrap();
            for n in 0..20 {
                ping_tx.send(n).unwrap();
                assert_eq!(pong_rx.recv(), Ok(n + 1));
            }
            drop(ping_tx);
            echo.join().unwrap();
        }
    });
}

#[test]
fn values_of_one_sender_stay_in_order_and_none_is_lost() {
    everywhere(|| {
        let (tx, rx) = bounded(2);
        scope(|s| {
            for sender in 0..3 {
                let tx = tx.clone();
                s.spawn(move || (0..5).for_each(|n| tx.send((sender, n)).unwrap())).unwrap();
            }
            drop(tx);
            let received: Vec<_> = rx.iter().collect();
            for sender in 0..3 {
                assert!(received.iter().filter(|(from, _)| *from == sender).map(|(_, n)| *n).eq(0..5), "{received:?}");
            }
        });
    });
}

#[test]
fn sleepers_wake_in_the_order_of_their_deadlines() {
    everywhere(|| {
        let (tx, rx) = bounded(10);
        let start = Instant::now().unwrap();
        for n in [3u32, 1, 2, 5, 4] {
            let tx = tx.clone();
            let sleeper = move || {
                sleep(MS * n).unwrap();
                let slept = Instant::now().unwrap().duration_since(start).unwrap();
                assert!(slept >= MS * n && slept < MS * (n + 1), "{slept:?} for {n}");
                tx.send(n).unwrap();
            };
            spawn(sleeper).unwrap().detach();
        }
        drop(tx);
        assert_eq!(rx.iter().collect::<Vec<_>>(), [1, 2, 3, 4, 5]);
    });
}

#[test]
fn sleeping_and_timing_out() {
    everywhere(|| {
        let (_tx, rx) = bounded::<u8>(1);
        assert!(rx.recv_timeout(MS).is_err());
        let outcome = timeout(MS, || rx.recv());
        assert!(matches!(outcome, Err(Elapsed(Err(_)))));
        let mut ticks = interval(MS).unwrap();
        (0..3).for_each(|_| _ = ticks.tick().unwrap());
    });
}

#[test]
fn a_value_that_races_with_a_timeout_is_received_or_given_back() {
    everywhere(|| {
        let (tx, rx) = rendezvous();
        let sender = spawn(move || {
            sleep(MS).unwrap();
            tx.send_timeout(7, MS).is_ok()
        });
        let received = rx.recv_timeout(MS).is_ok();
        assert_eq!(sender.unwrap().join().unwrap(), received || rx.recv_timeout(MS).is_ok());
    });
}

/// The two waits have their timers at the same place of the same frame, and the first is in the wheel's finest level.
#[test]
fn the_deadline_of_a_wait_that_is_over_does_not_end_the_next() {
    const US: Duration = Duration::from_micros(1);
    Sim::new().workers(1).check(0..5, || {
        for _ in 0..20 {
            // Brings the wheel up to the present.
            sleep(US).unwrap();
            let (tx, rx) = rendezvous();
            let receiver = spawn(move || [20 * US, 10 * MS].map(|limit| rx.recv_timeout(limit))).unwrap();
            // It waits when the value comes.
            sleep(US).unwrap();
            tx.send(1).unwrap();
            // The second wait begins, and the deadline of the first passes.
            sleep(MS).unwrap();
            tx.send(2).unwrap();
            assert_eq!(receiver.join().unwrap(), [Ok(1), Ok(2)]);
        }
    });
}

#[test]
fn seeds_decide_ties_of_deadlines() {
    let race = || {
        let (tx, rx) = bounded(2);
        for name in ["left", "right"] {
            let tx = tx.clone();
            spawn(move || (sleep(MS), tx.send(name))).unwrap().detach();
        }
        rx.recv().unwrap()
    };
    for workers in [1, 2] {
        let firsts: BTreeSet<_> =
            (0..50).map(|seed| Sim::new().workers(workers).run(seed, race).unwrap().value).collect();
        assert_eq!(firsts, ["left", "right"].into(), "{workers} workers");
    }
}

#[test]
fn scopes_end_with_their_children() {
    everywhere(|| {
        let numbers: Vec<u64> = (0..30).collect();
        let sum = scope(|s| {
            let parts = numbers.chunks(7).map(|part| {
                s.spawn(move || {
                    yield_now();
                    part.iter().sum::<u64>()
                })
            });
            let parts: Vec<_> = parts.collect();
            parts.into_iter().map(|part| part.unwrap().join().unwrap()).sum::<u64>()
        });
        assert_eq!(sum, 435);
        let failed = try_scope(|s| {
            s.spawn(|| Err::<(), _>("broken")).unwrap();
            s.spawn(|| sleep(Duration::from_secs(3600)).map_err(|_| "cancelled")).unwrap();
            Ok::<_, &str>(())
        });
        assert!(failed.unwrap_err().to_string().contains("broken"));
        assert!(Instant::now().unwrap().as_nanos() < 3_600_000_000_000, "the sleeper was cancelled");
    });
}

#[test]
fn a_panic_arrives_at_the_join_handle() {
    Sim::new().check(0..20, || {
        let error = spawn(|| panic!("expected")).unwrap().join().unwrap_err();
        assert!(matches!(&error, JoinError::Panicked(_)), "{error}");
    });
}

#[test]
fn migrating_coroutines_all_end() {
    everywhere(|| {
        let done = Arc::new(AtomicUsize::new(0));
        let spawned = (0..20).map(|_| {
            let done = done.clone();
            // SAFETY: the body keeps nothing over its suspensions but what is `Send`.
            let builder = unsafe { Builder::new().allow_migration() };
            let body = move || {
                (0..5).for_each(|_| yield_now());
                done.fetch_add(1, Ordering::Relaxed);
            };
            builder.spawn(body).unwrap()
        });
        let handles: Vec<_> = spawned.collect();
        handles.into_iter().for_each(|handle| handle.join().unwrap());
        assert_eq!(done.load(Ordering::Relaxed), 20);
    });
}

#[test]
fn handing_over_by_name_goes_there() {
    everywhere(|| {
        let ran = Arc::new(AtomicUsize::new(0));
        let other = ran.clone();
        let body = move || _ = other.fetch_add(1, Ordering::Relaxed);
        let near = Builder::new().near().spawn(body).unwrap();
        if yield_to(&near) {
            assert_eq!(ran.load(Ordering::Relaxed), 1);
        }
        near.join().unwrap();
    });
}

#[test]
fn an_hour_of_retries_passes_in_a_moment() {
    let before = std::time::Instant::now();
    let outcome = Sim::new().run(0, || (0..3600).for_each(|_| sleep(Duration::from_secs(1)).unwrap())).unwrap();
    assert_eq!(outcome.virtual_time.as_secs(), 3600);
    assert!(before.elapsed() < Duration::from_secs(1), "{:?}", before.elapsed());
}
