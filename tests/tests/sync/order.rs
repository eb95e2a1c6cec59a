// SPDX-License-Identifier: BSD-3-Clause
//! Who is served first, and how often one may be overtaken.

use std::cell::{Cell, RefCell};
use std::rc::Rc;

use kcoro_posix::sched::{spawn_local, yield_now};
use kcoro_posix::sync::{Mutex, RwLock, Semaphore, TryAcquireError};
use kcoro_tests::{SHORT, end, runtime, until};

/// One worker, whose queues have an order: so what is expected is known exactly.
fn on_one_worker(body: impl FnOnce() + Send + 'static) {
    let runtime = runtime(1);
    runtime.run(body).unwrap();
    end(runtime);
}

#[test]
fn a_mutex_that_changes_hands_does_so_every_second_tenure_at_least() {
    on_one_worker(|| {
        // Two that hold it over a suspension, and take it again at once.
        let shared = Rc::new((Mutex::new(()), RefCell::new(Vec::new())));
        let takes = |name: char| {
            let shared = shared.clone();
            spawn_local(move || {
                for _ in 0..100 {
                    let _held = shared.0.lock().unwrap();
                    shared.1.borrow_mut().push(name);
                    yield_now();
                }
            })
            .unwrap()
        };
        let both = [takes('a'), takes('b')];
        both.into_iter().for_each(|one| one.join().unwrap());
        let tenures = shared.1.borrow();
        let together = &tenures[..tenures.iter().rposition(|name| *name != tenures[199]).unwrap()];
        assert!(together.len() > 100);
        assert!(together.windows(3).all(|three| three.iter().any(|name| *name != three[0])), "{tenures:?}");
    });
}

#[test]
fn a_mutex_that_nobody_waits_for_is_taken_again_without_a_switch() {
    on_one_worker(|| {
        let shared = Rc::new((Mutex::new(()), Cell::new(0)));
        let others = shared.clone();
        let waits = spawn_local(move || drop(others.0.lock().unwrap())).unwrap();
        let held = shared.0.lock().unwrap();
        yield_now();
        drop(held);
        // The one that waits has been woken and has not run: the lock is free, and whoever is there uses it.
        (0..10).for_each(|_| drop(shared.0.try_lock().expect("it is not handed over")));
        waits.join().unwrap();
    });
}

#[test]
fn permits_are_given_in_the_order_of_the_requests() {
    on_one_worker(|| {
        let shared = Rc::new((Semaphore::new(0), RefCell::new(Vec::new())));
        let waits = |count| {
            let shared = shared.clone();
            spawn_local(move || {
                shared.0.acquire(count).unwrap().forget();
                shared.1.borrow_mut().push(count);
            })
            .unwrap()
        };
        let counts = [5, 1, 3, 2, 4, 1];
        let waiting = counts.map(waits);
        yield_now();
        for given in 1..=counts.iter().sum() {
            shared.0.release(1);
            yield_now();
            let served: Vec<_> = shared.1.borrow().clone();
            let met = counts.iter().scan(0, |sum, count| {
                *sum += count;
                (*sum <= given).then_some(*count)
            });
            assert!(served.iter().copied().eq(met), "after {given} permits: {served:?}");
        }
        waiting.into_iter().for_each(|one| one.join().unwrap());
    });
}

#[test]
fn permits_are_not_given_past_one_who_waits() {
    on_one_worker(|| {
        let semaphore = Rc::new(Semaphore::new(1));
        let waits = semaphore.clone();
        let large = spawn_local(move || waits.acquire(2).unwrap().forget()).unwrap();
        yield_now();
        assert_eq!(semaphore.try_acquire(1).unwrap_err(), TryAcquireError::NoPermits);
        assert_eq!(semaphore.try_acquire(0).unwrap_err(), TryAcquireError::NoPermits);
        assert!(semaphore.acquire_timeout(1, SHORT).is_err());
        semaphore.release(1);
        large.join().unwrap();
        assert_eq!(semaphore.try_acquire(0).unwrap().count(), 0);
    });
}

#[test]
fn neither_readers_nor_writers_starve_the_others() {
    on_one_worker(|| {
        let shared = Rc::new((RwLock::new(0), Cell::new(false)));
        let reads_all_the_time = |_| {
            let shared = shared.clone();
            spawn_local(move || {
                // Two of these: one of them reads at any time.
                while !shared.1.get() {
                    let _reads = shared.0.read().unwrap();
                    yield_now();
                }
            })
            .unwrap()
        };
        let readers: Vec<_> = (0..2).map(reads_all_the_time).collect();
        until(|| shared.0.try_write().is_none());
        for round in 0..100 {
            *shared.0.write().unwrap() += 1;
            assert_eq!(*shared.0.read().unwrap(), round + 1);
        }
        shared.1.set(true);
        readers.into_iter().for_each(|one| one.join().unwrap());
        let writes_all_the_time = {
            let shared = shared.clone();
            spawn_local(move || {
                while shared.1.get() {
                    *shared.0.write().unwrap() += 1;
                    yield_now();
                }
            })
            .unwrap()
        };
        (0..100).for_each(|_| drop(shared.0.read().unwrap()));
        shared.1.set(false);
        writes_all_the_time.join().unwrap();
    });
}
