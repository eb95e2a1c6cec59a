// SPDX-License-Identifier: BSD-3-Clause
//! Bounded and rendezvous channels: capacity, order, ends, odd values.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::Duration;

use kcoro_posix::channel::{RecvTimeoutError, SendTimeoutError, bounded, rendezvous};
use kcoro_posix::platform::ClockId;
use kcoro_posix::sched::{spawn, yield_now};
use kcoro_posix::time::Instant;
use kcoro_tests::counted::Drops;
use kcoro_tests::{SHORT, end, runtime};

#[test]
fn a_channel_of_any_capacity_takes_memory_as_it_fills() {
    let (tx, rx) = bounded(usize::MAX);
    assert_eq!(tx.capacity(), usize::MAX);
    (0..10_000).for_each(|n| tx.send(n).unwrap());
    assert_eq!(rx.len(), 10_000);
    drop(tx);
    assert!(rx.iter().eq(0..10_000));
}

#[test]
fn times_of_zero_in_the_past_and_for_ever() {
    let runtime = runtime(1);
    let everywhere = || {
        let (tx, rx) = bounded(1);
        let past = Instant::now().unwrap();
        assert_eq!(rx.recv_timeout(Duration::ZERO), Err(RecvTimeoutError::TimedOut));
        assert_eq!(rx.recv_deadline(past), Err(RecvTimeoutError::TimedOut));
        tx.send_timeout(1, Duration::ZERO).unwrap();
        assert_eq!(tx.send_timeout(2, Duration::ZERO), Err(SendTimeoutError::TimedOut(2)));
        assert_eq!(tx.send_deadline(3, past), Err(SendTimeoutError::TimedOut(3)));
        assert_eq!(rx.recv_deadline(past), Ok(1), "what is there needs no time");
        tx.send_timeout(4, Duration::MAX).unwrap();
        assert_eq!(rx.recv_timeout(Duration::MAX), Ok(4));
        assert_eq!(rx.recv_timeout(SHORT), Err(RecvTimeoutError::TimedOut));
        assert!(Instant::now().unwrap().duration_since(past).unwrap() >= SHORT, "never early");
        let other = Instant::from_clock(ClockId(77), 0);
        assert!(matches!(rx.recv_deadline(other), Err(RecvTimeoutError::Clock(_))));
        assert!(matches!(tx.send_deadline(5, other), Err(SendTimeoutError::Clock(5, _))));
    };
    everywhere();
    runtime.run(everywhere).unwrap();
    let woken = runtime.run(|| {
        let (tx, rx) = rendezvous();
        let receiver = spawn(move || rx.recv_timeout(Duration::MAX)).unwrap();
        yield_now();
        tx.send_timeout(9, Duration::MAX).unwrap();
        receiver.join().unwrap()
    });
    assert_eq!(woken.unwrap(), Ok(9));
    end(runtime);
}

#[test]
fn large_values_arrive_whole() {
    // Words, for a compiler that optimises takes a minute and a half over as many bytes by value.
    const WORDS: usize = 8 * 1024;
    let runtime = runtime(2);
    for capacity in [0, 3] {
        let (tx, rx) = bounded::<[u64; WORDS]>(capacity);
        let large = || runtime.builder().stack_size(4 << 20);
        let sender = large().spawn(move || (0..50).for_each(|n| tx.send([n; WORDS]).unwrap())).unwrap();
        let receiver = large().spawn(move || {
            for (n, value) in (0..).zip(rx) {
                assert!(value.iter().all(|word| *word == n));
            }
        });
        sender.join().unwrap();
        receiver.unwrap().join().unwrap();
    }
    end(runtime);
}

#[test]
fn a_value_whose_drop_panics_is_dropped_once_and_the_channel_is_usable() {
    let drops = Drops::new();
    let (tx, rx) = bounded(4);
    (0..3).for_each(|_| tx.send(drops.bomb()).unwrap());
    assert!(catch_unwind(AssertUnwindSafe(|| drop(rx.recv()))).is_err());
    assert_eq!((drops.count(), rx.len()), (1, 2));
    assert!(catch_unwind(AssertUnwindSafe(|| drop(rx))).is_err());
    assert_eq!(drops.count(), 3, "the others, too");
    assert!(tx.is_closed() && tx.is_empty());
    drop(tx);
    assert_eq!(drops.count(), 3, "none twice");
}

#[test]
fn threads_and_coroutines_share_a_channel() {
    for capacity in [0, 2] {
        let runtime = runtime(2);
        let (tx, rx) = bounded::<u64>(capacity);
        let (sums_tx, sums_rx) = bounded::<u64>(4);
        std::thread::scope(|threads| {
            for _ in 0..2 {
                let (own_tx, own_rx, sums) = (tx.clone(), rx.clone(), sums_tx.clone());
                threads.spawn(move || (1..=1000).for_each(|n| own_tx.send(n).unwrap()));
                threads.spawn(move || sums.send(own_rx.iter().sum()).unwrap());
                let (own_tx, own_rx, sums) = (tx.clone(), rx.clone(), sums_tx.clone());
                runtime.spawn(move || (1..=1000).for_each(|n| own_tx.send(n).unwrap())).unwrap().detach();
                runtime.spawn(move || sums.send(own_rx.iter().sum()).unwrap()).unwrap().detach();
            }
            drop((tx, rx, sums_tx));
            assert_eq!(sums_rx.iter().sum::<u64>(), 4 * 500_500);
        });
        end(runtime);
    }
}
