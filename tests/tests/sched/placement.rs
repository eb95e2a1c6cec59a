// SPDX-License-Identifier: BSD-3-Clause
//! Which worker runs what: bound coroutines stay, those that have not started are stolen from a busy worker.
#![expect(unsafe_code, reason = "migration is an unsafe option")]

use std::collections::HashSet;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, mpsc};
use std::thread::ThreadId;

use kcoro_posix::channel::{bounded, rendezvous};
use kcoro_posix::sched::{Builder, spawn, yield_now};
use kcoro_tests::{Hog, SHORT, builder, end, runtime, until};

fn here() -> ThreadId {
    std::thread::current().id()
}

#[test]
fn a_wake_from_another_worker_leaves_a_coroutine_where_it_is() {
    let runtime = runtime(2);
    let ((ping, pings), (pong, pongs)) = (rendezvous(), rendezvous());
    let echo = runtime.builder().worker(0).spawn(move || {
        let mut threads = HashSet::from([here()]);
        for () in pings.iter() {
            threads.insert(here());
            pong.send(()).unwrap();
            threads.insert(here());
        }
        threads
    });
    let caller = runtime.builder().worker(1).spawn(move || {
        let mut threads = HashSet::from([here()]);
        for _ in 0..500 {
            ping.send(()).unwrap();
            threads.insert(here());
            pongs.recv().unwrap();
            threads.insert(here());
        }
        threads
    });
    let (caller, echo) = (caller.unwrap().join().unwrap(), echo.unwrap().join().unwrap());
    assert_eq!((caller.len(), echo.len()), (1, 1));
    assert!(caller.is_disjoint(&echo));
    end(runtime);
}

/// As a spawner that computes and does not yield: what it has spawned runs elsewhere meanwhile.
#[test]
fn what_a_hog_has_spawned_is_stolen() {
    let runtime = runtime(2);
    let (tx, rx) = mpsc::channel();
    let hog = runtime.spawn(move || {
        let own = here();
        let children: Vec<_> = (0..8)
            .map(|n| {
                let tx = tx.clone();
                spawn(move || tx.send((n, here())).unwrap()).unwrap()
            })
            .collect();
        // Blocks the worker: only the other one can run them.
        let mut ran: Vec<_> = (0..8).map(|_| rx.recv().unwrap()).collect();
        ran.sort_unstable_by_key(|(n, _)| *n);
        assert!(ran.iter().map(|(n, _)| *n).eq(0..8));
        assert!(ran.iter().all(|(_, thread)| *thread != own));
        children.into_iter().for_each(|child| child.join().unwrap());
    });
    hog.unwrap().join().unwrap();
    assert!(runtime.stats().steals >= 8);
    end(runtime);
}

#[test]
fn a_spawn_wakes_a_worker_that_sleeps() {
    let runtime = runtime(2);
    let handle = runtime.handle().clone();
    // Neither has anything to do, and no stacks that would wake it again.
    until(|| handle.stats().sleeps >= 2);
    let (tx, rx) = mpsc::channel();
    let hog = runtime.spawn(move || {
        // The other one was woken in case there was more, and has found nothing.
        while handle.stats().sleeps < 3 {
            std::thread::yield_now();
        }
        let child = spawn(move || tx.send(here()).unwrap()).unwrap();
        assert_ne!(rx.recv().unwrap(), here());
        child.join().unwrap();
    });
    hog.unwrap().join().unwrap();
    end(runtime);
}

#[test]
fn what_comes_from_outside_avoids_a_busy_worker() {
    let runtime = runtime(2);
    for worker in 0..2 {
        let hog = Hog::on(&runtime, worker);
        (0..100).for_each(|n| assert_eq!(runtime.spawn(move || n).unwrap().join().unwrap(), n));
        hog.release();
    }
    end(runtime);
}

/// Yields until `over`, and says on which threads.
fn threads_until(over: &Arc<AtomicBool>) -> impl FnOnce() -> HashSet<ThreadId> + Send + 'static {
    let over = over.clone();
    move || {
        let mut threads = HashSet::new();
        until(|| {
            threads.insert(here());
            over.load(Ordering::SeqCst)
        });
        threads
    }
}

