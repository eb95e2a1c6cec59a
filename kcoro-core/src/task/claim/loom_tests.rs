// SPDX-License-Identifier: BSD-3-Clause
//! Models of the claim: who wins, who enqueues, and that no request is lost.
#![expect(unsafe_code, reason = "looks into loom's cells")]

use loom::sync::Arc;
use loom::sync::atomic::{AtomicUsize, Ordering};
use loom::thread;

use super::{Accepts, Claim, Outcome, Pending, Published, Won};
use crate::primitive::UnsafeCell;

/// A waiter whose "context" and "value" are plain cells: loom reports any access that the claim does not order.
struct Waiter {
    claim: Claim,
    context: UnsafeCell<u32>,
    value: UnsafeCell<u32>,
    enqueued: AtomicUsize,
}

impl Waiter {
    fn new() -> Arc<Self> {
        Arc::new(Self {
            claim: Claim::new(),
            context: UnsafeCell::new(0),
            value: UnsafeCell::new(0),
            enqueued: AtomicUsize::new(0),
        })
    }

    /// What the scheduler does with a coroutine that it owns: reads its context, counts it.
    fn enqueue(&self) {
        // SAFETY: the claim makes the caller the only owner of the context; loom checks it.
        self.context.with(|context| assert_eq!(unsafe { *context }, 7));
        assert_eq!(self.enqueued.fetch_add(1, Ordering::Release), 0, "enqueued twice");
    }

    /// The waiter's switch: saves its context, then the destination publishes it.
    fn switch_away(&self) {
        // SAFETY: the waiter still owns its context: it has not been published.
        self.context.with_mut(|context| unsafe { *context = 7 });
        if self.claim.publish_parked() == Published::AlreadyWon {
            self.enqueue();
        }
    }
}

#[test]
fn loom_park_is_published_to_exactly_one_enqueuer() {
    loom::model(|| {
        let waiter = Waiter::new();
        let generation = waiter.claim.begin(Accepts::NOTHING).unwrap();
        let winner = {
            let waiter = waiter.clone();
            thread::spawn(move || {
                // SAFETY: only the winner writes the value, and before it wins; here it is the only contender.
                waiter.value.with_mut(|value| unsafe { *value = 42 });
                if waiter.claim.try_win(generation, Outcome::Event, 3) == Ok(Won::Parked) {
                    waiter.enqueue();
                }
            })
        };
        waiter.switch_away();
        while waiter.enqueued.load(Ordering::Acquire) == 0 {
            thread::yield_now();
        }
        assert_eq!(waiter.claim.outcome(), Some((Outcome::Event, 3)));
        // SAFETY: DONE was seen with Acquire; the winner's write came before.
        waiter.value.with(|value| assert_eq!(unsafe { *value }, 42));
        winner.join().unwrap();
    });
}

#[test]
fn loom_one_of_send_timer_and_cancel_wins() {
    loom::model(|| {
        let waiter = Waiter::new();
        let generation = waiter.claim.begin(Accepts::CANCEL).unwrap();
        let wins = Arc::new(AtomicUsize::new(0));
        let contend = |attempt: fn(&Claim, super::Generation) -> Option<Won>| {
            let (waiter, wins) = (waiter.clone(), wins.clone());
            thread::spawn(move || {
                if let Some(won) = attempt(&waiter.claim, generation) {
                    wins.fetch_add(1, Ordering::Relaxed);
                    if won == Won::Parked {
                        waiter.enqueue();
                    }
                }
            })
        };
        let timer = contend(|claim, generation| claim.try_win(generation, Outcome::TimedOut, 0).ok());
        let cancel = contend(|claim, _| claim.request_cancel());
        waiter.switch_away();
        timer.join().unwrap();
        cancel.join().unwrap();
        assert_eq!(wins.load(Ordering::Relaxed), 1);
        assert_eq!(waiter.enqueued.load(Ordering::Relaxed), 1);
        assert!(waiter.claim.is_cancelled(), "a cancel that lost the race must still be pending");
        assert_eq!(waiter.claim.begin(Accepts::CANCEL), Err(Pending::Cancel));
    });
}

#[test]
fn loom_unpark_before_or_during_a_wait_is_never_lost() {
    loom::model(|| {
        let waiter = Waiter::new();
        let unparkers: std::vec::Vec<_> = (0..2)
            .map(|_| {
                let waiter = waiter.clone();
                thread::spawn(move || {
                    if waiter.claim.unpark() == Some(Won::Parked) {
                        waiter.enqueue();
                    }
                })
            })
            .collect();
        let waited = waiter.claim.begin(Accepts::TOKEN).is_ok();
        if waited {
            waiter.switch_away();
        }
        for unparker in unparkers {
            unparker.join().unwrap();
        }
        // Two unparks may merge into one, but the first can never vanish: it ended the wait or its start.
        assert_eq!(waiter.enqueued.load(Ordering::Relaxed), usize::from(waited), "a wait that nobody ended");
    });
}

#[test]
fn loom_a_stale_generation_cannot_win_a_later_wait() {
    loom::model(|| {
        let waiter = Waiter::new();
        let stale = waiter.claim.begin(Accepts::TOKEN).unwrap();
        let late = {
            let waiter = waiter.clone();
            thread::spawn(move || waiter.claim.try_win(stale, Outcome::TimedOut, 0).is_ok())
        };
        let first_ended_by_token = waiter.claim.unpark().is_some();
        if first_ended_by_token {
            let second = waiter.claim.begin(Accepts::TOKEN).unwrap();
            assert!(!late.join().unwrap());
            assert!(waiter.claim.try_win(second, Outcome::Event, 0).is_ok());
        } else {
            assert!(late.join().unwrap());
            assert_eq!(waiter.claim.begin(Accepts::TOKEN), Err(Pending::Token));
        }
    });
}

#[test]
fn loom_a_wake_that_comes_while_the_parked_one_is_held_is_paid_once() {
    loom::model(|| {
        let waiter = Waiter::new();
        let generation = waiter.claim.begin(Accepts::CANCEL).unwrap();
        let holder = {
            let waiter = waiter.clone();
            thread::spawn(move || {
                if waiter.claim.hold() {
                    // SAFETY: nobody else has the context while the waiter is held; loom checks it.
                    waiter.context.with_mut(|context| assert_eq!(unsafe { *context }, 7));
                    if waiter.claim.publish_parked() == Published::AlreadyWon {
                        waiter.enqueue();
                    }
                }
            })
        };
        let winner = {
            let waiter = waiter.clone();
            thread::spawn(move || {
                if waiter.claim.try_win(generation, Outcome::Event, 0) == Ok(Won::Parked) {
                    waiter.enqueue();
                }
            })
        };
        waiter.switch_away();
        holder.join().unwrap();
        winner.join().unwrap();
        assert_eq!(waiter.enqueued.load(Ordering::Relaxed), 1, "the wake was lost");
        assert!(!waiter.claim.hold(), "a waiter that was woken cannot be held");
    });
}
