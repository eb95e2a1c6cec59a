// SPDX-License-Identifier: BSD-3-Clause
//! What once went wrong at the end of a runtime.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::mpsc;
use std::time::Duration;

use kcoro_posix::sched::{JoinError, SpawnError, spawn};
use kcoro_tests::child::passes;
use kcoro_tests::counted::Drops;
use kcoro_tests::{Hog, builder, end, runtime, shut_down_elsewhere};

/// The worker went on with a new coroutine on the stack of one that had just ended, without a look at the phase.
#[test]
fn a_coroutine_that_ends_during_a_shutdown_starts_no_other() {
    let runtime = runtime(1);
    let (go, going) = mpsc::channel::<()>();
    let (child_tx, child_rx) = mpsc::channel();
    let ran = Arc::new(AtomicBool::new(false));
    let child_ran = ran.clone();
    let parent = runtime.spawn(move || {
        child_tx.send(spawn(move || child_ran.store(true, Ordering::SeqCst)).unwrap()).unwrap();
        going.recv().unwrap();
    });
    parent.unwrap().detach();
    let child = child_rx.recv().unwrap();
    let shutdown = shut_down_elsewhere(runtime);
    go.send(()).unwrap();
    assert!(matches!(child.join(), Err(JoinError::Shutdown)));
    assert!(!ran.load(Ordering::SeqCst));
    shutdown.join().unwrap();
}

/// A spawn that had looked at the phase before the shutdown queued its coroutine after the workers had gone.
#[test]
fn a_spawn_that_meets_a_shutdown_is_refused_or_ended() {
    let refused = AtomicUsize::new(0);
    for round in 0..200 {
        let runtime = runtime(1 + round % 2);
        let handle = runtime.handle().clone();
        let drops = Drops::new();
        std::thread::scope(|threads| {
            let spawner = threads.spawn(|| {
                for spawned in 0.. {
                    let value = drops.value();
                    match handle.spawn(move || drop(value)) {
                        Ok(child) => _ = child.join(),
                        Err(why) => {
                            assert_eq!(why, SpawnError::Shutdown);
                            refused.fetch_add(1, Ordering::SeqCst);
                            assert_eq!(drops.count(), spawned + 1);
                            return;
                        }
                    }
                }
            });
            (0..round * 20).for_each(|_| std::hint::spin_loop());
            end(runtime);
            spawner.join().unwrap();
        });
    }
    assert_eq!(refused.into_inner(), 200);
}

/// Who waited for a place when the runtime shut down got one from the last coroutine, and spawned into nothing.
#[test]
fn spawns_that_wait_at_the_limit_are_refused_by_a_shutdown() {
    let runtime = builder().workers(1).limit(1).build().unwrap();
    let hog = Hog::on(&runtime, 0);
    let waiting: Vec<_> = (0..3)
        .map(|_| {
            let handle = runtime.handle().clone();
            std::thread::spawn(move || handle.spawn(|| ()).map(|child| child.join()))
        })
        .collect();
    let shutdown = shut_down_elsewhere(runtime);
    hog.release();
    shutdown.join().unwrap();
    for thread in waiting {
        match thread.join().unwrap() {
            Err(why) => assert_eq!(why, SpawnError::Shutdown),
            Ok(joined) => assert!(matches!(joined, Err(JoinError::Shutdown))),
        }
    }
}

/// A worker that stopped left in its queues what it had not started; the joins of these waited for ever.
#[test]
fn a_shutdown_without_grace_drops_what_has_not_started() {
    let test = "shutdown_races::a_shutdown_without_grace_drops_what_has_not_started";
    passes(test, || {
        for workers in [1, 2] {
            let runtime = runtime(workers);
            let drops = Drops::new();
            let hog = Hog::on(&runtime, 0);
            let spawn_on = |n: usize| {
                let value = drops.value();
                let builder = if n == 0 { runtime.builder() } else { runtime.builder().worker(0) };
                builder.spawn(move || drop(value)).unwrap()
            };
            let handles: Vec<_> = (0..if workers == 1 { 10 } else { 0 }).map(|n| spawn_on(n % 2)).collect();
            let bound = spawn_on(1);
            let report = runtime.shutdown(Duration::ZERO);
            assert!(!report.is_clean());
            hog.release();
            for handle in handles.into_iter().chain([bound]) {
                assert!(matches!(handle.join(), Err(JoinError::Shutdown)));
            }
            drop(drops);
        }
    });
}

/// What had not even started counted as abandoned on the thread, which aborted.
#[test]
fn a_local_shutdown_without_grace_drops_what_has_not_started() {
    let runtime = builder().workers(1).build_local().unwrap();
    let bound = runtime.builder().worker(0).spawn(|| ()).unwrap();
    let free = runtime.spawn(|| ()).unwrap();
    runtime.shutdown(Duration::ZERO);
    assert!(matches!(bound.join(), Err(JoinError::Shutdown)));
    assert!(matches!(free.join(), Err(JoinError::Shutdown)));
}
