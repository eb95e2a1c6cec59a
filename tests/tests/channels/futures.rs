// SPDX-License-Identifier: BSD-3-Clause
//! Sending and receiving by futures, polled by hand: in which state a future may be dropped, and where its value goes.

use std::future::Future;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Context, Poll, Wake, Waker};

use kcoro_posix::channel::{RecvError, SendError, TryRecvError, TrySendError, bounded, rendezvous};
use kcoro_posix::sched::{spawn, yield_now};
use kcoro_posix::wait::block_on;
use kcoro_tests::counted::Drops;
use kcoro_tests::{end, runtime};

/// A waker that counts.
#[derive(Default)]
struct Wakes(AtomicUsize);

impl Wake for Wakes {
    fn wake(self: Arc<Self>) {
        self.0.fetch_add(1, Ordering::SeqCst);
    }
}

impl Wakes {
    fn count(&self) -> usize {
        self.0.load(Ordering::SeqCst)
    }
}

fn poll<F: Future>(future: Pin<&mut F>, wakes: &Arc<Wakes>) -> Poll<F::Output> {
    future.poll(&mut Context::from_waker(&Waker::from(wakes.clone())))
}

#[test]
fn a_receive_is_woken_through_its_latest_waker() {
    let (tx, rx) = bounded(1);
    let (first, second) = (Arc::new(Wakes::default()), Arc::new(Wakes::default()));
    let mut receive = pin!(rx.recv_async());
    assert!(poll(receive.as_mut(), &first).is_pending());
    assert!(poll(receive.as_mut(), &second).is_pending());
    tx.try_send(5).unwrap();
    assert_eq!((first.count(), second.count()), (0, 1));
    assert_eq!(poll(receive.as_mut(), &first), Poll::Ready(Ok(5)));
    assert!(catch_unwind(AssertUnwindSafe(|| poll(receive.as_mut(), &first))).is_err(), "it is over");
    assert_eq!(Arc::strong_count(&second), 1, "no waker is kept");
}

#[test]
fn a_send_is_woken_when_its_value_is_taken() {
    for capacity in [0, 1] {
        let wakes = Arc::new(Wakes::default());
        let (tx, rx) = bounded(capacity);
        (0..capacity).for_each(|n| tx.try_send(n).unwrap());
        let mut send = pin!(tx.send_async(7));
        assert!(poll(send.as_mut(), &wakes).is_pending());
        assert!(rx.try_recv().is_ok());
        assert_eq!(wakes.count(), 1);
        assert!(matches!(poll(send.as_mut(), &wakes), Poll::Ready(Ok(()))));
        assert!(rx.try_iter().eq((capacity == 1).then_some(7)));
    }
}

/// A waker is foreign code. It may look at the very channel that calls it, whose lock is therefore not held.
#[test]
fn a_waker_may_use_the_channel_that_wakes_it() {
    struct Looks(Box<dyn Fn() + Send + Sync>);
    impl Wake for Looks {
        fn wake(self: Arc<Self>) {
            (self.0)();
        }
    }
    let (tx, rx) = bounded(1);
    let seen = Arc::new(AtomicUsize::new(usize::MAX));
    let (looked_at, noted) = (rx.clone(), seen.clone());
    let waker = Waker::from(Arc::new(Looks(Box::new(move || noted.store(looked_at.len(), Ordering::SeqCst)))));
    let mut context = Context::from_waker(&waker);
    let saw = || seen.swap(usize::MAX, Ordering::SeqCst);
    let mut receive = pin!(rx.recv_async());
    assert!(receive.as_mut().poll(&mut context).is_pending());
    tx.try_send(1).unwrap();
    assert_eq!(saw(), 0, "woken by a send, which handed the value over");
    assert_eq!(receive.as_mut().poll(&mut context), Poll::Ready(Ok(1)));
    tx.try_send(2).unwrap();
    let mut send = pin!(tx.send_async(3));
    assert!(send.as_mut().poll(&mut context).is_pending());
    assert_eq!(rx.try_recv(), Ok(2));
    assert_eq!(saw(), 1, "woken by a receive, which let its value in");
    let mut blocked = pin!(tx.send_async(4));
    assert!(blocked.as_mut().poll(&mut context).is_pending());
    rx.close();
    assert_eq!(saw(), 1, "woken by a close");
}

#[test]
fn a_close_wakes_futures_and_gives_the_value_back() {
    let wakes = Arc::new(Wakes::default());
    let (tx, rx) = rendezvous();
    let mut send = pin!(tx.send_async(7));
    assert!(poll(send.as_mut(), &wakes).is_pending());
    rx.close();
    assert_eq!(wakes.count(), 1);
    assert!(matches!(poll(send.as_mut(), &wakes), Poll::Ready(Err(SendError::Closed(7)))));
    let (tx, rx) = rendezvous::<u8>();
    let mut receive = pin!(rx.recv_async());
    assert!(poll(receive.as_mut(), &wakes).is_pending());
    drop(tx);
    assert_eq!(poll(receive.as_mut(), &wakes), Poll::Ready(Err(RecvError::Closed)));
}

