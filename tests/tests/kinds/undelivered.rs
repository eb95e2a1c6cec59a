// SPDX-License-Identifier: BSD-3-Clause
//! Each value that nobody receives reaches the hook once, or is dropped once, whatever panics on the way.

use std::future::Future;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;
use std::sync::{Arc, Mutex, OnceLock, Weak};
use std::task::{Context, Poll, Wake, Waker};

use kcoro_posix::channel::{
    Builder, Overflow, Receiver, RecvError, SendError, Sender, TryRecvError, TrySendError, Undelivered, bounded,
    conflated, unbounded,
};
use kcoro_posix::sched::spawn;
use kcoro_tests::counted::{Counted, Drops, OnDrop};
use kcoro_tests::{end, runtime};

type Given = Arc<Mutex<Vec<(u32, Undelivered)>>>;

/// Notes each value, then panics over those that `panics` names.
fn hook(given: &Given, panics: fn(u32) -> bool) -> impl Fn(u32, Undelivered) + Send + Sync + 'static {
    let given = given.clone();
    move |value, why| {
        given.lock().unwrap().push((value, why));
        assert!(!panics(value), "the hook panics over {value}");
    }
}

fn taken(given: &Given) -> Vec<(u32, Undelivered)> {
    std::mem::take(&mut *given.lock().unwrap())
}

fn panics<R>(act: impl FnOnce() -> R) -> String {
    let payload = catch_unwind(AssertUnwindSafe(act)).err().expect("it panics");
    payload.downcast_ref::<String>().cloned().unwrap_or_default()
}

fn poll<F: Future>(future: Pin<&mut F>) -> Poll<F::Output> {
    future.poll(&mut Context::from_waker(Waker::noop()))
}

#[test]
fn a_hook_that_panics_gets_every_value_all_the_same() {
    for builder in [Builder::bounded(8), Builder::unbounded()] {
        let given = Given::default();
        let (tx, rx) = builder.on_undelivered(hook(&given, |_| true)).build();
        let all: Vec<_> = (0..5).map(|n| (n, Undelivered::Discarded)).collect();
        (0..5).for_each(|n| tx.try_send(n).unwrap());
        assert_eq!(panics(|| rx.discard()), "the hook panics over 0", "the first panic goes on");
        assert_eq!(taken(&given), all);
        (0..5).for_each(|n| tx.try_send(n).unwrap());
        assert_eq!(panics(|| drop(rx)), "the hook panics over 0");
        assert_eq!(taken(&given), all);
        assert_eq!(tx.try_send(9), Err(TrySendError::Closed(9)));
    }
}

#[test]
fn a_hook_that_panics_while_its_caller_unwinds_gets_every_value_too() {
    let given = Given::default();
    let (tx, rx) = Builder::bounded(4).on_undelivered(hook(&given, |n| n != 2)).build();
    (0..4).for_each(|n| tx.try_send(n).unwrap());
    let why = panics(|| {
        let _rx = rx;
        panic!("{}", "another panic");
    });
    assert_eq!((why.as_str(), taken(&given).len()), ("another panic", 4));
}

#[test]
fn a_send_whose_hook_panics_has_sent() {
    let given = Given::default();
    let (tx, rx) = Builder::conflated().on_undelivered(hook(&given, |n| n == 1)).build();
    tx.send(1).unwrap();
    assert_eq!(panics(|| tx.send(2)), "the hook panics over 1");
    assert_eq!((rx.recv(), taken(&given)), (Ok(2), vec![(1, Undelivered::Replaced)]));
    // Also as a future, which must not think that it still has the value.
    tx.send(1).unwrap();
    let mut send = Box::pin(tx.send_async(3));
    assert_eq!(panics(|| poll(send.as_mut())), "the hook panics over 1");
    drop(send);
    assert_eq!((rx.recv(), rx.try_recv()), (Ok(3), Err(TryRecvError::Empty)));
    assert_eq!(taken(&given), [(1, Undelivered::Replaced)]);
}

#[test]
fn a_send_future_whose_hook_panics_keeps_no_second_copy() {
    let drops = Drops::new();
    let hook = |value: Counted, _| {
        drop(value);
        panic!("{}", "on purpose");
    };
    let (tx, rx) = Builder::conflated().on_undelivered(hook).build();
    tx.send(drops.value()).unwrap();
    let mut send = Box::pin(tx.send_async(drops.value()));
    assert_eq!((panics(|| poll(send.as_mut())).as_str(), drops.count()), ("on purpose", 1));
    drop(send);
    assert_eq!((drops.count(), rx.len()), (1, 1));
    drop(rx.recv());
    assert_eq!(drops.count(), 2);
}

