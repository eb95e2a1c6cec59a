// SPDX-License-Identifier: BSD-3-Clause
//! Futures that are dropped at any time, woken by the waker of their latest poll, and sent to other threads.

use std::future::Future;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Context, Poll, Wake, Waker};

use kcoro_posix::sync::{Barrier, Condvar, Event, Mutex, OnceCell, RwLock, Semaphore, WaitGroup};

fn poll_once<F: Future>(future: Pin<&mut F>) -> Poll<F::Output> {
    future.poll(&mut Context::from_waker(Waker::noop()))
}

#[derive(Default)]
struct Wakes(AtomicUsize);

impl Wake for Wakes {
    fn wake(self: Arc<Self>) {
        self.0.fetch_add(1, Ordering::SeqCst);
    }
}

#[test]
fn guards_and_futures_may_go_to_other_threads() {
    fn may_go<T: Send>(_: &T) {}
    let (mutex, lock, semaphore) = (Mutex::new(0), RwLock::new(0), Semaphore::new(1));
    may_go(&mutex.lock_async());
    may_go(&lock.read_async());
    may_go(&lock.write_async());
    may_go(&semaphore.acquire_async(1));
    may_go(&Event::new().wait_async());
    may_go(&WaitGroup::new().wait_async());
    may_go(&Barrier::new(2).wait_async());
    may_go(&Condvar::new().wait_async(mutex.lock().unwrap()));
    may_go(&OnceCell::new().get_or_init_async(async || 1));
    // Given back where it was not taken.
    let (held, writes) = (mutex.lock().unwrap(), lock.write().unwrap());
    std::thread::scope(|scope| {
        scope.spawn(move || drop((held, writes)));
    });
    assert!(mutex.try_lock().is_some() && lock.try_write().is_some());
}

#[test]
fn a_lock_that_was_handed_to_a_dropped_future_goes_to_the_next() {
    let mutex = Mutex::new(());
    let held = mutex.try_lock().unwrap();
    let mut next = pin!(mutex.lock_async());
    {
        let mut first = pin!(mutex.lock_async());
        assert!(poll_once(first.as_mut()).is_pending());
        assert!(poll_once(next.as_mut()).is_pending());
        // It is woken, and overtaken: so the next release hands the lock over.
        drop(held);
        let overtakes = mutex.try_lock().unwrap();
        assert!(poll_once(first.as_mut()).is_pending());
        drop(overtakes);
        assert!(mutex.try_lock().is_none(), "it is handed over");
    }
    assert!(poll_once(next.as_mut()).is_ready());
}

#[test]
fn a_future_is_woken_by_the_waker_of_its_latest_poll() {
    let semaphore = Semaphore::new(0);
    let mut future = pin!(semaphore.acquire_async(2));
    let wakes: Vec<_> = (0..3).map(|_| Arc::new(Wakes::default())).collect();
    for one in &wakes {
        assert!(future.as_mut().poll(&mut Context::from_waker(&Waker::from(one.clone()))).is_pending());
    }
    semaphore.release(1);
    assert!(wakes.iter().all(|one| one.0.load(Ordering::SeqCst) == 0), "one permit is too few");
    semaphore.release(1);
    assert!(wakes.iter().map(|one| one.0.load(Ordering::SeqCst)).eq([0, 0, 1]));
    assert_eq!(wakes.iter().map(Arc::strong_count).collect::<Vec<_>>(), [1, 1, 1], "no waker is kept");
    assert!(poll_once(future).is_ready());
}

#[test]
fn a_value_whose_making_is_dropped_is_made_by_the_next() {
    let cell = OnceCell::new();
    let mut next = pin!(cell.get_or_init_async(async || 2));
    {
        let mut first = pin!(cell.get_or_init_async(async || std::future::pending::<i32>().await));
        assert!(poll_once(first.as_mut()).is_pending());
        assert!(poll_once(next.as_mut()).is_pending());
        assert_eq!((cell.get(), cell.set(3)), (None, Err(3)));
    }
    assert_eq!(poll_once(next), Poll::Ready(&2));
}

#[test]
fn a_party_whose_future_is_dropped_has_not_come() {
    let barrier = Barrier::new(2);
    {
        let mut leaves = pin!(barrier.wait_async());
        assert!(poll_once(leaves.as_mut()).is_pending());
    }
    let mut comes = pin!(barrier.wait_async());
    assert!(poll_once(comes.as_mut()).is_pending());
    assert!(barrier.wait().unwrap().is_leader());
    assert!(poll_once(comes).is_ready());
}

#[test]
#[should_panic = "`async fn` resumed after completion"]
fn a_future_is_not_polled_after_it_was_ready() {
    let mutex = Mutex::new(());
    let mut future = pin!(mutex.lock_async());
    drop(poll_once(future.as_mut()));
    let _ = poll_once(future);
}

/// Its wake waits for something itself.
struct Meddles(Arc<Semaphore>);

impl Wake for Meddles {
    fn wake(self: Arc<Self>) {
        self.0.acquire(1).unwrap().forget();
    }
}

#[test]
fn a_waker_that_waits_itself_does_not_disturb_the_wait_that_runs_it() {
    let (mutex, changed, permits) = (Mutex::new(()), Condvar::new(), Arc::new(Semaphore::new(0)));
    let held = mutex.lock().unwrap();
    let mut queued = pin!(mutex.lock_async());
    let waker = Waker::from(Arc::new(Meddles(permits.clone())));
    assert!(queued.as_mut().poll(&mut Context::from_waker(&waker)).is_pending());
    std::thread::scope(|scope| {
        scope.spawn(|| {
            // The thread below gives the mutex up and runs the waker, which waits for this permit.
            permits.release(1);
            while !changed.notify_one() {
                std::thread::yield_now();
            }
        });
        // Gives the lock to `queued`, which nobody polls; so nothing is in the way when it is taken again.
        drop(changed.wait(held).unwrap());
    });
    assert!(poll_once(queued).is_ready());
}

/// Its wake panics.
struct Panics;

impl Wake for Panics {
    fn wake(self: Arc<Self>) {
        // Without the panic hook, which would fill the screen.
        std::panic::resume_unwind(Box::new("expected"));
    }
}

#[test]
fn a_waker_that_panics_keeps_no_wake_from_the_others() {
    let (event, semaphore, wakes) = (Event::new(), Semaphore::new(0), Arc::new(Wakes::default()));
    let wakers = [Waker::from(wakes.clone()), Waker::from(Arc::new(Panics)), Waker::from(wakes.clone())];
    let mut waits = wakers.each_ref().map(|waker| {
        let mut both = (Box::pin(event.wait_async()), Box::pin(semaphore.acquire_async(1)));
        let mut context = Context::from_waker(waker);
        assert!(both.0.as_mut().poll(&mut context).is_pending() && both.1.as_mut().poll(&mut context).is_pending());
        both
    });
    let panics = |body: &dyn Fn()| std::panic::catch_unwind(std::panic::AssertUnwindSafe(body)).is_err();
    assert!(panics(&|| _ = event.set()));
    assert_eq!(wakes.0.load(Ordering::SeqCst), 2);
    assert!(panics(&|| semaphore.release(3)));
    assert_eq!(wakes.0.load(Ordering::SeqCst), 4);
    for (waits, acquires) in &mut waits {
        assert!(poll_once(waits.as_mut()).is_ready() && poll_once(acquires.as_mut()).is_ready());
    }
}
