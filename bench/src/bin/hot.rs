// SPDX-License-Identifier: BSD-3-Clause
//! The runtime's hot paths, in nanoseconds per operation: median of rounds.

use std::sync::Arc;
use std::time::{Duration, Instant};

use kcoro_posix::Posix;
use kcoro_posix::channel::{Receiver, Sender, bounded, never};
use kcoro_posix::sched::{Builder, JoinHandle, Runtime, spawn, yield_now};
use kcoro_posix::select;
use kcoro_posix::select::Select;
use kcoro_posix::sync::{Mutex, Semaphore};

const ROUNDS: usize = 9;

fn main() {
    let filter = std::env::args().nth(1).unwrap_or_default();
    for workers in [1, 2] {
        let runtime = Runtime::builder(Posix::new()).workers(workers).build().expect("a runtime");
        for (name, operations, workload) in WORKLOADS {
            if !name.contains(&filter) {
                continue;
            }
            let mut times: Vec<f64> = (0..ROUNDS)
                .map(|_| {
                    let operations = *operations;
                    let elapsed = runtime.run(move || workload(operations)).expect("the workload runs");
                    elapsed.as_secs_f64() * 1e9 / operations as f64
                })
                .collect();
            times.sort_by(f64::total_cmp);
            let (least, median, most) = (times[0], times[ROUNDS / 2], times[ROUNDS - 1]);
            println!("{name:<32} workers {workers}: {median:9.1} ns  ({least:.1} to {most:.1})");
        }
    }
}

type Workload = fn(usize) -> Duration;

const WORKLOADS: &[(&str, usize, Workload)] = &[
    ("yield, 1 coroutine", 2_000_000, |n| yields(1, n)),
    ("yield, 2 coroutines", 2_000_000, |n| yields(2, n)),
    ("yield, 1000 coroutines", 2_000_000, |n| yields(1000, n)),
    ("spawn then join all", 100_000, spawn_then_join),
    ("spawn and join one by one", 100_000, spawn_join_one_by_one),
    ("ping-pong, rendezvous", 200_000, |n| ping_pong(0, n)),
    ("ping-pong, rendezvous, near", 200_000, |n| ping_pong_near(0, n)),
    ("bounded 64, 1 to 1", 1_000_000, |n| stream(64, n)),
    ("bounded 1024, 1 to 1", 1_000_000, |n| stream(1024, n)),
    ("select 2, ready", 500_000, select_2_ready),
    ("select 8, ready", 500_000, select_8_ready),
    ("select 2, parks", 200_000, select_2_parks),
    ("select 8, parks", 200_000, select_8_parks),
    ("set of 1000, ready", 200_000, set_ready),
    ("set of 1000, parks", 200_000, set_parks),
    ("skynet, per leaf", 100_000, skynet),
    ("mutex, lock and unlock", 2_000_000, lock_and_unlock),
    ("semaphore, acquire and release", 2_000_000, acquire_and_release),
    ("mutex, two that hold it over a yield", 500_000, contend),
    ("ping-pong, semaphores, near", 200_000, ping_pong_semaphores),
];

fn yields(coroutines: usize, n: usize) -> Duration {
    let start = Instant::now();
    let each = n / coroutines;
    let handles: Vec<_> = (0..coroutines)
        .map(|_| Builder::new().near().spawn(move || (0..each).for_each(|_| yield_now())).expect("spawned"))
        .collect();
    handles.into_iter().for_each(|handle| handle.join().expect("it ends"));
    start.elapsed()
}

fn spawn_then_join(n: usize) -> Duration {
    let start = Instant::now();
    let handles: Vec<_> = (0..n).map(|i| spawn(move || i).expect("spawned")).collect();
    let sum: usize = handles.into_iter().map(|handle| handle.join().expect("it ends")).sum();
    assert_eq!(sum, n * (n - 1) / 2);
    start.elapsed()
}

fn spawn_join_one_by_one(n: usize) -> Duration {
    let start = Instant::now();
    let sum: usize = (0..n).map(|i| spawn(move || i).expect("spawned").join().expect("it ends")).sum();
    assert_eq!(sum, n * (n - 1) / 2);
    start.elapsed()
}