/// Keeps each worker busy in turn, until others have yielded often.
fn keep_each_worker_busy(runtime: &kcoro_posix::sched::Handle) {
    for round in 0..10 {
        let hog = Hog::on(runtime, round % 2);
        let yields = runtime.stats().yields;
        while runtime.stats().yields < yields + 1000 {
            std::thread::yield_now();
        }
        hog.release();
    }
}

#[test]
fn migrating_coroutines_leave_a_busy_worker() {
    let runtime = runtime(2);
    let over = Arc::new(AtomicBool::new(false));
    let migrating = |_| {
        // SAFETY: what the body keeps over its suspensions is `Send`, and no reference to a thread-local is among it.
        unsafe { runtime.builder().allow_migration() }.spawn(threads_until(&over)).unwrap()
    };
    let migrating: Vec<_> = (0..8).map(migrating).collect();
    // None is bound, so while one worker is busy the other has nothing else to do.
    keep_each_worker_busy(&runtime);
    over.store(true, Ordering::SeqCst);
    let threads: HashSet<_> = migrating.into_iter().flat_map(|handle| handle.join().unwrap()).collect();
    assert_eq!(threads.len(), 2);
    end(runtime);
}

#[test]
fn pinned_coroutines_do_not_leave_a_busy_worker() {
    let runtime = runtime(2);
    let over = Arc::new(AtomicBool::new(false));
    let pinned: Vec<_> = (0..8).map(|_| runtime.builder().worker(0).spawn(threads_until(&over)).unwrap()).collect();
    for _ in 0..20 {
        // All of them are ready now, and the other worker has nothing to do but to look for work.
        let hog = Hog::on(&runtime, 0);
        let before = runtime.stats();
        runtime.builder().worker(1).spawn(|| ()).unwrap().join().unwrap();
        // It goes to sleep when it has found none; what it had found would let it yield.
        while runtime.stats().since(&before).sleeps == 0 && runtime.stats().since(&before).yields == 0 {
            std::thread::yield_now();
        }
        hog.release();
    }
    over.store(true, Ordering::SeqCst);
    pinned.into_iter().for_each(|handle| assert_eq!(handle.join().unwrap().len(), 1));
    end(runtime);
}

#[test]
fn migrating_coroutines_wait_everywhere_and_are_woken_from_everywhere() {
    let runtime = runtime(3);
    let (tx, rx) = bounded::<u64>(2);
    let receive = |_| {
        let rx = rx.clone();
        let body = move || {
            let mut sum = 0;
            loop {
                match rx.recv_timeout(SHORT) {
                    Ok(n) => sum += n,
                    Err(kcoro_posix::channel::RecvTimeoutError::TimedOut) => yield_now(),
                    Err(_) => return sum,
                }
            }
        };
        // SAFETY: what the body keeps over its suspensions is `Send`.
        unsafe { runtime.builder().allow_migration() }.spawn(body).unwrap()
    };
    let receivers: Vec<_> = (0..6).map(receive).collect();
    std::thread::scope(|threads| {
        for _ in 0..2 {
            let tx = tx.clone();
            threads.spawn(move || (0..2000).for_each(|n| tx.send(n).unwrap()));
        }
    });
    drop(tx);
    let sum: u64 = receivers.into_iter().map(|handle| handle.join().unwrap()).sum();
    assert_eq!(sum, 2 * 1_999_000);
    end(runtime);
}

#[test]
fn a_local_runtime_is_helped_by_its_other_workers() {
    let runtime = builder().workers(3).build_local().unwrap();
    let elsewhere = runtime.run(|| {
        let own = here();
        let handles: Vec<_> = (1..3).map(|worker| Builder::new().worker(worker).spawn(here).unwrap()).collect();
        handles.into_iter().map(|handle| handle.join().unwrap()).filter(|there| *there != own).count()
    });
    assert_eq!(elsewhere.unwrap(), 2);
    assert!(runtime.shutdown(kcoro_tests::LONG).is_clean());
}
