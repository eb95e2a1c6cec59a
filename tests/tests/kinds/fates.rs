// SPDX-License-Identifier: BSD-3-Clause
//! Exactly-once accounting under chaos: random timeouts, cancels, dropped futures, drains, discards and closes, hooks and
//! destructors that panic. Each value has one fate (received, returned, undelivered, or withdrawn with its future), and is
//! dropped once.

use std::future::Future;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::task::{Context, Waker};
use std::time::Duration;

use kcoro_posix::channel::{Builder, Overflow, Receiver, RecvError, RecvTimeoutError, Sender, TryRecvError};
use kcoro_posix::sched::{JoinHandle, Runtime, yield_now};
use kcoro_posix::wait::block_on;
use kcoro_tests::random::Random;
use kcoro_tests::{end, runtime};

use super::books::{Bomb, Books, DROP, FATE, Fate, Large, Nothing, Plain, Value};

const SENDERS: u64 = 4;
/// For each kind, each type, and each number of workers.
const PER_SENDER: u64 = match () {
    () if cfg!(miri) => 12,
    // Ten times slower, and they need no luck with the order of accesses.
    () if cfg!(any(kcoro_tsan, kcoro_asan)) => 300,
    () => 4_000,
};
const VALUES: u64 = SENDERS * PER_SENDER;

/// Runs `act`; a panic on purpose is caught, and its value counts as nothing more to do.
fn guarded<R>(act: impl FnOnce() -> R) -> Option<R> {
    match catch_unwind(AssertUnwindSafe(act)) {
        Ok(result) => Some(result),
        Err(payload) if payload.is::<&str>() && *payload.downcast_ref::<&str>().unwrap() == "on purpose" => None,
        Err(payload) => std::panic::resume_unwind(payload),
    }
}

fn short(random: &mut Random) -> Duration {
    Duration::from_nanos(random.below(20_000))
}

fn settle<V: Value>(books: &Books, value: V, fate: Fate) {
    books.enter(value.id(), fate);
    drop(value);
}

fn poll_once<F: Future>(future: F) -> Option<F::Output> {
    let mut context = Context::from_waker(Waker::noop());
    let mut future = pin!(future);
    for _ in 0..2 {
        if let std::task::Poll::Ready(output) = future.as_mut().poll(&mut context) {
            return Some(output);
        }
        yield_now();
    }
    None
}

fn send_one<V: Value>(tx: &Sender<V>, books: &Arc<Books>, value: V, random: &mut Random) {
    let returned = match random.below(5) {
        0 => tx.try_send(value).map_err(|why| why.into_inner()),
        1 => tx.send_timeout(value, short(random)).map_err(|why| why.into_inner()),
        2 => tx.send(value).map_err(|why| why.into_inner()),
        3 => match block_on(tx.send_async(value)) {
            Ok(sent) => sent.map_err(|why| why.into_inner()),
            Err(_) => {
                books.dropped_sends.fetch_add(1, Ordering::SeqCst);
                return;
            }
        },
        _ => {
            // Counted before: a destructor that panics must not make it one less.
            books.dropped_sends.fetch_add(1, Ordering::SeqCst);
            match poll_once(tx.send_async(value)) {
                Some(sent) => sent.map_err(|why| why.into_inner()),
                None => return,
            }
        }
    };
    if let Err(value) = returned {
        settle(books, value, Fate::Returned);
    }
}

fn sender<V: Value>(tx: &Sender<V>, books: &Arc<Books>, ids: std::ops::Range<u64>) {
    let mut random = Random::new(ids.start + 1);
    for id in ids {
        let value = V::make(books, id);
        guarded(|| send_one(tx, books, value, &mut random));
        if random.below(8) == 0 {
            yield_now();
        }
    }
}

/// One receive; `Err` when nothing more will come for this receiver.
fn receive_one<V: Value>(rx: &Receiver<V>, books: &Books, random: &mut Random) -> Result<(), RecvError> {
    let received = match random.below(9) {
        0 | 1 => match rx.try_recv() {
            Ok(value) => value,
            Err(TryRecvError::Closed) => return Err(RecvError::Closed),
            Err(_) => {
                yield_now();
                return Ok(());
            }
        },
        2 | 3 => match rx.recv_timeout(short(random)) {
            Ok(value) => value,
            Err(RecvTimeoutError::TimedOut) => return Ok(()),
            Err(RecvTimeoutError::Closed) => return Err(RecvError::Closed),
            Err(_) => return Err(RecvError::Cancelled),
        },
        4 => match block_on(rx.recv_async()) {
            Ok(received) => received?,
            Err(_) => return Err(RecvError::Cancelled),
        },
        5 | 6 => match poll_once(rx.recv_async()) {
            Some(received) => received?,
            None => return Ok(()),
        },
        7 if random.below(8) == 0 => {
            rx.discard();
            return Ok(());
        }
        7 if random.below(8) == 0 => {
            rx.drain().for_each(|value| _ = guarded(|| settle(books, value, Fate::Received)));
            return Ok(());
        }
        _ => rx.recv()?,
    };
    settle(books, received, Fate::Received);
    Ok(())
}

fn receiver<V: Value>(rx: &Receiver<V>, books: &Books, seed: u64) -> RecvError {
    let mut random = Random::new(seed);
    loop {
        if let Some(Err(why)) = guarded(|| receive_one(rx, books, &mut random)) {
            return why;
        }
    }
}

