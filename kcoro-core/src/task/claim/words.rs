// SPDX-License-Identifier: BSD-3-Clause
//! What is said of waits: what ends them, how, which one is meant, and what follows for whom.

use super::{GENERATION_SHIFT, OUTCOME, OUTCOME_SHIFT, PARKED};

/// Which sticky requests end a wait: a set of [`Accepts::CANCEL`] and [`Accepts::TOKEN`].
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Accepts(pub(super) u64);

impl Accepts {
    /// Only its event and its deadline end the wait.
    pub(crate) const NOTHING: Accepts = Accepts(0);
    /// A cancel ends the wait, too.
    pub(crate) const CANCEL: Accepts = Accepts(1 << 5);
    /// An `unpark` ends the wait, too.
    pub(crate) const TOKEN: Accepts = Accepts(1 << 6);

    pub(super) const MASK: u64 = Self::CANCEL.0 | Self::TOKEN.0;

    /// Both.
    pub(crate) const fn and(self, other: Accepts) -> Accepts {
        Accepts(self.0 | other.0)
    }
}

/// How a wait ended.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[repr(u8)]
pub(crate) enum Outcome {
    /// The awaited event happened; a value, if any, has been handed over.
    Event = 1,
    /// What was waited on closed.
    Closed = 2,
    /// The deadline passed.
    TimedOut = 3,
    /// The waiter was cancelled.
    Cancelled = 4,
    /// The waiter was unparked.
    Token = 5,
}

impl Outcome {
    pub(super) fn of(word: u64) -> Outcome {
        match (word & OUTCOME) >> OUTCOME_SHIFT {
            1 => Outcome::Event,
            2 => Outcome::Closed,
            3 => Outcome::TimedOut,
            4 => Outcome::Cancelled,
            _ => Outcome::Token,
        }
    }
}

/// Which wait of a waiter is meant. A node or timer left over from an earlier wait cannot win a later one.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Generation(pub(super) u32);

impl Generation {
    pub(super) fn of(word: u64) -> Generation {
        Generation((word >> GENERATION_SHIFT) as u32)
    }
}

/// A sticky request that was already there when the wait was to begin.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Pending {
    /// A cancel; it stays.
    Cancel,
    /// An `unpark`; it has been consumed.
    Token,
}

/// What the winner of a claim has to do next.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[must_use = "a parked coroutine that nobody enqueues never runs again"]
pub(crate) enum Won {
    /// The waiter has left its stack: the winner makes it runnable.
    Parked,
    /// The waiter still runs, or the destination of its switch makes it runnable.
    Running,
}

impl Won {
    pub(super) fn of(word: u64) -> Won {
        if word & PARKED == 0 { Won::Running } else { Won::Parked }
    }
}

/// What the destination of a switch has to do with the coroutine that left.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[must_use = "an already won coroutine that nobody enqueues never runs again"]
pub(crate) enum Published {
    /// It is parked; its winner will make it runnable.
    Parked,
    /// It was won before it was parked: make it runnable.
    AlreadyWon,
}

/// What a waiter's regions and shields come to.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Level {
    /// A shield keeps off a cancel of the whole waiter.
    pub(crate) is_shielded: bool,
    /// A region that no shield keeps off has been cancelled.
    pub(crate) is_region_cancelled: bool,
}

/// The claim could not be won: the wait is over.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Lost;
