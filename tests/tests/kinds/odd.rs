// SPDX-License-Identifier: BSD-3-Clause
//! What nobody should ask for: odd capacities, sizes, limits and times have a defined answer.

use std::time::Duration;

use kcoro_posix::channel::{
    Builder, Overflow, RecvError, RecvTimeoutError, SendError, SendTimeoutError, TryRecvError, TrySendError,
    Undelivered, bounded, conflated, never, unbounded,
};
use kcoro_posix::platform::ClockId;
use kcoro_posix::sched::{spawn, yield_now};
use kcoro_posix::time::Instant;
use kcoro_tests::{SHORT, end, runtime};

/// Every kind, and whether a send into it can be too much.
fn kinds() -> [(Builder<u64>, bool); 8] {
    [
        (Builder::rendezvous(), true),
        (Builder::bounded(0), true),
        (Builder::bounded(1), true),
        (Builder::bounded(usize::MAX - 1), false),
        (Builder::unbounded(), false),
        (Builder::conflated(), false),
        (Builder::bounded(0).overflow(Overflow::DropOldest), false),
        (Builder::bounded(2).overflow(Overflow::DropLatest), false),
    ]
}

#[test]
fn odd_times_mean_what_they_say_in_every_kind() {
    let everywhere = || {
        for (builder, can_be_full) in kinds() {
            let name = format!("{builder:?}");
            let (tx, rx) = builder.build();
            let past = Instant::now().unwrap();
            for limit in [Duration::ZERO, Duration::from_nanos(1), SHORT] {
                assert_eq!(rx.recv_timeout(limit), Err(RecvTimeoutError::TimedOut), "{name}");
            }
            assert_eq!(rx.recv_deadline(past), Err(RecvTimeoutError::TimedOut), "{name}");
            // What needs no time has it, whatever the limit.
            if can_be_full {
                (0..tx.capacity()).for_each(|_| tx.send_timeout(0, Duration::ZERO).unwrap());
                assert_eq!(tx.send_timeout(1, Duration::ZERO), Err(SendTimeoutError::TimedOut(1)), "{name}");
                assert_eq!(tx.send_deadline(1, past), Err(SendTimeoutError::TimedOut(1)), "{name}");
            } else {
                (0..3).for_each(|n| tx.send_timeout(n, Duration::ZERO).unwrap());
                (0..3).for_each(|n| tx.send_deadline(n, past).unwrap());
                (0..3).for_each(|n| tx.send_timeout(n, Duration::MAX).unwrap());
            }
            let is_there = !rx.is_empty();
            assert_eq!(rx.recv_timeout(Duration::ZERO).is_ok(), is_there, "{name}");
            let other = Instant::from_clock(ClockId(77), 0);
            assert!(matches!(rx.recv_deadline(other), Err(RecvTimeoutError::Clock(_))));
            assert!(matches!(tx.send_deadline(5, other), Err(SendTimeoutError::Clock(5, _))));
            tx.close();
            assert_eq!(tx.send_timeout(7, Duration::MAX), Err(SendTimeoutError::Closed(7)), "{name}");
            rx.discard();
            assert_eq!(rx.recv_timeout(Duration::MAX), Err(RecvTimeoutError::Closed), "{name}");
        }
    };
    everywhere();
    let runtime = runtime(1);
    runtime.run(everywhere).unwrap();
    // For ever does not end before it is over.
    let woken = runtime.run(|| {
        let (tx, rx) = unbounded();
        let receiver = spawn(move || rx.recv_timeout(Duration::MAX)).unwrap();
        yield_now();
        tx.send(9).unwrap();
        receiver.join().unwrap()
    });
    assert_eq!(woken.unwrap(), Ok(9));
    end(runtime);
}

#[test]
fn capacities_at_both_ends() {
    let (tx, rx) = bounded::<u8>(usize::MAX);
    assert_eq!((tx.capacity(), tx.is_full(), rx.is_full()), (usize::MAX, false, false));
    let (tx, rx) = bounded::<u8>(usize::MAX - 1);
    (0..5000).for_each(|n| tx.send(n as u8).unwrap());
    assert_eq!((tx.capacity(), rx.drain().len()), (usize::MAX - 1, 5000));
    let (tx, rx) = bounded::<u8>(0);
    assert!(tx.is_full() && tx.is_empty() && rx.is_full() && rx.is_empty());
    assert_eq!((tx.try_send(1), rx.discard(), rx.drain().count()), (Err(TrySendError::Full(1)), 0, 0));
    // An unbounded channel is never full, so its policy does not matter.
    let never_called = |_, _| unreachable!();
    let (tx, rx) = Builder::unbounded().overflow(Overflow::DropOldest).on_undelivered(never_called).build();
    (0..2000).for_each(|n| tx.send(n).unwrap());
    assert!(rx.try_iter().eq(0..2000));
}