#[test]
fn values_whose_drop_panics_are_dropped_once_each() {
    let drops = Drops::new();
    let (tx, rx) = unbounded();
    (0..600).for_each(|_| tx.try_send(drops.bomb()).unwrap());
    panics(|| rx.discard());
    assert_eq!(drops.count(), 600);
    (0..600).for_each(|_| tx.try_send(drops.bomb()).unwrap());
    let drained = rx.drain();
    panics(|| drop(drained));
    assert_eq!(drops.count(), 1200);
    (0..600).for_each(|_| tx.try_send(drops.bomb()).unwrap());
    panics(|| drop(rx));
    assert_eq!(drops.count(), 1800);
    let (tx, rx) = conflated();
    tx.send(drops.bomb()).unwrap();
    panics(|| tx.send(drops.bomb()));
    assert_eq!((drops.count(), rx.len()), (1801, 1));
    panics(|| drop(rx));
    assert_eq!(drops.count(), 1802);
}

#[test]
fn a_receive_that_is_dropped_after_it_won_is_older_than_what_is_there() {
    let given = Given::default();
    let (tx, rx) = Builder::conflated().on_undelivered(hook(&given, |_| false)).build();
    let mut receive = Box::pin(rx.recv_async());
    assert!(poll(receive.as_mut()).is_pending());
    tx.send(1).unwrap();
    // Nothing newer: it is the newest.
    drop(receive);
    assert_eq!((rx.try_recv(), taken(&given)), (Ok(1), vec![]));
    let mut receive = Box::pin(rx.recv_async());
    assert!(poll(receive.as_mut()).is_pending());
    tx.send(2).unwrap();
    tx.send(3).unwrap();
    // A newer one is there: it would have been replaced.
    drop(receive);
    assert_eq!((rx.len(), rx.try_recv(), taken(&given)), (1, Ok(3), vec![(2, Undelivered::Replaced)]));
    // Without a buffer, a policy that drops the oldest has no place for it.
    let (tx, rx) = Builder::rendezvous().overflow(Overflow::DropOldest).on_undelivered(hook(&given, |_| false)).build();
    let mut receive = Box::pin(rx.recv_async());
    assert!(poll(receive.as_mut()).is_pending());
    tx.send(4).unwrap();
    drop(receive);
    assert_eq!((rx.try_recv(), taken(&given)), (Err(TryRecvError::Empty), vec![(4, Undelivered::Abandoned)]));
}

/// In a queue, what is given back is received next, even beyond the capacity, by whoever waits or comes.
#[test]
fn a_value_given_back_is_the_next_of_an_unbounded_channel_and_of_one_that_drops_the_latest() {
    for builder in [Builder::unbounded(), Builder::bounded(2).overflow(Overflow::DropLatest)] {
        let given = Given::default();
        let (tx, rx) = builder.on_undelivered(hook(&given, |_| false)).build();
        let mut receives: Vec<_> = (0..3).map(|_| Box::pin(rx.recv_async())).collect();
        assert!(receives.iter_mut().all(|receive| poll(receive.as_mut()).is_pending()));
        (1..=5).for_each(|n| tx.send(n).unwrap());
        // Newest first, so that each is put before the one behind it.
        while receives.pop().is_some() {}
        assert_eq!(rx.len(), 5);
        assert!(rx.try_iter().eq(1..=5));
        assert_eq!(taken(&given), []);
    }
}

#[test]
fn a_hook_that_waits_does_so_in_the_coroutine_that_calls_it() {
    let runtime = runtime(1);
    runtime
        .run(|| {
            let (lost_tx, lost_rx) = bounded(0);
            let hook = move |value: u32, _| lost_tx.send(value).unwrap();
            let (tx, rx) = Builder::conflated().on_undelivered(hook).build();
            let sender = spawn(move || (0..4).for_each(|n| tx.send(n).unwrap())).unwrap();
            assert!((0..3).all(|n| lost_rx.recv() == Ok(n)));
            sender.join().unwrap();
            assert_eq!(rx.recv(), Ok(3));
        })
        .unwrap();
    end(runtime);
}

