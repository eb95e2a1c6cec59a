// SPDX-License-Identifier: BSD-3-Clause
//! Bounded and rendezvous channels: capacity, order, ends, odd values.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::Duration;

use kcoro_posix::channel::{
    Receiver, RecvError, RecvTimeoutError, SendError, SendTimeoutError, TryRecvError, TrySendError, bounded, rendezvous,
};
use kcoro_posix::platform::ClockId;
use kcoro_posix::sched::{Builder, spawn, yield_now};
use kcoro_posix::time::Instant;
use kcoro_tests::counted::Drops;
use kcoro_tests::{SHORT, end, runtime, until_parks};

#[test]
fn a_channel_holds_exactly_its_capacity() {
    for capacity in [0, 1, 2, 3, 5, 7, 8, 9, 100, 1000, 1023, 1025, 5000] {
        let (tx, rx) = bounded(capacity);
        assert_eq!((tx.capacity(), rx.capacity()), (capacity, capacity));
        for n in 0..capacity {
            assert!(!tx.is_full());
            tx.try_send(n).unwrap();
        }
        assert!(tx.is_full() && rx.is_full() && rx.len() == capacity);
        assert_eq!(tx.try_send(7), Err(TrySendError::Full(7)));
        if capacity > 0 {
            assert_eq!(rx.try_recv(), Ok(0));
            tx.try_send(capacity).unwrap();
            assert_eq!(tx.try_send(7), Err(TrySendError::Full(7)));
            assert!(rx.try_iter().eq(1..=capacity));
        }
        assert!(rx.is_empty() && tx.is_empty());
    }
}

#[test]
fn a_channel_of_any_capacity_takes_memory_as_it_fills() {
    let (tx, rx) = bounded(usize::MAX);
    assert_eq!(tx.capacity(), usize::MAX);
    (0..10_000).for_each(|n| tx.send(n).unwrap());
    assert_eq!(rx.len(), 10_000);
    drop(tx);
    assert!(rx.iter().eq(0..10_000));
}

#[test]
fn receivers_are_served_in_the_order_they_came() {
    let runtime = runtime(1);
    runtime
        .run(|| {
            let (tx, rx) = rendezvous();
            let receive = |_| {
                let rx = rx.clone();
                Builder::new().near().spawn(move || rx.recv().unwrap()).unwrap()
            };
            let receivers: Vec<_> = (0..10).map(receive).collect();
            yield_now();
            (0..10).for_each(|n| tx.try_send(n).unwrap());
            assert_eq!(tx.try_send(10), Err(TrySendError::Full(10)), "nobody waits any more");
            let got = receivers.into_iter().map(|handle| handle.join().unwrap());
            assert!(got.eq(0..10));
        })
        .unwrap();
    end(runtime);
}

#[test]
fn a_close_drains_and_gives_values_back() {
    let runtime = runtime(1);
    runtime
        .run(|| {
            let (tx, rx) = bounded(2);
            let sender = {
                let tx = tx.clone();
                spawn(move || (0..4).map(|n| tx.send(n)).collect::<Vec<_>>()).unwrap()
            };
            yield_now();
            assert!(rx.close() && !tx.close() && tx.is_closed() && rx.is_closed());
            let sent = sender.join().unwrap();
            assert_eq!(sent, [Ok(()), Ok(()), Err(SendError::Closed(2)), Err(SendError::Closed(3))]);
            assert_eq!(tx.send(4), Err(SendError::Closed(4)));
            assert_eq!(tx.try_send(5), Err(TrySendError::Closed(5)));
            assert_eq!(tx.send_timeout(6, SHORT), Err(SendTimeoutError::Closed(6)));
            assert_eq!((rx.recv(), rx.try_recv()), (Ok(0), Ok(1)));
            assert_eq!(rx.recv(), Err(RecvError::Closed));
            assert_eq!(rx.try_recv(), Err(TryRecvError::Closed));
            assert_eq!(rx.recv_timeout(SHORT), Err(RecvTimeoutError::Closed));
        })
        .unwrap();
    end(runtime);
}

