// SPDX-License-Identifier: BSD-3-Clause
//! The claim: one word that decides who ends a wait, and whether the waiter has already left its stack.
//!
//! Every waiter (a coroutine, a thread, a future) has one. A send, a close, a timer, a cancel and a select arm all end a
//! wait in the same way: one compare-and-swap from `WAITING` to `DONE`. That swap is also the winner's *last touch* of
//! the waiter: whatever it hands over is written before, so the waiter may leave as soon as it sees `DONE`.
//!
//! # Phases
//!
//! ```text
//!          begin              try_win, request_cancel, unpark (any thread)
//!   IDLE ---------> WAITING -----------------------------------------------> DONE
//!                   ^  |  ^                                                 ^  |
//!                   |  |  +--- let go ---+                    settle        |  |
//!                   |  +-- hold still -> CLAIMING --------------------------+  |
//!                   +------------------------ begin ---------------------------+
//! ```
//!
//! Only the waiter calls `begin`. Anyone with a reference may call `try_win`, `request_cancel` and `unpark`. `CLAIMING` is
//! the phase of a selector that holds its own claim still while it tries to win a peer's: see [`claiming`]. A set of arms
//! whose nodes stay queued between its waits has a claim of its own: see `standing`. A coroutine that waits in one queue
//! leaves `begin` to the destination of its switch: see [`announced`].
//!
//! # Publication of a park
//!
//! A coroutine that waits still runs on its own stack until the switch away from it is over; nobody may resume it before.
//! The bit `PARKED` says that it is over, and the *destination* of the switch sets it:
//!
//! - A winner that finds `PARKED` set owns the coroutine and puts it into a run queue.
//! - A winner that finds it clear (PARKING) leaves the coroutine alone: `DONE` is the note.
//! - The destination sets `PARKED` and, if it then sees `DONE`, puts the coroutine into a run queue.
//!
//! Both are read-modify-writes of the same word, so exactly one of the two enqueues it. Whoever wants to look at a parked
//! coroutine and its stack takes the publication back ([`Claim::hold`]), which makes it PARKING again: it cannot run until
//! the holder has published it anew, just as a destination does. Threads and futures never set
//! `PARKED`; their wake handle is always used.
//!
//! # The word
//!
//! ```text
//!  63             32 31          12 11     9    8       7      6      5      4      3       2      1..0
//! +-----------------+--------------+--------+-------+--------+------+------+-------+--------+--------+-------+
//! | generation      | arm          | outcome| WHOLE | SHIELD | tok? | can? | TOKEN | CANCEL | PARKED | phase |
//! +-----------------+--------------+--------+-------+--------+------+------+-------+--------+--------+-------+
//! ```
//!
//! `TOKEN` (an `unpark` that came early) and `CANCEL` are sticky: they survive `begin`, and a wait that accepts one of
//! them (`tok?`, `can?`) does not start while it is set. They live in this word, not beside it, so that "is a cancel
//! pending" and "is someone waiting" are one atomic question: no fence, no lost cancel.
//!
//! `CANCEL` is the level that waits look at. It has several sources: a cancel of the whole waiter, which stays (`WHOLE`), and
//! the regions of code in it that obey a token (see [`sources`](super::sources)), which end. `SHIELD` keeps a cancel of the
//! whole from the level. Whoever ends a region or a shield sets the level anew ([`Claim::set_level`]); because `WHOLE` and
//! `SHIELD` lie in this word, too, no cancel of the whole is lost by that and none gets past a shield.

pub(crate) mod announced;
pub(crate) mod claiming;
#[cfg(feature = "alloc")]
pub(crate) mod standing;
mod words;

use self::announced::winning;
pub(crate) use self::words::{Accepts, Generation, Level, Lost, Outcome, Pending, Published, Won};
use crate::primitive::atomic::{AtomicU64, Ordering};
use crate::primitive::const_unless_loom;

const PHASE: u64 = 0b11;
const IDLE: u64 = 0;
const WAITING: u64 = 1;
const CLAIMING: u64 = 2;
const DONE: u64 = 3;
const PARKED: u64 = 1 << 2;
const CANCEL: u64 = 1 << 3;
const TOKEN: u64 = 1 << 4;
const STICKY: u64 = CANCEL | TOKEN;
const SHIELD: u64 = 1 << 7;
const WHOLE: u64 = 1 << 8;
/// What survives the beginning of a wait.
const KEPT: u64 = STICKY | SHIELD | WHOLE;
const OUTCOME_SHIFT: u32 = 9;
const OUTCOME: u64 = 0b111 << OUTCOME_SHIFT;
const ARM_SHIFT: u32 = 12;
const ARM: u64 = 0xf_ffff << ARM_SHIFT;
const GENERATION_SHIFT: u32 = 32;

