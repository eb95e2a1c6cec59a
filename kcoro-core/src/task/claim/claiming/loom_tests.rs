// SPDX-License-Identifier: BSD-3-Clause
//! Models of meetings: two claims are decided as one, whoever else contends, and nobody waits for ever.
#![expect(unsafe_code, reason = "looks into loom's cells")]

use loom::sync::Arc;
use loom::sync::atomic::{AtomicUsize, Ordering};
use loom::thread;

use super::{Missed, Party, meet};
use crate::primitive::spin::MOST_IN_A_MODEL;
use crate::task::claim::{Accepts, Claim, Generation, Outcome, Pending, Won};

/// A waiter whose wait has begun.
struct Waiter {
    claim: Claim,
    generation: Generation,
    rank: u32,
}

impl Waiter {
    fn new(rank: u32, accepts: Accepts) -> Self {
        let claim = Claim::new();
        let generation = claim.begin(accepts).unwrap();
        Self { claim, generation, rank }
    }

    /// As the party that meets with its arm `arm`.
    fn with_arm(&self, arm: u32) -> Party<'_> {
        Party { claim: &self.claim, generation: self.generation, arm, rank: self.rank }
    }

    fn outcome(&self) -> Option<(Outcome, u32)> {
        self.claim.outcome()
    }

    fn is_waiting(&self) -> bool {
        self.outcome().is_none() && self.claim.try_win(self.generation, Outcome::Closed, 9) == Ok(Won::Running)
    }
}

fn waiters<const N: usize>(accepts: Accepts) -> Arc<[Waiter; N]> {
    Arc::new(core::array::from_fn(|nth| Waiter::new(nth as u32, accepts)))
}

/// A selector that is queued elsewhere meets, with its arm `arm`, the waiter `peer`, with that one's arm `peer_arm`.
fn selector<const N: usize>(
    all: &Arc<[Waiter; N]>,
    (own, arm): (usize, u32),
    (peer, peer_arm): (usize, u32),
) -> thread::JoinHandle<Result<Won, Missed>> {
    let all = all.clone();
    thread::spawn(move || meet(all[own].with_arm(arm), all[peer].with_arm(peer_arm)))
}

const EVENT: fn(u32) -> Option<(Outcome, u32)> = |arm| Some((Outcome::Event, arm));

#[test]
fn loom_two_selects_that_face_each_other_meet_once() {
    loom::model(|| {
        // Each has queued its arm 1 and finds the other at its arm 2: one sends where the other receives, both ways.
        let all = waiters::<2>(Accepts::CANCEL);
        let other = selector(&all, (1, 2), (0, 1));
        let mine = meet(all[0].with_arm(2), all[1].with_arm(1));
        let theirs = other.join().unwrap();
        match (mine, theirs) {
            // The one that was met sees either of the two over, both of which are.
            (Ok(_), Err(_)) => assert_eq!((all[0].outcome(), all[1].outcome()), (EVENT(2), EVENT(1))),
            (Err(_), Ok(_)) => assert_eq!((all[0].outcome(), all[1].outcome()), (EVENT(1), EVENT(2))),
            ended => panic!("one meets and the other is met: {ended:?}"),
        }
    });
}

#[test]
fn loom_three_selects_in_a_ring_end_with_one_meeting() {
    MOST_IN_A_MODEL.set(3);
    let ends = std::sync::Arc::new(std::sync::atomic::AtomicUsize::new(0));
    let mut builder = loom::model::Builder::new();
    builder.preemption_bound = builder.preemption_bound.or(Some(2));
    builder.check({
        let ends = ends.clone();
        move || {
            let all = waiters::<3>(Accepts::NOTHING);
            let second = selector(&all, (1, 2), (2, 1));
            let third = selector(&all, (2, 2), (0, 1));
            let first = meet(all[0].with_arm(2), all[1].with_arm(1));
            let ended = [first, second.join().unwrap(), third.join().unwrap()];
            let met = ended.iter().filter(|ended| ended.is_ok()).count();
            assert_eq!(met, 1, "{ended:?}");
            let winner = ended.iter().position(Result::is_ok).unwrap();
            let (peer, third) = ((winner + 1) % 3, (winner + 2) % 3);
            assert_eq!((all[winner].outcome(), all[peer].outcome()), (EVENT(2), EVENT(1)));
            // The third one's peer is the winner, and who would have met it has been met: it waits on.
            assert_eq!(ended[third], Err(Missed::PeerIsOver));
            assert!(all[third].is_waiting());
            ends.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
        }
    });
    MOST_IN_A_MODEL.set(u32::MAX);
    assert!(ends.load(std::sync::atomic::Ordering::Relaxed) > 100, "the model ends nowhere");
}

