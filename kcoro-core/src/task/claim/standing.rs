// SPDX-License-Identifier: BSD-3-Clause
//! A claim whose nodes stay in their queues from one wait to the next: that of a set of arms.
//!
//! Between its waits such a claim is idle, which is the phase `DONE`. All its waits have one generation, the one that its
//! nodes are stamped with: whatever is queued counts for the wait that is under way, and for the next.
//!
//! ```text
//!            begin_again, unless a token is there
//!   idle  ------------------------------------------>  WAITING
//!   DONE  <------------------------------------------  (or CLAIMING)
//!     |       try_win, meet, unpark
//!     +--- remind: leaves a token
//! ```
//!
//! Who finds such a node while the claim is idle has served nobody, and goes on to the next waiter. The node is out of the
//! queue by then, so its owner has to hear of it: the finder first says *which* node (see
//! [`Standing`](crate::wait::standing::Standing)) and then leaves a token, the one that an early `unpark` leaves, too. One
//! compare-and-swap decides between that and a wait that has begun meanwhile, and `begin_again` takes the token in one. So
//! either the finder sees the wait, and wins it as any other's, or the wait does not begin before its owner has looked at the
//! node. That is all of it; no third order exists, and no fence is needed.

use super::announced::is_announced;
use super::{Accepts, CLAIMING, Claim, Generation, Outcome, PHASE, Pending, TOKEN, WAITING};
use crate::primitive::Spin;
use crate::primitive::atomic::Ordering;

/// What has come of a reminder.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[must_use = "one that waits has not been reminded"]
pub(crate) enum Reminded {
    /// No wait is under way. The next one does not begin before the owner has seen the token.
    Idle,
    /// A wait is under way: it can be won.
    Waits,
}

impl Claim {
    /// Makes this new claim one whose nodes stay; it is idle.
    pub(crate) fn stand(&self) -> Generation {
        let generation = self.begin(Accepts::NOTHING).unwrap_or_else(|_| unreachable!("it accepts nothing"));
        self.idle(generation);
        generation
    }

    /// As [`Claim::begin`], of a wait of the same generation as the last one, which an `unpark` ends, too.
    ///
    /// # Errors
    ///
    /// A token was there, and has been taken: look who has left it.
    pub(crate) fn begin_again(&self) -> Result<Generation, Pending> {
        self.begin_as(Accepts::TOKEN, 0)
    }

    /// Ends the wait of `generation`, if it has not been won. For the waiter itself.
    pub(crate) fn idle(&self, generation: Generation) {
        // Losing means that it is idle.
        let _ = self.try_win(generation, Outcome::TimedOut, 0);
    }

    /// Takes the token, if there is one. For the waiter itself, while it is idle.
    pub(crate) fn take_token(&self) {
        // Relaxed: one that is missed keeps the next wait from beginning.
        if self.0.load(Ordering::Relaxed) & TOKEN != 0 {
            // Acquire: what was said before it was left is visible.
            self.0.fetch_and(!TOKEN, Ordering::Acquire);
        }
    }

    /// Whether the wait of `generation` is under way, as far as can be seen.
    pub(crate) fn is_waiting(&self, generation: Generation) -> bool {
        // Relaxed: whoever goes by the answer tries to win the wait, or is told under a lock of what comes later.
        let word = self.0.load(Ordering::Relaxed);
        (Generation::of(word) == generation && matches!(word & PHASE, WAITING | CLAIMING))
            || is_announced(word, generation)
    }

    /// Leaves a token if no wait is under way. One that is held still is waited for.
    pub(crate) fn remind(&self) -> Reminded {
        let mut spin = Spin::new();
        let mut word = self.0.load(Ordering::Relaxed);
        loop {
            match word & PHASE {
                WAITING => return Reminded::Waits,
                CLAIMING => {
                    spin.again();
                    word = self.0.load(Ordering::Relaxed);
                    continue;
                }
                _ => {}
            }
            // Release even where a token is there already: its taker must see what this one has said before. Acquire: as
            // in `request`.
            match self.0.compare_exchange_weak(word, word | TOKEN, Ordering::AcqRel, Ordering::Relaxed) {
                Ok(_) => return Reminded::Idle,
                Err(now) => word = now,
            }
        }
    }
}