/// See the [module](self).
pub(crate) struct Claim(AtomicU64);

impl Claim {
    const_unless_loom! {
        pub(crate) fn new() -> Self {
            Self(AtomicU64::new(IDLE))
        }
    }

    /// The waiter starts a wait; from here on anyone may win it.
    ///
    /// # Errors
    ///
    /// A sticky request that this wait accepts is pending; no wait was started.
    #[inline]
    pub(crate) fn begin(&self, accepts: Accepts) -> Result<Generation, Pending> {
        self.begin_as(accepts, 1)
    }

    /// Begins a wait that is `later` generations after the last one.
    #[inline(always)]
    fn begin_as(&self, accepts: Accepts, later: u32) -> Result<Generation, Pending> {
        let mut word = self.0.load(Ordering::Relaxed);
        loop {
            if let Some(pending) = self.take_pending(word, accepts) {
                return Err(pending);
            }
            let generation = Generation::of(word).0.wrapping_add(later);
            let waiting = (u64::from(generation) << GENERATION_SHIFT) | accepts.0 | WAITING | (word & KEPT);
            // Acquire: what a canceller wrote before it set CANCEL is visible to us. Release: what we wrote before is
            // visible to who cancels or unparks this wait.
            match self.0.compare_exchange_weak(word, waiting, Ordering::AcqRel, Ordering::Acquire) {
                Ok(_) => return Ok(Generation(generation)),
                Err(now) => word = now,
            }
        }
    }

    #[inline(always)]
    fn take_pending(&self, word: u64, accepts: Accepts) -> Option<Pending> {
        if word & STICKY == 0 { None } else { self.take_accepted(word, accepts) }
    }

    #[cold]
    fn take_accepted(&self, word: u64, accepts: Accepts) -> Option<Pending> {
        if accepts.0 & Accepts::CANCEL.0 != 0 && word & CANCEL != 0 {
            // Acquire: what the canceller wrote before is visible.
            self.0.load(Ordering::Acquire);
            return Some(Pending::Cancel);
        }
        if accepts.0 & Accepts::TOKEN.0 != 0 && word & TOKEN != 0 {
            // Acquire: what the unparker wrote before is visible.
            self.0.fetch_and(!TOKEN, Ordering::Acquire);
            return Some(Pending::Token);
        }
        None
    }

    /// Tries to end the wait `generation` with `outcome` of its arm `arm`. On success this was the last touch of the
    /// waiter. A waiter that holds its claim still is waited for: it is about to end its wait itself, or to let go.
    ///
    /// # Errors
    ///
    /// Someone else has ended it.
    #[inline]
    pub(crate) fn try_win(&self, generation: Generation, outcome: Outcome, arm: u32) -> Result<Won, Lost> {
        let mut word = self.0.load(Ordering::Relaxed);
        loop {
            let Some((next, won)) = winning(word, generation, outcome, arm) else {
                word = self.until_decided(generation)?;
                continue;
            };
            // Release: what we handed over is visible to who sees DONE. Acquire: if PARKED is set, the context that the
            // destination published is visible to us, who will enqueue it.
            match self.0.compare_exchange_weak(word, next, Ordering::AcqRel, Ordering::Relaxed) {
                Ok(_) => return Ok(won),
                Err(now) => word = now,
            }
        }
    }

    /// The wait that was begun last. For the waiter itself.
    #[inline]
    pub(crate) fn generation(&self) -> Generation {
        // Relaxed: only the waiter changes it.
        Generation::of(self.0.load(Ordering::Relaxed))
    }

    /// How the wait ended, if it has.
    #[inline]
    pub(crate) fn outcome(&self) -> Option<(Outcome, u32)> {
        // Acquire: what the winner handed over is visible.
        let word = self.0.load(Ordering::Acquire);
        (word & PHASE == DONE).then(|| (Outcome::of(word), ((word & ARM) >> ARM_SHIFT) as u32))
    }

    /// Called by the destination of the switch that left the waiter's stack.
    #[inline]
    pub(crate) fn publish_parked(&self) -> Published {
        // Release: the saved context is visible to the winner that finds PARKED. Acquire: if it was won before, what
        // the winner handed over is visible to the thread that resumes it.
        // An addition, because the bit is known to be clear and the processor adds in one instruction where it would
        // loop to set a bit and return the word.
        let before = self.0.fetch_add(PARKED, Ordering::AcqRel);
        debug_assert!(before & PARKED == 0, "a park is published once");
        if before & PHASE == DONE { Published::AlreadyWon } else { Published::Parked }
    }