/// The close must reach all of them; it is a user's waker that panics, not the channel.
#[test]
fn a_waker_that_panics_keeps_no_other_waiter_from_being_woken() {
    struct Panics;
    impl Wake for Panics {
        fn wake(self: Arc<Self>) {
            panic!("{}", "a waker panics");
        }
    }
    let drops = Drops::new();
    let (_tx, rx) = bounded::<Counted>(1);
    let waker = Waker::from(Arc::new(Panics));
    let mut bad: Vec<_> = (0..2).map(|_| Box::pin(rx.recv_async())).collect();
    assert!(bad.iter_mut().all(|one| one.as_mut().poll(&mut Context::from_waker(&waker)).is_pending()));
    let mut good = Box::pin(rx.recv_async());
    assert!(poll(good.as_mut()).is_pending());
    assert_eq!(panics(|| rx.close()), "a waker panics");
    assert!(matches!(poll(good.as_mut()), Poll::Ready(Err(RecvError::Closed))));
    assert!(bad.iter_mut().all(|one| matches!(poll(one.as_mut()), Poll::Ready(Err(RecvError::Closed)))));

    // Nor does it keep what is buffered from being discarded.
    let (tx, rx) = bounded(1);
    tx.try_send(drops.value()).unwrap();
    let mut send = Box::pin(tx.send_async(drops.value()));
    assert!(send.as_mut().poll(&mut Context::from_waker(&waker)).is_pending());
    assert_eq!(panics(|| drop(rx)), "a waker panics");
    assert_eq!(drops.count(), 1);
    drop(send);
    assert_eq!(drops.count(), 2);
}

/// What the hook owns goes with the channel, after the last value.
type Closes = Arc<Mutex<Vec<(Undelivered, bool)>>>;

/// A channel whose hook closes it; why it was called, and whether the channel was open then.
fn closed_by_its_hook(builder: Builder<u32>) -> (Arc<Sender<u32>>, Receiver<u32>, Closes) {
    let (closes, own) = (Closes::default(), Arc::new(OnceLock::<Weak<Sender<u32>>>::new()));
    let (notes, finds) = (closes.clone(), own.clone());
    let hook = move |_, why| {
        let tx = finds.get().and_then(Weak::upgrade).expect("the test keeps a handle");
        notes.lock().unwrap().push((why, tx.close()));
    };
    let (tx, rx) = builder.on_undelivered(hook).build();
    let tx = Arc::new(tx);
    own.set(Arc::downgrade(&tx)).expect("once");
    (tx, rx, closes)
}

#[test]
fn a_hook_may_close_its_channel_whatever_it_is_called_for() {
    // Room is made, or there is none: either way what is buffered drains.
    for (overflow, why, left) in
        [(Overflow::DropOldest, Undelivered::Replaced, 2), (Overflow::DropLatest, Undelivered::Refused, 1)]
    {
        let (tx, rx, closes) = closed_by_its_hook(Builder::bounded(1).overflow(overflow));
        assert_eq!((tx.send(1), tx.send(2), tx.send(3)), (Ok(()), Ok(()), Err(SendError::Closed(3))));
        assert_eq!((rx.recv(), rx.recv()), (Ok(left), Err(RecvError::Closed)));
        assert_eq!(*closes.lock().unwrap(), [(why, true)]);
    }
    // The first of several closes, and the others are taken to the hook all the same.
    let (tx, rx, closes) = closed_by_its_hook(Builder::bounded(2));
    (1..3).for_each(|n| tx.send(n).unwrap());
    assert_eq!((rx.discard(), tx.send(3)), (2, Err(SendError::Closed(3))));
    assert_eq!(*closes.lock().unwrap(), [(Undelivered::Discarded, true), (Undelivered::Discarded, false)]);
    // The last receiver has closed it before.
    let (tx, rx, closes) = closed_by_its_hook(Builder::unbounded());
    tx.send(1).unwrap();
    drop(rx);
    assert_eq!(*closes.lock().unwrap(), [(Undelivered::Discarded, false)]);
    // Whoever would have received it has gone, and there is no room for it.
    let (tx, rx, closes) = closed_by_its_hook(Builder::rendezvous().overflow(Overflow::DropOldest));
    let mut receive = Box::pin(rx.recv_async());
    assert!(poll(receive.as_mut()).is_pending());
    tx.send(1).unwrap();
    drop(receive);
    assert_eq!(*closes.lock().unwrap(), [(Undelivered::Abandoned, true)]);
    assert_eq!((rx.recv(), tx.try_send(2)), (Err(RecvError::Closed), Err(TrySendError::Closed(2))));
}

#[test]
fn a_hook_is_dropped_once_and_last() {
    let drops = Drops::new();
    let (own, at_the_end) = (drops.clone(), Arc::new(Mutex::new(None)));
    let noted = at_the_end.clone();
    let mark = OnDrop(move || *noted.lock().unwrap() = Some(own.count()));
    let hook = move |value: Counted, _| {
        let _mark = &mark;
        drop(value);
    };
    let (tx, rx) = Builder::bounded(3).on_undelivered(hook).build();
    (0..3).for_each(|_| tx.try_send(drops.value()).unwrap());
    drop(rx);
    assert_eq!((drops.count(), *at_the_end.lock().unwrap()), (3, None), "a sender is left");
    drop(tx);
    assert_eq!(*at_the_end.lock().unwrap(), Some(3));
}
