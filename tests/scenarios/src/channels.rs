// SPDX-License-Identifier: BSD-3-Clause
//! Channels: capacity, order, ends; each value is received once or handed back.

use alloc::boxed::Box;
use alloc::vec;
use alloc::vec::Vec;
use core::cell::Cell;

use alloc::rc::Rc;
use kcoro_core::channel::{RecvError, SendError, SendTimeoutError, TryRecvError, TrySendError, bounded, rendezvous};
use kcoro_core::sched::spawn;
use kcoro_core::scope::scope;

use crate::Stage;
use crate::tools::{Drops, MS, parked};

pub(crate) fn a_channel_holds_exactly_its_capacity(stage: &Stage) {
    for capacity in [0, 1, 2, 3, 5, 7, 8, 9, stage.pick(17, 1025)] {
        let (tx, rx) = bounded(capacity as usize);
        assert_eq!((tx.capacity(), rx.capacity()), (capacity as usize, capacity as usize));
        (0..capacity).for_each(|n| tx.try_send(n).unwrap());
        assert!(tx.is_full() && rx.is_full() && rx.len() == capacity as usize);
        assert_eq!(tx.try_send(99), Err(TrySendError::Full(99)));
        if capacity > 0 {
            assert_eq!(rx.try_recv(), Ok(0));
            tx.try_send(capacity).unwrap();
            assert_eq!(tx.try_send(99), Err(TrySendError::Full(99)));
            assert!(rx.try_iter().eq(1..=capacity));
        }
        assert!(rx.is_empty() && tx.is_empty());
        assert_eq!(rx.try_recv(), Err(TryRecvError::Empty));
    }
}

pub(crate) fn values_leave_in_the_order_they_entered_also_from_waiting_senders(stage: &Stage) {
    for capacity in [0, 1, 3] {
        let (tx, rx) = bounded(capacity as usize);
        (0..capacity).for_each(|n| tx.send(n).unwrap());
        let last = capacity + stage.pick(4, 50);
        let waits = |n| {
            let tx = tx.clone();
            parked(move || tx.send(n).unwrap())
        };
        let senders: Vec<_> = (capacity..last).map(waits).collect();
        assert_eq!(rx.len(), capacity as usize, "who waits is not in the buffer");
        drop(tx);
        assert!(rx.iter().eq(0..last));
        senders.into_iter().for_each(|sender| sender.join().unwrap());
    }
}

pub(crate) fn receivers_are_served_in_the_order_they_came(stage: &Stage) {
    let count = stage.pick(4, 50);
    for capacity in [0, 2] {
        let (tx, rx) = bounded(capacity);
        let waits = |_| {
            let rx = rx.clone();
            parked(move || rx.recv().unwrap())
        };
        let receivers: Vec<_> = (0..count).map(waits).collect();
        (0..count).for_each(|n| tx.try_send(n).unwrap());
        assert!(tx.is_empty(), "each value went to one who waits");
        assert!(receivers.into_iter().map(|receiver| receiver.join().unwrap()).eq(0..count));
    }
}

pub(crate) fn a_rendezvous_send_returns_when_its_value_has_been_taken(_: &Stage) {
    let (tx, rx) = rendezvous();
    assert_eq!(tx.try_send(1), Err(TrySendError::Full(1)), "nobody waits for it");
    let sent = Rc::new(Cell::new(false));
    let sends = sent.clone();
    let sender = parked(move || {
        tx.send(2).unwrap();
        sends.set(true);
    });
    assert!(!sent.get() && rx.is_empty());
    assert_eq!(rx.try_recv(), Ok(2));
    sender.join().unwrap();
    assert!(sent.get());
    assert_eq!(rx.recv(), Err(RecvError::Closed));
}

pub(crate) fn a_close_lets_what_is_buffered_drain(_: &Stage) {
    let (tx, rx) = bounded(3);
    (0..3).for_each(|n| tx.send(n).unwrap());
    assert!(tx.close() && !rx.close() && tx.is_closed() && rx.is_closed());
    assert_eq!((rx.recv(), rx.try_recv(), rx.recv_timeout(MS)), (Ok(0), Ok(1), Ok(2)));
    assert_eq!((rx.recv(), rx.try_recv()), (Err(RecvError::Closed), Err(TryRecvError::Closed)));
}