fn ping_pong(capacity: usize, n: usize) -> Duration {
    ping_pong_with(Builder::new(), capacity, n)
}

fn ping_pong_near(capacity: usize, n: usize) -> Duration {
    ping_pong_with(Builder::new().near(), capacity, n)
}

/// A value comes in and goes out by a select of which both arms can be ready.
fn select_2_ready(n: usize) -> Duration {
    let (tx, rx) = bounded(1);
    let start = Instant::now();
    for value in 0..n {
        select! {
            send(tx, value) -> sent => sent.expect("open"),
            recv(rx) -> received => drop(received.expect("open")),
        }
    }
    start.elapsed()
}

/// As [`select_2_ready`], with six arms more that are never ready.
fn select_8_ready(n: usize) -> Duration {
    let (tx, rx) = bounded(1);
    let idle = never::<usize>();
    let start = Instant::now();
    for value in 0..n {
        select! {
            recv(idle) -> _ => unreachable!(),
            recv(idle) -> _ => unreachable!(),
            recv(idle) -> _ => unreachable!(),
            send(tx, value) -> sent => sent.expect("open"),
            recv(rx) -> received => drop(received.expect("open")),
            recv(idle) -> _ => unreachable!(),
            recv(idle) -> _ => unreachable!(),
            recv(idle) -> _ => unreachable!(),
        }
    }
    start.elapsed()
}

/// As a rendezvous of one way, whose receiver has another arm: with every value it registers, parks and leaves both.
fn select_2_parks(n: usize) -> Duration {
    let (tx, rx) = bounded(0);
    let idle = never::<usize>();
    let receive = move || {
        (0..n).for_each(|_| {
            select! {
                recv(idle) -> _ => unreachable!(),
                recv(rx) -> received => drop(received.expect("open")),
            }
        })
    };
    sends_to(Builder::new().near().spawn(receive).expect("spawned"), &tx, n)
}

/// As [`select_2_parks`], with six arms more.
fn select_8_parks(n: usize) -> Duration {
    let (tx, rx) = bounded(0);
    let idle = never::<usize>();
    let receive = move || {
        (0..n).for_each(|_| {
            select! {
                recv(idle) -> _ => unreachable!(),
                recv(idle) -> _ => unreachable!(),
                recv(idle) -> _ => unreachable!(),
                recv(idle) -> _ => unreachable!(),
                recv(rx) -> received => drop(received.expect("open")),
                recv(idle) -> _ => unreachable!(),
                recv(idle) -> _ => unreachable!(),
                recv(idle) -> _ => unreachable!(),
            }
        })
    };
    sends_to(Builder::new().near().spawn(receive).expect("spawned"), &tx, n)
}

/// A value that is there comes in by a set with 999 arms more, which never change.
fn set_ready(n: usize) -> Duration {
    let (tx, rx) = bounded(1);
    let idle: Vec<_> = (1..1000).map(|_| never::<usize>()).collect();
    let mut set = set_of(&idle, &rx);
    assert!(set.try_select().is_none());
    let start = Instant::now();
    for value in 0..n {
        tx.send(value).expect("open");
        assert!(set.try_select().is_some());
    }
    start.elapsed()
}

/// As [`select_2_parks`], with a set of a thousand arms.
fn set_parks(n: usize) -> Duration {
    let (tx, rx) = bounded(0);
    let receive = move || {
        let idle: Vec<_> = (1..1000).map(|_| never::<usize>()).collect();
        let mut set = set_of(&idle, &rx);
        for _ in 0..n {
            set.wait().expect("it can wait");
        }
    };
    sends_to(Builder::new().near().spawn(receive).expect("spawned"), &tx, n)
}

fn set_of<'a>(idle: &'a [Receiver<usize>], rx: &'a Receiver<usize>) -> Select<'a, usize> {
    let mut set = Select::new();
    for idle in idle {
        set.recv(idle, |_| unreachable!());
    }
    set.recv(rx, |received| received.expect("open"));
    set
}

