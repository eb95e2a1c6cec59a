// SPDX-License-Identifier: BSD-3-Clause
//! Would bounded channels gain by not taking a lock where nobody waits? Their `try_` forms beside a ring of stamped slots
//! with the same promises: exactly so many values, first in first out, many senders and receivers; and after each operation a
//! look whether anybody waits who has to be woken, which must not be missed, hence the fence. The two are measured by turns;
//! medians in nanoseconds per value, sent and received.

use std::hint::black_box;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering, fence};
use std::thread;
use std::time::{Duration, Instant};

use kcoro_posix::Posix;
use kcoro_posix::channel::{Receiver, Sender, bounded};
use kcoro_posix::sched::{Builder, Runtime, yield_now};

const ROUNDS: usize = 9;
const VALUES: u64 = 500_000;

/// What both are.
trait Queue: Send + Sync + 'static {
    fn with_capacity(capacity: usize) -> Self;
    fn push(&self, value: u64) -> bool;
    fn pop(&self) -> Option<u64>;
}

struct Locked(Sender<u64>, Receiver<u64>);

impl Queue for Locked {
    fn with_capacity(capacity: usize) -> Self {
        let (tx, rx) = bounded(capacity);
        Self(tx, rx)
    }

    fn push(&self, value: u64) -> bool {
        self.0.try_send(value).is_ok()
    }

    fn pop(&self) -> Option<u64> {
        self.1.try_recv().ok()
    }
}

/// A slot is free for the value with the number of its stamp, and has that value when its stamp is one more. Positions count
/// in laps of `lap`, the power of two above the capacity, so that any capacity is exact.
struct Ring {
    slots: Box<[Slot]>,
    lap: usize,
    head: Padded,
    tail: Padded,
    receivers_waiting: Padded,
    senders_waiting: Padded,
}

#[repr(align(128))]
#[derive(Default)]
struct Padded(AtomicUsize);

struct Slot {
    stamp: AtomicUsize,
    /// Relaxed: the stamp publishes it. Costs what a plain word does.
    value: AtomicU64,
}

impl Ring {
    fn next(&self, position: usize) -> usize {
        let index = position & (self.lap - 1);
        if index + 1 < self.slots.len() { position + 1 } else { (position & !(self.lap - 1)).wrapping_add(self.lap) }
    }

    fn wake_one_of(waiting: &Padded) {
        fence(Ordering::SeqCst);
        if waiting.0.load(Ordering::Relaxed) != 0 {
            unreachable!("nobody waits here");
        }
    }
}

impl Queue for Ring {
    fn with_capacity(capacity: usize) -> Self {
        let slot = |stamp| Slot { stamp: AtomicUsize::new(stamp), value: AtomicU64::new(0) };
        let padded = Padded::default;
        let lap = (capacity + 1).next_power_of_two();
        let slots = (0..capacity).map(slot).collect();
        Self { slots, lap, head: padded(), tail: padded(), receivers_waiting: padded(), senders_waiting: padded() }
    }

    fn push(&self, value: u64) -> bool {
        let mut tail = self.tail.0.load(Ordering::Relaxed);
        loop {
            let slot = &self.slots[tail & (self.lap - 1)];
            if slot.stamp.load(Ordering::Acquire) == tail {
                let (order, failed) = (Ordering::SeqCst, Ordering::Relaxed);
                match self.tail.0.compare_exchange_weak(tail, self.next(tail), order, failed) {
                    Ok(_) => {
                        slot.value.store(value, Ordering::Relaxed);
                        slot.stamp.store(tail + 1, Ordering::Release);
                        Self::wake_one_of(&self.receivers_waiting);
                        return true;
                    }
                    Err(now) => tail = now,
                }
            } else {
                fence(Ordering::SeqCst);
                if self.head.0.load(Ordering::Relaxed).wrapping_add(self.lap) == tail {
                    return false;
                }
                tail = self.tail.0.load(Ordering::Relaxed);
            }
        }
    }

