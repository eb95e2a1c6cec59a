// SPDX-License-Identifier: BSD-3-Clause
//! What an unbounded channel does besides: a send never waits, and what is in it leaves in order however much it is.

use std::time::Duration;

use kcoro_core::channel::{RecvError, TryRecvError, unbounded};
use kcoro_tests::counted::Drops;

use crate::place::everywhere;

#[test]
fn it_is_never_full() {
    everywhere(|place| {
        let (tx, rx) = unbounded();
        assert_eq!((tx.capacity(), rx.capacity()), (usize::MAX, usize::MAX));
        let count = place.pick(100, 100_000) as usize;
        for n in 0..count {
            assert!(!tx.is_full() && !rx.is_full() && tx.len() == n);
            tx.try_send(n).unwrap();
        }
        assert_eq!((rx.len(), rx.is_empty()), (count, false));
        assert!(rx.try_iter().eq(0..count));
        assert_eq!(rx.try_recv(), Err(TryRecvError::Empty));
    });
}

#[test]
fn no_send_waits_with_or_without_a_limit() {
    everywhere(|_| {
        let (tx, rx) = unbounded();
        tx.send(1).unwrap();
        tx.send_timeout(2, Duration::ZERO).unwrap();
        tx.send_timeout(3, Duration::MAX).unwrap();
        assert!(rx.try_iter().eq(1..=3));
    });
}

#[test]
fn values_leave_in_order_while_others_come() {
    everywhere(|place| {
        let (tx, rx) = unbounded();
        let (rounds, burst) = (place.pick(5, 50), 40);
        let mut next = 0;
        for round in 0..rounds {
            (round * burst..(round + 1) * burst).for_each(|n| tx.send(n).unwrap());
            // Fewer leave than come, so that it grows and wraps.
            for value in rx.try_iter().take(burst as usize / 2) {
                assert_eq!(value, next);
                next += 1;
            }
        }
        drop(tx);
        assert!(rx.iter().eq(next..rounds * burst));
    });
}

#[test]
fn what_is_left_is_dropped_once_with_the_last_receiver_or_the_channel() {
    everywhere(|_| {
        for receiver_first in [true, false] {
            let drops = Drops::new();
            let (tx, rx) = unbounded();
            (0..100).for_each(|_| _ = tx.send(drops.value()));
            drop(rx.try_iter().take(30).collect::<Vec<_>>());
            assert_eq!(drops.count(), 30);
            if receiver_first {
                drop(rx);
                assert_eq!(drops.count(), 100, "nobody can receive them");
                drop(tx);
            } else {
                drop(tx);
                assert_eq!(drops.count(), 30, "they can still be received");
                drop(rx);
            }
            assert_eq!(drops.count(), 100);
        }
    });
}

#[test]
fn what_many_have_left_in_it_is_all_there_after_their_end() {
    everywhere(|place| {
        let (tx, rx) = unbounded();
        let count = place.pick(10, 1000);
        let senders = [(); 4].map(|()| {
            let tx = tx.clone();
            place.go(move || (0..count).for_each(|n| tx.send(n).unwrap()))
        });
        senders.into_iter().for_each(|sender| sender.end());
        assert_eq!(rx.len() as u64, 4 * count);
        drop(tx);
        assert_eq!(rx.iter().sum::<u64>(), 4 * (count * (count - 1) / 2));
        assert_eq!(rx.recv(), Err(RecvError::Closed));
    });
}
