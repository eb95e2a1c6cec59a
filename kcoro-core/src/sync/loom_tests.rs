// SPDX-License-Identifier: BSD-3-Clause
//! Models of the locks' and signals' races, between plain threads: every schedule with the given preemptions.

use core::future::Future;
use core::pin::Pin;
use core::task::{Context, Poll, Waker};
use core::time::Duration;
use std::boxed::Box;
use std::vec::Vec;

use loom::sync::Arc;
use loom::thread::{self, JoinHandle};

use super::{AcquireError, Barrier, Condvar, Event, Mutex, OnceCell, RwLock, Semaphore, WaitGroup};

fn check(model: impl Fn() + Send + Sync + 'static) {
    check_with(3, model);
}

/// Explores all schedules with up to `preemptions` preemptions, or what `LOOM_MAX_PREEMPTIONS` says.
fn check_with(preemptions: usize, model: impl Fn() + Send + Sync + 'static) {
    let mut builder = loom::model::Builder::new();
    builder.preemption_bound = builder.preemption_bound.or(Some(preemptions));
    builder.max_branches = 20_000;
    builder.check(model);
}

fn start<T: 'static, O: 'static>(shared: &Arc<T>, body: impl FnOnce(&T) -> O + 'static) -> JoinHandle<O> {
    let shared = shared.clone();
    thread::spawn(move || body(&shared))
}

/// Polls once, with a waker that nobody hears.
fn poll_once<F: Future>(future: &mut Pin<Box<F>>) -> Poll<F::Output> {
    future.as_mut().poll(&mut Context::from_waker(Waker::noop()))
}

#[test]
fn a_mutex_excludes_publishes_and_forgets_nobody() {
    check(|| {
        let mutex = Arc::new(Mutex::new(0));
        let adds = |mutex: &Mutex<u32>| (0..2).for_each(|_| *mutex.lock().unwrap() += 1);
        let other = start(&mutex, adds);
        adds(&mutex);
        other.join().unwrap();
        assert_eq!(*mutex.try_lock().unwrap(), 4);
    });
}

#[test]
fn of_three_who_want_a_mutex_none_is_forgotten() {
    // Three threads on one lock: three preemptions take minutes.
    check_with(2, || {
        let mutex = Arc::new(Mutex::new(0));
        let add = |mutex: &Mutex<u32>| *mutex.lock().unwrap() += 1;
        let others: Vec<_> = (0..2).map(|_| start(&mutex, add)).collect();
        add(&mutex);
        others.into_iter().for_each(|other| other.join().unwrap());
        assert_eq!(*mutex.try_lock().unwrap(), 3);
    });
}

#[test]
fn a_time_out_at_a_mutex_leaves_it_to_the_others() {
    // Three threads on one lock: three preemptions take minutes.
    check_with(2, || {
        let mutex = Arc::new(Mutex::new(()));
        let impatient = start(&mutex, |mutex| drop(mutex.lock_timeout(Duration::ZERO)));
        let patient = start(&mutex, |mutex| drop(mutex.lock().unwrap()));
        drop(mutex.lock().unwrap());
        impatient.join().unwrap();
        patient.join().unwrap();
        assert!(mutex.try_lock().is_some());
    });
}

#[test]
fn a_lock_future_dropped_at_any_time_passes_the_mutex_on() {
    check(|| {
        let mutex = Arc::new(Mutex::new(()));
        let held = mutex.try_lock().unwrap();
        let mut future = Box::pin(mutex.lock_async());
        assert!(poll_once(&mut future).is_pending());
        let waits = start(&mutex, |mutex| drop(mutex.lock().unwrap()));
        drop(held);
        // It may have been woken; the thread behind it must not wait for it any more.
        drop(future);
        waits.join().unwrap();
        assert!(mutex.try_lock().is_some());
    });
}

#[test]
fn permits_are_neither_lost_nor_made() {
    check(|| {
        let semaphore = Arc::new(Semaphore::new(1));
        let takes = |semaphore: &Semaphore| drop(semaphore.acquire(1).unwrap());
        let other = start(&semaphore, takes);
        takes(&semaphore);
        other.join().unwrap();
        assert_eq!(semaphore.available(), 1);
    });
}

#[test]
fn a_large_request_that_gives_up_lets_the_small_one_behind_it_pass() {
    check(|| {
        let semaphore = Arc::new(Semaphore::new(1));
        let large = start(&semaphore, |semaphore| semaphore.acquire_timeout(2, Duration::ZERO).is_err());
        // Met at once, or when the one in front of it has left: there is no release that could do it.
        drop(semaphore.acquire(1).unwrap());
        assert!(large.join().unwrap());
        assert_eq!(semaphore.available(), 1);
    });
}

#[test]
fn a_permit_that_a_dropped_future_was_given_goes_to_the_next() {
    check(|| {
        let semaphore = Arc::new(Semaphore::new(0));
        let mut future = Box::pin(semaphore.acquire_async(1));
        assert!(poll_once(&mut future).is_pending());
        let releases = start(&semaphore, |semaphore| semaphore.release(1));
        drop(future);
        drop(semaphore.acquire(1).unwrap());
        releases.join().unwrap();
        assert_eq!(semaphore.available(), 1);
    });
}

#[test]
fn a_close_ends_every_wait_for_permits() {
    check(|| {
        let semaphore = Arc::new(Semaphore::new(0));
        let waits = start(&semaphore, |semaphore| semaphore.acquire(1).map(drop));
        assert!(semaphore.close());
        assert_eq!(waits.join().unwrap(), Err(AcquireError::Closed));
    });
}