pub(crate) fn a_close_gives_values_back_to_waiting_senders(_: &Stage) {
    for capacity in [0, 1] {
        let (tx, rx) = bounded(capacity);
        (0..capacity).for_each(|_| tx.send(9).unwrap());
        let waits = |n| {
            let tx = tx.clone();
            parked(move || tx.send(n))
        };
        let senders = [1, 2, 3].map(waits);
        rx.close();
        let returned = senders.map(|sender| sender.join().unwrap());
        assert_eq!(returned, [1, 2, 3].map(|n| Err(SendError::Closed(n))));
        assert_eq!(rx.try_iter().count(), capacity, "none of theirs is in the buffer");
    }
}

pub(crate) fn the_last_sender_closes(_: &Stage) {
    for capacity in [0, 1] {
        let (tx, rx) = bounded::<u8>(capacity);
        let waits = |_| {
            let rx = rx.clone();
            parked(move || rx.recv())
        };
        let receivers = [(), ()].map(waits);
        let other = tx.clone();
        drop(tx);
        assert!(!rx.is_closed() && receivers.iter().all(|receiver| !receiver.is_finished()), "one sender is left");
        drop(other);
        assert!(receivers.into_iter().all(|receiver| receiver.join().unwrap() == Err(RecvError::Closed)));
    }
}

pub(crate) fn the_last_receiver_closes_and_drops_what_is_buffered(_: &Stage) {
    let drops = Drops::new();
    let (tx, rx) = bounded(4);
    let other = rx.clone();
    (0..3).for_each(|_| tx.send(drops.value()).unwrap());
    drop(rx);
    assert_eq!((drops.count(), tx.is_closed()), (0, false), "one receiver is left");
    drop(other);
    assert_eq!((drops.count(), tx.is_closed()), (3, true));
    assert!(matches!(tx.send(drops.value()), Err(SendError::Closed(_))));
    drop(tx);
    assert_eq!(drops.count(), 4);
    let (tx, rx) = bounded(4);
    (0..3).for_each(|_| tx.send(drops.value()).unwrap());
    drop((tx, rx));
    assert_eq!(drops.count(), 7, "with the channel");
    let (tx, rx) = bounded(4);
    (0..4).for_each(|_| tx.send(drops.value()).unwrap());
    let (sender, value) = (tx.clone(), drops.value());
    let waits = parked(move || sender.send(value));
    drop((tx, rx.try_recv().unwrap()));
    assert_eq!(drops.count(), 8);
    waits.join().unwrap().unwrap();
    drop(rx);
    assert_eq!(drops.count(), 12);
}

pub(crate) fn the_last_receiver_gives_values_back_to_waiting_senders(_: &Stage) {
    for capacity in [0, 1] {
        let (tx, rx) = bounded(capacity);
        (0..capacity).for_each(|_| tx.send(9).unwrap());
        let waits = |n| {
            let tx = tx.clone();
            parked(move || tx.send(n))
        };
        let senders = [1, 2, 3].map(waits);
        let other = rx.clone();
        drop(rx);
        assert!(senders.iter().all(|sender| !sender.is_finished()), "one receiver is left");
        drop(other);
        assert_eq!(senders.map(|sender| sender.join().unwrap()), [1, 2, 3].map(|n| Err(SendError::Closed(n))));
    }
}

pub(crate) fn a_failed_send_returns_the_value(_: &Stage) {
    let (tx, rx) = bounded(1);
    tx.send(Box::new(0)).unwrap();
    assert_eq!(tx.try_send(Box::new(1)).unwrap_err(), TrySendError::Full(Box::new(1)));
    assert_eq!(tx.send_timeout(Box::new(2), MS).unwrap_err(), SendTimeoutError::TimedOut(Box::new(2)));
    let sender = tx.clone();
    let cancelled = parked(move || sender.send(Box::new(3)));
    cancelled.cancel();
    assert_eq!(cancelled.join().unwrap().unwrap_err(), SendError::Cancelled(Box::new(3)));
    drop(rx);
    assert_eq!(tx.send(Box::new(4)).unwrap_err(), SendError::Closed(Box::new(4)));
    assert_eq!(tx.try_send(Box::new(5)).unwrap_err(), TrySendError::Closed(Box::new(5)));
    assert_eq!(tx.send_timeout(Box::new(6), MS).unwrap_err(), SendTimeoutError::Closed(Box::new(6)));
}