/// Receivers that are cancelled again and again; the next takes the place of the last.
fn cancelled_receivers<V: Value>(runtime: &Runtime, rx: &Receiver<V>, books: &Arc<Books>) {
    let mut random = Random::new(77);
    loop {
        let (rx, books, seed) = (rx.clone(), books.clone(), random.below(1 << 40));
        let handle: JoinHandle<RecvError> = runtime.spawn(move || receiver(&rx, &books, seed)).unwrap();
        (0..random.below(50)).for_each(|_| std::thread::yield_now());
        handle.cancel();
        if handle.join().is_ok_and(|why| why == RecvError::Closed) {
            return;
        }
    }
}

fn chaos<V: Value>(workers: usize, builder: Builder<V>, closes_early: bool) {
    let runtime = runtime(workers);
    let books = Books::new(VALUES);
    let (noted, dice) = (books.clone(), AtomicU64::new(0));
    let hook = move |value: V, _| {
        noted.enter(value.id(), Fate::Undelivered);
        // The value is dropped by the unwinding then.
        noted.perhaps_panic(dice.fetch_add(1, Ordering::Relaxed), 13);
        drop(value);
    };
    let (tx, rx) = builder.on_undelivered(hook).with_stats().build();
    let receivers: Vec<_> = (0..2)
        .map(|n| {
            let (rx, books) = (rx.clone(), books.clone());
            runtime.spawn(move || assert_eq!(receiver(&rx, &books, 1000 + n), RecvError::Closed)).unwrap()
        })
        .collect();
    let (start, started) = std::sync::mpsc::channel();
    let senders: Vec<_> = (0..SENDERS - 1)
        .map(|n| {
            let (tx, books, start) = (tx.clone(), books.clone(), start.clone());
            let body = move || {
                start.send(()).unwrap();
                sender(&tx, &books, n * PER_SENDER..(n + 1) * PER_SENDER);
            };
            runtime.spawn(body).unwrap()
        })
        .collect();
    std::thread::scope(|threads| {
        let (own_tx, own_rx, own_books) = (tx.clone(), rx.clone(), books.clone());
        threads.spawn(move || sender(&own_tx, &own_books, VALUES - PER_SENDER..VALUES));
        let also_books = books.clone();
        threads.spawn(move || receiver(&own_rx, &also_books, 5));
        threads.spawn(|| cancelled_receivers(&runtime, &rx, &books));
        while books.of(Fate::Received) + books.of(Fate::Undelivered) < VALUES / 16 {
            std::thread::yield_now();
        }
        // Cancelled before it ran, a sender would make no values.
        (1..SENDERS).for_each(|_| started.recv().unwrap());
        senders[0].cancel();
        if closes_early {
            while books.of(Fate::Received) + books.of(Fate::Undelivered) < VALUES / 4 {
                std::thread::yield_now();
            }
            tx.close();
        }
        for handle in senders {
            handle.join().expect("it ran");
        }
        // The sender on its thread may be the last.
        drop(tx);
        receivers.into_iter().for_each(|handle| handle.join().unwrap());
    });
    // The last receiver goes with what is left.
    guarded(|| drop(rx));
    books.panics.store(false, Ordering::SeqCst);
    end(runtime);
    check(&books);
}

fn check(books: &Books) {
    let fates = [Fate::Received, Fate::Returned, Fate::Undelivered, Fate::Withdrawn].map(|fate| books.of(fate));
    let (drops, withdrawn) = (books.drops.load(Ordering::SeqCst), books.dropped_sends.load(Ordering::SeqCst));
    assert_eq!(drops, VALUES, "each is dropped once: {fates:?}");
    let known: u64 = fates.iter().sum();
    if books.entries.iter().any(|entry| entry.load(Ordering::SeqCst) > 0) {
        assert_eq!(known, VALUES, "{fates:?}");
        assert!(fates[3] <= withdrawn, "{fates:?}, but only {withdrawn} futures were dropped");
        assert!(books.entries.iter().all(|entry| [DROP, DROP | FATE].contains(&entry.load(Ordering::SeqCst))));
    } else {
        // Those without a size do not tell when they were withdrawn.
        assert!(known <= VALUES && VALUES - known <= withdrawn, "{fates:?}, {withdrawn} futures were dropped");
    }
}

fn kinds<V: Value>() -> [Builder<V>; 7] {
    [
        Builder::rendezvous(),
        Builder::bounded(3),
        Builder::unbounded(),
        Builder::conflated(),
        Builder::bounded(4).overflow(Overflow::DropOldest),
        Builder::bounded(4).overflow(Overflow::DropLatest),
        Builder::rendezvous().overflow(Overflow::DropLatest),
    ]
}

fn all_kinds<V: Value>() {
    for workers in [1, 3] {
        for (nth, builder) in kinds::<V>().into_iter().enumerate() {
            chaos(workers, builder, (nth + workers).is_multiple_of(2));
        }
    }
}

#[test]
fn each_value_has_one_fate_and_is_dropped_once() {
    all_kinds::<Plain>();
}

#[test]
fn each_large_value_has_one_fate_and_is_dropped_once() {
    all_kinds::<Large>();
}

#[test]
fn each_value_without_a_size_is_dropped_once() {
    all_kinds::<Nothing>();
}

#[test]
fn each_value_whose_drop_panics_has_one_fate_and_is_dropped_once() {
    all_kinds::<Bomb>();
}
