// SPDX-License-Identifier: BSD-3-Clause
//! Locks and signals: who gets in, in what order, and that nobody is forgotten when somebody gives up.

use alloc::rc::Rc;
use alloc::sync::Arc;
use alloc::vec::Vec;
use core::cell::{Cell, RefCell};
use core::future::Future;
use core::pin::pin;
use core::task::{Context, Waker};

use kcoro_core::sched::{spawn, spawn_local, yield_now};
use kcoro_core::sync::{
    AcquireError, AcquireTimeoutError, Barrier, Condvar, Event, Mutex, OnceCell, RwLock, Semaphore, TryAcquireError,
    WaitGroup, WaitTimeoutError,
};
use kcoro_core::time::{Elapsed, timeout};
use kcoro_core::wait::{WaitError, block_on};

use crate::Stage;
use crate::tools::{MS, parked, until};

pub(crate) fn a_mutex_is_held_by_one_also_over_suspensions(stage: &Stage) {
    let mutex = Arc::new(Mutex::new(0));
    let rounds = stage.pick(3, 200);
    let adds = |nth: u32| {
        let mutex = mutex.clone();
        let body = move || {
            for _ in 0..rounds {
                let mut sum =
                    if nth.is_multiple_of(2) { mutex.lock().unwrap() } else { block_on(mutex.lock_async()).unwrap() };
                let before = *sum;
                yield_now();
                *sum = before + 1;
            }
        };
        spawn(body).unwrap()
    };
    let all: Vec<_> = (0..4).map(adds).collect();
    all.into_iter().for_each(|one| one.join().unwrap());
    assert_eq!(*mutex.try_lock().unwrap(), 4 * rounds);
}

pub(crate) fn who_waits_for_a_mutex_gets_it_in_the_order_they_came(_: &Stage) {
    let (mutex, order) = (Rc::new(Mutex::new(())), Rc::new(RefCell::new(Vec::new())));
    let held = mutex.lock().unwrap();
    let waits = |n| {
        let (mutex, order) = (mutex.clone(), order.clone());
        parked(move || {
            let _held = mutex.lock().unwrap();
            order.borrow_mut().push(n);
            yield_now();
        })
    };
    let waiting: Vec<_> = (0..4).map(waits).collect();
    drop(held);
    waiting.into_iter().for_each(|one| one.join().unwrap());
    assert_eq!(*order.borrow(), [0, 1, 2, 3]);
}

pub(crate) fn a_mutex_that_is_taken_again_and_again_is_had_by_who_waits(_: &Stage) {
    let mutex = Rc::new(Mutex::new(false));
    let waits = {
        let mutex = mutex.clone();
        let held = mutex.lock().unwrap();
        let waits = parked({
            let mutex = mutex.clone();
            move || *mutex.lock().unwrap() = true
        });
        drop(held);
        waits
    };
    // It is woken by the drop above, and finds the lock taken whenever it looks, until it is handed over.
    loop {
        let held = mutex.lock().unwrap();
        yield_now();
        if *held {
            break;
        }
    }
    waits.join().unwrap();
}

pub(crate) fn who_gives_up_a_wait_for_a_mutex_leaves_it_to_the_next(_: &Stage) {
    let mutex = Rc::new(Mutex::new(()));
    let held = mutex.lock().unwrap();
    let (timed, cancelled, patient) = (mutex.clone(), mutex.clone(), mutex.clone());
    let timed = parked(move || timed.lock_timeout(MS).map(drop));
    let cancelled = parked(move || cancelled.lock_cancellable().map(drop));
    let patient = parked(move || patient.lock().map(drop));
    // Not a cancellation point.
    patient.cancel();
    cancelled.cancel();
    assert_eq!(cancelled.join().unwrap(), Err(WaitError::Cancelled));
    assert_eq!(timed.join().unwrap(), Err(WaitTimeoutError::TimedOut));
    {
        let mut dropped = pin!(mutex.lock_async());
        assert!(dropped.as_mut().poll(&mut Context::from_waker(Waker::noop())).is_pending());
    }
    drop(held);
    assert_eq!(patient.join().unwrap(), Ok(()));
    assert!(mutex.try_lock().is_some());
}

