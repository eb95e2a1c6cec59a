// SPDX-License-Identifier: BSD-3-Clause
//! Models of selects over real channels, between plain threads. In a model the order is as written.

mod sets;

use core::time::Duration;
use std::boxed::Box;

use loom::thread;

use crate::channel::{bounded, rendezvous};
use crate::select::{Order, Select};
use crate::select_biased;

/// Explores all schedules with up to `preemptions` preemptions, or what `LOOM_MAX_PREEMPTIONS` says.
fn check(preemptions: usize, model: impl Fn() + Send + Sync + 'static) {
    let mut builder = loom::model::Builder::new();
    builder.preemption_bound = builder.preemption_bound.or(Some(preemptions));
    builder.max_branches = 20_000;
    builder.check(model);
}

#[test]
fn loom_two_selects_that_send_and_receive_both_ways_meet_once() {
    check(2, || {
        let (to_b, from_a) = rendezvous::<Box<u32>>();
        let (to_a, from_b) = rendezvous::<Box<u32>>();
        let other = thread::spawn(move || {
            select_biased! {
                recv(from_a) -> value => (1, *value.unwrap()),
                send(to_a, Box::new(20)) -> sent => { sent.unwrap(); (2, 0) }
            }
        });
        // The receive first: so each of the two is queued where the other one looks last.
        let mine = select_biased! {
            recv(from_b) -> value => (1, *value.unwrap()),
            send(to_b, Box::new(10)) -> sent => { sent.unwrap(); (2, 0) }
        };
        let theirs = other.join().unwrap();
        assert!((mine, theirs) == ((1, 20), (2, 0)) || (mine, theirs) == ((2, 0), (1, 10)), "{mine:?} {theirs:?}");
    });
}

#[test]
fn loom_a_select_of_both_ends_of_a_channel_meets_another_and_never_itself() {
    check(1, || {
        let (tx, rx) = rendezvous::<Box<u32>>();
        let run = |mine: u32, tx: crate::channel::Sender<Box<u32>>, rx: crate::channel::Receiver<Box<u32>>| {
            select_biased! {
                recv(rx) -> value => Some(*value.unwrap()),
                send(tx, Box::new(mine)) -> sent => { sent.unwrap(); None }
            }
        };
        let other = {
            let (tx, rx) = (tx.clone(), rx.clone());
            thread::spawn(move || run(2, tx, rx))
        };
        let mine = run(1, tx.clone(), rx.clone());
        let theirs = other.join().unwrap();
        assert!((mine, theirs) == (Some(2), None) || (mine, theirs) == (None, Some(1)), "{mine:?} {theirs:?}");
    });
}

#[test]
fn loom_a_select_that_is_closed_and_sent_to_at_once_takes_one_and_leaves_the_other() {
    check(1, || {
        let (numbers_in, numbers) = rendezvous::<Box<u32>>();
        let (stop, stopped) = rendezvous::<()>();
        let sender = {
            let numbers_in = numbers_in.clone();
            thread::spawn(move || numbers_in.try_send(Box::new(1)).is_ok())
        };
        let closer = thread::spawn(move || drop(stop));
        let received = select_biased! {
            recv(numbers) -> value => Some(*value.unwrap()),
            recv(stopped) -> closed => { assert!(closed.is_err()); None }
        };
        let sent = sender.join().unwrap();
        closer.join().unwrap();
        assert_eq!(sent, received.is_some());
    });
}

#[test]
fn loom_a_peer_that_was_found_too_late_waits_on() {
    check(2, || {
        let (numbers_in, numbers) = rendezvous::<Box<u32>>();
        let (out, outside) = rendezvous::<Box<u32>>();
        let receiver = thread::spawn(move || *outside.recv().unwrap());
        let sender = {
            let numbers_in = numbers_in.clone();
            thread::spawn(move || numbers_in.try_send(Box::new(1)).is_ok())
        };
        // It is queued for numbers when it finds the receiver; the sender may win it at that very moment.
        let received = select_biased! {
            recv(numbers) -> number => number.is_ok(),
            send(out, Box::new(2)) -> sent => { sent.unwrap(); false }
        };
        assert_eq!(sender.join().unwrap(), received);
        if received {
            // Nobody has taken the receiver out of its queue.
            out.send(Box::new(3)).unwrap();
        }
        assert_eq!(receiver.join().unwrap(), if received { 3 } else { 2 });
        drop(numbers_in);
    });
}

#[test]
fn loom_a_value_that_comes_while_a_set_begins_to_wait_is_found() {
    check(2, || {
        let (tx, rx) = bounded::<Box<u32>>(1);
        let mut set = Select::with_order(Order::Biased);
        set.recv(&rx, |value| *value.unwrap());
        // It is registered, and waits for nothing: who comes upon it there leaves a hint or finds it waiting.
        assert_eq!(set.try_select(), None);
        let sender = {
            let tx = tx.clone();
            thread::spawn(move || tx.try_send(Box::new(1)).is_ok())
        };
        assert_eq!(set.wait().map(|(_, value)| value), Ok(1));
        assert!(sender.join().unwrap());
        assert_eq!(set.try_select(), None);
    });
}

#[test]
fn loom_a_set_that_gives_up_is_served_or_leaves_the_value() {
    check(2, || {
        let (tx, rx) = rendezvous::<Box<u32>>();
        let mut set = Select::with_order(Order::Biased);
        set.recv(&rx, |value| *value.unwrap());
        assert_eq!(set.try_select(), None);
        let sender = {
            let tx = tx.clone();
            thread::spawn(move || tx.try_send(Box::new(1)).is_ok())
        };
        // In a model its time is over as soon as it waits.
        let received = set.wait_timeout(Duration::from_nanos(1)).unwrap().is_some();
        assert_eq!(sender.join().unwrap(), received);
        drop(set);
        assert!(tx.try_send(Box::new(2)).is_err(), "it has left its queue");
    });
}

#[test]
fn loom_an_idle_set_that_faces_a_select_meets_it_once() {
    check(2, || {
        let (to_b, from_a) = rendezvous::<Box<u32>>();
        let (to_a, from_b) = rendezvous::<Box<u32>>();
        let mut set = Select::with_order(Order::Biased);
        set.recv(&from_b, |value| (1, *value.unwrap()));
        set.send(&to_b, Box::new(10), |sent| {
            sent.unwrap();
            (2, 0)
        });
        assert_eq!(set.try_select(), None);
        let other = thread::spawn(move || {
            select_biased! {
                recv(from_a) -> value => (1, *value.unwrap()),
                send(to_a, Box::new(20)) -> sent => { sent.unwrap(); (2, 0) }
            }
        });
        let mine = set.wait().unwrap().1;
        let theirs = other.join().unwrap();
        assert!((mine, theirs) == ((1, 20), (2, 0)) || (mine, theirs) == ((2, 0), (1, 10)), "{mine:?} {theirs:?}");
    });
}

#[test]
fn loom_an_arm_that_is_removed_while_somebody_comes_upon_it_is_gone() {
    check(2, || {
        let (tx, rx) = bounded::<Box<u32>>(1);
        let mut set = Select::with_order(Order::Biased);
        let arm = set.recv(&rx, |value| value.is_ok());
        assert_eq!(set.try_select(), None);
        let sender = {
            let tx = tx.clone();
            thread::spawn(move || tx.try_send(Box::new(1)).is_ok())
        };
        assert_eq!(set.remove(arm), Some(false));
        assert_eq!(set.try_select(), None);
        drop(set);
        assert!(sender.join().unwrap());
        assert_eq!(rx.try_recv().map(|value| *value), Ok(1));
    });
}
