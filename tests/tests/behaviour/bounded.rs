// SPDX-License-Identifier: BSD-3-Clause
//! What a bounded channel does besides: it holds so many values and no more, and a send waits for room.

use std::sync::Arc;

use kcoro_core::channel::{SendTimeoutError, TrySendError, bounded};
use kcoro_core::time::Instant;

use crate::place::{LONG, Plain, SHORT, everywhere};

#[test]
fn it_says_what_it_can_hold_and_what_it_holds() {
    everywhere(|_| {
        for capacity in [1, 2, 3, 100] {
            let (tx, rx) = bounded(capacity);
            assert_eq!((tx.capacity(), rx.capacity()), (capacity, capacity));
            for len in 0..capacity {
                assert_eq!((tx.len(), rx.len()), (len, len));
                assert_eq!(
                    (tx.is_empty(), rx.is_empty(), tx.is_full(), rx.is_full()),
                    (len == 0, len == 0, false, false)
                );
                tx.send(len).unwrap();
            }
            assert!(tx.is_full() && rx.is_full() && rx.len() == capacity);
            rx.recv().unwrap();
            assert!(!tx.is_full() && rx.len() == capacity - 1);
        }
    });
}

#[test]
fn a_full_one_refuses_who_tries_and_gives_the_value_back() {
    everywhere(|_| {
        let (tx, rx) = bounded(1);
        assert_eq!((tx.try_send(1), tx.try_send(2)), (Ok(()), Err(TrySendError::Full(2))));
        assert_eq!(rx.try_recv(), Ok(1));
        assert_eq!((tx.try_send(3), rx.len()), (Ok(()), 1));
    });
}

#[test]
fn a_send_goes_on_when_there_is_room() {
    everywhere(|place| {
        for capacity in [1, 3] {
            let (tx, rx) = bounded(capacity);
            (0..capacity).for_each(|n| tx.send(n).unwrap());
            let sent = Arc::new(Plain::default());
            let seen = sent.clone();
            let sender = place.go(move || {
                tx.send(capacity).unwrap();
                seen.set(1);
            });
            (0..20).for_each(|_| place.pause());
            assert_eq!((sent.get(), rx.len()), (0, capacity), "there is no room");
            assert_eq!(rx.recv(), Ok(0));
            sender.end();
            assert!(rx.iter().eq(1..=capacity));
        }
    });
}

#[test]
fn a_send_with_a_limit_gives_the_value_back_at_its_end_and_not_before() {
    everywhere(|_| {
        let (tx, rx) = bounded(1);
        tx.send_timeout(1, SHORT).unwrap();
        let before = Instant::now().unwrap();
        assert_eq!(tx.send_timeout(2, SHORT), Err(SendTimeoutError::TimedOut(2)));
        assert!(Instant::now().unwrap().duration_since(before).unwrap() >= SHORT);
        assert!(rx.try_iter().eq([1]), "what was given back is nowhere else");
    });
}

#[test]
fn a_send_with_a_limit_gets_room_that_comes_before_it() {
    everywhere(|place| {
        let (tx, rx) = bounded(1);
        tx.send(1).unwrap();
        let sender = place.go(move || tx.send_timeout(2, LONG));
        place.pause();
        assert_eq!((rx.recv(), rx.recv(), sender.end()), (Ok(1), Ok(2), Ok(())));
    });
}

#[test]
fn it_never_holds_more_however_many_come_and_go() {
    everywhere(|place| {
        const CAPACITY: usize = 3;
        let (tx, rx) = bounded(CAPACITY);
        let count = place.pick(6, 3000);
        let senders = [(); 3].map(|()| {
            let tx = tx.clone();
            place.go(move || (0..count).for_each(|n| tx.send(n).unwrap()))
        });
        let own = rx.clone();
        let receiver = place.go(move || own.iter().count() as u64);
        drop(tx);
        place.until(|| {
            assert!(rx.len() <= CAPACITY);
            rx.is_closed()
        });
        senders.into_iter().for_each(|sender| sender.end());
        assert_eq!((receiver.end(), rx.len()), (3 * count, 0));
    });
}

/// The value that leaves first makes the room that the last one gets: so much can be relied on without a look at a clock.
#[test]
fn a_send_that_had_to_wait_comes_after_the_receive_that_made_its_room() {
    everywhere(|place| {
        const CAPACITY: u64 = 2;
        let (tx, rx) = bounded(CAPACITY as usize);
        let received = Arc::new(Plain::default());
        let counts = received.clone();
        let count = place.pick(8, 1000);
        let sender = place.go(move || {
            for n in 0..count {
                tx.send(n).unwrap();
                assert!(received.get() + CAPACITY >= n, "{} received when {n} was sent", received.get());
            }
        });
        for n in 0..count {
            // Before the receive, so that whoever gets the room sees it.
            counts.set(n + 1);
            assert_eq!(rx.recv(), Ok(n));
        }
        sender.end();
    });
}

#[test]
fn parts_that_send_and_receive_as_they_like_agree_on_the_number() {
    everywhere(|place| {
        let (tx, rx) = bounded(5);
        let parts: Vec<_> = (0..4)
            .map(|part| {
                let (tx, rx) = (tx.clone(), rx.clone());
                place.go(move || {
                    let mut balance = 0i64;
                    for n in 0..place.pick(10, 2000) {
                        match (n + part) % 3 {
                            0 => balance += i64::from(tx.try_send(n).is_ok()),
                            1 => balance -= i64::from(rx.try_recv().is_ok()),
                            _ => place.pause(),
                        }
                    }
                    balance
                })
            })
            .collect();
        let left: i64 = parts.into_iter().map(|part| part.end()).sum();
        assert_eq!(left, rx.len() as i64);
        assert_eq!(rx.try_iter().count() as i64, left);
    });
}
