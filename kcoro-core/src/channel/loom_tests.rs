// SPDX-License-Identifier: BSD-3-Clause
//! Models of the channel's races, between plain threads: every schedule with the given preemptions.

use core::future::Future;
use core::task::{Context, Waker};
use core::time::Duration;
use std::boxed::Box;
use std::vec::Vec;

use loom::thread;

use super::{RecvTimeoutError, SendTimeoutError, bounded};

pub(super) fn check(model: impl Fn() + Send + Sync + 'static) {
    check_with(2, model);
}

/// Explores all schedules with up to `preemptions` preemptions, or what `LOOM_MAX_PREEMPTIONS` says.
pub(super) fn check_with(preemptions: usize, model: impl Fn() + Send + Sync + 'static) {
    let mut builder = loom::model::Builder::new();
    builder.preemption_bound = builder.preemption_bound.or(Some(preemptions));
    builder.max_branches = 20_000;
    builder.check(model);
}

#[test]
fn each_value_is_received_once_and_in_order() {
    for capacity in [0, 1] {
        check(move || {
            let (tx, rx) = bounded::<Box<u32>>(capacity);
            let sender = thread::spawn(move || (0..2).for_each(|n| tx.send(Box::new(n)).unwrap()));
            assert_eq!(rx.iter().map(|n| *n).collect::<Vec<_>>(), [0, 1]);
            sender.join().unwrap();
        });
    }
}

#[test]
fn two_receivers_share_without_loss() {
    // Three threads on one lock: two preemptions take minutes.
    check_with(1, || {
        let (tx, rx) = bounded::<Box<u32>>(0);
        let other = rx.clone();
        let receiver = thread::spawn(move || *other.recv().unwrap());
        let sender = thread::spawn(move || (1..3).for_each(|n| tx.send(Box::new(n)).unwrap()));
        let sum = *rx.recv().unwrap() + receiver.join().unwrap();
        assert_eq!(sum, 3);
        sender.join().unwrap();
    });
}

#[test]
fn a_time_out_against_a_receive_returns_the_value_or_delivers_it() {
    check(|| {
        let (tx, rx) = bounded::<Box<u32>>(0);
        let receiver = thread::spawn(move || rx.recv_timeout(Duration::ZERO).map(|n| *n));
        // A deadline that is past: the send registers, and its time-out races with the receive.
        let sent = tx.send_timeout(Box::new(5), Duration::ZERO);
        match (sent, receiver.join().unwrap()) {
            (Ok(()), Ok(5)) => {}
            (Err(SendTimeoutError::TimedOut(value) | SendTimeoutError::Closed(value)), Err(_)) => assert_eq!(*value, 5),
            (sent, received) => panic!("sent: {sent:?}, received: {received:?}"),
        }
    });
}

#[test]
fn close_wakes_whoever_waits() {
    check(|| {
        let (tx, rx) = bounded::<Box<u32>>(0);
        let receiver = thread::spawn(move || rx.recv().is_err());
        let closer = {
            let tx = tx.clone();
            thread::spawn(move || tx.close())
        };
        assert!(receiver.join().unwrap());
        assert!(closer.join().unwrap());
        assert!(tx.send(Box::new(1)).is_err());
    });
}

#[test]
fn a_sender_that_waits_when_the_channel_closes_sends_nothing_afterwards() {
    for capacity in [0, 1] {
        // Three threads on one lock, as above. The sender is the first of them: that it waits is no preemption.
        check_with(1, move || {
            let (tx, rx) = bounded::<Box<u32>>(capacity);
            (0..capacity).for_each(|_| tx.send(Box::new(0)).unwrap());
            let closer = {
                let tx = tx.clone();
                thread::spawn(move || tx.close())
            };
            let observer = thread::spawn(move || {
                let was_closed = rx.is_closed();
                if was_closed {
                    // What was in before is all that comes, though the first receive makes room.
                    assert_eq!(rx.try_iter().count(), capacity);
                }
                was_closed
            });
            let sent = tx.send(Box::new(1)).is_ok();
            assert!(!(observer.join().unwrap() && sent), "sent after the close");
            closer.join().unwrap();
        });
    }
}

#[test]
fn a_receive_future_dropped_after_it_won_passes_the_value_on() {
    check(|| {
        let (tx, rx) = bounded::<Box<u32>>(1);
        let sender = thread::spawn(move || tx.send(Box::new(9)).unwrap());
        {
            let mut future = Box::pin(rx.recv_async());
            let mut context = Context::from_waker(Waker::noop());
            if let core::task::Poll::Ready(value) = future.as_mut().poll(&mut context) {
                assert_eq!(value.map(|n| *n), Ok(9));
                sender.join().unwrap();
                return;
            }
        }
        assert_eq!(rx.recv().map(|n| *n), Ok(9));
        sender.join().unwrap();
        assert_eq!(rx.recv_timeout(Duration::ZERO).map(|n| *n), Err(RecvTimeoutError::Closed));
    });
}