#[test]
fn values_of_no_size_fill_every_kind_exactly() {
    for (capacity, overflow) in [
        (3, Overflow::DropOldest),
        (3, Overflow::DropLatest),
        (1, Overflow::DropOldest),
        (usize::MAX, Overflow::Suspend),
    ] {
        let (tx, rx) = Builder::bounded(capacity).overflow(overflow).with_stats().build();
        (0..5000).for_each(|_| tx.send(()).unwrap());
        let held = capacity.min(5000);
        assert_eq!((rx.len(), rx.try_iter().count()), (held, held));
        let stats = rx.stats().unwrap();
        assert_eq!((stats.replaced + stats.refused, stats.high_water), (5000 - held as u64, held));
        assert_eq!(rx.try_recv(), Err(TryRecvError::Empty));
    }
}

#[test]
fn large_values_are_replaced_and_refused_whole() {
    const WORDS: usize = 1024;
    let hook = |value: [u64; WORDS], why| {
        assert!(value.iter().all(|word| *word == value[0]));
        assert_eq!(why, Undelivered::Replaced);
    };
    let (tx, rx) = Builder::bounded(3).overflow(Overflow::DropOldest).on_undelivered(hook).build();
    (0..20).for_each(|n| tx.send([n; WORDS]).unwrap());
    for n in 17..20 {
        assert!(rx.recv().unwrap().iter().all(|word| *word == n));
    }
    let (tx, rx) = unbounded();
    (0..20).for_each(|n| tx.send([n; WORDS]).unwrap());
    assert!((0..20).all(|n| rx.recv().unwrap().iter().all(|word| *word == n)));
}

#[test]
fn huge_values_go_through_every_kind() {
    const BYTES: usize = 1024 * 1024;
    // Words, for a compiler that optimises takes minutes over as many bytes by value.
    const WORDS: usize = BYTES / size_of::<u64>();
    let is_whole = |value: &[u64; WORDS]| value.iter().step_by(511).all(|word| *word == value[0]);
    let body = move || {
        for builder in [Builder::rendezvous(), Builder::bounded(2), Builder::unbounded(), Builder::conflated()] {
            let (tx, rx) = builder.build();
            let sends = move || (1..4).for_each(|n| tx.send([n; WORDS]).unwrap());
            let sender = kcoro_posix::sched::Builder::new().stack_size(64 * BYTES).spawn(sends).unwrap();
            let last = rx.iter().inspect(|value| assert!(is_whole(value))).map(|value| value[0]).last();
            assert_eq!(last, Some(3));
            sender.join().unwrap();
        }
    };
    let runtime = kcoro_tests::builder().workers(2).stack_size(64 * BYTES).build().unwrap();
    runtime.run(body).unwrap();
    end(runtime);
}

#[test]
fn closing_twice_and_after_the_end_changes_nothing() {
    for (builder, _) in kinds() {
        let (tx, rx) = builder.build();
        assert_eq!((tx.close(), tx.close(), rx.close()), (true, false, false));
        assert_eq!((rx.discard(), rx.drain().count(), rx.recv()), (0, 0, Err(RecvError::Closed)));
        assert_eq!(tx.send(1), Err(SendError::Closed(1)));
        drop(rx);
        assert_eq!((tx.close(), tx.len(), tx.try_send(2)), (false, 0, Err(TrySendError::Closed(2))));
    }
}

/// A closed channel lets a receive future that had won give its value back, after the others were drained.
#[test]
fn a_value_comes_back_into_a_closed_and_drained_channel() {
    use std::future::Future;
    use std::task::{Context, Waker};
    for builder in [Builder::bounded(2), Builder::unbounded()] {
        let (tx, rx) = builder.build();
        let mut receive = Box::pin(rx.recv_async());
        assert!(receive.as_mut().poll(&mut Context::from_waker(Waker::noop())).is_pending());
        tx.send(1).unwrap();
        tx.close();
        assert_eq!((rx.drain().count(), rx.try_recv()), (0, Err(TryRecvError::Closed)));
        drop(receive);
        assert_eq!((rx.try_recv(), rx.try_recv()), (Ok(1), Err(TryRecvError::Closed)));
    }
}

#[test]
fn a_hook_that_sends_into_its_own_full_channel_ends_when_there_is_room() {
    let (late_tx, late_rx) = unbounded();
    let hook = move |value: u32, why| {
        assert_eq!(why, Undelivered::Replaced);
        if value > 0 {
            let tx: kcoro_posix::channel::Sender<u32> = late_rx.try_recv().unwrap();
            // Replaces again, and so calls this hook again.
            tx.send(value - 1).unwrap();
        }
    };
    let (tx, rx) = Builder::conflated().on_undelivered(hook).build();
    // As often as it is called for a value above zero.
    (0..7).for_each(|_| late_tx.send(tx.clone()).unwrap());
    tx.send(4).unwrap();
    tx.send(3).unwrap();
    assert_eq!(rx.recv(), Ok(0));
    drop(late_tx);
}

#[test]
fn never_is_open_and_alone() {
    let rx = never::<u64>();
    assert!(!rx.is_closed() && rx.is_full() && rx.same_channel(&rx.clone()));
    assert_eq!((rx.drain().count(), rx.discard(), rx.capacity(), rx.stats()), (0, 0, 0, None));
    assert!(!rx.same_channel(&never()));
    assert_eq!((rx.try_iter().count(), rx.close(), rx.iter().count()), (0, true, 0));
    drop(conflated::<u64>());
}
