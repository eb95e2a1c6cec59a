// SPDX-License-Identifier: BSD-3-Clause
//! A runtime on POSIX: spawning, joining, yielding, ending.

#![expect(unsafe_code, reason = "tests the unsafe option, too")]

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use kcoro_posix::Posix;
use kcoro_posix::channel::{bounded, rendezvous};
use kcoro_posix::sched::{Builder, JoinError, Runtime, RuntimeBuilder, spawn, yield_now};
use kcoro_posix::time::{Elapsed, sleep, timeout};

fn builder() -> RuntimeBuilder {
    Runtime::builder(Posix::new())
}

#[test]
fn run_returns_what_the_root_returns() {
    for workers in [1, 2, 4] {
        let runtime = builder().workers(workers).build().unwrap();
        assert_eq!(runtime.run(|| 6 * 7).unwrap(), 42);
    }
}

#[test]
fn every_spawned_coroutine_runs_once() {
    for workers in [1, 2, 4] {
        let runtime = builder().workers(workers).build().unwrap();
        let count = AtomicUsize::new(0);
        let sum = runtime.run(|| {
            let handles: Vec<_> = (0..1000u64)
                .map(|n| {
                    spawn(move || {
                        yield_now();
                        n
                    })
                    .unwrap()
                })
                .collect();
            count.fetch_add(1, Ordering::Relaxed);
            handles.into_iter().map(|handle| handle.join().unwrap()).sum::<u64>()
        });
        assert_eq!(sum.unwrap(), 499_500);
        assert_eq!(count.into_inner(), 1);
        assert!(runtime.shutdown(Duration::from_secs(5)).is_clean());
    }
}

#[test]
fn a_panic_arrives_at_the_join_handle() {
    let runtime = builder().workers(2).build().unwrap();
    let error = runtime.run(|| spawn(|| panic!("boom")).unwrap().join()).unwrap().unwrap_err();
    assert!(matches!(&error, JoinError::Panicked(_)), "{error}");
    assert_eq!(error.to_string(), "the coroutine panicked: boom");
}

#[test]
fn ping_pong_over_rendezvous_and_bounded() {
    for workers in [1, 2] {
        for capacity in [0, 1, 7] {
            let runtime = builder().workers(workers).build().unwrap();
            let total = runtime.run(|| {
                let (ping_tx, ping_rx) = bounded::<u64>(capacity);
                let (pong_tx, pong_rx) = rendezvous::<u64>();
                let echo = spawn(move || ping_rx.iter().for_each(|n| pong_tx.send(n + 1).unwrap())).unwrap();
                let mut n = 0;
                for _ in 0..2000 {
                    ping_tx.send(n).unwrap();
                    n = pong_rx.recv().unwrap();
                }
                drop(ping_tx);
                echo.join().unwrap();
                n
            });
            assert_eq!(total.unwrap(), 2000);
        }
    }
}

#[test]
fn sleeping_and_timing_out() {
    let runtime = builder().workers(2).build().unwrap();
    runtime
        .run(|| {
            sleep(Duration::from_millis(2)).unwrap();
            let (_tx, rx) = bounded::<u8>(1);
            assert!(rx.recv_timeout(Duration::from_millis(1)).is_err());
            let outcome = timeout(Duration::from_millis(1), || rx.recv());
            assert!(matches!(outcome, Err(Elapsed(Err(_)))));
        })
        .unwrap();
}

#[test]
fn migrating_coroutines_all_end() {
    let runtime = builder().workers(3).build().unwrap();
    let done = Arc::new(AtomicUsize::new(0));
    runtime
        .run(|| {
            let handles: Vec<_> = (0..200)
                .map(|_| {
                    let done = done.clone();
                    // SAFETY: the body keeps nothing over its suspensions but what is `Send`.
                    let builder = unsafe { Builder::new().allow_migration() };
                    builder
                        .spawn(move || {
                            for _ in 0..50 {
                                yield_now();
                            }
                            done.fetch_add(1, Ordering::Relaxed);
                        })
                        .unwrap()
                })
                .collect();
            for handle in handles {
                handle.join().unwrap();
            }
        })
        .unwrap();
    assert_eq!(done.load(Ordering::Relaxed), 200);
}

#[test]
fn a_local_runtime_runs_on_the_callers_thread() {
    for workers in [1, 3] {
        let runtime = builder().workers(workers).build_local().unwrap();
        let here = std::thread::current().id();
        let not_send = std::rc::Rc::new(5);
        let there = runtime.run(|| (std::thread::current().id(), *not_send));
        assert_eq!(there.unwrap(), (here, 5));
        assert!(runtime.shutdown(Duration::from_secs(1)).is_clean());
    }
}
