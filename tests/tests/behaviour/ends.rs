// SPDX-License-Identifier: BSD-3-Clause
//! Ends of channels: a close, the last of a side, and what becomes of who waits and of what is on its way.

use kcoro_core::channel::{
    RecvError, RecvTimeoutError, SendError, SendTimeoutError, TryRecvError, TrySendError, bounded,
};
use kcoro_core::time::Instant;

use crate::place::{Kind, LONG, SHORT, everywhere};

#[test]
fn the_end_of_the_last_sender_ends_every_receive() {
    everywhere(|place| {
        for kind in Kind::ALL {
            let (tx, rx) = kind.make::<u8>();
            let waits = place.go({
                let rx = rx.clone();
                move || rx.recv()
            });
            let waits_a_while = place.go({
                let rx = rx.clone();
                move || rx.recv_timeout(LONG)
            });
            place.pause();
            drop(tx);
            assert_eq!(waits.end(), Err(RecvError::Closed));
            assert_eq!(waits_a_while.end(), Err(RecvTimeoutError::Closed));
            assert_eq!((rx.recv(), rx.try_recv()), (Err(RecvError::Closed), Err(TryRecvError::Closed)));
        }
    });
}

#[test]
fn the_end_of_the_last_receiver_gives_back_what_waits_to_be_sent() {
    everywhere(|place| {
        for kind in Kind::LIMITED {
            let (tx, rx, _) = kind.full(|_| 0);
            let waits = place.go({
                let tx = tx.clone();
                move || tx.send(1)
            });
            let waits_a_while = place.go(move || tx.send_timeout(2, LONG));
            place.pause();
            drop(rx);
            assert_eq!(waits.end(), Err(SendError::Closed(1)));
            assert_eq!(waits_a_while.end(), Err(SendTimeoutError::Closed(2)));
        }
    });
}

#[test]
fn a_send_to_nobody_gives_the_value_back() {
    everywhere(|_| {
        for kind in Kind::ALL {
            let (tx, rx) = kind.make();
            drop(rx);
            let deadline = Instant::now().unwrap();
            assert_eq!(tx.send(1), Err(SendError::Closed(1)));
            assert_eq!(tx.try_send(2), Err(TrySendError::Closed(2)));
            assert_eq!(tx.send_timeout(3, SHORT), Err(SendTimeoutError::Closed(3)));
            assert_eq!(tx.send_deadline(4, deadline), Err(SendTimeoutError::Closed(4)));
            assert!(tx.is_closed() && tx.is_empty());
        }
    });
}

#[test]
fn what_was_sent_before_the_end_is_received_after_it() {
    everywhere(|_| {
        for kind in Kind::BUFFERED {
            let (tx, rx) = kind.make();
            let count = tx.capacity().min(20);
            (0..count).for_each(|n| tx.send(n).unwrap());
            drop(tx);
            assert_eq!(rx.len(), count);
            (0..count).for_each(|n| assert_eq!(rx.recv(), Ok(n)));
            assert_eq!(rx.recv(), Err(RecvError::Closed));
            assert_eq!(rx.recv_timeout(LONG), Err(RecvTimeoutError::Closed), "and waits for nothing");
        }
    });
}

#[test]
fn a_close_counts_once_and_either_side_can_close() {
    everywhere(|place| {
        for kind in Kind::ALL {
            let (tx, rx) = kind.make::<u8>();
            assert!(!tx.is_closed() && !rx.is_closed());
            let closers = [(); 4].map(|()| {
                let (tx, rx) = (tx.clone(), rx.clone());
                place.go(move || u8::from(tx.close()) + u8::from(rx.close()))
            });
            let closed: u8 = closers.into_iter().map(|closer| closer.end()).sum();
            assert_eq!(closed, 1, "one of them closed it");
            assert!(tx.is_closed() && rx.is_closed());
            assert_eq!(tx.send(1), Err(SendError::Closed(1)));
            assert_eq!(rx.recv(), Err(RecvError::Closed));
        }
    });
}

/// Between the value and the close there is no moment at which the channel is empty and open.
#[test]
fn who_tries_a_channel_with_a_value_that_is_being_closed_finds_one_of_the_two() {
    everywhere(|place| {
        for _ in 0..place.pick(2, 500) {
            let (tx, rx) = bounded(1);
            tx.send(1).unwrap();
            let tries = place.go({
                let rx = rx.clone();
                move || rx.try_recv()
            });
            tx.close();
            let here = rx.recv();
            match tries.end() {
                Ok(1) => assert_eq!(here, Err(RecvError::Closed)),
                Err(TryRecvError::Closed) => assert_eq!(here, Ok(1)),
                other => panic!("{other:?}"),
            }
        }
    });
}

#[test]
fn senders_that_go_on_learn_that_the_receiver_has_gone() {
    everywhere(|place| {
        for kind in Kind::ALL {
            let (tx, rx) = kind.make();
            let senders = [(); 3].map(|()| {
                let tx = tx.clone();
                place.go(move || {
                    let mut sent = 0u64;
                    while tx.send(sent).is_ok() {
                        sent += 1;
                        place.pause();
                    }
                    sent
                })
            });
            let received = rx.iter().take(5).count() as u64;
            drop(rx);
            assert!(senders.into_iter().map(|sender| sender.end()).sum::<u64>() >= received);
        }
    });
}

#[test]
fn receivers_that_go_on_learn_that_the_senders_have_gone() {
    everywhere(|place| {
        for kind in Kind::ALL {
            let (tx, rx) = kind.make();
            let receivers = [(); 3].map(|()| {
                let rx = rx.clone();
                place.go(move || std::iter::from_fn(|| rx.recv().ok()).count())
            });
            drop(rx);
            let senders = [tx.clone(), tx].map(|tx| place.go(move || (0..5).for_each(|n| tx.send(n).unwrap())));
            senders.into_iter().for_each(|sender| sender.end());
            assert_eq!(receivers.into_iter().map(|receiver| receiver.end()).sum::<usize>(), 10);
        }
    });
}

#[test]
fn a_side_lasts_as_long_as_one_of_its_clones() {
    everywhere(|_| {
        for kind in Kind::BUFFERED {
            let (tx, rx) = kind.make();
            let (other_tx, other_rx) = (tx.clone(), rx.clone());
            drop((tx, rx));
            other_tx.send(1).unwrap();
            let third = other_rx.clone();
            drop(other_rx);
            assert_eq!((third.recv(), third.is_closed()), (Ok(1), false));
            drop(other_tx);
            assert!(third.is_closed());
        }
    });
}
