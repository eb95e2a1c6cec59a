// SPDX-License-Identifier: BSD-3-Clause
//! Futures and wakers: coroutines wait for futures, and futures for coroutines; no wake is lost, none is taken for another.

use alloc::boxed::Box;
use alloc::sync::Arc;
use alloc::task::Wake;
use alloc::vec::Vec;
use core::future::{Future, poll_fn, ready};
use core::pin::pin;
use core::sync::atomic::{AtomicU32, Ordering};
use core::task::{Context, Poll, Waker};

use kcoro_core::channel::{RecvError, bounded, rendezvous};
use kcoro_core::sched::{spawn, yield_now};
use kcoro_core::time::{Instant, sleep};
use kcoro_core::wait::block_on;

use crate::Stage;
use crate::tools::{MS, parked, until};

/// Counts its wakes.
#[derive(Default)]
struct Wakes(AtomicU32);

impl Wakes {
    fn count(&self) -> u32 {
        self.0.load(Ordering::SeqCst)
    }
}

impl Wake for Wakes {
    fn wake(self: Arc<Self>) {
        self.0.fetch_add(1, Ordering::SeqCst);
    }
}

/// Is ready at the poll of this number; `wake` is called inside of each.
fn ready_at(polls: u32, wake: impl Fn(&Waker)) -> impl Future<Output = u32> {
    let mut count = 0;
    poll_fn(move |context| {
        count += 1;
        wake(context.waker());
        if count == polls { Poll::Ready(count) } else { Poll::Pending }
    })
}

pub(crate) fn a_future_is_woken_by_another_coroutine(stage: &Stage) {
    let polls = stage.pick(5, 500);
    for times in [1, 3] {
        let (tx, rx) = bounded::<Waker>(4);
        let wakes = move || rx.iter().for_each(|waker| (0..times).for_each(|_| waker.wake_by_ref()));
        let waking = spawn(wakes).unwrap();
        let wait = |_| {
            let tx = tx.clone();
            // Sending may have to wait: a poll may, too.
            spawn(move || block_on(ready_at(polls, |waker| tx.send(waker.clone()).unwrap()))).unwrap()
        };
        let waiting: Vec<_> = (0..3).map(wait).collect();
        assert!(waiting.into_iter().all(|handle| handle.join().unwrap() == Ok(polls)));
        drop(tx);
        waking.join().unwrap();
    }
}

pub(crate) fn a_wake_that_comes_before_the_park_is_not_lost(stage: &Stage) {
    let polls = stage.pick(5, 1000);
    assert_eq!(block_on(ready_at(polls, Waker::wake_by_ref)), Ok(polls));
    let consumed = |waker: &Waker| [waker.clone(), waker.clone()].into_iter().for_each(Waker::wake);
    assert_eq!(block_on(ready_at(polls, consumed)), Ok(polls));
    assert_eq!(block_on(ready(2)), Ok(2));
}

pub(crate) fn a_wake_that_is_left_over_disturbs_no_other_wait(_: &Stage) {
    let (tx, rx) = bounded(1);
    let keep = |waker: &Waker| tx.try_send(waker.clone()).unwrap();
    assert_eq!(block_on(ready_at(1, keep)), Ok(1));
    let waker = rx.recv().unwrap();
    waker.wake_by_ref();
    // A token is left: neither a sleep, nor a receive, nor a join takes it for its own event.
    let start = Instant::now().unwrap();
    sleep(MS).unwrap();
    assert!(Instant::now().unwrap().duration_since(start).unwrap() >= MS);
    let (tx, rx) = rendezvous();
    let body = move || {
        (0..3).for_each(|_| yield_now());
        waker.wake();
        tx.send(3).unwrap();
    };
    let child = spawn(body).unwrap();
    assert_eq!(rx.recv(), Ok(3));
    child.join().unwrap();
    assert_eq!(block_on(ready_at(3, Waker::wake_by_ref)), Ok(3));
}

pub(crate) fn a_waker_outlives_its_coroutine(_: &Stage) {
    let (tx, rx) = bounded(1);
    let keep = move || block_on(ready_at(1, |waker| tx.send(waker.clone()).unwrap()));
    assert_eq!(spawn(keep).unwrap().join().unwrap(), Ok(1));
    let waker = rx.recv().unwrap();
    (0..3).for_each(|_| waker.wake_by_ref());
    waker.wake();
}

pub(crate) fn futures_and_coroutines_share_a_channel(stage: &Stage) {
    let count = stage.pick(5, 500);
    for capacity in [0, 2] {
        let ((to, from), (back, answers)) = (bounded::<u32>(capacity), bounded(capacity));
        let doubler = spawn(move || from.iter().for_each(|n| back.send(n * 2).unwrap())).unwrap();
        let asks = async move {
            let mut sum = 0;
            for n in 0..count {
                to.send_async(n).await.unwrap();
                sum += answers.recv_async().await.unwrap();
            }
            sum
        };
        assert_eq!(block_on(asks), Ok(count * (count - 1)));
        doubler.join().unwrap();
    }
}

pub(crate) fn a_future_that_won_and_is_dropped_passes_its_value_on(_: &Stage) {
    for capacity in [0, 1] {
        let (tx, rx) = bounded(capacity);
        let wakes = Arc::new(Wakes::default());
        let waker = Waker::from(wakes.clone());
        let mut future = Box::pin(rx.recv_async());
        assert!(future.as_mut().poll(&mut Context::from_waker(&waker)).is_pending());
        let own = rx.clone();
        let next = parked(move || own.recv());
        tx.try_send(5).unwrap();
        assert_eq!(wakes.count(), 1, "the first in the queue is the future");
        drop(future);
        assert_eq!(next.join().unwrap(), Ok(5));
        drop(tx);
        assert_eq!(rx.recv(), Err(RecvError::Closed));
    }
}

pub(crate) fn a_handle_wakes_the_waker_of_its_latest_poll(_: &Stage) {
    let (tx, rx) = bounded::<u8>(1);
    let mut handle = pin!(parked(move || rx.recv().unwrap()));
    let wakes: [Arc<Wakes>; 2] = Default::default();
    for waker in wakes.iter().map(|wakes| Waker::from(wakes.clone())) {
        assert!(handle.as_mut().poll(&mut Context::from_waker(&waker)).is_pending());
    }
    tx.send(3).unwrap();
    until(|| wakes[1].count() > 0);
    assert_eq!((wakes[0].count(), wakes[1].count()), (0, 1));
    assert!(matches!(handle.as_mut().poll(&mut Context::from_waker(Waker::noop())), Poll::Ready(Ok(3))));
}