#[test]
fn the_last_of_a_side_closes_and_wakes_the_other() {
    for capacity in [0, 1] {
        let runtime = runtime(2);
        let (tx, rx) = bounded::<u8>(capacity);
        let receivers = [rx.clone(), rx].map(|rx| runtime.spawn(move || rx.recv()).unwrap());
        let other = tx.clone();
        drop(tx);
        drop(other);
        receivers.into_iter().for_each(|handle| assert_eq!(handle.join().unwrap(), Err(RecvError::Closed)));
        let (tx, rx) = bounded(capacity);
        (0..capacity).for_each(|_| tx.send(1).unwrap());
        let senders = [tx.clone(), tx].map(|tx| runtime.spawn(move || tx.send(2)).unwrap());
        drop(rx);
        senders.into_iter().for_each(|handle| assert_eq!(handle.join().unwrap(), Err(SendError::Closed(2))));
        end(runtime);
    }
}

#[test]
fn a_close_wakes_everyone_who_waits() {
    for capacity in [0, 1] {
        let runtime = runtime(1);
        let (_tx, rx) = bounded::<u8>(capacity);
        let receive = |rx: Receiver<u8>| runtime.spawn(move || rx.recv()).unwrap();
        let receivers: Vec<_> = (0..3).map(|_| receive(rx.clone())).collect();
        until_parks(&runtime, 3);
        assert!(rx.close());
        receivers.into_iter().for_each(|handle| assert_eq!(handle.join().unwrap(), Err(RecvError::Closed)));
        let (tx, rx) = bounded::<u8>(capacity);
        (0..capacity).for_each(|_| tx.send(9).unwrap());
        let send = |n| (n, tx.clone());
        let senders: Vec<_> = (0..3).map(send).map(|(n, tx)| runtime.spawn(move || tx.send(n)).unwrap()).collect();
        until_parks(&runtime, 6);
        assert!(rx.close());
        let sent = senders.into_iter().map(|handle| handle.join().unwrap());
        assert!(sent.eq((0..3).map(|n| Err(SendError::Closed(n)))));
        end(runtime);
    }
}

#[test]
fn times_of_zero_in_the_past_and_for_ever() {
    let runtime = runtime(1);
    let everywhere = || {
        let (tx, rx) = bounded(1);
        let past = Instant::now().unwrap();
        assert_eq!(rx.recv_timeout(Duration::ZERO), Err(RecvTimeoutError::TimedOut));
        assert_eq!(rx.recv_deadline(past), Err(RecvTimeoutError::TimedOut));
        tx.send_timeout(1, Duration::ZERO).unwrap();
        assert_eq!(tx.send_timeout(2, Duration::ZERO), Err(SendTimeoutError::TimedOut(2)));
        assert_eq!(tx.send_deadline(3, past), Err(SendTimeoutError::TimedOut(3)));
        assert_eq!(rx.recv_deadline(past), Ok(1), "what is there needs no time");
        tx.send_timeout(4, Duration::MAX).unwrap();
        assert_eq!(rx.recv_timeout(Duration::MAX), Ok(4));
        assert_eq!(rx.recv_timeout(SHORT), Err(RecvTimeoutError::TimedOut));
        assert!(Instant::now().unwrap().duration_since(past).unwrap() >= SHORT, "never early");
        let other = Instant::from_clock(ClockId(77), 0);
        assert!(matches!(rx.recv_deadline(other), Err(RecvTimeoutError::Clock(_))));
        assert!(matches!(tx.send_deadline(5, other), Err(SendTimeoutError::Clock(5, _))));
    };
    everywhere();
    runtime.run(everywhere).unwrap();
    let woken = runtime.run(|| {
        let (tx, rx) = rendezvous();
        let receiver = spawn(move || rx.recv_timeout(Duration::MAX)).unwrap();
        yield_now();
        tx.send_timeout(9, Duration::MAX).unwrap();
        receiver.join().unwrap()
    });
    assert_eq!(woken.unwrap(), Ok(9));
    end(runtime);
}