fn sends_to(receiver: JoinHandle<()>, tx: &Sender<usize>, n: usize) -> Duration {
    let start = Instant::now();
    (0..n).for_each(|value| tx.send(value).expect("open"));
    receiver.join().expect("it ends");
    start.elapsed()
}

fn ping_pong_with(builder: Builder<'_>, capacity: usize, n: usize) -> Duration {
    let (ping_tx, ping_rx) = bounded::<usize>(capacity);
    let (pong_tx, pong_rx) = bounded::<usize>(capacity);
    let echo = builder.spawn(move || ping_rx.iter().for_each(|v| pong_tx.send(v).expect("open"))).expect("spawned");
    let start = Instant::now();
    for i in 0..n {
        ping_tx.send(i).expect("open");
        assert_eq!(pong_rx.recv(), Ok(i));
    }
    let elapsed = start.elapsed();
    drop(ping_tx);
    echo.join().expect("it ends");
    elapsed
}

fn stream(capacity: usize, n: usize) -> Duration {
    let (tx, rx) = bounded::<usize>(capacity);
    let start = Instant::now();
    let producer = spawn(move || (0..n).for_each(|i| tx.send(i).expect("open"))).expect("spawned");
    let sum: usize = rx.iter().sum();
    assert_eq!(sum, n * (n - 1) / 2);
    producer.join().expect("it ends");
    start.elapsed()
}

fn lock_and_unlock(n: usize) -> Duration {
    let mutex = Mutex::new(0);
    let start = Instant::now();
    (0..n).for_each(|_| *mutex.lock().expect("it is free") += 1);
    let elapsed = start.elapsed();
    assert_eq!(mutex.into_inner(), n);
    elapsed
}

fn acquire_and_release(n: usize) -> Duration {
    let semaphore = Semaphore::new(1);
    let start = Instant::now();
    (0..n).for_each(|_| drop(semaphore.acquire(1).expect("it is open")));
    start.elapsed()
}

/// Per tenure: each ends with a yield, and the other wants the lock all the time.
fn contend(n: usize) -> Duration {
    let mutex = Arc::new(Mutex::new(0));
    let start = Instant::now();
    let adds = |_| {
        let mutex = mutex.clone();
        let body = move || {
            for _ in 0..n / 2 {
                let mut sum = mutex.lock().expect("a coroutine can wait");
                *sum += 1;
                yield_now();
            }
        };
        Builder::new().near().spawn(body).expect("spawned")
    };
    let both: Vec<_> = (0..2).map(adds).collect();
    both.into_iter().for_each(|one| one.join().expect("it ends"));
    let elapsed = start.elapsed();
    assert_eq!(*mutex.try_lock().expect("it is free"), n);
    elapsed
}

/// As the ping-pong over rendezvous channels, with a permit in place of a value.
fn ping_pong_semaphores(n: usize) -> Duration {
    let both = Arc::new((Semaphore::new(0), Semaphore::new(0)));
    let echoes = both.clone();
    let body = move || {
        for _ in 0..n {
            echoes.0.acquire(1).expect("it is open").forget();
            echoes.1.release(1);
        }
    };
    let echo = Builder::new().near().spawn(body).expect("spawned");
    let start = Instant::now();
    for _ in 0..n {
        both.0.release(1);
        both.1.acquire(1).expect("it is open").forget();
    }
    let elapsed = start.elapsed();
    echo.join().expect("it ends");
    elapsed
}

fn skynet(leaves: usize) -> Duration {
    fn node(first: usize, leaves: usize) -> usize {
        if leaves == 1 {
            return first;
        }
        let part = leaves / 10;
        let handles: Vec<_> = (0..10).map(|i| spawn(move || node(first + i * part, part)).expect("spawned")).collect();
        handles.into_iter().map(|handle| handle.join().expect("it ends")).sum()
    }
    let start = Instant::now();
    assert_eq!(node(0, leaves), leaves * (leaves - 1) / 2);
    start.elapsed()
}