#[test]
fn who_waits_when_an_event_is_set_passes_though_it_is_reset_at_once() {
    check(|| {
        let event = Arc::new(Event::new());
        let mut future = Box::pin(event.wait_async());
        assert!(poll_once(&mut future).is_pending());
        let late = start(&event, |event| event.wait_timeout(Duration::ZERO).is_ok());
        event.set();
        event.reset();
        assert!(poll_once(&mut future).is_ready());
        late.join().unwrap();
    });
}

#[test]
fn readers_and_a_writer_exclude_each_other_and_none_is_forgotten() {
    check(|| {
        let lock = Arc::new(RwLock::new((0, 0)));
        let writes = start(&lock, |lock| {
            let mut both = lock.write().unwrap();
            both.0 += 1;
            both.1 += 1;
            let both = both.downgrade();
            assert_eq!(both.0, both.1);
        });
        let both = lock.read().unwrap();
        assert_eq!(both.0, both.1);
        drop(both);
        writes.join().unwrap();
        assert_eq!(*lock.try_write().unwrap(), (1, 1));
    });
}

#[test]
fn a_notification_by_who_takes_the_mutex_next_is_not_missed() {
    check(|| {
        let both = Arc::new((Mutex::new(false), Condvar::new()));
        let notifies = start(&both, |(ready, changed)| {
            *ready.lock().unwrap() = true;
            changed.notify_one();
        });
        let (ready, changed) = &*both;
        let guard = changed.wait_while(ready.lock().unwrap(), |ready| !*ready).unwrap();
        assert!(*guard);
        drop(guard);
        notifies.join().unwrap();
    });
}

#[test]
fn a_notification_is_for_who_times_out_or_for_the_next() {
    check(|| {
        let both = Arc::new((Mutex::new(()), Condvar::new()));
        let impatient =
            start(&both, |(mutex, changed)| changed.wait_timeout(mutex.lock().unwrap(), Duration::ZERO).is_ok());
        let (mutex, changed) = &*both;
        let mut patient = Box::pin(changed.wait_async(mutex.lock().unwrap()));
        assert!(poll_once(&mut patient).is_pending());
        assert!(changed.notify_one(), "one waits for certain");
        let was_for_the_other = impatient.join().unwrap();
        assert_eq!(poll_once(&mut patient).is_ready(), !was_for_the_other);
    });
}

#[test]
fn the_notification_of_a_dropped_wait_goes_to_the_next() {
    check(|| {
        let both = Arc::new((Mutex::new(()), Condvar::new()));
        let (mutex, changed) = &*both;
        let mut first = Box::pin(changed.wait_async(mutex.try_lock().unwrap()));
        assert!(poll_once(&mut first).is_pending());
        let mut second = Box::pin(changed.wait_async(mutex.try_lock().unwrap()));
        assert!(poll_once(&mut second).is_pending());
        let notifies = start(&both, |(_, changed)| changed.notify_one());
        drop(first);
        assert!(notifies.join().unwrap());
        assert!(poll_once(&mut second).is_ready());
    });
}

#[test]
fn all_parties_pass_a_barrier_and_one_leads() {
    check(|| {
        let barrier = Arc::new(Barrier::new(2));
        let leads = |barrier: &Barrier| (0..2).filter(|_| barrier.wait().unwrap().is_leader()).count();
        let other = start(&barrier, leads);
        assert_eq!(leads(&barrier) + other.join().unwrap(), 2);
    });
}

#[test]
fn a_party_that_gives_up_has_come_or_has_not() {
    check(|| {
        let barrier = Arc::new(Barrier::new(2));
        let impatient = start(&barrier, |barrier| barrier.wait_timeout(Duration::ZERO).is_ok());
        let mut patient = Box::pin(barrier.wait_async());
        let has_passed = poll_once(&mut patient).is_ready();
        let other_passed = impatient.join().unwrap();
        assert_eq!(has_passed || poll_once(&mut patient).is_ready(), other_passed);
        if !other_passed {
            assert!(barrier.wait().unwrap().is_leader(), "the one that has not come is still missing");
        }
    });
}

#[test]
fn a_wait_group_is_waited_for_until_the_last_is_done() {
    check(|| {
        let shared = Arc::new((WaitGroup::new(), Mutex::new(0)));
        shared.0.add(2);
        let work = |(group, sum): &(WaitGroup, Mutex<u32>)| {
            *sum.lock().unwrap() += 1;
            group.done();
        };
        let other = start(&shared, work);
        work(&shared);
        shared.0.wait().unwrap();
        assert_eq!(*shared.1.try_lock().unwrap(), 2);
        other.join().unwrap();
    });
}

#[test]
fn a_cell_is_filled_once_and_seen_by_all() {
    check(|| {
        let cell = Arc::new(OnceCell::new());
        let waits = start(&cell, |cell: &OnceCell<Box<u32>>| **cell.wait().unwrap());
        let other = start(&cell, |cell: &OnceCell<Box<u32>>| **cell.get_or_init(|| Box::new(1)).unwrap());
        assert_eq!(cell.get_or_try_init(|| Err(())).map_or(1, |value| **value), 1);
        assert_eq!((other.join().unwrap(), waits.join().unwrap()), (1, 1));
    });
}