pub(crate) fn only_what_is_named_cancellable_is_a_cancellation_point(_: &Stage) {
    let (runs, is_cancelled) = (Rc::new(Cell::new(false)), Rc::new(Cell::new(false)));
    let (has_begun, goes_on) = (runs.clone(), is_cancelled.clone());
    let waits = spawn_local(move || {
        has_begun.set(true);
        until(|| goes_on.get());
        let (mutex, lock, semaphore, event) = (Mutex::new(()), RwLock::new(()), Semaphore::new(1), Event::new());
        event.set();
        assert!(mutex.lock().is_ok() && lock.read().is_ok() && lock.write().is_ok());
        assert!(semaphore.acquire(1).is_ok() && event.wait().is_ok() && WaitGroup::new().wait().is_ok());
        assert_eq!(mutex.lock_timeout(MS).map(drop), Ok(()));
        let cancelled = Err(WaitError::Cancelled);
        assert_eq!(mutex.lock_cancellable().map(drop), cancelled, "though it is free");
        assert_eq!(lock.read_cancellable().map(drop), cancelled);
        assert_eq!(lock.write_cancellable().map(drop), cancelled);
        assert_eq!(semaphore.acquire_cancellable(1).map(drop), Err(AcquireError::Cancelled));
        assert_eq!((event.wait_cancellable(), WaitGroup::new().wait_cancellable()), (cancelled, cancelled));
        assert_eq!(Barrier::new(1).wait_cancellable().map(drop), cancelled);
        let unnotified = Condvar::new().wait_cancellable(mutex.lock().unwrap()).unwrap_err();
        assert_eq!(unnotified.why, WaitError::Cancelled);
    })
    .unwrap();
    until(|| runs.get());
    waits.cancel();
    is_cancelled.set(true);
    waits.join().unwrap();
    let mutex = Mutex::new(());
    let _held = mutex.lock().unwrap();
    let limited = timeout(MS, || mutex.lock_cancellable().map(drop));
    assert_eq!(limited, Err(Elapsed(Err(WaitError::Cancelled))));
}

pub(crate) fn locks_that_are_always_free_starve_nobody(_: &Stage) {
    let (mutex, semaphore, event) = (Mutex::new(()), Semaphore::new(1), Event::new());
    event.set();
    let operations: [&dyn Fn(); 3] =
        [&|| drop(mutex.lock().unwrap()), &|| drop(semaphore.acquire(1).unwrap()), &|| event.wait().unwrap()];
    for operation in operations {
        let runs = Rc::new(Cell::new(false));
        let other = runs.clone();
        spawn_local(move || other.set(true)).unwrap().detach();
        while !runs.get() {
            operation();
        }
    }
}

pub(crate) fn nobody_overtakes_a_large_request_for_permits(_: &Stage) {
    let (semaphore, order) = (Rc::new(Semaphore::new(1)), Rc::new(RefCell::new(Vec::new())));
    let waits = |count| {
        let (semaphore, order) = (semaphore.clone(), order.clone());
        parked(move || {
            let permit = semaphore.acquire(count).unwrap();
            order.borrow_mut().push(permit.count());
            permit.forget();
        })
    };
    let [large, one, two] = [3, 1, 2].map(waits);
    assert_eq!(semaphore.try_acquire(1).unwrap_err(), TryAcquireError::NoPermits, "others wait");
    semaphore.release(1);
    yield_now();
    assert!(order.borrow().is_empty(), "two permits are not three");
    semaphore.release(1);
    large.join().unwrap();
    assert!(*order.borrow() == [3] && semaphore.available() == 0);
    semaphore.release(3);
    one.join().unwrap();
    two.join().unwrap();
    assert_eq!((order.borrow().len(), semaphore.available()), (3, 0));
}

