// SPDX-License-Identifier: BSD-3-Clause
//! Time-outs, cancels, dropped futures, panics: whatever happens to those who take, nothing is lost and nothing is held by
//! too many.

use std::future::Future;
use std::panic::resume_unwind;
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use kcoro_sim::sched::{Builder, JoinError, JoinHandle, TryJoinError, spawn, yield_now};
use kcoro_sim::sync::{Barrier, Mutex, RwLock, Semaphore, WaitTimeoutError};
use kcoro_tests::random::Random;
use kcoro_tests::sweep::everywhere;
use kcoro_tests::{LONG, end, runtime};

const PERMITS: usize = 3;

/// What is taken, and how much of it is held.
#[derive(Default)]
struct Shared {
    mutex: Mutex<()>,
    lock: RwLock<()>,
    semaphore: Option<Semaphore>,
    holders: AtomicUsize,
    readers: AtomicUsize,
    writers: AtomicUsize,
    held: AtomicUsize,
}

impl Shared {
    fn new() -> Self {
        Self { semaphore: Some(Semaphore::new(PERMITS)), ..Self::default() }
    }

    fn semaphore(&self) -> &Semaphore {
        self.semaphore.as_ref().unwrap()
    }

    /// Everything is free, and nobody is in a queue.
    fn assert_free(&self) {
        assert!(self.mutex.try_lock().is_some() && self.lock.try_write().is_some());
        assert_eq!(self.semaphore().try_acquire(PERMITS).unwrap().count(), PERMITS);
    }
}

/// Counts who is inside, for as long as it lives.
struct Inside<'a>(&'a AtomicUsize, usize);

impl<'a> Inside<'a> {
    fn enter(count: &'a AtomicUsize, many: usize, most: usize) -> Self {
        let before = count.fetch_add(many, Ordering::SeqCst);
        assert!(before + many <= most, "{} are inside, where {most} may be", before + many);
        Self(count, many)
    }
}

impl Drop for Inside<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(self.1, Ordering::SeqCst);
    }
}

/// Polls now and then, and gives up after a while.
fn impatiently<F: Future>(future: F, random: &mut Random) -> Option<F::Output> {
    let mut future = pin!(future);
    for _ in 0..1 + random.below(4) {
        if let Poll::Ready(output) = future.as_mut().poll(&mut Context::from_waker(Waker::noop())) {
            return Some(output);
        }
        yield_now();
    }
    None
}

/// Holds what it has over some suspensions, and now and then panics with it.
fn hold(random: &mut Random) {
    (0..random.below(3)).for_each(|_| yield_now());
    if random.below(12) == 0 {
        // Without the panic hook, which would fill the screen.
        resume_unwind(Box::new("expected"));
    }
}

fn disturb(shared: &Shared, mut random: Random) {
    for _ in 0..1 + random.below(5) {
        let patience = Duration::from_nanos(random.below(4_000));
        match random.below(3) {
            0 => {
                let held = match random.below(4) {
                    0 => shared.mutex.lock().ok(),
                    1 => shared.mutex.lock_timeout(patience).ok(),
                    2 => shared.mutex.lock_cancellable().ok(),
                    _ => impatiently(shared.mutex.lock_async(), &mut random),
                };
                if let Some(_held) = held {
                    let _inside = Inside::enter(&shared.holders, 1, 1);
                    hold(&mut random);
                }
            }
            1 => {
                let count = 1 + random.below(PERMITS as u64) as usize;
                let permit = match random.below(4) {
                    0 => shared.semaphore().acquire(count).ok(),
                    1 => shared.semaphore().acquire_timeout(count, patience).ok(),
                    2 => shared.semaphore().acquire_cancellable(count).ok(),
                    _ => impatiently(shared.semaphore().acquire_async(count), &mut random).map(Result::unwrap),
                };
                if let Some(permit) = permit {
                    let _inside = Inside::enter(&shared.held, permit.count(), PERMITS);
                    hold(&mut random);
                }
            }
            _ => read_or_write(shared, &mut random, patience),
        }
    }
}

