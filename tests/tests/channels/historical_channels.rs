// SPDX-License-Identifier: BSD-3-Clause
//! Bugs that channels of this kind have had. Each test would catch its bug; the comment names it.

use std::num::NonZeroU64;
use std::time::Duration;

use kcoro_posix::channel::{RecvError, RecvTimeoutError, SendError, TryRecvError, bounded, rendezvous};
use kcoro_tests::counted::Drops;
use kcoro_tests::random::Random;
use kcoro_tests::{LONG, end, runtime, until_parks};

/// A value went straight from a parked sender to a receiver, and the sender was never told.
#[test]
fn direct_hand_off_that_forgets_to_wake_the_sender() {
    for capacity in [0, 1] {
        let runtime = runtime(1);
        let (tx, rx) = bounded(capacity);
        (0..capacity).for_each(|_| tx.send(9).unwrap());
        let before = runtime.stats().parks;
        let senders: Vec<_> =
            (0..3).map(|n| (n, tx.clone())).map(|(n, tx)| runtime.spawn(move || tx.send(n)).unwrap()).collect();
        until_parks(&runtime, before + 3);
        // One by a receive that does not wait, one by one that could, one by one with a deadline.
        rx.try_recv().unwrap();
        rx.recv().unwrap();
        rx.recv_timeout(LONG).unwrap();
        senders.into_iter().for_each(|handle| assert_eq!(handle.join().unwrap(), Ok(())));
        end(runtime);
    }
}

/// A receive that had timed out left its node in the queue: the next value went to a waiter of the past.
#[test]
fn stale_waiter_nodes_after_a_retried_receive() {
    let runtime = runtime(1);
    let (tx, rx) = rendezvous();
    let receiver = runtime.spawn(move || {
        for _ in 0..50 {
            assert_eq!(rx.recv_timeout(Duration::from_micros(20)), Err(RecvTimeoutError::TimedOut));
        }
        // The fifty-first wait gets the first value.
        (rx.recv(), rx.recv())
    });
    until_parks(&runtime, 51);
    tx.try_send(1).unwrap();
    tx.send(2).unwrap();
    assert_eq!(receiver.unwrap().join().unwrap(), (Ok(1), Ok(2)));
    end(runtime);
}

/// A waiter that a timeout and a send ended at the same time was freed by both.
#[test]
fn waiter_freed_twice() {
    let runtime = runtime(2);
    let (tx, rx) = rendezvous::<Box<u64>>();
    let receiver = runtime.builder().worker(0).spawn(move || {
        let mut sum = 0;
        loop {
            match rx.recv_timeout(Duration::from_micros(3)) {
                Ok(n) => sum += *n,
                Err(RecvTimeoutError::TimedOut) => {}
                Err(_) => return sum,
            }
        }
    });
    let sender = runtime.builder().worker(1).spawn(move || {
        let mut sent = 0;
        for n in 0..20_000 {
            match tx.send_timeout(Box::new(n), Duration::from_micros(3)) {
                Ok(()) => sent += n,
                Err(why) => assert_eq!(*why.into_inner(), n),
            }
        }
        sent
    });
    assert_eq!(sender.unwrap().join().unwrap(), receiver.unwrap().join().unwrap());
    end(runtime);
}

/// A capacity was rounded up to a power of two without a word.
#[test]
fn capacity_silently_rounded_to_a_power_of_two() {
    for capacity in [3, 5, 6, 7, 100, 1000] {
        let (tx, rx) = bounded(capacity);
        assert_eq!((0..).take_while(|n| tx.try_send(*n).is_ok()).count(), capacity);
        assert_eq!((tx.capacity(), rx.len()), (capacity, capacity));
    }
}

