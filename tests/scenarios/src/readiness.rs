// SPDX-License-Identifier: BSD-3-Clause
//! Waiting until an arm of a set is ready: it takes nothing, costs nobody a turn, and misses nothing. And awaiting a set.

use alloc::boxed::Box;
use core::future::Future;
use core::mem::ManuallyDrop;
use core::pin::{Pin, pin};
use core::task::{Context, Poll, Waker};
use core::time::Duration;

use kcoro_core::cancel::CancelToken;
use kcoro_core::channel::{Receiver, SendError, Sender, TryRecvError, TrySendError, bounded, rendezvous};
use kcoro_core::sched::{JoinHandle, yield_now};
use kcoro_core::select::{Order, Select, after_arm, cancelled_arm};
use kcoro_core::wait::WaitError;

use crate::Stage;
use crate::tools::{LONG, MS, parked};

fn rest() {
    (0..3).for_each(|_| yield_now());
}

pub(crate) fn what_is_ready_is_told_and_not_taken(_: &Stage) {
    let ((tx, rx), (out, outside), token) = (bounded(1), rendezvous::<u8>(), CancelToken::new());
    let mut ended = parked(|| 5);
    let mut set = Select::with_order(Order::Biased);
    let of_value = set.recv(&rx, |value| value.is_ok());
    let of_send = set.send(&out, 1, |sent| sent.is_ok());
    let of_cancel = set.cancelled(&token, |cause| cause.is_ok());
    assert_eq!((set.try_ready(), set.ready_timeout(MS), set.ready_timeout(Duration::ZERO)), (None, Ok(None), Ok(None)));
    tx.send(7).unwrap();
    assert_eq!((set.try_ready(), set.ready(), rx.len()), (Some(of_value), Ok(of_value), 1));
    assert_eq!((rx.try_recv(), set.try_ready(), set.try_select()), (Ok(7), None, None));
    let receives = parked(move || outside.recv());
    assert_eq!((set.ready(), receives.is_finished()), (Ok(of_send), false));
    assert_eq!(set.wait(), Ok((of_send, true)));
    assert_eq!(receives.join().unwrap(), Ok(1));
    token.cancel();
    assert_eq!((set.ready(), set.remove(of_cancel)), (Ok(of_cancel), Some(true)));
    let of_join = set.add_once(ended.join_arm(), |output| output.unwrap() == 5);
    assert_eq!((set.ready(), set.wait()), (Ok(of_join), Ok((of_join, true))));
    tx.close();
    assert_eq!((set.ready(), set.wait()), (Ok(of_value), Ok((of_value, false))));
}

fn told_to_receive(rx: &Receiver<u8>) -> JoinHandle<bool> {
    let rx = rx.clone();
    parked(move || {
        let mut set = Select::new();
        let arm = set.recv(&rx, |_| ());
        set.ready() == Ok(arm)
    })
}

fn told_to_send(tx: &Sender<u8>) -> JoinHandle<bool> {
    let tx = tx.clone();
    parked(move || {
        let mut set = Select::new();
        let arm = set.send(&tx, 9, |_| ());
        set.ready() == Ok(arm)
    })
}

pub(crate) fn who_waits_for_readiness_is_told_whatever_makes_it_so(_: &Stage) {
    // A value; room; a sender or a receiver that begins to wait; a close.
    let (tx, rx) = bounded(1);
    let told = told_to_receive(&rx);
    tx.try_send(1).unwrap();
    assert!(told.join().unwrap());
    let told = told_to_send(&tx);
    assert_eq!(rx.try_recv(), Ok(1));
    assert!(told.join().unwrap());
    let (tx, rx) = rendezvous();
    let (told, other) = (told_to_receive(&rx), tx.clone());
    let sends = parked(move || other.send(3));
    assert!(told.join().unwrap());
    assert_eq!((rx.recv(), sends.join().unwrap()), (Ok(3), Ok(())));
    let (told, other) = (told_to_send(&tx), rx.clone());
    let receives = parked(move || other.recv());
    assert!(told.join().unwrap());
    assert_eq!((tx.try_send(5), receives.join().unwrap()), (Ok(()), Ok(5)));
    let both = [told_to_send(&tx), told_to_receive(&rx)];
    rest();
    assert!(both.iter().all(|told| !told.is_finished()), "two that watch are not ready for each other");
    tx.close();
    both.into_iter().for_each(|told| assert!(told.join().unwrap()));
}

pub(crate) fn a_wait_for_readiness_is_in_nobodys_way(_: &Stage) {
    let (tx, rx) = rendezvous();
    let watched = rx.clone();
    let watches = parked(move || {
        let mut set = Select::new();
        set.recv(&watched, |value| value);
        set.ready().map(|_| watched.try_recv())
    });
    assert_eq!(tx.try_send(1), Err(TrySendError::Full(1)), "it is nobody's peer");
    // The one that comes after it is served all the same, and that is not its turn.
    let receiver = rx.clone();
    let receives = parked(move || receiver.recv());
    assert_eq!(tx.try_send(2), Ok(()));
    assert_eq!(receives.join().unwrap(), Ok(2));
    rest();
    assert!(!watches.is_finished());
    let sends = parked(move || tx.send(3));
    assert_eq!(watches.join().unwrap(), Ok(Ok(3)));
    assert_eq!(sends.join().unwrap(), Ok(()));
}

