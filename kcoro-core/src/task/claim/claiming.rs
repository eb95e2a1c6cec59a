// SPDX-License-Identifier: BSD-3-Clause
//! Two waiters that meet: how a selector, which may be won through any of its arms, wins another waiter.
//!
//! Who sends or receives without having registered anywhere needs only to win its peer's claim. A selector that is queued
//! at some of its arms and finds a peer at the next one must decide two claims as one: its own, which others try to win at
//! the same time, and the peer's. It does so in three steps, under the lock of that one channel:
//!
//! ```text
//!   own   WAITING -> CLAIMING      hold still; fails: the own wait is over, and the peer stays as it was
//!   peer  WAITING -> DONE          fails: the peer is over
//!   own   CLAIMING -> DONE         settle; cannot fail     (or, without the peer, CLAIMING -> WAITING: let go)
//! ```
//!
//! Nobody but the waiter takes its claim out of `CLAIMING`. Whoever else meets it there waits until it is decided, unless
//! it holds its own claim still as well. Then one of the two must give way, or both wait for ever: claims have an order
//! (see [`Party`]), the *lower* waits, and the *higher* lets its own claim go, waits until the lower one is decided, and
//! begins again.
//!
//! # Why the waiting ends
//!
//! Say that a thread *waits on* a claim if it spins until that is out of `CLAIMING`. What does a thread do whose own claim is
//! `CLAIMING`? It runs no user code, takes no lock (it holds one, which it took before), and makes a few
//! compare-and-swaps, unless it waits on another claim; and then that one is *higher* than its own. So from any waiting
//! thread the chain of who waits on whom passes through claims that rise, never comes back to where it was, and ends at a
//! thread that waits on nobody. That one decides after a bounded number of its own steps; so does the one before it, and
//! so on. Locks do not spoil this: who waits for a lock is not `CLAIMING`, and the holder of one that waits on a claim
//! waits for no lock. Timers and cancels come with other locks (a timer wheel's), which no `CLAIMING` thread takes.
//!
//! # Why there is progress
//!
//! A selector begins anew only if a lower one was `CLAIMING`, and not before that one has been decided: it has ended its
//! wait, or it has found its peer over (hence somebody's wait ended), or it has given way to one lower still. The lowest of
//! all that contend gives way to nobody. So each round of retries ends at least one wait for good.
//!
//! # Why nothing is lost
//!
//! - *Values.* The peer's `DONE` is the only step that takes or gives a value, and it is taken only while the own claim is
//!   held still: then `settle` cannot fail, and no third one can have won the selector in between. If the peer is not won,
//!   no value has moved.
//! - *Wakes.* A selector that lets go is as it was, `WAITING` in all its queues: who waited on it tries again. It took the
//!   peer's node out of the queue only under the lock that it still holds, and puts it back if the peer is not over.
//! - *Cancels and tokens.* A `request` that finds `CLAIMING` leaves its sticky bit, and letting go looks at those bits in
//!   the same compare-and-swap: a request that the wait accepts makes `DONE` of it. A selector that settles leaves the
//!   bit for its next wait.
//!
//! # Orderings
//!
//! All steps are read-modify-writes of the one word, so each sees the latest. The steps of the waiter on its own claim
//! publish nothing: what its winners need was published by `begin` and by the lock of their queue, and read-modify-writes
//! keep that release sequence going. Only the win of the peer is `AcqRel`, as every win.

use super::announced::winning;
use super::{
    Accepts, CANCEL, CLAIMING, Claim, DONE, Generation, Lost, Outcome, PHASE, STICKY, TOKEN, WAITING, Won, done,
};
use crate::primitive::Spin;
use crate::primitive::atomic::Ordering;

/// One of the two that meet.
#[derive(Clone, Copy)]
pub(crate) struct Party<'a> {
    pub(crate) claim: &'a Claim,
    pub(crate) generation: Generation,
    /// Which of its arms is the one that meets.
    pub(crate) arm: u32,
    /// Its place in the order of claims; where two have the same the addresses decide. A number of the program's own, such
    /// as a coroutine's, makes a simulation independent of where memory comes from.
    pub(crate) rank: u32,
}

impl Party<'_> {
    /// Ends the own wait with `outcome`, where no peer is needed.
    ///
    /// # Errors
    ///
    /// It is over.
    pub(crate) fn end(self, outcome: Outcome) -> Result<(), Lost> {
        // It is running: nobody has to make it so.
        self.claim.try_win(self.generation, outcome, self.arm).map(|_: Won| ())
    }

    fn is_below(self, other: Party<'_>) -> bool {
        let place = |party: Party<'_>| (party.rank, core::ptr::from_ref(party.claim).addr());
        place(self) < place(other)
    }
}

/// Why two did not meet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Missed {
    /// The own wait is over: somebody else has ended it. The peer is as it was.
    OwnIsOver,
    /// The peer's wait is over. The own one may be, too.
    PeerIsOver,
}

