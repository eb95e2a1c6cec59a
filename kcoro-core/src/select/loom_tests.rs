// SPDX-License-Identifier: BSD-3-Clause
//! Models of selects over real channels, between plain threads. In a model the order is as written.

use std::boxed::Box;

use loom::thread;

use crate::channel::rendezvous;
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