pub(crate) fn a_hint_that_is_not_used_is_nobodys_loss(_: &Stage) {
    let (tx, rx) = bounded(1);
    let (first, second) = (told_to_receive(&rx), told_to_receive(&rx));
    tx.try_send(1).unwrap();
    assert!(first.join().unwrap() && second.join().unwrap(), "all of them are told");
    let third = told_to_receive(&rx);
    assert!(third.join().unwrap());
    assert_eq!(rx.try_recv(), Ok(1));
    // One that has been told of what is gone again waits on.
    let fourth = told_to_receive(&rx);
    assert_eq!((tx.try_send(2), rx.try_recv()), (Ok(()), Ok(2)));
    rest();
    tx.try_send(3).unwrap();
    assert!(fourth.join().unwrap());
    assert_eq!(rx.try_recv(), Ok(3));
}

pub(crate) fn a_set_that_was_registered_before_is_seen_when_it_waits(_: &Stage) {
    let (tx, rx) = rendezvous();
    let mut sends = Select::new();
    sends.send(&tx, 6, |sent| sent.is_ok());
    assert_eq!(sends.try_select(), None);
    // It is queued, and waits for nothing.
    let other = rx.clone();
    let watches = parked(move || {
        let mut set = Select::new();
        set.recv(&other, |value| value.unwrap());
        set.ready().map(|_| set.try_select().map(|(_, value)| value))
    });
    rest();
    assert!(!watches.is_finished());
    assert!(sends.wait().unwrap().1);
    assert_eq!(watches.join().unwrap(), Ok(Some(6)));
}

pub(crate) fn a_wait_for_readiness_ends_by_a_cancel_or_in_time(_: &Stage) {
    let (_tx, rx) = rendezvous::<u8>();
    let other = rx.clone();
    let watches = parked(move || {
        let mut set = Select::new();
        set.recv(&other, |_| ());
        let first = set.ready().map(drop);
        let told = set.add(cancelled_arm(), |_| ());
        (first, set.ready() == Ok(told), set.try_ready() == Some(told), set.wait() == Ok((told, ())))
    });
    watches.cancel();
    assert_eq!(watches.join().unwrap(), (Err(WaitError::Cancelled), true, true, true));
    let mut set = Select::new();
    set.recv(&rx, |_| ());
    let late = set.add(after_arm(MS), |_| ());
    assert_eq!((set.try_ready(), set.ready(), set.ready_timeout(LONG)), (None, Ok(late), Ok(Some(late))));
    assert_eq!((set.ready_timeout(MS / 2), set.len()), (Ok(None), 2));
}

pub(crate) fn a_set_that_nobody_awaits_any_more_has_taken_nothing(_: &Stage) {
    let (tx, rx) = bounded(1);
    let mut set = Select::new();
    let arm = set.recv(&rx, |value| value.unwrap());
    let mut context = Context::from_waker(Waker::noop());
    let mut awaits = Box::pin(set.wait_async());
    assert!(awaits.as_mut().poll(&mut context).is_pending());
    let other = rx.clone();
    let next = parked(move || other.recv());
    assert_eq!((tx.try_send(1), rx.len()), (Ok(()), 0), "it is handed over");
    drop(awaits);
    assert_eq!(next.join().unwrap(), Ok(1), "to the next in line");
    let mut forgotten = ManuallyDrop::new(set.wait_async());
    assert!(Pin::new(&mut *forgotten).poll(&mut context).is_pending());
    assert_eq!((tx.try_send(2), rx.len()), (Ok(()), 0));
    assert_eq!((set.try_ready(), rx.len()), (Some(arm), 1), "who looks at the set ends what was forgotten");
    assert_eq!((set.wait(), set.try_select()), (Ok((arm, 2)), None));
    let mut awaits = pin!(set.wait_async());
    assert!(awaits.as_mut().poll(&mut context).is_pending());
    tx.try_send(3).unwrap();
    assert_eq!(awaits.as_mut().poll(&mut context), Poll::Ready((arm, 3)));
}

pub(crate) fn what_an_awaited_set_has_sent_stays_sent(_: &Stage) {
    let (out, outside) = rendezvous();
    let mut context = Context::from_waker(Waker::noop());
    let mut set = Select::new();
    let sends = set.send(&out, 7, |sent| sent.map_err(SendError::into_inner));
    let mut awaits = Box::pin(set.wait_async());
    assert!(awaits.as_mut().poll(&mut context).is_pending());
    drop(awaits);
    assert_eq!(outside.try_recv(), Err(TryRecvError::Empty), "nobody waits");
    let mut awaits = Box::pin(set.wait_async());
    assert!(awaits.as_mut().poll(&mut context).is_pending());
    assert_eq!(outside.try_recv(), Ok(7));
    drop(awaits);
    assert_eq!((set.try_ready(), set.try_select()), (Some(sends), Some((sends, Ok(())))));
    assert!(set.is_empty());
    // Gone with its set: it leaves its queue, and takes its value with it.
    set.send(&out, 8, |sent| sent.map_err(SendError::into_inner));
    let mut forgotten = ManuallyDrop::new(set.wait_async());
    assert!(Pin::new(&mut *forgotten).poll(&mut context).is_pending());
    drop(set);
    assert_eq!(outside.try_recv(), Err(TryRecvError::Empty));
}