    /// Takes the publication of a park back, if the coroutine is parked and nobody has won it: then it stays as it is until
    /// the caller has called [`Claim::publish_parked`] and done what that says. The coroutine is live when this is called;
    /// from then on the holder keeps it so.
    #[cfg(feature = "alloc")]
    pub(crate) fn hold(&self) -> bool {
        let mut word = self.0.load(Ordering::Relaxed);
        while word & PHASE == WAITING && word & PARKED != 0 {
            // Acquire: the saved context, and what the coroutine noted before it parked, are visible. Release is not
            // needed: the context is published again before anyone resumes it.
            match self.0.compare_exchange_weak(word, word & !PARKED, Ordering::Acquire, Ordering::Relaxed) {
                Ok(_) => return true,
                Err(now) => word = now,
            }
        }
        false
    }

    /// Requests cancellation of the whole waiter: ends the current wait if that accepts it, and every later one that does;
    /// behind a shield, once that has ended.
    pub(crate) fn request_cancel(&self) -> Option<Won> {
        self.request(|word| if word & SHIELD == 0 { cancelled(word | WHOLE) } else { word | WHOLE })
    }

    /// As [`Claim::request_cancel`], for as long as no [`Claim::set_level`] says otherwise, and whether there is a shield
    /// or not: the caller knows what the waiter's regions and shields are, and keeps them as they are meanwhile.
    pub(crate) fn request_cancel_of_region(&self) -> Option<Won> {
        self.request(cancelled)
    }

    /// Sets the level to what follows from `level` and from whether the whole waiter has been cancelled. A wait that is
    /// under way ends if it accepts the cancel.
    pub(crate) fn set_level(&self, level: Level) -> Option<Won> {
        let shield = if level.is_shielded { SHIELD } else { 0 };
        self.request(|word| {
            let base = (word & !(CANCEL | SHIELD)) | shield;
            let is_cancelled = level.is_region_cancelled || (base & WHOLE != 0 && shield == 0);
            if is_cancelled { cancelled(base) } else { base }
        })
    }

    /// Whether a cancel is pending.
    #[inline]
    pub(crate) fn is_cancelled(&self) -> bool {
        // Acquire: what the canceller wrote before is visible.
        self.0.load(Ordering::Acquire) & CANCEL != 0
    }

    /// Ends the current wait if that accepts a token, else leaves one for the next wait that does.
    pub(crate) fn unpark(&self) -> Option<Won> {
        self.request(
            |word| {
                if accepts(word, Accepts::TOKEN) { done(word & !TOKEN, Outcome::Token, 0) } else { word | TOKEN }
            },
        )
    }

    /// One compare-and-swap either ends the wait or leaves a sticky bit, as `next` says. Were these two steps, a token set
    /// by someone else between them could be lost. With a claim that is held still it is left, too, for the waiter to find when
    /// it lets go.
    fn request(&self, next: impl Fn(u64) -> u64) -> Option<Won> {
        let mut word = self.0.load(Ordering::Relaxed);
        loop {
            let next = next(word);
            // Release even where the bit is already set: what this requester wrote before must be visible to the waiter
            // that sees the bit. Acquire: as in `try_win`.
            match self.0.compare_exchange_weak(word, next, Ordering::AcqRel, Ordering::Relaxed) {
                Ok(_) => return (word & PHASE == WAITING && next & PHASE == DONE).then(|| Won::of(word)),
                Err(now) => word = now,
            }
        }
    }
}

/// Whether a wait is under way that such a request ends.
fn accepts(word: u64, request: Accepts) -> bool {
    word & PHASE == WAITING && word & request.0 != 0
}

/// `word` with a cancel pending, which ends the wait that accepts it.
fn cancelled(word: u64) -> u64 {
    if accepts(word, Accepts::CANCEL) { done(word | CANCEL, Outcome::Cancelled, 0) } else { word | CANCEL }
}

fn done(word: u64, outcome: Outcome, arm: u32) -> u64 {
    debug_assert!(u64::from(arm) <= ARM >> ARM_SHIFT, "more arms than the claim word can name");
    (word & !(PHASE | OUTCOME | ARM | Accepts::MASK))
        | DONE
        | ((outcome as u64) << OUTCOME_SHIFT)
        | (u64::from(arm) << ARM_SHIFT)
}

#[cfg(all(test, loom))]
mod loom_tests;
