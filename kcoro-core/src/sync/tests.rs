// SPDX-License-Identifier: BSD-3-Clause
//! What an interpreter that checks borrows should see: winners that reach into frames and pinned futures while these are
//! polled, renewed and dropped.

use core::future::Future;
use core::pin::pin;
use core::task::{Context, Waker};
use core::time::Duration;
use std::boxed::Box;
use std::thread;

use super::{Barrier, Condvar, Event, Mutex, OnceCell, RwLock, Semaphore};
use crate::wait::block_on;

const ROUNDS: usize = if cfg!(miri) { 6 } else { 300 };

/// Polls twice, which renews the waker, and drops the future.
fn give_up<F: Future>(future: F) {
    let mut future = pin!(future);
    let mut context = Context::from_waker(Waker::noop());
    for _ in 0..2 {
        if future.as_mut().poll(&mut context).is_ready() {
            return;
        }
        thread::yield_now();
    }
}

#[test]
fn futures_that_are_dropped_at_any_time_leave_nothing_in_a_mutex() {
    let mutex = Mutex::new(Box::new(0));
    thread::scope(|scope| {
        scope.spawn(|| (0..ROUNDS).for_each(|_| give_up(mutex.lock_async())));
        scope.spawn(|| (0..ROUNDS).for_each(|_| **block_on(mutex.lock_async()).unwrap() += 1));
        scope.spawn(|| (0..ROUNDS).for_each(|_| drop(mutex.lock_timeout(Duration::from_nanos(1)))));
        (0..ROUNDS).for_each(|_| **mutex.lock().unwrap() += 1);
    });
    assert_eq!(*mutex.into_inner(), 2 * ROUNDS);
}

#[test]
fn futures_that_are_dropped_at_any_time_leave_nothing_in_a_semaphore() {
    let semaphore = Semaphore::new(2);
    thread::scope(|scope| {
        scope.spawn(|| (0..ROUNDS).for_each(|_| give_up(semaphore.acquire_async(2))));
        scope.spawn(|| (0..ROUNDS).for_each(|_| drop(semaphore.acquire_timeout(2, Duration::from_nanos(1)))));
        (0..ROUNDS).for_each(|_| drop(semaphore.acquire(1).unwrap()));
    });
    assert_eq!(semaphore.try_acquire(2).unwrap().count(), 2);
}

#[test]
fn readers_and_writers_on_threads_exclude_each_other() {
    let lock = RwLock::new((0, 0));
    thread::scope(|scope| {
        let writes = || {
            for _ in 0..ROUNDS {
                let mut both = lock.write().unwrap();
                both.0 += 1;
                both.1 += 1;
                let both = both.downgrade();
                assert_eq!(both.0, both.1);
            }
        };
        scope.spawn(writes);
        scope.spawn(|| (0..ROUNDS).for_each(|_| give_up(lock.write_async())));
        for _ in 0..ROUNDS {
            let both = lock.read().unwrap();
            assert_eq!(both.0, both.1);
        }
    });
    assert_eq!(*lock.read().unwrap(), (ROUNDS, ROUNDS));
}

#[test]
fn signals_reach_threads_and_what_they_made_is_seen() {
    let (event, barrier, cell) = (Event::new(), Barrier::new(2), OnceCell::<Box<u32>>::new());
    let (mutex, changed) = (Mutex::new(0), Condvar::new());
    thread::scope(|scope| {
        scope.spawn(|| {
            for round in 0..ROUNDS {
                barrier.wait().unwrap();
                let guard = changed.wait_while(mutex.lock().unwrap(), |count| *count <= round);
                assert_eq!(*guard.unwrap(), round + 1);
            }
            assert_eq!(**cell.wait().unwrap(), 7);
            event.set();
        });
        for _ in 0..ROUNDS {
            barrier.wait().unwrap();
            give_up(event.wait_async());
            *mutex.lock().unwrap() += 1;
            changed.notify_all();
        }
        cell.get_or_init(|| Box::new(7)).unwrap();
        event.wait().unwrap();
    });
}
