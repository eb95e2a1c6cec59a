// SPDX-License-Identifier: BSD-3-Clause
//! Senders and receivers under random timeouts, cancels and closes: each value ends in exactly one place.

use std::sync::Arc;
use std::sync::atomic::{AtomicU8, AtomicU64, Ordering};
use std::time::Duration;

use kcoro_posix::channel::{Receiver, RecvTimeoutError, Sender, bounded};
use kcoro_posix::sched::{Handle, JoinHandle, yield_now};
use kcoro_posix::wait::block_on;
use kcoro_tests::random::Random;
use kcoro_tests::{end, runtime};

/// Operations over all capacities, for each number of workers.
const OPERATIONS: u64 = 210_000;
const CAPACITIES: [usize; 4] = [0, 1, 3, 64];
const SENDERS: u64 = 4;
const PER_SENDER: u64 = OPERATIONS / (CAPACITIES.len() as u64 * SENDERS);

/// How often each value was received, and how often it came back.
struct Ledger(Vec<AtomicU8>, AtomicU64, AtomicU64);

impl Ledger {
    fn new() -> Arc<Ledger> {
        let entries = (0..SENDERS * PER_SENDER).map(|_| AtomicU8::new(0)).collect();
        Arc::new(Ledger(entries, AtomicU64::new(0), AtomicU64::new(0)))
    }

    fn enter(&self, value: u64, count: &AtomicU64) {
        let before = self.0[value as usize].fetch_add(1, Ordering::SeqCst);
        assert_eq!(before, 0, "value {value} was in two places");
        count.fetch_add(1, Ordering::SeqCst);
    }

    fn received(&self, value: u64) {
        self.enter(value, &self.1);
    }

    fn returned(&self, value: u64) {
        self.enter(value, &self.2);
    }
}

fn short(random: &mut Random) -> Duration {
    Duration::from_nanos(random.below(20_000))
}

/// Sends in the first `forms` ways of four. A future that is dropped with a cancel does not say where its value went, so
/// a sender that is cancelled has three.
fn sender(tx: Sender<u64>, ledger: Arc<Ledger>, values: std::ops::Range<u64>, forms: u64) {
    let mut random = Random::new(values.start + 1);
    for value in values {
        let returned = match random.below(forms) {
            0 => tx.try_send(value).map_err(|why| why.into_inner()),
            1 => tx.send_timeout(value, short(&mut random)).map_err(|why| why.into_inner()),
            2 => tx.send(value).map_err(|why| why.into_inner()),
            _ => block_on(tx.send_async(value)).expect("never cancelled").map_err(|why| why.into_inner()),
        };
        if let Err(value) = returned {
            ledger.returned(value);
        }
        if random.below(8) == 0 {
            yield_now();
        }
    }
}

/// Receives until the channel is closed and empty.
fn receiver(rx: &Receiver<u64>, ledger: &Ledger, seed: u64) -> Result<(), RecvTimeoutError> {
    let mut random = Random::new(seed);
    loop {
        let received = match random.below(4) {
            0 => rx.try_recv().map_err(|_| RecvTimeoutError::TimedOut),
            1 => rx.recv_timeout(short(&mut random)),
            2 => match block_on(rx.recv_async()) {
                Ok(received) => received.map_err(|_| RecvTimeoutError::Closed),
                Err(_) => Err(RecvTimeoutError::Cancelled),
            },
            _ => rx.recv_timeout(Duration::MAX),
        };
        match received {
            Ok(value) => ledger.received(value),
            Err(RecvTimeoutError::TimedOut) => yield_now(),
            Err(why) => return Err(why),
        }
    }
}

/// A receiver that is cancelled again and again: each time another takes its place.
fn cancelled_receivers(runtime: Handle, rx: Receiver<u64>, ledger: Arc<Ledger>, seed: u64) {
    let mut random = Random::new(seed);
    loop {
        let (own_rx, own_ledger, seed) = (rx.clone(), ledger.clone(), random.below(u64::MAX >> 16));
        let handle = runtime.spawn(move || receiver(&own_rx, &own_ledger, seed)).unwrap();
        (0..random.below(50)).for_each(|_| yield_now());
        handle.cancel();
        if let Ok(Err(RecvTimeoutError::Closed)) = handle.join() {
            return;
        }
    }
}

fn chaos(workers: usize, capacity: usize, closes: bool) {
    let runtime = runtime(workers);
    let ledger = Ledger::new();
    let (tx, rx) = bounded(capacity);
    let receivers: Vec<JoinHandle<()>> = (0..4)
        .map(|n| {
            let (own, rx, ledger) = (runtime.handle().clone(), rx.clone(), ledger.clone());
            let body = move || match n {
                0 => cancelled_receivers(own, rx, ledger, 99),
                _ => assert_eq!(receiver(&rx, &ledger, 1000 + n), Err(RecvTimeoutError::Closed)),
            };
            runtime.spawn(body).unwrap()
        })
        .collect();
    let (start, started) = std::sync::mpsc::channel();
    let senders: Vec<_> = (0..SENDERS)
        .map(|n| {
            let (tx, ledger, forms) = (tx.clone(), ledger.clone(), if n == 0 { 3 } else { 4 });
            let start = start.clone();
            let body = move || {
                start.send(()).unwrap();
                sender(tx, ledger, n * PER_SENDER..(n + 1) * PER_SENDER, forms);
            };
            runtime.spawn(body).unwrap()
        })
        .collect();
    drop(tx);
    while ledger.1.load(Ordering::SeqCst) < SENDERS * PER_SENDER / 8 {
        std::thread::yield_now();
    }
    (0..SENDERS).for_each(|_| started.recv().unwrap());
    senders[0].cancel();
    if closes {
        while ledger.1.load(Ordering::SeqCst) < SENDERS * PER_SENDER / 4 {
            std::thread::yield_now();
        }
        rx.close();
    }
    drop(rx);
    senders.into_iter().for_each(|handle| handle.join().unwrap());
    receivers.into_iter().for_each(|handle| handle.join().unwrap());
    let (received, returned) = (ledger.1.load(Ordering::SeqCst), ledger.2.load(Ordering::SeqCst));
    assert_eq!(received + returned, SENDERS * PER_SENDER, "{received} received, {returned} returned");
    assert!(ledger.0.iter().all(|entry| entry.load(Ordering::SeqCst) == 1));
    end(runtime);
}

#[test]
fn each_value_is_received_or_returned_once_on_one_worker() {
    CAPACITIES.iter().for_each(|capacity| chaos(1, *capacity, *capacity == 3));
}

#[test]
fn each_value_is_received_or_returned_once_on_two_workers() {
    CAPACITIES.iter().for_each(|capacity| chaos(2, *capacity, *capacity == 1));
}

#[test]
fn each_value_is_received_or_returned_once_on_four_workers() {
    CAPACITIES.iter().for_each(|capacity| chaos(4, *capacity, *capacity == 64));
}