pub(crate) fn permits_of_who_gives_up_go_to_the_next(_: &Stage) {
    let semaphore = Arc::new(Semaphore::new(1));
    let (large, small) = (semaphore.clone(), semaphore.clone());
    let large = parked(move || large.acquire_cancellable(2).map(drop));
    let small = parked(move || small.acquire(1).map(drop));
    large.cancel();
    assert_eq!(large.join().unwrap(), Err(AcquireError::Cancelled));
    assert_eq!(small.join().unwrap(), Ok(()), "with no release at all");
    assert_eq!(semaphore.acquire_timeout(2, MS).unwrap_err(), AcquireTimeoutError::TimedOut);
    let owned = semaphore.try_acquire_owned(1).unwrap();
    {
        let mut dropped = pin!(semaphore.acquire_async(1));
        assert!(dropped.as_mut().poll(&mut Context::from_waker(Waker::noop())).is_pending());
        drop(owned);
        assert_eq!(semaphore.available(), 0, "it has been given to the future");
    }
    assert_eq!(semaphore.available(), 1);
    let closed = semaphore.clone();
    let waits = parked(move || closed.acquire(2).map(drop));
    assert!(semaphore.close() && !semaphore.close());
    assert_eq!(waits.join().unwrap(), Err(AcquireError::Closed));
    assert_eq!(semaphore.try_acquire(1).unwrap_err(), TryAcquireError::Closed);
}

pub(crate) fn readers_share_and_do_not_overtake_a_writer(_: &Stage) {
    let lock = Rc::new(RwLock::new(0));
    let (one, other) = (lock.read().unwrap(), lock.read().unwrap());
    let (writes, reads) = (lock.clone(), lock.clone());
    let writes = parked(move || {
        let mut value = writes.write().unwrap();
        *value = 1;
        yield_now();
        let value = value.downgrade();
        assert_eq!(*value, 1);
        yield_now();
        *value
    });
    let reads = parked(move || *reads.read().unwrap());
    assert!(lock.try_read().is_none() && lock.try_write().is_none());
    assert_eq!(*one + *other, 0);
    drop((one, other));
    assert_eq!((writes.join().unwrap(), reads.join().unwrap()), (1, 1));
    assert!(lock.try_write().is_some());
}

pub(crate) fn a_wait_for_a_change_gives_the_mutex_up_and_takes_it_again(stage: &Stage) {
    let shared = Arc::new((Mutex::new(Vec::new()), Condvar::new()));
    let count = stage.pick(4, 200);
    let takes = |_| {
        let shared = shared.clone();
        let body = move || {
            let jobs = shared.0.lock().unwrap();
            shared.1.wait_while(jobs, |jobs: &mut Vec<u32>| jobs.is_empty()).unwrap().pop().unwrap()
        };
        spawn(body).unwrap()
    };
    let takers: Vec<_> = (0..count).map(takes).collect();
    for n in 0..count {
        shared.0.lock().unwrap().push(n);
        shared.1.notify_one();
    }
    assert_eq!(takers.into_iter().map(|one| one.join().unwrap()).sum::<u32>(), (0..count).sum());
}

pub(crate) fn a_wait_for_a_change_that_is_cut_short_holds_the_mutex_again(_: &Stage) {
    let shared = Rc::new((Mutex::new(0), Condvar::new()));
    let (mutex, changed) = &*shared;
    let unnotified = changed.wait_timeout(mutex.lock().unwrap(), MS).unwrap_err();
    assert!(unnotified.why == WaitTimeoutError::TimedOut && mutex.is_locked());
    drop(unnotified);
    let waits = shared.clone();
    let waits = parked(move || {
        let mut unnotified = waits.1.wait_cancellable(waits.0.lock().unwrap()).unwrap_err();
        *unnotified.guard += 1;
        unnotified.why
    });
    let held = mutex.lock().unwrap();
    waits.cancel();
    yield_now();
    assert!(!waits.is_finished(), "it waits for the mutex, though it is cancelled");
    drop(held);
    assert_eq!(waits.join().unwrap(), WaitError::Cancelled);
    assert_eq!(*mutex.lock().unwrap(), 1);
    assert!(!changed.notify_one(), "nobody was left behind");
}

