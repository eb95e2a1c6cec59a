// SPDX-License-Identifier: BSD-3-Clause
//! Models of sets that stay registered: facing each other, come upon while they begin to wait, and told of readiness.

use std::boxed::Box;

use loom::thread;

use super::check;
use crate::channel::{Receiver, Sender, bounded, rendezvous};
use crate::select::{Order, Select};
use crate::select_biased;

#[test]
fn loom_two_sets_that_are_registered_and_face_each_other_meet_once() {
    check(2, || {
        let play = |to: Sender<Box<u32>>, from: Receiver<Box<u32>>, own: u32| {
            let mut set = Select::with_order(Order::Biased);
            set.recv(&from, |value| (1, *value.unwrap()));
            set.send(&to, Box::new(own), |sent| {
                sent.unwrap();
                (2, 0)
            });
            // Both arms are registered before it waits, and the other's may be.
            set.try_select().unwrap_or_else(|| set.wait().unwrap()).1
        };
        let (to_b, from_a) = rendezvous();
        let (to_a, from_b) = rendezvous();
        let other = thread::spawn(move || play(to_a, from_a, 20));
        let mine = play(to_b, from_b, 10);
        let theirs = other.join().unwrap();
        assert!((mine, theirs) == ((1, 20), (2, 0)) || (mine, theirs) == ((2, 0), (1, 10)), "{mine:?} {theirs:?}");
    });
}

#[test]
fn loom_a_set_that_faces_a_selector_which_may_be_won_elsewhere_is_served() {
    check(2, || {
        let (numbers_in, numbers) = rendezvous::<Box<u32>>();
        let (out, outside) = rendezvous::<Box<u32>>();
        let mut set = Select::with_order(Order::Biased);
        set.recv(&outside, |value| *value.unwrap());
        assert_eq!(set.try_select(), None);
        // Queued for numbers it comes upon the set, which begins to wait; the sender may win it at that very moment.
        let selector = thread::spawn(move || {
            let received = select_biased! {
                recv(numbers) -> number => number.is_ok(),
                send(out, Box::new(2)) -> sent => { sent.unwrap(); false }
            };
            if received {
                out.send(Box::new(3)).unwrap();
            }
            received
        });
        let sender = {
            let numbers_in = numbers_in.clone();
            thread::spawn(move || numbers_in.try_send(Box::new(1)).is_ok())
        };
        let value = set.wait().unwrap().1;
        let received = selector.join().unwrap();
        assert_eq!((sender.join().unwrap(), value), (received, if received { 3 } else { 2 }));
        drop(numbers_in);
    });
}

#[test]
fn loom_what_gets_ready_while_a_set_begins_to_watch_is_told() {
    check(2, || {
        let (tx, rx) = bounded::<Box<u32>>(1);
        let mut set = Select::with_order(Order::Biased);
        let arm = set.recv(&rx, |value| *value.unwrap());
        let sender = thread::spawn(move || tx.try_send(Box::new(1)).is_ok());
        assert_eq!(set.ready(), Ok(arm));
        assert_eq!(rx.try_recv().map(|value| *value), Ok(1));
        assert!(sender.join().unwrap());
    });
}

#[test]
fn loom_a_set_that_is_registered_and_begins_to_wait_is_ready_for_one_that_watches() {
    check(2, || {
        let (tx, rx) = rendezvous::<Box<u32>>();
        let mut sends = Select::with_order(Order::Biased);
        sends.send(&tx, Box::new(6), |sent| sent.is_ok());
        assert_eq!(sends.try_select(), None);
        let watcher = thread::spawn(move || {
            let mut set = Select::with_order(Order::Biased);
            set.recv(&rx, |value| *value.unwrap());
            set.ready().unwrap();
            set.try_select().map(|(_, value)| value)
        });
        assert!(sends.wait().unwrap().1);
        assert_eq!(watcher.join().unwrap(), Some(6));
    });
}