#[test]
fn loom_a_selector_and_a_plain_sender_and_a_cancel_contend_for_one() {
    let mut builder = loom::model::Builder::new();
    builder.preemption_bound = builder.preemption_bound.or(Some(2));
    builder.max_branches = 20_000;
    builder.check(|| {
        // 0 is a selector that finds 1; a plain sender finds 0 at its arm 1, and someone cancels 0.
        let all = waiters::<2>(Accepts::CANCEL);
        let sender = {
            let all = all.clone();
            thread::spawn(move || all[0].claim.try_win(all[0].generation, Outcome::Event, 1).is_ok())
        };
        let canceller = {
            let all = all.clone();
            thread::spawn(move || all[0].claim.request_cancel().is_some())
        };
        let met = meet(all[0].with_arm(2), all[1].with_arm(0));
        let (sent, cancelled) = (sender.join().unwrap(), canceller.join().unwrap());
        match met {
            Ok(_) => {
                assert!(!sent && !cancelled);
                assert_eq!((all[0].outcome(), all[1].outcome()), (EVENT(2), EVENT(0)));
            }
            Err(Missed::OwnIsOver) => {
                assert!(sent ^ cancelled, "one of them has ended it");
                assert_eq!(all[0].outcome(), if sent { EVENT(1) } else { Some((Outcome::Cancelled, 0)) });
                assert!(all[1].is_waiting(), "the peer of one that is over waits on");
            }
            Err(Missed::PeerIsOver) => panic!("nobody else wants the peer"),
        }
        assert!(all[0].claim.is_cancelled());
        assert_eq!(all[0].claim.begin(Accepts::CANCEL), Err(Pending::Cancel), "the cancel is still pending");
    });
}

#[test]
fn loom_a_request_that_comes_while_the_claim_is_held_still_ends_the_wait_when_it_lets_go() {
    loom::model(|| {
        // The peer is over before: the selector holds still, in vain, and lets go.
        let all = waiters::<2>(Accepts::CANCEL.and(Accepts::TOKEN));
        assert!(all[1].claim.try_win(all[1].generation, Outcome::Closed, 0).is_ok());
        let requester = {
            let all = all.clone();
            thread::spawn(move || all[0].claim.request_cancel())
        };
        let unparker = {
            let all = all.clone();
            thread::spawn(move || all[0].claim.unpark())
        };
        assert!(meet(all[0].with_arm(0), all[1].with_arm(0)).is_err());
        let (cancel, token) = (requester.join().unwrap(), unparker.join().unwrap());
        assert_ne!((cancel, token), (Some(Won::Running), Some(Won::Running)));
        let (outcome, _) = all[0].outcome().expect("a wait that nobody ended");
        assert!(matches!(outcome, Outcome::Cancelled | Outcome::Token));
        assert!(all[0].claim.is_cancelled());
        if outcome == Outcome::Cancelled {
            // Only one of the two could end this wait: the other one is there for the next.
            assert_eq!(all[0].claim.begin(Accepts::TOKEN), Err(Pending::Token));
        }
    });
}

#[test]
fn loom_a_timer_waits_for_a_claim_that_is_held_still() {
    loom::model(|| {
        let all = waiters::<2>(Accepts::NOTHING);
        let timer = {
            let all = all.clone();
            thread::spawn(move || all[0].claim.try_win(all[0].generation, Outcome::TimedOut, 0).is_ok())
        };
        let closer = {
            let all = all.clone();
            thread::spawn(move || all[1].claim.try_win(all[1].generation, Outcome::Closed, 0).is_ok())
        };
        let met = meet(all[0].with_arm(2), all[1].with_arm(0));
        let (timed_out, closed) = (timer.join().unwrap(), closer.join().unwrap());
        match met {
            Ok(_) => assert!(!timed_out && !closed),
            Err(Missed::OwnIsOver) => assert!(timed_out),
            Err(Missed::PeerIsOver) => assert!(closed && timed_out, "let go, it is the timer's"),
        }
    });
}

#[test]
fn loom_a_value_goes_with_the_meeting() {
    use crate::primitive::UnsafeCell;

    struct Slot(UnsafeCell<u32>);
    // SAFETY: a model; loom reports any access that the claims do not order.
    unsafe impl Sync for Slot {}

    loom::model(|| {
        let all = waiters::<2>(Accepts::NOTHING);
        let slot = Arc::new(Slot(UnsafeCell::new(0)));
        let wins = Arc::new(AtomicUsize::new(0));
        let selector = {
            let (all, slot, wins) = (all.clone(), slot.clone(), wins.clone());
            thread::spawn(move || {
                // SAFETY: only this one hands anything over, before it wins.
                slot.0.with_mut(|slot| unsafe { *slot = 5 });
                if meet(all[1].with_arm(0), all[0].with_arm(0)).is_ok() {
                    wins.fetch_add(1, Ordering::Relaxed);
                }
            })
        };
        while all[0].outcome().is_none() {
            thread::yield_now();
        }
        // SAFETY: the wait is over, and what was handed over came before.
        slot.0.with(|slot| assert_eq!(unsafe { *slot }, 5));
        selector.join().unwrap();
        assert_eq!(wins.load(Ordering::Relaxed), 1);
    });
}