pub(crate) fn a_barrier_opens_when_all_have_come_and_not_for_who_left(stage: &Stage) {
    let (barrier, rounds) = (Arc::new(Barrier::new(3)), stage.pick(3, 200));
    let leads = |_| {
        let barrier = barrier.clone();
        spawn(move || (0..rounds).filter(|_| barrier.wait().unwrap().is_leader()).count()).unwrap()
    };
    let parties: Vec<_> = (0..3).map(leads).collect();
    let led: usize = parties.into_iter().map(|one| one.join().unwrap()).sum();
    assert_eq!(led, rounds as usize);
    let wait = |barrier: &Arc<Barrier>| {
        let barrier = barrier.clone();
        parked(move || barrier.wait_cancellable())
    };
    let leaves = wait(&barrier);
    leaves.cancel();
    assert_eq!(leaves.join().unwrap(), Err(WaitError::Cancelled));
    let stay = [wait(&barrier), wait(&barrier)];
    yield_now();
    assert!(stay.iter().all(|one| !one.is_finished()), "one is missing");
    assert!(barrier.wait().unwrap().is_leader());
    stay.into_iter().for_each(|one| assert!(!one.join().unwrap().unwrap().is_leader()));
}

pub(crate) fn a_wait_group_is_waited_for_until_all_is_done(stage: &Stage) {
    let (group, done) = (Arc::new(WaitGroup::new()), Arc::new(Mutex::new(0)));
    let count = stage.pick(4, 100);
    group.wait().unwrap();
    group.add(count as usize);
    for _ in 0..count {
        let (group, done) = (group.clone(), done.clone());
        let body = move || {
            *done.lock().unwrap() += 1;
            group.done();
        };
        drop(spawn(body).unwrap());
    }
    group.wait().unwrap();
    assert_eq!(*done.lock().unwrap(), count);
    let task = group.task();
    assert_eq!(group.wait_timeout(MS), Err(WaitTimeoutError::TimedOut));
    drop(task);
    assert_eq!(group.wait(), Ok(()));
}

pub(crate) fn all_who_wait_for_an_event_pass_though_it_is_reset_at_once(_: &Stage) {
    let event = Rc::new(Event::new());
    let waits = |_| {
        let event = event.clone();
        parked(move || event.wait())
    };
    let waiting: Vec<_> = (0..3).map(waits).collect();
    assert!(event.set() && !event.set() && event.reset());
    let late = event.clone();
    let late = parked(move || late.wait_cancellable());
    waiting.into_iter().for_each(|one| assert_eq!(one.join().unwrap(), Ok(())));
    assert!(!late.is_finished());
    late.cancel();
    assert_eq!(late.join().unwrap(), Err(WaitError::Cancelled));
    event.set();
    assert_eq!(event.wait(), Ok(()));
}

pub(crate) fn a_value_is_made_once_or_by_the_next(_: &Stage) {
    let (cell, made) = (Rc::new(OnceCell::new()), Rc::new(Cell::new(0)));
    let fails = cell.clone();
    let fails = parked(move || {
        let makes = || {
            yield_now();
            Err(1)
        };
        fails.get_or_try_init(makes).copied()
    });
    let makes = |n: u32| {
        let (cell, made) = (cell.clone(), made.clone());
        let make = move || {
            yield_now();
            made.set(made.get() + 1);
            n
        };
        spawn_local(move || *cell.get_or_init(make).unwrap()).unwrap()
    };
    let all = [makes(5), makes(6), makes(7)];
    let value = *cell.wait().unwrap();
    assert!(fails.join().unwrap().is_err());
    all.into_iter().for_each(|one| assert_eq!(one.join().unwrap(), value));
    assert_eq!((made.get(), cell.set(8), cell.get()), (1, Err(8), Some(&value)));
}

pub(crate) fn a_panic_gives_back_what_was_held(_: &Stage) {
    let shared = Arc::new((Mutex::new(0), Semaphore::new(1), OnceCell::new()));
    let panics = shared.clone();
    let body = move || {
        let (mutex, semaphore, cell) = &*panics;
        let (_held, _permit) = (mutex.lock().unwrap(), semaphore.acquire(1).unwrap());
        *cell.get_or_init(|| panic!("expected")).unwrap()
    };
    assert!(spawn(body).unwrap().join().is_err());
    until(|| shared.1.available() == 1);
    assert_eq!(*shared.0.try_lock().unwrap(), 0, "not poisoned");
    assert_eq!(shared.2.get_or_init(|| 3), Ok(&3));
}
