// SPDX-License-Identifier: BSD-3-Clause
//! Models of waits that begin with the park: found in a queue before they have begun, or after.
#![expect(unsafe_code, reason = "looks into loom's cells")]

use loom::sync::Arc;
use loom::sync::atomic::{AtomicUsize, Ordering};
use loom::thread;

use super::super::claiming::{Missed, Party, meet};
use super::{Accepts, Announced, Claim, Outcome, Published, Won};
use crate::primitive::{SpinLock, UnsafeCell};

/// A coroutine that waits in a queue of one place. Its "context" and "value" are plain cells: loom reports any access that
/// the claim does not order.
struct Waiter {
    claim: Claim,
    queue: SpinLock<Option<Announced>>,
    context: UnsafeCell<u32>,
    value: UnsafeCell<u32>,
    enqueued: AtomicUsize,
}

impl Waiter {
    /// One that has waited before.
    fn new() -> Arc<Self> {
        let claim = Claim::new();
        let before = claim.begin(Accepts::NOTHING).unwrap();
        assert_eq!(claim.publish_parked(), Published::Parked);
        assert_eq!(claim.try_win(before, Outcome::Closed, 5), Ok(Won::Parked));
        Arc::new(Self {
            claim,
            queue: SpinLock::new(None),
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

    /// The waiter announces a wait, queues its node and switches away; the destination begins the wait.
    fn wait(&self, accepts: Accepts) -> bool {
        let mut queue = self.queue.lock();
        let Ok(announced) = self.claim.announce(accepts) else { return false };
        *queue = Some(announced);
        drop(queue);
        // SAFETY: the waiter still owns its context: its park has not been published.
        self.context.with_mut(|context| unsafe { *context = 7 });
        if self.claim.begin_parked(announced) == Published::AlreadyWon {
            self.enqueue();
        }
        true
    }

    /// Serves who is queued: hands a value over and wins. Says whether somebody was served.
    fn serve(&self) -> bool {
        let mut queue = self.queue.lock();
        let Some(announced) = queue.take() else { return false };
        // SAFETY: under the lock, and before the win.
        self.value.with_mut(|value| unsafe { *value = 42 });
        let won = self.claim.try_win(announced.generation(), Outcome::Event, 3);
        drop(queue);
        if won == Ok(Won::Parked) {
            self.enqueue();
        }
        won.is_ok()
    }
}

#[test]
fn a_wait_is_won_once_before_or_after_it_has_begun() {
    loom::model(|| {
        let waiter = Waiter::new();
        let server = {
            let waiter = waiter.clone();
            thread::spawn(move || waiter.serve())
        };
        assert!(waiter.wait(Accepts::CANCEL));
        // It may have come before there was a node.
        if !server.join().unwrap() {
            assert!(waiter.serve());
        }
        assert_eq!(waiter.enqueued.load(Ordering::Relaxed), 1);
        assert_eq!(waiter.claim.outcome(), Some((Outcome::Event, 3)));
        // SAFETY: the end of the wait was seen; the winner's write came before.
        waiter.value.with(|value| assert_eq!(unsafe { *value }, 42));
    });
}

#[test]
fn a_cancel_that_comes_between_the_announcement_and_the_begin_is_not_lost() {
    loom::model(|| {
        let waiter = Waiter::new();
        let canceller = {
            let waiter = waiter.clone();
            thread::spawn(move || {
                if waiter.claim.request_cancel() == Some(Won::Parked) {
                    waiter.enqueue();
                }
            })
        };
        let waits = waiter.wait(Accepts::CANCEL);
        canceller.join().unwrap();
        if waits {
            assert_eq!(waiter.enqueued.load(Ordering::Relaxed), 1);
            assert_eq!(waiter.claim.outcome(), Some((Outcome::Cancelled, 0)));
        }
        assert!(waiter.claim.is_cancelled());
    });
}

#[test]
fn one_of_a_server_and_a_token_ends_the_wait() {
    let mut builder = loom::model::Builder::new();
    builder.preemption_bound = builder.preemption_bound.or(Some(3));
    builder.check(|| {
        let waiter = Waiter::new();
        let unparker = {
            let waiter = waiter.clone();
            thread::spawn(move || {
                if waiter.claim.unpark() == Some(Won::Parked) {
                    waiter.enqueue();
                }
            })
        };
        let server = {
            let waiter = waiter.clone();
            thread::spawn(move || waiter.serve())
        };
        let waits = waiter.wait(Accepts::TOKEN);
        unparker.join().unwrap();
        let served = server.join().unwrap();
        if waits {
            assert_eq!(waiter.enqueued.load(Ordering::Relaxed), 1);
            let how = if served { (Outcome::Event, 3) } else { (Outcome::Token, 0) };
            assert_eq!(waiter.claim.outcome(), Some(how));
            // The token has ended this wait or the start of the next.
            assert_eq!(waiter.claim.announce(Accepts::TOKEN).is_err(), served);
        } else {
            assert!(!served, "nobody was queued");
        }
    });
}

#[test]
fn a_selector_meets_one_whose_wait_has_not_begun() {
    loom::model(|| {
        let waiter = Waiter::new();
        let selector = {
            let waiter = waiter.clone();
            thread::spawn(move || {
                let own = Claim::new();
                let generation = own.begin(Accepts::NOTHING).unwrap();
                let mut queue = waiter.queue.lock();
                let Some(announced) = queue.take() else { return false };
                let peer = Party { claim: &waiter.claim, generation: announced.generation(), arm: 3, rank: 1 };
                let met = meet(Party { claim: &own, generation, arm: 2, rank: 2 }, peer);
                drop(queue);
                assert_ne!(met, Err(Missed::OwnIsOver));
                if met == Ok(Won::Parked) {
                    waiter.enqueue();
                }
                met.is_ok()
            })
        };
        assert!(waiter.wait(Accepts::NOTHING));
        assert!(selector.join().unwrap() || waiter.serve());
        assert_eq!(waiter.enqueued.load(Ordering::Relaxed), 1);
        assert_eq!(waiter.claim.outcome(), Some((Outcome::Event, 3)));
    });
}