/// Why a peer was not won.
enum NotWon {
    Over,
    /// It holds its claim still.
    Undecided,
}

/// Ends the waits of both, `own`, which is the caller, and `peer`, or of neither. The caller holds one lock, that of what
/// the peer is queued at.
///
/// # Errors
///
/// One of the waits is over already.
pub(crate) fn meet(own: Party<'_>, peer: Party<'_>) -> Result<Won, Missed> {
    debug_assert!(!core::ptr::eq(own.claim, peer.claim), "a selector does not meet itself");
    let gives_way = peer.is_below(own);
    loop {
        own.claim.hold_still().map_err(|Lost| Missed::OwnIsOver)?;
        match peer.claim.win_as_peer(peer, gives_way) {
            Ok(won) => {
                own.claim.settle(Outcome::Event, own.arm);
                return Ok(won);
            }
            Err(NotWon::Over) => {
                own.claim.let_go();
                return Err(Missed::PeerIsOver);
            }
            Err(NotWon::Undecided) => {
                own.claim.let_go();
                // While it is not held still somebody may win it, the peer for one: that is what it was let go for.
                if peer.claim.until_decided(peer.generation).is_err() {
                    return Err(Missed::PeerIsOver);
                }
            }
        }
    }
}

impl Claim {
    /// `WAITING -> CLAIMING`. For the waiter itself.
    fn hold_still(&self) -> Result<(), Lost> {
        self.step(|word| if word & PHASE == WAITING { Ok((word & !PHASE) | CLAIMING) } else { Err(Lost) })
    }

    /// `CLAIMING -> DONE`. For the waiter itself.
    fn settle(&self, outcome: Outcome, arm: u32) {
        let settled = self.step(|word| {
            debug_assert_eq!(word & PHASE, CLAIMING);
            Ok(done(word, outcome, arm))
        });
        debug_assert!(settled.is_ok());
    }

    /// `CLAIMING -> WAITING`, or `DONE` if meanwhile a request has come that the wait accepts. For the waiter itself.
    fn let_go(&self) {
        let let_go = self.step(|word| {
            debug_assert_eq!(word & PHASE, CLAIMING);
            Ok(ended_by_request(word).unwrap_or((word & !PHASE) | WAITING))
        });
        debug_assert!(let_go.is_ok());
    }

    fn step(&self, to: impl Fn(u64) -> Result<u64, Lost>) -> Result<(), Lost> {
        let mut word = self.0.load(Ordering::Relaxed);
        loop {
            // Relaxed: see "Orderings".
            match self.0.compare_exchange_weak(word, to(word)?, Ordering::Relaxed, Ordering::Relaxed) {
                Ok(_) => return Ok(()),
                Err(now) => word = now,
            }
        }
    }

    /// `WAITING -> DONE` of a peer, by one whose own claim is held still.
    fn win_as_peer(&self, peer: Party<'_>, gives_way: bool) -> Result<Won, NotWon> {
        let mut spin = Spin::new();
        let mut word = self.0.load(Ordering::Relaxed);
        loop {
            let Some((next, won)) = winning(word, peer.generation, Outcome::Event, peer.arm) else {
                if Generation::of(word) != peer.generation || word & PHASE != CLAIMING {
                    return Err(NotWon::Over);
                }
                if gives_way {
                    return Err(NotWon::Undecided);
                }
                spin.again();
                word = self.0.load(Ordering::Relaxed);
                continue;
            };
            // As in `try_win`.
            match self.0.compare_exchange_weak(word, next, Ordering::AcqRel, Ordering::Relaxed) {
                Ok(_) => return Ok(won),
                Err(now) => word = now,
            }
        }
    }

    /// Waits while the wait `generation` is held still; then what the word is.
    ///
    /// # Errors
    ///
    /// The wait is over.
    #[cold]
    pub(super) fn until_decided(&self, generation: Generation) -> Result<u64, Lost> {
        let mut spin = Spin::new();
        loop {
            let word = self.0.load(Ordering::Relaxed);
            if Generation::of(word) != generation || word & PHASE == DONE {
                return Err(Lost);
            }
            if word & PHASE != CLAIMING {
                return Ok(word);
            }
            spin.again();
        }
    }
}

/// The word of a wait that ends by a request which came while it was held still, if one did.
#[inline(always)]
pub(super) fn ended_by_request(word: u64) -> Option<u64> {
    if word & STICKY == 0 {
        None
    } else if word & CANCEL != 0 && word & Accepts::CANCEL.0 != 0 {
        Some(done(word, Outcome::Cancelled, 0))
    } else if word & TOKEN != 0 && word & Accepts::TOKEN.0 != 0 {
        Some(done(word & !TOKEN, Outcome::Token, 0))
    } else {
        None
    }
}

#[cfg(all(test, loom))]
mod loom_tests;
