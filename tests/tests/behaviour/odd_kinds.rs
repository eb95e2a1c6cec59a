// SPDX-License-Identifier: BSD-3-Clause
//! Channels of one value, of which only the latest counts, and the channel on which nothing ever comes.

use kcoro_core::channel::{RecvError, RecvTimeoutError, TryRecvError, conflated, never};
use kcoro_core::time::Instant;

use crate::place::{LONG, SHORT, everywhere};

#[test]
fn of_a_conflated_one_the_latest_value_is_received() {
    everywhere(|_| {
        let (tx, rx) = conflated();
        (0..10).for_each(|n| tx.send(n).unwrap());
        assert_eq!((tx.capacity(), rx.len()), (1, 1));
        assert_eq!((rx.recv(), rx.try_recv()), (Ok(9), Err(TryRecvError::Empty)));
        tx.try_send(10).unwrap();
        tx.send_timeout(11, SHORT).unwrap();
        drop(tx);
        assert_eq!((rx.recv(), rx.recv()), (Ok(11), Err(RecvError::Closed)));
    });
}

#[test]
fn a_conflated_one_never_goes_back_and_its_last_value_arrives() {
    everywhere(|place| {
        let (tx, rx) = conflated();
        let count = place.pick(20, 5000);
        let sender = place.go(move || (1..=count).for_each(|n| tx.send(n).unwrap()));
        let received: Vec<u64> = rx.iter().collect();
        sender.end();
        assert!(received.is_sorted_by(|left, right| left < right), "{received:?}");
        assert_eq!(received.last(), Some(&count));
    });
}

#[test]
fn a_receiver_that_waits_gets_the_next_value_of_a_conflated_one() {
    everywhere(|place| {
        let (tx, rx) = conflated();
        let receiver = place.go(move || rx.recv_timeout(LONG));
        place.pause();
        tx.send(1).unwrap();
        assert_eq!(receiver.end(), Ok(1));
    });
}

#[test]
fn on_never_nothing_comes_and_nothing_ends() {
    everywhere(|_| {
        let rx = never::<u8>();
        for rx in [rx.clone(), rx] {
            assert_eq!((rx.len(), rx.is_empty(), rx.is_closed()), (0, true, false));
            assert_eq!(rx.try_recv(), Err(TryRecvError::Empty));
            let before = Instant::now().unwrap();
            assert_eq!(rx.recv_timeout(SHORT), Err(RecvTimeoutError::TimedOut));
            assert!(Instant::now().unwrap().duration_since(before).unwrap() >= SHORT);
            assert_eq!(rx.try_iter().next(), None);
        }
    });
}