fn read_or_write(shared: &Shared, random: &mut Random, patience: Duration) {
    if random.below(3) == 0 {
        let writes = match random.below(3) {
            0 => shared.lock.write().ok(),
            1 => shared.lock.write_timeout(patience).ok(),
            _ => impatiently(shared.lock.write_async(), random),
        };
        let Some(writes) = writes else { return };
        let inside = Inside::enter(&shared.writers, 1, 1);
        assert_eq!(shared.readers.load(Ordering::SeqCst), 0, "one reads while another writes");
        hold(random);
        drop(inside);
        if random.below(2) == 0 {
            let _reads = writes.downgrade();
            read(shared, random);
        }
    } else {
        let reads = match random.below(3) {
            0 => shared.lock.read().ok(),
            1 => shared.lock.read_cancellable().ok(),
            _ => impatiently(shared.lock.read_async(), random),
        };
        if let Some(_reads) = reads {
            read(shared, random);
        }
    }
}

fn read(shared: &Shared, random: &mut Random) {
    let _inside = Inside::enter(&shared.readers, 1, usize::MAX);
    assert_eq!(shared.writers.load(Ordering::SeqCst), 0, "one writes while another reads");
    hold(random);
}

/// Waits for the end, however that is, but no bug.
fn join(mut one: JoinHandle<()>) {
    match one.join_timeout(LONG) {
        Ok(()) | Err(TryJoinError::Failed(JoinError::Cancelled)) => {}
        Err(TryJoinError::Failed(JoinError::Panicked(why))) if why.message() == Some("expected") => {}
        Err(why) => panic!("it does not end as it should: {why}"),
    }
}

fn take_all(seed: u64) {
    let shared = Arc::new(Shared::new());
    let disturbs = |nth: usize| {
        let (shared, random) = (shared.clone(), Random::new(seed * 16 + nth as u64));
        spawn(move || disturb(&shared, random)).unwrap()
    };
    let all: Vec<_> = (0..6).map(disturbs).collect();
    let mut random = Random::new(seed);
    (0..random.below(20)).for_each(|_| yield_now());
    all[random.below(6) as usize].cancel();
    all.into_iter().for_each(join);
    shared.assert_free();
}

#[test]
fn nothing_is_lost_or_held_by_too_many_under_any_seed() {
    everywhere(|| (0..3).for_each(take_all));
}

#[test]
fn nothing_is_lost_or_held_by_too_many_on_real_workers() {
    let runtime = runtime(3);
    for seed in 0..3_000 {
        runtime.run(move || take_all(seed)).unwrap();
    }
    end(runtime);
}

#[test]
fn a_barrier_stays_consistent_whoever_leaves() {
    let runtime = runtime(2);
    runtime.run(leave_a_barrier).unwrap();
    end(runtime);
}

/// Parties that give up at random, until each has passed so often: as many passes as openings times parties.
fn leave_a_barrier() {
    const PARTIES: usize = 3;
    const OPENINGS: usize = 300;
    let shared = Arc::new((Barrier::new(PARTIES), AtomicUsize::new(0), AtomicUsize::new(0)));
    let party = |nth: usize| {
        let (shared, mut random) = (shared.clone(), Random::new(nth as u64));
        let body = move || {
            let (barrier, passes, openings) = &*shared;
            while openings.load(Ordering::SeqCst) < OPENINGS {
                let passed = match random.below(2) {
                    0 => barrier.wait_timeout(Duration::from_nanos(random.below(30_000))),
                    _ => impatiently(barrier.wait_async(), &mut random).ok_or(WaitTimeoutError::TimedOut),
                };
                if let Ok(passed) = passed {
                    passes.fetch_add(1, Ordering::SeqCst);
                    openings.fetch_add(usize::from(passed.is_leader()), Ordering::SeqCst);
                }
            }
        };
        Builder::new().worker(nth % 2).spawn(body).unwrap()
    };
    let parties: Vec<_> = (0..PARTIES + 1).map(party).collect();
    parties.into_iter().for_each(join);
    let (barrier, passes, openings) = &*shared;
    // A future that is dropped when its party has passed has nobody to tell.
    assert!(passes.load(Ordering::SeqCst) <= PARTIES * openings.load(Ordering::SeqCst));
    let mut all: Vec<_> = (0..PARTIES).map(|_| Box::pin(barrier.wait_async())).collect();
    let mut poll = |nth: usize| all[nth].as_mut().poll(&mut Context::from_waker(Waker::noop())).is_ready();
    assert_eq!([poll(0), poll(1), poll(2)], [false, false, true], "all three are missing");
}