#[test]
fn values_of_no_size_are_counted() {
    let runtime = runtime(2);
    let (tx, rx) = bounded::<()>(3);
    let sender = runtime.spawn(move || (0..5000).for_each(|_| tx.send(()).unwrap())).unwrap();
    assert_eq!(rx.iter().count(), 5000);
    sender.join().unwrap();
    let (tx, rx) = bounded::<()>(usize::MAX);
    (0..5000).for_each(|_| tx.send(()).unwrap());
    assert_eq!((rx.len(), rx.try_iter().count()), (5000, 5000));
    end(runtime);
}

#[test]
fn large_values_arrive_whole() {
    const BYTES: usize = 64 * 1024;
    let runtime = runtime(2);
    for capacity in [0, 3] {
        let (tx, rx) = bounded::<[u8; BYTES]>(capacity);
        let large = || runtime.builder().stack_size(4 << 20);
        let sender = large().spawn(move || (0..50).for_each(|n| tx.send([n; BYTES]).unwrap())).unwrap();
        let receiver = large().spawn(move || {
            for (n, value) in rx.iter().enumerate() {
                assert!(value.iter().all(|byte| usize::from(*byte) == n));
            }
        });
        sender.join().unwrap();
        receiver.unwrap().join().unwrap();
    }
    end(runtime);
}

#[test]
fn what_is_buffered_is_dropped_once_with_the_last_receiver_or_the_channel() {
    let drops = Drops::new();
    let (tx, rx) = bounded(8);
    let second = rx.clone();
    (0..5).for_each(|_| tx.send(drops.value()).unwrap());
    drop(rx);
    assert_eq!(drops.count(), 0, "a receiver is left");
    drop(second);
    assert_eq!(drops.count(), 5, "nobody can receive them");
    assert!(matches!(tx.send(drops.value()), Err(SendError::Closed(_))));
    drop(tx);
    assert_eq!(drops.count(), 6);
    let (tx, rx) = bounded(8);
    (0..5).for_each(|_| tx.send(drops.value()).unwrap());
    drop(tx);
    assert_eq!(rx.iter().take(2).count(), 2);
    assert_eq!(drops.count(), 8);
    drop(rx);
    assert_eq!(drops.count(), 11);
}

#[test]
fn a_value_whose_drop_panics_is_dropped_once_and_the_channel_is_usable() {
    let drops = Drops::new();
    let (tx, rx) = bounded(4);
    (0..3).for_each(|_| tx.send(drops.bomb()).unwrap());
    assert!(catch_unwind(AssertUnwindSafe(|| drop(rx.recv()))).is_err());
    assert_eq!((drops.count(), rx.len()), (1, 2));
    assert!(catch_unwind(AssertUnwindSafe(|| drop(rx))).is_err());
    assert_eq!(drops.count(), 3, "the others, too");
    assert!(tx.is_closed() && tx.is_empty());
    drop(tx);
    assert_eq!(drops.count(), 3, "none twice");
}

#[test]
fn threads_and_coroutines_share_a_channel() {
    for capacity in [0, 2] {
        let runtime = runtime(2);
        let (tx, rx) = bounded::<u64>(capacity);
        let (sums_tx, sums_rx) = bounded::<u64>(4);
        std::thread::scope(|threads| {
            for _ in 0..2 {
                let (own_tx, own_rx, sums) = (tx.clone(), rx.clone(), sums_tx.clone());
                threads.spawn(move || (1..=1000).for_each(|n| own_tx.send(n).unwrap()));
                threads.spawn(move || sums.send(own_rx.iter().sum()).unwrap());
                let (own_tx, own_rx, sums) = (tx.clone(), rx.clone(), sums_tx.clone());
                runtime.spawn(move || (1..=1000).for_each(|n| own_tx.send(n).unwrap())).unwrap().detach();
                runtime.spawn(move || sums.send(own_rx.iter().sum()).unwrap()).unwrap().detach();
            }
            drop((tx, rx, sums_tx));
            assert_eq!(sums_rx.iter().sum::<u64>(), 4 * 500_500);
        });
        end(runtime);
    }
}
