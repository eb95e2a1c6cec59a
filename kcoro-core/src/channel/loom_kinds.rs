// SPDX-License-Identifier: BSD-3-Clause
//! Models of the races that the stores and the policies add to a channel: every schedule with the given preemptions. A
//! segment has two slots here, and a ring starts with two.

use core::future::Future;
use core::task::{Context, Poll, Waker};
use std::boxed::Box;
use std::sync::{Arc, Mutex};
use std::vec::Vec;

use loom::thread;

use super::loom_tests::{check, check_with};
use super::{Builder, Overflow, Receiver, Sender, StaticChannel, TrySendError, Undelivered, bounded, unbounded};

/// A channel, and what its hook is given.
type Hooked = (Sender<Box<u32>>, Receiver<Box<u32>>, Arc<Mutex<Vec<(u32, Undelivered)>>>);

fn hooked(builder: Builder<Box<u32>>) -> Hooked {
    let given = Arc::new(Mutex::new(Vec::new()));
    let gives = given.clone();
    let (tx, rx) = builder.on_undelivered(move |value, why| gives.lock().unwrap().push((*value, why))).build();
    (tx, rx, given)
}

fn received(rx: &Receiver<Box<u32>>) -> Vec<u32> {
    rx.try_iter().map(|n| *n).collect()
}

#[test]
fn segments_come_and_go_while_both_ends_are_used() {
    check(|| {
        let (tx, rx) = unbounded::<Box<u32>>();
        let sender = thread::spawn(move || (0..5).for_each(|n| tx.send(Box::new(n)).unwrap()));
        assert_eq!(rx.iter().map(|n| *n).collect::<Vec<_>>(), [0, 1, 2, 3, 4]);
        sender.join().unwrap();
    });
}

#[test]
fn two_senders_that_need_a_segment_at_once_lose_nothing() {
    check(|| {
        let (tx, rx) = unbounded::<Box<u32>>();
        // The second segment is needed by whoever is second.
        tx.send(Box::new(0)).unwrap();
        let other = tx.clone();
        let sender = thread::spawn(move || other.try_send(Box::new(10)).unwrap());
        tx.try_send(Box::new(20)).unwrap();
        tx.try_send(Box::new(21)).unwrap();
        sender.join().unwrap();
        let all = received(&rx);
        assert!([[0, 10, 20, 21], [0, 20, 10, 21], [0, 20, 21, 10]].iter().any(|order| all == order), "{all:?}");
    });
}

#[test]
fn a_receive_that_needs_no_segment_frees_one_for_a_send_that_does() {
    check(|| {
        let (tx, rx) = unbounded::<Box<u32>>();
        (0..5).for_each(|n| tx.send(Box::new(n)).unwrap());
        // The receives make the first segments spare and surplus while the sends need one more.
        let receiver = thread::spawn(move || (received(&rx), rx));
        (5..7).for_each(|n| tx.send(Box::new(n)).unwrap());
        let (mut all, rx) = receiver.join().unwrap();
        all.extend(received(&rx));
        assert_eq!(all, [0, 1, 2, 3, 4, 5, 6]);
    });
}

#[test]
fn a_conflated_value_is_received_or_replaced() {
    check(|| {
        let (tx, rx, given) = hooked(Builder::conflated());
        let sender = thread::spawn(move || (1..4).for_each(|n| tx.send(Box::new(n)).unwrap()));
        let mut all: Vec<u32> = rx.iter().map(|n| *n).collect();
        sender.join().unwrap();
        assert!(all.is_sorted() && all.last() == Some(&3), "the newest comes last: {all:?}");
        let given = given.lock().unwrap();
        assert!(given.iter().all(|(_, why)| *why == Undelivered::Replaced));
        all.extend(given.iter().map(|(value, _)| *value));
        all.sort_unstable();
        assert_eq!(all, [1, 2, 3]);
    });
}

