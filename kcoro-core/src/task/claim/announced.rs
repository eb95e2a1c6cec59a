// SPDX-License-Identifier: BSD-3-Clause
//! Waits that begin with the park.
//!
//! To begin a wait, and to publish the park that follows it, is a read-modify-write each. A coroutine that waits in one queue
//! needs only one of them: it *announces* the wait, which changes nothing, queues a node that is stamped with the generation
//! to come, and switches away; the destination of the switch begins the wait and publishes the park in one step.
//!
//! ```text
//!             announce: nothing is written          begin_parked: WAITING + PARKED, generation + 1
//!   IDLE or DONE --------------------------- . . . ---------------------------------------------->
//!                                              \
//!                                               +--> DONE, generation + 1: try_win, by who has found the node
//! ```
//!
//! Whoever finds the node before the wait has begun wins it all the same: the word is one generation behind, at rest, and
//! one compare-and-swap takes it straight to `DONE` of the generation that the node names. The destination then finds that
//! generation, and what is left to it is what is left of any wait that was won before it was parked.
//!
//! - *Nobody wins too early.* Only a node or a timer names a generation, and they name that of a wait which was announced
//!   or begun. A generation that the word has passed is never announced again.
//! - *No request is lost.* A cancel or an `unpark` that comes in between finds no wait, and leaves its sticky bit; the
//!   destination looks at these bits in the compare-and-swap by which it begins.
//! - *No wait is left over.* Whoever has announced a wait and then queues no node has nothing to take back.
//!
//! # Orderings
//!
//! What the waiter wrote before it announced reaches winners by the lock of the queue, and cancellers by the begin, whose
//! thread is the waiter's own. What a winner handed over reaches the destination by the generation that it finds.

use super::claiming::ended_by_request;
use super::{
    Accepts, Claim, DONE, GENERATION_SHIFT, Generation, IDLE, KEPT, Outcome, PARKED, PHASE, Pending, Published,
    WAITING, Won, done,
};
use crate::primitive::atomic::Ordering;

/// A wait that begins with the park.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Announced {
    /// The claim's word when it was announced. It mostly is the same when the wait begins.
    before: u64,
    /// The word as it will be then, but for what is kept of the one before.
    begun: u64,
}

impl Announced {
    /// That of no wait.
    pub(crate) const NONE: Announced = Announced { before: 0, begun: 0 };

    /// For a waiter that has begun its wait instead.
    #[inline(always)]
    pub(crate) fn begun(generation: Generation, accepts: Accepts) -> Self {
        Self { before: 0, begun: (u64::from(generation.0) << GENERATION_SHIFT) | accepts.0 | WAITING }
    }

    #[inline(always)]
    pub(crate) fn generation(self) -> Generation {
        Generation::of(self.begun)
    }

    #[inline(always)]
    pub(crate) fn accepts(self) -> Accepts {
        Accepts(self.begun & Accepts::MASK)
    }
}

/// Whether the wait `generation`, of which there is a node in a queue, has been announced and has not begun.
#[inline(always)]
pub(super) fn is_announced(word: u64, generation: Generation) -> bool {
    Generation::of(word).0.wrapping_add(1) == generation.0 && matches!(word & PHASE, IDLE | DONE)
}

/// What the word becomes when the wait `generation` is won, and what the winner has to do then; nothing if it cannot be won
/// now.
#[inline(always)]
pub(super) fn winning(word: u64, generation: Generation, outcome: Outcome, arm: u32) -> Option<(u64, Won)> {
    if word & PHASE == WAITING && Generation::of(word) == generation {
        Some((done(word, outcome, arm), Won::of(word)))
    } else if is_announced(word, generation) {
        // What the word says of the wait before does not count.
        let succeeding = (u64::from(generation.0) << GENERATION_SHIFT) | (word & KEPT);
        Some((done(succeeding, outcome, arm), Won::Running))
    } else {
        None
    }
}

impl Claim {
    /// The waiter, a coroutine, will wait: it queues one node, and then parks with [`Claim::begin_parked`].
    ///
    /// # Errors
    ///
    /// As [`Claim::begin`].
    #[inline]
    pub(crate) fn announce(&self, accepts: Accepts) -> Result<Announced, Pending> {
        // Relaxed: the generation is changed for nobody but the waiter, and a request that is missed is found at the begin.
        let word = self.0.load(Ordering::Relaxed);
        if let Some(pending) = self.take_pending(word, accepts) {
            return Err(pending);
        }
        let next = Generation(Generation::of(word).0.wrapping_add(1));
        Ok(Announced { before: word, ..Announced::begun(next, accepts) })
    }

    /// Called by the destination of the switch that left the waiter's stack: begins the wait that was announced, and publishes
    /// its park. As [`Claim::begin`] and [`Claim::publish_parked`] in one.
    #[inline]
    pub(crate) fn begin_parked(&self, announced: Announced) -> Published {
        // As one instruction and no more, where nothing has happened since the announcement: a load before it would be
        // waited for. Release: the saved context is visible to the winner that finds PARKED, and what we wrote before to
        // who cancels this wait. A request that the wait accepts was not there, or it would not have been announced.
        let begun = announced.begun | (announced.before & KEPT) | PARKED;
        match self.0.compare_exchange(announced.before, begun, Ordering::AcqRel, Ordering::Relaxed) {
            Ok(_) => Published::Parked,
            Err(_) => self.begin_anew(announced, PARKED),
        }
    }

    /// Begins the wait that was announced, for a waiter that parks in two steps after all. If it has been won, the outcome
    /// is there.
    pub(crate) fn begin_announced(&self, announced: Announced) -> Published {
        self.begin_anew(announced, 0)
    }

    #[cold]
    fn begin_anew(&self, announced: Announced, parked: u64) -> Published {
        // Acquire, here and below: if it was won, what the winner handed over is visible to the thread that resumes it.
        let mut word = self.0.load(Ordering::Acquire);
        while Generation::of(word) != announced.generation() {
            let begun = announced.begun | (word & KEPT);
            let (next, published) = match ended_by_request(begun) {
                Some(ended) => (ended, Published::AlreadyWon),
                None => (begun | parked, Published::Parked),
            };
            // Release: as in `begin_parked`.
            match self.0.compare_exchange_weak(word, next, Ordering::AcqRel, Ordering::Acquire) {
                Ok(_) => return published,
                Err(now) => word = now,
            }
        }
        Published::AlreadyWon
    }
}

#[cfg(all(test, loom))]
mod loom_tests;