#[test]
fn a_dropped_send_takes_its_value_along_once() {
    let wakes = Arc::new(Wakes::default());
    let drops = Drops::new();
    let (tx, rx) = bounded(1);
    drop(tx.send_async(drops.value()));
    assert_eq!(drops.count(), 1, "never polled");
    tx.try_send(drops.value()).unwrap();
    let mut send = Box::pin(tx.send_async(drops.value()));
    assert!(poll(send.as_mut(), &wakes).is_pending());
    drop(send);
    assert_eq!((drops.count(), rx.len()), (2, 1), "queued");
    let mut send = Box::pin(tx.send_async(drops.value()));
    assert!(poll(send.as_mut(), &wakes).is_pending());
    drop(rx.try_recv().unwrap());
    drop(send);
    assert_eq!((drops.count(), rx.len()), (3, 1), "taken: the channel has it");
    drop((tx, rx));
    assert_eq!(drops.count(), 4);
}

#[test]
fn a_dropped_receive_that_had_won_gives_its_value_to_the_next() {
    let wakes = Arc::new(Wakes::default());
    let (tx, rx) = bounded(2);
    // Nobody else waits: the value is the next to be received.
    let mut receive = Box::pin(rx.recv_async());
    assert!(poll(receive.as_mut(), &wakes).is_pending());
    (1..=3).for_each(|n| tx.try_send(n).unwrap());
    drop(receive);
    assert!(rx.try_iter().eq(1..=3));
    // Another future waits: it gets the value.
    let mut first = Box::pin(rx.recv_async());
    let mut second = Box::pin(rx.recv_async());
    assert!(poll(first.as_mut(), &wakes).is_pending() && poll(second.as_mut(), &wakes).is_pending());
    tx.try_send(4).unwrap();
    drop(first);
    assert_eq!(poll(second.as_mut(), &wakes), Poll::Ready(Ok(4)));
    // A future that had not won leaves nothing behind.
    let mut idle = Box::pin(rx.recv_async());
    assert!(poll(idle.as_mut(), &wakes).is_pending());
    drop(idle);
    tx.try_send(5).unwrap();
    assert_eq!(rx.try_recv(), Ok(5));
    // The last receiver: the value goes with it.
    drop((tx, second));
    assert_eq!(rx.try_recv(), Err(TryRecvError::Closed));
}

#[test]
fn a_value_given_back_is_dropped_with_the_channel() {
    let wakes = Arc::new(Wakes::default());
    let drops = Drops::new();
    let (tx, rx) = rendezvous();
    let mut receive = Box::pin(rx.recv_async());
    assert!(poll(receive.as_mut(), &wakes).is_pending());
    tx.try_send(drops.value()).unwrap();
    tx.close();
    drop(receive);
    assert_eq!((drops.count(), rx.len()), (0, 1), "receivable also after the close");
    drop((tx, rx));
    assert_eq!(drops.count(), 1);
}

/// The value that came back made one too many; each receive then let a sender fill a gap that was none.
#[test]
fn a_value_given_back_lets_no_sender_overfill_the_channel() {
    for capacity in [0, 1, 2, 1024] {
        let wakes = Arc::new(Wakes::default());
        let (tx, rx) = bounded(capacity);
        let mut receive = Box::pin(rx.recv_async());
        assert!(poll(receive.as_mut(), &wakes).is_pending());
        (0..=capacity).for_each(|n| tx.try_send(n).unwrap());
        assert_eq!(tx.try_send(0), Err(TrySendError::Full(0)));
        let mut send = pin!(tx.send_async(capacity + 1));
        assert!(poll(send.as_mut(), &wakes).is_pending());
        drop(receive);
        assert_eq!(rx.len(), capacity + 1, "one too many for a moment");
        assert_eq!(rx.try_recv(), Ok(0));
        assert_eq!(rx.len(), capacity, "the moment is over");
        assert!(poll(send.as_mut(), &wakes).is_pending(), "there is no room for it");
        assert!(rx.try_iter().eq(1..=capacity + 1));
        assert!(matches!(poll(send.as_mut(), &wakes), Poll::Ready(Ok(()))));
    }
}

#[test]
fn futures_and_coroutines_share_a_channel() {
    let runtime = runtime(2);
    let sum = runtime.run(|| {
        let (tx, rx) = bounded::<u64>(1);
        let sender = spawn(move || {
            for n in 0..1000 {
                block_on(tx.send_async(n)).unwrap().unwrap();
                yield_now();
                tx.send(n).unwrap();
            }
        });
        let mut sum = 0;
        while let Ok(n) = block_on(rx.recv_async()).unwrap() {
            sum += n;
        }
        sender.unwrap().join().unwrap();
        sum
    });
    assert_eq!(sum.unwrap(), 2 * 499_500);
    end(runtime);
}