pub(crate) fn each_value_is_received_once_under_contention(stage: &Stage) {
    const SENDERS: u32 = 4;
    let each = stage.pick(6, 2000);
    for capacity in [0, 1, 5] {
        let (tx, rx) = bounded(capacity);
        let send = |sender: u32| {
            let tx = tx.clone();
            spawn(move || (sender * each..(sender + 1) * each).for_each(|n| tx.send(n).unwrap())).unwrap()
        };
        let senders: Vec<_> = (0..SENDERS).map(send).collect();
        let receive = |_| {
            let rx = rx.clone();
            spawn(move || rx.iter().collect::<Vec<u32>>()).unwrap()
        };
        let receivers: Vec<_> = (0..3).map(receive).collect();
        drop((tx, rx));
        senders.into_iter().for_each(|sender| sender.join().unwrap());
        let mut received: Vec<_> = receivers.into_iter().flat_map(|receiver| receiver.join().unwrap()).collect();
        received.sort_unstable();
        assert!(received.into_iter().eq(0..SENDERS * each));
    }
}

pub(crate) fn values_of_one_sender_stay_in_order(stage: &Stage) {
    let each = stage.pick(5, 1000);
    for capacity in [0, 2] {
        let (tx, rx) = bounded(capacity);
        scope(|s| {
            for sender in 0..3 {
                let tx = tx.clone();
                s.spawn(move || (0..each).for_each(|n| tx.send((sender, n)).unwrap())).unwrap();
            }
            drop(tx);
            let received: Vec<_> = rx.iter().collect();
            for sender in 0..3 {
                let own = received.iter().filter(|(from, _)| *from == sender);
                assert!(own.map(|(_, n)| *n).eq(0..each), "sender {sender}: {received:?}");
            }
        });
    }
}

pub(crate) fn coroutines_take_turns_over_two_channels(stage: &Stage) {
    let rounds = stage.pick(10, 2000);
    for capacity in [0, 1, 7] {
        let (ping_tx, ping_rx) = bounded::<u32>(capacity);
        let (pong_tx, pong_rx) = rendezvous::<u32>();
        let echo = spawn(move || ping_rx.iter().for_each(|n| pong_tx.send(n + 1).unwrap())).unwrap();
        let mut n = 0;
        for _ in 0..rounds {
            ping_tx.send(n).unwrap();
            n = pong_rx.recv().unwrap();
        }
        assert_eq!(n, rounds);
        drop(ping_tx);
        echo.join().unwrap();
    }
}

pub(crate) fn values_of_no_size_are_counted(stage: &Stage) {
    let count = stage.pick(20, 5000) as usize;
    let (tx, rx) = bounded::<()>(3);
    let sender = spawn(move || (0..count).for_each(|_| tx.send(()).unwrap())).unwrap();
    assert_eq!(rx.iter().count(), count);
    sender.join().unwrap();
    let (tx, rx) = bounded::<()>(usize::MAX);
    (0..count).for_each(|_| tx.send(()).unwrap());
    assert_eq!((rx.len(), rx.try_iter().count()), (count, count));
}

pub(crate) fn large_values_arrive_whole(stage: &Stage) {
    const WORDS: usize = 256;
    let count = u64::from(stage.pick(3, 50));
    for capacity in [0, 3] {
        let (tx, rx) = bounded::<([u64; WORDS], Vec<u64>)>(capacity);
        let sends = move || (0..count).for_each(|n| tx.send(([n; WORDS], vec![n; 7])).unwrap());
        let sender = spawn(sends).unwrap();
        for (n, (words, numbers)) in (0..).zip(&rx) {
            assert!(words.iter().chain(&numbers).all(|word| *word == n));
        }
        sender.join().unwrap();
    }
}

pub(crate) fn iterators_end_on_close_and_on_cancel(_: &Stage) {
    let (tx, rx) = bounded(2);
    let own = rx.clone();
    let counts = parked(move || (own.iter().count(), (&own).into_iter().count(), own.into_iter().count()));
    counts.cancel();
    assert_eq!(counts.join().unwrap(), (0, 0, 0), "once cancelled, each of them ends at once");
    tx.send(2).unwrap();
    tx.send(3).unwrap();
    drop(tx);
    assert!(rx.into_iter().eq([2, 3]));
}