#[test]
fn of_two_values_for_one_place_the_policy_drops_one() {
    for (overflow, reason) in
        [(Overflow::DropOldest, Undelivered::Replaced), (Overflow::DropLatest, Undelivered::Refused)]
    {
        check(move || {
            let (tx, rx, given) = hooked(Builder::bounded(1).overflow(overflow));
            let other = tx.clone();
            let sender = thread::spawn(move || other.try_send(Box::new(1)).unwrap());
            tx.try_send(Box::new(2)).unwrap();
            sender.join().unwrap();
            let kept = received(&rx);
            let given = given.lock().unwrap();
            assert_eq!((kept.len(), given.len(), kept[0] + given[0].0), (1, 1, 3));
            assert_eq!(given[0].1, reason);
        });
    }
}

#[test]
fn a_receive_that_is_dropped_as_it_wins_never_hides_a_newer_value() {
    check(|| {
        let (tx, rx, given) = hooked(Builder::conflated());
        let sender = thread::spawn(move || (1..3).for_each(|n| tx.send(Box::new(n)).unwrap()));
        let mut receive = Box::pin(rx.recv_async());
        let polled = receive.as_mut().poll(&mut Context::from_waker(Waker::noop()));
        drop(receive);
        sender.join().unwrap();
        let mut all = received(&rx);
        assert_eq!(all.len(), usize::from(!matches!(polled, Poll::Ready(Ok(ref value)) if **value == 2)));
        assert!(all.iter().all(|value| *value == 2), "{all:?}");
        all.extend(given.lock().unwrap().iter().map(|(value, _)| *value));
        if let Poll::Ready(value) = polled {
            all.push(*value.unwrap());
        }
        all.sort_unstable();
        assert_eq!(all, [1, 2]);
    });
}

#[test]
fn a_drain_lets_who_waits_in_before_who_comes() {
    // Three threads on one lock: two preemptions take minutes.
    check_with(1, || {
        let (tx, rx) = bounded::<Box<u32>>(1);
        tx.send(Box::new(0)).unwrap();
        let waits = tx.clone();
        let drainer = thread::spawn(move || {
            let drained = rx.drain().map(|n| *n).collect::<Vec<_>>();
            (drained, rx)
        });
        let sender = thread::spawn(move || (1..3).for_each(|n| waits.send(Box::new(n)).unwrap()));
        let mut late = tx.try_send(Box::new(10)).is_ok();
        let (mut all, rx) = drainer.join().unwrap();
        late |= tx.try_send(Box::new(10)).is_ok();
        drop(tx);
        all.extend(rx.iter().map(|n| *n));
        sender.join().unwrap();
        assert!(all.iter().filter(|value| **value < 10).is_sorted());
        all.sort_unstable();
        all.dedup();
        assert_eq!(all, if late { std::vec![0, 1, 2, 10] } else { std::vec![0, 1, 2] });
    });
}

#[test]
fn the_last_receiver_discards_each_value_or_it_comes_back() {
    check(|| {
        let (tx, rx, given) = hooked(Builder::unbounded());
        let sender = thread::spawn(move || (0..3).map(|n| tx.try_send(Box::new(n))).filter_map(Result::err).collect());
        drop(rx);
        let back: Vec<TrySendError<Box<u32>>> = sender.join().unwrap();
        let mut all: Vec<u32> = given.lock().unwrap().iter().map(|(value, _)| *value).collect();
        all.extend(back.into_iter().map(|error| *error.into_inner()));
        assert_eq!(all, [0, 1, 2]);
    });
}

#[test]
fn two_first_uses_of_a_static_channel_lend_it_the_same_memory() {
    check(|| {
        let channel: &'static StaticChannel<u32, 2> = Box::leak(Box::new(StaticChannel::with(Overflow::Suspend, None)));
        let sender = thread::spawn(move || channel.send(1).unwrap());
        channel.send(2).unwrap();
        sender.join().unwrap();
        let all: Vec<u32> = channel.try_iter().collect();
        assert!(all == [1, 2] || all == [2, 1], "{all:?}");
    });
}
