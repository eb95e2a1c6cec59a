// SPDX-License-Identifier: BSD-3-Clause
//! What a rendezvous channel does besides: it holds nothing, and the two meet.

use std::sync::Arc;

use kcoro_core::channel::{RecvTimeoutError, SendTimeoutError, TryRecvError, TrySendError, bounded, rendezvous};

use crate::place::{LONG, Plain, SHORT, everywhere};

#[test]
fn it_holds_nothing_and_is_full_and_empty_at_once() {
    everywhere(|place| {
        for (tx, rx) in [rendezvous(), bounded(0)] {
            assert_eq!((tx.capacity(), rx.capacity(), tx.len(), rx.len()), (0, 0, 0, 0));
            assert!(tx.is_empty() && rx.is_empty() && tx.is_full() && rx.is_full());
            let sender = place.go(move || tx.send(1));
            place.pause();
            assert_eq!((rx.len(), rx.is_empty()), (0, true), "who waits holds its value itself");
            assert_eq!(rx.recv(), Ok(1));
            sender.end().unwrap();
        }
    });
}

#[test]
fn who_tries_alone_meets_nobody() {
    everywhere(|_| {
        let (tx, rx) = rendezvous();
        assert_eq!(tx.try_send(1), Err(TrySendError::Full(1)));
        assert_eq!(rx.try_recv(), Err(TryRecvError::Empty));
        assert_eq!(tx.send_timeout(2, SHORT), Err(SendTimeoutError::TimedOut(2)));
        assert_eq!(rx.recv_timeout(SHORT), Err(RecvTimeoutError::TimedOut), "what timed out is not offered any more");
        assert_eq!(tx.try_send(3), Err(TrySendError::Full(3)), "and who timed out takes nothing any more");
    });
}

#[test]
fn who_tries_meets_a_receiver_that_waits() {
    everywhere(|place| {
        let (tx, rx) = rendezvous();
        let receiver = place.go(move || rx.recv());
        place.until(|| tx.try_send(4).is_ok());
        assert_eq!(receiver.end(), Ok(4));
    });
}

#[test]
fn who_tries_meets_a_sender_that_waits() {
    everywhere(|place| {
        let (tx, rx) = rendezvous();
        let sender = place.go(move || tx.send(5));
        let mut received = None;
        place.until(|| {
            received = rx.try_recv().ok();
            received.is_some()
        });
        assert_eq!((received, sender.end()), (Some(5), Ok(())));
    });
}

#[test]
fn a_send_goes_on_when_its_value_has_been_taken() {
    everywhere(|place| {
        for limit in [None, Some(LONG)] {
            let (tx, rx) = rendezvous();
            let sent = Arc::new(Plain::default());
            let seen = sent.clone();
            let sender = place.go(move || {
                match limit {
                    Some(limit) => tx.send_timeout(1, limit).unwrap(),
                    None => tx.send(1).unwrap(),
                }
                seen.set(1);
            });
            (0..20).for_each(|_| place.pause());
            assert_eq!(sent.get(), 0, "nobody has taken it");
            assert_eq!(rx.recv(), Ok(1));
            sender.end();
            assert_eq!(sent.get(), 1);
        }
    });
}

#[test]
fn what_a_receiver_wrote_before_it_came_is_seen_by_who_has_sent() {
    everywhere(|place| {
        let (tx, rx) = rendezvous();
        let written = Arc::new(Plain::default());
        let writes = written.clone();
        let count = place.pick(5, 1000);
        let receiver = place.go(move || {
            (1..=count).for_each(|n| {
                writes.set(n);
                assert_eq!(rx.recv(), Ok(n));
            })
        });
        (1..=count).for_each(|n| {
            tx.send(n).unwrap();
            assert!(written.get() >= n);
        });
        receiver.end();
    });
}

#[test]
fn two_take_turns_over_a_pair() {
    everywhere(|place| {
        let ((ping, pinged), (pong, ponged)) = (rendezvous(), rendezvous());
        let echo = place.go(move || pinged.iter().for_each(|n: u64| pong.send(n + 1).unwrap()));
        let last = (0..place.pick(10, 2000)).fold(0, |n, _| {
            ping.send(n).unwrap();
            ponged.recv().unwrap()
        });
        drop(ping);
        echo.end();
        assert_eq!(last, place.pick(10, 2000));
    });
}
