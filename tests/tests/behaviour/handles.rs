// SPDX-License-Identifier: BSD-3-Clause
//! The ends of a channel as things: iterators over them, clones, identity, and their use where a thread ends.

use std::cell::RefCell;

use kcoro_core::channel::{Receiver, RecvError, Sender, bounded, never, unbounded};

use crate::place::{Kind, LONG, Place, SHORT, everywhere};

#[test]
fn an_iterator_ends_with_the_channel() {
    everywhere(|place| {
        for kind in Kind::ALL {
            let (tx, rx) = kind.make();
            let total = place.go(move || rx.iter().sum::<u32>());
            (1..4).for_each(|n| tx.send(n).unwrap());
            drop(tx);
            assert_eq!(total.end(), 6);
        }
    });
}

#[test]
fn an_iterator_that_is_left_takes_no_more_and_leaves_the_rest() {
    everywhere(|_| {
        let (tx, rx) = unbounded();
        (0..5).for_each(|n| tx.send(n).unwrap());
        for value in &rx {
            if value == 2 {
                break;
            }
        }
        assert_eq!(rx.recv(), Ok(3));
        assert_eq!(rx.iter().next(), Some(4));
        assert!(rx.is_empty());
    });
}

#[test]
fn an_iterator_over_what_is_there_does_not_wait() {
    everywhere(|place| {
        for kind in Kind::ALL {
            let (tx, rx) = kind.make();
            assert_eq!(rx.try_iter().count(), 0);
            let sender = place.go(move || (0..3).for_each(|n| tx.send(n).unwrap()));
            let mut received = Vec::new();
            place.until(|| {
                received.extend(rx.try_iter());
                received.len() == 3
            });
            assert_eq!(received, [0, 1, 2]);
            sender.end();
            assert_eq!(rx.try_iter().next(), None);
        }
    });
}

#[test]
fn a_receiver_becomes_an_iterator_owned_or_borrowed() {
    everywhere(|_| {
        let (tx, rx) = unbounded();
        (0..4).for_each(|n| tx.send(n).unwrap());
        let mut borrowed = (&rx).into_iter();
        assert_eq!((borrowed.next(), borrowed.next()), (Some(0), Some(1)));
        let mut owned = rx.into_iter();
        assert_eq!(owned.next(), Some(2));
        drop(owned);
        assert!(tx.is_closed(), "the receiver went with it");
    });
}

#[test]
fn an_iterator_over_receivers_yields_iterators() {
    everywhere(|place| {
        let (outer_tx, outer_rx) = bounded::<Receiver<u32>>(1);
        let total = place.go(move || outer_rx.iter().flat_map(Receiver::into_iter).sum::<u32>());
        for n in 1..=4 {
            let (tx, rx) = bounded(2);
            outer_tx.send(rx).unwrap();
            (0..5).for_each(|_| tx.send(n).unwrap());
        }
        drop(outer_tx);
        assert_eq!(total.end(), 50);
    });
}

#[test]
fn clones_know_each_other_and_nobody_else() {
    everywhere(|_| {
        for kind in Kind::ALL {
            let ((tx, rx), (other_tx, other_rx)) = (kind.make::<u8>(), kind.make::<u8>());
            assert!(tx.same_channel(&tx.clone()) && rx.same_channel(&rx.clone()));
            assert!(!tx.same_channel(&other_tx) && !rx.same_channel(&other_rx));
            assert_eq!((tx.id(), tx.clone().id()), (rx.id(), rx.clone().id()));
            assert_ne!(tx.id(), other_tx.id());
        }
        assert!(!never::<u8>().same_channel(&never()));
    });
}

#[test]
fn a_clone_of_one_end_is_as_good_as_the_other() {
    everywhere(|place| {
        let (tx, rx) = unbounded();
        let count = place.pick(5, 100);
        for n in 0..count {
            let tx = tx.clone();
            place.go(move || tx.send(n).unwrap());
        }
        drop(tx);
        let mut received: Vec<_> = rx.iter().collect();
        received.sort_unstable();
        assert!(received.into_iter().eq(0..count));
    });
}

#[test]
fn ends_of_other_places_meet() {
    everywhere(|place| {
        if place == Place::Simulated {
            return; // There are no threads beside a simulation.
        }
        for kind in Kind::ALL {
            let (tx, rx) = kind.make();
            let thread = std::thread::spawn(move || tx.send(8));
            assert_eq!(rx.recv(), Ok(8));
            thread.join().unwrap().unwrap();
        }
    });
}

/// Uses its channel when its thread ends, when other values of the thread are gone.
struct AtTheEnd(Sender<u8>, Receiver<u8>);

impl Drop for AtTheEnd {
    fn drop(&mut self) {
        assert!(self.1.recv_timeout(SHORT).is_err(), "nothing has been sent");
        self.0.send(1).expect("there is room");
        assert_eq!(self.1.recv(), Ok(1));
        self.0.send_timeout(2, LONG).expect("there is room");
    }
}

#[test]
fn a_thread_that_ends_can_still_send_receive_and_wait() {
    thread_local! {
        static KEPT: RefCell<Option<AtTheEnd>> = const { RefCell::new(None) };
    }
    for used_before in [false, true] {
        let (tx, rx) = bounded(1);
        let received = rx.clone();
        let thread = std::thread::spawn(move || {
            // What a thread needs to wait is made before or after this value, and goes after it or before.
            if used_before {
                assert!(rx.recv_timeout(SHORT).is_err());
            }
            KEPT.set(Some(AtTheEnd(tx, rx.clone())));
            assert!(rx.recv_timeout(SHORT).is_err());
        });
        thread.join().unwrap();
        assert_eq!((received.recv(), received.recv()), (Ok(2), Err(RecvError::Closed)));
    }
}