/// crossbeam#972, crossbeam#1187, RUSTSEC-2025-0024: a channel dropped while values were put in freed them twice or never.
#[test]
fn crossbeam_972_1187_and_rustsec_2025_0024_drop_races() {
    let runtime = runtime(2);
    let drops = Drops::new();
    let mut random = Random::new(1187);
    for _ in 0..500 {
        let (tx, rx) = bounded(1 + random.below(40) as usize);
        let (values, spins) = (drops.clone(), random.below(2000));
        let sender = runtime.builder().worker(0).spawn(move || (0..40).for_each(|_| _ = tx.try_send(values.value())));
        let receiver = runtime.builder().worker(1).spawn(move || {
            (0..spins).for_each(|_| std::hint::spin_loop());
            let _some = rx.try_recv();
            drop(rx);
        });
        sender.unwrap().join().unwrap();
        receiver.unwrap().join().unwrap();
    }
    assert_eq!(drops.count(), 500 * 40);
    end(runtime);
}

/// RUSTSEC-2021-0124: a close that raced with a send and a receive read a value that was being written.
#[test]
fn rustsec_2021_0124_close_that_races_with_send_and_receive() {
    let runtime = runtime(3);
    for round in 0u64..500 {
        let (tx, rx) = bounded(1);
        let closer = rx.clone();
        let sent = runtime.builder().worker(0).spawn(move || tx.send(vec![round; 8])).unwrap();
        let received = runtime.builder().worker(1).spawn(move || rx.recv()).unwrap();
        let closed = runtime.builder().worker(2).spawn(move || closer.close()).unwrap();
        closed.join().unwrap();
        match (sent.join().unwrap(), received.join().unwrap()) {
            (Ok(()), Ok(value)) | (Err(SendError::Closed(value)), Err(RecvError::Closed)) => {
                assert_eq!(value, [round; 8]);
            }
            (sent, received) => panic!("sent {sent:?}, received {received:?}"),
        }
    }
    end(runtime);
}

/// RUSTSEC-2020-0052: a buffer was freed with another capacity than it was allocated with.
#[test]
fn rustsec_2020_0052_buffer_freed_with_another_capacity() {
    for capacity in [1, 3, 1000, 1025, 3000] {
        for filled in [0, 1, capacity / 2, capacity] {
            let drops = Drops::new();
            let (tx, rx) = bounded(capacity);
            (0..filled).for_each(|_| tx.send(drops.value()).unwrap());
            drop((tx, rx));
            assert_eq!(drops.count(), filled);
        }
    }
}

/// RUSTSEC-2022-0019: a slot without a value was treated as one that holds zeros.
#[test]
fn rustsec_2022_0019_values_that_are_never_zero() {
    let runtime = runtime(2);
    for capacity in [0, 1, 5] {
        let (tx, rx) = bounded::<(NonZeroU64, Box<u64>, &'static str)>(capacity);
        assert!(matches!(rx.try_recv(), Err(TryRecvError::Empty)));
        let send = move || (1..100).for_each(|n| tx.send((n.try_into().unwrap(), Box::new(n), "text")).unwrap());
        let sender = runtime.spawn(send).unwrap();
        let all =
            rx.iter().zip(1..).all(|((non_zero, boxed, text), n)| (non_zero.get(), *boxed, text) == (n, n, "text"));
        assert!(all);
        sender.join().unwrap();
    }
    end(runtime);
}

/// kotlinx.coroutines#3504: a receive that was cancelled as its value arrived lost the value.
#[test]
fn kotlinx_3504_value_lost_on_cancel() {
    let runtime = runtime(2);
    let (mut received, mut returned) = (0, 0);
    let mut random = Random::new(3504);
    for round in 0..2000 {
        let (tx, rx) = rendezvous();
        let parks = runtime.stats().parks;
        let receiver = runtime.builder().worker(0).spawn(move || rx.recv()).unwrap();
        until_parks(&runtime, parks + 1);
        let sender = runtime.builder().worker(1).spawn(move || tx.try_send(round).map_err(|why| why.into_inner()));
        (0..random.below(300)).for_each(|_| std::hint::spin_loop());
        receiver.cancel();
        match (receiver.join().unwrap(), sender.unwrap().join().unwrap()) {
            (Ok(value), Ok(())) if value == round => received += 1,
            (Err(RecvError::Cancelled), Err(value)) if value == round => returned += 1,
            (receiver, sender) => panic!("received {receiver:?}, sent {sender:?}"),
        }
    }
    assert_eq!(received + returned, 2000);
    end(runtime);
}
