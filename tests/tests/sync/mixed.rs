// SPDX-License-Identifier: BSD-3-Clause
//! Coroutines, threads and async tasks on one object.

use std::future::Future;
use std::sync::Arc;
use std::thread;

use kcoro_posix::sched::{spawn, yield_now};
use kcoro_posix::sync::{Barrier, Condvar, Event, Mutex, OnceCell, RwLock, Semaphore, WaitGroup};
use kcoro_posix::wait::block_on;
use kcoro_tests::{end, runtime};

const ROUNDS: usize = 200;

/// Runs `body` so many times in each of two coroutines of a runtime, and on two threads; `in_async` in an async task of a
/// coroutine, and in one of a thread.
fn everywhere<T, F>(shared: T, body: fn(&T), in_async: fn(Arc<T>) -> F)
where
    T: Send + Sync + 'static,
    F: Future<Output = ()> + Send + 'static,
{
    let (runtime, shared) = (runtime(2), Arc::new(shared));
    let many = move |shared: Arc<T>| (0..ROUNDS).for_each(|_| body(&shared));
    let many_async = move |shared: Arc<T>| (0..ROUNDS).for_each(|_| block_on(in_async(shared.clone())).unwrap());
    let (one, other) = (shared.clone(), shared.clone());
    let threads = [thread::spawn(move || many(one)), thread::spawn(move || many_async(other))];
    runtime
        .run(move || {
            let (one, other) = (shared.clone(), shared.clone());
            let all = [spawn(move || many(one)).unwrap(), spawn(move || many_async(other)).unwrap()];
            all.into_iter().for_each(|handle| handle.join().unwrap());
        })
        .unwrap();
    threads.into_iter().for_each(|thread| thread.join().unwrap());
    end(runtime);
}

/// Reads, gives others a chance, and writes: two at once would lose an update.
fn add_slowly(sum: &mut usize) {
    let before = *sum;
    yield_now();
    *sum = before + 1;
}

#[test]
fn all_take_one_mutex() {
    let mutex = Arc::new(Mutex::new(0));
    everywhere(
        mutex.clone(),
        |mutex| add_slowly(&mut mutex.lock().unwrap()),
        |mutex| async move { add_slowly(&mut *mutex.lock_async().await) },
    );
    assert_eq!(*mutex.lock().unwrap(), 4 * ROUNDS);
}

#[test]
fn all_read_and_write_under_one_lock() {
    let lock = Arc::new(RwLock::new(0));
    everywhere(
        lock.clone(),
        |lock| {
            let mut writes = lock.write().unwrap();
            add_slowly(&mut writes);
            let after = *writes;
            let reads = writes.downgrade();
            yield_now();
            assert_eq!(*reads, after);
        },
        |lock| async move {
            assert!(*lock.read_async().await <= 4 * ROUNDS);
            add_slowly(&mut *lock.write_async().await);
        },
    );
    assert_eq!(*lock.read().unwrap(), 4 * ROUNDS);
}

#[test]
fn all_take_permits_of_one_semaphore() {
    let semaphore = Arc::new(Semaphore::new(3));
    everywhere(
        semaphore.clone(),
        |semaphore| {
            let _two = semaphore.acquire(2).unwrap();
            yield_now();
        },
        |semaphore| async move {
            let _one = semaphore.acquire_async(1).await.unwrap();
            yield_now();
        },
    );
    assert_eq!(semaphore.available(), 3);
}

#[test]
fn all_meet_at_one_barrier_and_one_of_them_leads_each_time() {
    let shared = Arc::new((Barrier::new(4), Mutex::new(0)));
    everywhere(
        shared.clone(),
        |shared| *shared.1.lock().unwrap() += usize::from(shared.0.wait().unwrap().is_leader()),
        |shared| async move {
            let leads = shared.0.wait_async().await.is_leader();
            *shared.1.lock_async().await += usize::from(leads);
        },
    );
    assert_eq!(*shared.1.lock().unwrap(), ROUNDS);
}

#[test]
fn all_wait_for_one_change() {
    // Each takes a number in turn; that it is one's turn is told by a notification of all.
    let shared = Arc::new((Mutex::new(0), Condvar::new()));
    everywhere(
        shared.clone(),
        |shared| {
            let even = shared.1.wait_while(shared.0.lock().unwrap(), |number| *number % 2 != 0);
            *even.unwrap() += 1;
            shared.1.notify_all();
        },
        |shared| async move {
            let mut number = shared.0.lock_async().await;
            while *number % 2 == 0 {
                number = shared.1.wait_async(number).await;
            }
            *number += 1;
            shared.1.notify_all();
        },
    );
    assert_eq!(*shared.0.lock().unwrap(), 4 * ROUNDS);
}

#[test]
fn all_wait_for_one_group_and_one_event_and_one_value() {
    let shared = Arc::new((WaitGroup::new(), Event::new(), OnceCell::new()));
    let task = shared.0.task();
    let sets = {
        let shared = shared.clone();
        thread::spawn(move || {
            shared.1.set();
            shared.2.wait().copied()
        })
    };
    everywhere(
        shared.clone(),
        |shared| {
            shared.1.wait().unwrap();
            assert_eq!(shared.2.get_or_init(|| 5), Ok(&5));
            assert_eq!(shared.0.count(), 1);
        },
        |shared| async move {
            shared.1.wait_async().await;
            assert_eq!(shared.2.get_or_init_async(async || 5).await, &5);
            assert_eq!(shared.2.wait_async().await, &5);
        },
    );
    assert_eq!(sets.join().unwrap(), Ok(5));
    drop(task);
    assert_eq!(shared.0.wait(), Ok(()));
}
