// SPDX-License-Identifier: BSD-3-Clause
//! Nobody starves: on one worker, whatever the others do.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use kcoro_posix::channel::rendezvous;
use kcoro_posix::sched::{Builder, spawn, yield_now, yield_to};
use kcoro_tests::{end, runtime, until};

/// Runs `busy` again and again until `ends` has, on one worker; the two must take turns for that.
fn does_not_starve(busy: impl Fn() + Send + 'static, ends: impl FnOnce() + Send) {
    let runtime = runtime(1);
    runtime
        .run(|| {
            let over = Arc::new(AtomicBool::new(false));
            let seen = over.clone();
            let body = move || {
                while !seen.load(Ordering::SeqCst) {
                    busy();
                }
            };
            let busy = Builder::new().near().spawn(body).unwrap();
            yield_now();
            ends();
            over.store(true, Ordering::SeqCst);
            busy.join().unwrap();
        })
        .unwrap();
    end(runtime);
}

fn spawned_ones_end() {
    let handles: Vec<_> = (0..10).map(|_| spawn(yield_now).unwrap()).collect();
    handles.into_iter().for_each(|handle| handle.join().unwrap());
}

/// With two of them the run queue is never empty, so new coroutines need a turn of their own.
#[test]
fn two_yielding_loops_do_not_starve_new_coroutines() {
    let runtime = runtime(1);
    runtime
        .run(|| {
            let over = Arc::new(AtomicBool::new(false));
            let busy = |_| {
                let over = over.clone();
                Builder::new().near().spawn(move || until(|| over.load(Ordering::SeqCst))).unwrap()
            };
            let busy: Vec<_> = (0..2).map(busy).collect();
            yield_now();
            spawned_ones_end();
            over.store(true, Ordering::SeqCst);
            busy.into_iter().for_each(|handle| handle.join().unwrap());
        })
        .unwrap();
    end(runtime);
}

#[test]
fn a_yielding_loop_does_not_starve_wakes_from_other_threads() {
    does_not_starve(yield_now, || {
        let (tx, rx) = rendezvous();
        let thread = std::thread::spawn(move || (0..100).for_each(|n| tx.send(n).unwrap()));
        assert!(rx.iter().eq(0..100));
        thread.join().unwrap();
    });
}

#[test]
fn a_yielding_loop_does_not_starve_spawns_from_other_threads() {
    let runtime = runtime(1);
    let over = Arc::new(AtomicBool::new(false));
    let seen = over.clone();
    let busy = runtime.spawn(move || until(|| seen.load(Ordering::SeqCst))).unwrap();
    (0..100).for_each(|n| assert_eq!(runtime.spawn(move || n).unwrap().join().unwrap(), n));
    over.store(true, Ordering::SeqCst);
    busy.join().unwrap();
    end(runtime);
}

#[test]
fn migrating_loops_do_not_starve_bound_or_new_coroutines() {
    #![expect(unsafe_code, reason = "migration is an unsafe option")]
    let runtime = runtime(1);
    runtime
        .run(|| {
            let over = Arc::new(AtomicBool::new(false));
            let busy = |_| {
                let over = over.clone();
                // SAFETY: the body keeps nothing over its suspensions but what is `Send`.
                let builder = unsafe { Builder::new().allow_migration() };
                builder.spawn(move || until(|| over.load(Ordering::SeqCst))).unwrap()
            };
            let busy: Vec<_> = (0..3).map(busy).collect();
            spawned_ones_end();
            (0..100).for_each(|_| yield_now());
            over.store(true, Ordering::SeqCst);
            busy.into_iter().for_each(|handle| handle.join().unwrap());
        })
        .unwrap();
    end(runtime);
}

#[test]
fn a_hand_over_outside_of_a_coroutine_or_to_another_worker_does_nothing() {
    let runtime = runtime(2);
    let handle = runtime.builder().worker(1).spawn(yield_now).unwrap();
    assert!(!yield_to(&handle));
    let there = runtime.builder().worker(0).spawn(move || yield_to(&handle)).unwrap();
    assert!(!there.join().unwrap());
    end(runtime);
}