    fn pop(&self) -> Option<u64> {
        let mut head = self.head.0.load(Ordering::Relaxed);
        loop {
            let slot = &self.slots[head & (self.lap - 1)];
            if slot.stamp.load(Ordering::Acquire) == head + 1 {
                let (order, failed) = (Ordering::SeqCst, Ordering::Relaxed);
                match self.head.0.compare_exchange_weak(head, self.next(head), order, failed) {
                    Ok(_) => {
                        let value = slot.value.load(Ordering::Relaxed);
                        slot.stamp.store(head.wrapping_add(self.lap), Ordering::Release);
                        Self::wake_one_of(&self.senders_waiting);
                        return Some(value);
                    }
                    Err(now) => head = now,
                }
            } else {
                fence(Ordering::SeqCst);
                if self.tail.0.load(Ordering::Relaxed) == head {
                    return None;
                }
                head = self.head.0.load(Ordering::Relaxed);
            }
        }
    }
}

/// One after the other: never full, never empty for long.
fn alone<Q: Queue>(capacity: usize) -> Duration {
    let queue = Q::with_capacity(capacity);
    let start = Instant::now();
    for value in 0..VALUES {
        assert!(queue.push(black_box(value)));
        assert_eq!(queue.pop(), Some(value));
    }
    start.elapsed()
}

/// Full, then empty.
fn in_bursts<Q: Queue>(capacity: usize) -> Duration {
    let queue = Q::with_capacity(capacity);
    let start = Instant::now();
    for _ in 0..VALUES / capacity as u64 {
        (0..capacity as u64).for_each(|value| assert!(queue.push(black_box(value))));
        (0..capacity as u64).for_each(|value| assert_eq!(queue.pop(), Some(value)));
    }
    start.elapsed()
}

fn transfer<Q: Queue>(queue: &Q, give_way: fn()) -> u64 {
    let mut expected = 0;
    while expected < VALUES {
        match queue.pop() {
            Some(value) => {
                assert_eq!(value, expected);
                expected += 1;
            }
            None => give_way(),
        }
    }
    expected
}

fn send_all<Q: Queue>(queue: &Q, give_way: fn()) {
    for value in 0..VALUES {
        while !queue.push(value) {
            give_way();
        }
    }
}

fn two_threads<Q: Queue>(capacity: usize) -> Duration {
    let queue = Arc::new(Q::with_capacity(capacity));
    let start = Instant::now();
    let sender = {
        let queue = queue.clone();
        thread::spawn(move || send_all(&*queue, thread::yield_now))
    };
    transfer(&*queue, thread::yield_now);
    sender.join().expect("it sends");
    start.elapsed()
}

fn two_coroutines<Q: Queue>(capacity: usize, workers: usize) -> Duration {
    let runtime = Runtime::builder(Posix::new()).workers(workers).build().expect("a runtime");
    let body = move || {
        let queue = Arc::new(Q::with_capacity(capacity));
        let start = Instant::now();
        let sends = queue.clone();
        let sender = Builder::new().worker(workers - 1).spawn(move || send_all(&*sends, yield_now)).expect("spawned");
        transfer(&*queue, yield_now);
        sender.join().expect("it sends");
        start.elapsed()
    };
    runtime.run(body).expect("it runs")
}

fn compare(name: &str, locked: impl Fn() -> Duration, ring: impl Fn() -> Duration) {
    let per_value = |elapsed: Duration| elapsed.as_secs_f64() * 1e9 / VALUES as f64;
    let median = |mut times: Vec<f64>| {
        times.sort_by(f64::total_cmp);
        times[times.len() / 2]
    };
    let (of_locked, of_ring) = (0..ROUNDS).map(|_| (per_value(locked()), per_value(ring()))).unzip();
    let (locked, ring) = (median(of_locked), median(of_ring));
    println!("{name:<28} locked {locked:7.1} ns   ring {ring:7.1} ns   {:+.0} %", (ring / locked - 1.0) * 100.0);
}

fn main() {
    compare("one thread, by turns", || alone::<Locked>(64), || alone::<Ring>(64));
    compare("one thread, bursts of 64", || in_bursts::<Locked>(64), || in_bursts::<Ring>(64));
    for capacity in [64, 1024] {
        let name = format!("two threads, capacity {capacity}");
        compare(&name, || two_threads::<Locked>(capacity), || two_threads::<Ring>(capacity));
    }
    for (workers, capacity) in [(1, 64), (2, 64), (2, 1024)] {
        let name = format!("coroutines, {workers} workers, {capacity}");
        let locked = || two_coroutines::<Locked>(capacity, workers);
        compare(&name, locked, || two_coroutines::<Ring>(capacity, workers));
    }
}
