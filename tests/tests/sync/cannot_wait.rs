// SPDX-License-Identifier: BSD-3-Clause
//! Who cannot wait gets what is to be had at once, and an error for the rest: also while it unwinds.

use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::time::Duration;

use kcoro_posix::sched::spawn;
use kcoro_posix::sync::{
    AcquireError, AcquireTimeoutError, Barrier, Condvar, Event, InitError, Mutex, OnceCell, RwLock, Semaphore,
    WaitGroup, WaitTimeoutError,
};
use kcoro_posix::wait::{CannotWait, WaitError};
use kcoro_tests::counted::OnDrop;
use kcoro_tests::{end, runtime};

/// Calls `body` while the caller unwinds.
fn unwinding(body: impl FnMut()) {
    let panics = catch_unwind(AssertUnwindSafe(|| {
        let _calls = OnDrop(body);
        // Without the panic hook, which would fill the screen.
        resume_unwind(Box::new("expected"));
    }));
    assert_eq!(panics.unwrap_err().downcast_ref(), Some(&"expected"));
}

/// In a coroutine, and on a thread.
fn in_both(body: fn()) {
    body();
    let runtime = runtime(1);
    runtime.run(move || spawn(body).unwrap().join().unwrap()).unwrap();
    end(runtime);
}

const NO: CannotWait = CannotWait::Unwinding;

#[test]
fn a_lock_that_is_free_is_had_while_unwinding_and_one_that_is_not_is_refused() {
    in_both(|| {
        let (mutex, lock) = (Mutex::new(0), RwLock::new(0));
        let mut calls = 0;
        unwinding(|| {
            *mutex.lock().unwrap() += 1;
            *lock.write().unwrap() += 1;
            let (_held, _writes) = (mutex.lock().unwrap(), lock.write().unwrap());
            assert_eq!(mutex.lock().unwrap_err(), NO);
            assert_eq!(mutex.lock_cancellable().unwrap_err(), WaitError::CannotWait(NO));
            assert_eq!(mutex.lock_timeout(Duration::MAX).unwrap_err(), WaitTimeoutError::CannotWait(NO));
            assert_eq!(lock.read().unwrap_err(), NO);
            assert_eq!(lock.write_timeout(Duration::ZERO).unwrap_err(), WaitTimeoutError::CannotWait(NO));
            calls += 1;
        });
        assert_eq!((calls, *mutex.lock().unwrap(), *lock.read().unwrap()), (1, 1, 1));
    });
}

#[test]
fn signals_are_refused_while_unwinding_and_nothing_is_left_behind() {
    in_both(|| {
        let (event, group, barrier, semaphore) = (Event::new(), WaitGroup::new(), Barrier::new(2), Semaphore::new(1));
        let (mutex, changed, cell) = (Mutex::new(()), Condvar::new(), OnceCell::new());
        let task = group.task();
        let mut calls = 0;
        unwinding(|| {
            assert_eq!(event.wait(), Err(NO));
            assert_eq!(group.wait_cancellable(), Err(WaitError::CannotWait(NO)));
            assert_eq!(barrier.wait(), Err(NO));
            assert_eq!(semaphore.acquire(2).unwrap_err(), AcquireError::CannotWait(NO));
            assert_eq!(semaphore.acquire_timeout(2, Duration::MAX).unwrap_err(), AcquireTimeoutError::CannotWait(NO));
            drop(semaphore.acquire(1).unwrap());
            let unnotified = changed.wait(mutex.lock().unwrap()).unwrap_err();
            assert!(unnotified.why == NO && mutex.is_locked());
            assert_eq!(cell.wait(), Err(NO));
            let nested = cell.get_or_try_init(|| {
                assert_eq!(cell.get_or_try_init(|| Ok::<_, ()>(1)), Err(InitError::CannotWait(NO)));
                Ok::<_, ()>(2)
            });
            assert_eq!(nested, Ok(&2));
            calls += 1;
        });
        assert_eq!(calls, 1);
        drop(task);
        assert_eq!((group.wait(), semaphore.available(), changed.notify_one()), (Ok(()), 1, false));
        assert!(mutex.try_lock().is_some());
        // One has to come first, and it is not the one that was refused.
        assert_eq!(barrier.wait_timeout(Duration::ZERO), Err(WaitTimeoutError::TimedOut));
    });
}

#[test]
fn deadlines_of_another_clock_are_refused() {
    use kcoro_posix::platform::ClockId;
    use kcoro_posix::time::Instant;
    let there = Instant::from_clock(ClockId(0x7777), u64::MAX);
    let is_refused = |result: Result<(), WaitTimeoutError>| matches!(result, Err(WaitTimeoutError::Clock(_)));
    let (mutex, changed) = (Mutex::new(()), Condvar::new());
    assert!(is_refused(mutex.lock_deadline(there).map(drop)));
    assert!(is_refused(Event::new().wait_deadline(there)));
    assert!(is_refused(WaitGroup::new().wait_deadline(there)));
    assert!(is_refused(Barrier::new(2).wait_deadline(there).map(drop)));
    assert!(is_refused(OnceCell::<u8>::new().wait_deadline(there).map(drop)));
    let unnotified = changed.wait_deadline(mutex.lock().unwrap(), there).unwrap_err();
    assert!(is_refused(Err(unnotified.why)) && mutex.is_locked());
    assert!(matches!(Semaphore::new(1).acquire_deadline(1, there), Err(AcquireTimeoutError::Clock(_))));
}

#[test]
fn misuse_is_told_and_changes_nothing() {
    let refused = |body: &dyn Fn()| catch_unwind(AssertUnwindSafe(body)).is_err();
    let (group, semaphore) = (WaitGroup::new(), Semaphore::new(1));
    assert!(refused(&|| group.done()));
    group.add(1);
    assert!(refused(&|| group.add(usize::MAX)));
    assert!(refused(&|| semaphore.release(usize::MAX)));
    assert_eq!((group.count(), semaphore.available()), (1, 1));
    group.done();
    let most = Semaphore::new(usize::MAX);
    assert!(refused(&|| most.release(1)));
    let all = most.try_acquire(usize::MAX).unwrap();
    assert_eq!((all.count(), most.available(), most.try_acquire(1).is_err()), (usize::MAX, 0, true));
    drop(all);
    assert_eq!(most.available(), usize::MAX);
    assert!(Barrier::new(0).wait().unwrap().is_leader(), "a barrier for nobody is one for one");
}
