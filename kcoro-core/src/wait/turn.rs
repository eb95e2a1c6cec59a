// SPDX-License-Identifier: BSD-3-Clause
//! The one way to wait for a turn: something that is had under a lock, now or later.
//!
//! A [`Turn`] is one waiter's wish. It lies in the waiter's frame, or in a pinned future ([`TurnFuture`]), next to the queue
//! node that points to it; its cells are touched under the lock of what it waits for, or by its owner while no node of it is
//! queued. Each time that [`Turn::poll`] finds no way, one of these follows, once:
//!
//! - [`Turn::won`]: a winner has unlinked the node and ended the wait; or [`Turn::pass_on`], if that was a future which has
//!   been dropped before it knew.
//! - [`Turn::leave`]: the wait ended otherwise (time-out, cancel, drop), the node is unlinked, and the lock is held.
//!
//! [`TurnFuture`]: super::turn_future::TurnFuture
#![expect(unsafe_code, reason = "queues a node that lies in this frame")]

use core::pin::pin;

use super::queue::{Node, WaitQueue};
use super::{CannotWait, Limit, WaitError, WaitsInOne, enter};
use crate::primitive::{SpinGuard, SpinLock};
use crate::task::claim::{Accepts, Outcome};
use crate::task::wait_record::WaitsFor;

/// See the [module](self).
///
/// # Safety
///
/// An implementor refers to what is waited for by references to `Sync` types only, and touches its own cells as the module
/// says. [`Turn::state`] and [`Turn::queue`] name the same lock and queue each time.
pub(crate) unsafe trait Turn {
    /// What the lock guards.
    type State;
    /// What comes of it.
    type Output;

    /// The lock of what is waited for.
    fn state(&self) -> &SpinLock<Self::State>;

    /// The queue in which the turn is waited for.
    fn queue(state: &mut Self::State) -> &mut WaitQueue;

    /// What is told of a coroutine that waits for it.
    fn waits_for(&self) -> WaitsFor;

    /// Takes the turn, if it is to be had now.
    fn poll(&self, state: &mut Self::State) -> Option<Self::Output>;

    /// Puts the node of this turn, whose slot is `self`, into the queue. Called under the lock that has polled in vain.
    ///
    /// # Safety
    ///
    /// As [`WaitQueue::push`].
    unsafe fn enqueue(&self, state: &mut Self::State, node: *const Node) {
        // SAFETY: forwarded.
        unsafe { Self::queue(state).push(node) };
    }

    /// The wait was won with `outcome`. `None` if that was the word to poll again.
    fn won(&self, outcome: Outcome) -> Option<Self::Output>;

    /// The wait was in vain, unless it says that the turn was had all the same.
    fn leave(&self, _state: SpinGuard<'_, Self::State>) -> Option<Self::Output> {
        None
    }

    /// The wait was won with `outcome`, and nobody takes up what was won.
    fn pass_on(&self, outcome: Outcome);
}

/// Why a turn was not had.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Ended {
    TimedOut,
    Cancelled,
    CannotWait(CannotWait),
}

impl Ended {
    /// For a wait that has no limit.
    pub(crate) fn without_limit(self) -> WaitError {
        match self {
            Self::CannotWait(why) => WaitError::CannotWait(why),
            Self::Cancelled | Self::TimedOut => WaitError::Cancelled,
        }
    }

    /// For a wait that has no limit and accepts no cancel.
    pub(crate) fn only_refused(self) -> CannotWait {
        match self {
            Self::CannotWait(why) => why,
            Self::Cancelled | Self::TimedOut => unreachable!("this wait ends by its event only"),
        }
    }
}

/// What comes first in each operation that may wait: asks for a cancel, if the operation accepts one, and charges it to the
/// run budget. *Before* it gets anything, for what it gets (a lock, say) would else be held over a yield.
#[inline]
pub(crate) fn charge(accepts: Accepts) -> Result<(), Ended> {
    let entry = enter();
    if accepts == Accepts::CANCEL {
        entry.check_cancelled().map_err(|_| Ended::Cancelled)?;
    }
    entry.charge();
    Ok(())
}

/// Waits for `turn`, from a coroutine or a thread that has called [`charge`].
pub(crate) fn wait_charged<T: Turn>(turn: &T, accepts: Accepts, mut limit: Limit) -> Result<T::Output, Ended> {
    loop {
        // Before the lock, for it may make a thread's parker; and anew each time, for a coroutine may have come back on
        // another worker.
        let waiter = enter().waiter();
        if let Ok(waiter) = &waiter {
            limit = waiter.fixed(limit);
        }
        let mut state = turn.state().lock();
        if let Some(output) = turn.poll(&mut state) {
            return Ok(output);
        }
        let announced = waiter.map_err(Ended::CannotWait).and_then(|waiter| match waiter.announce(accepts) {
            Ok(announced) => Ok((waiter, announced)),
            Err(_) => Err(Ended::Cancelled),
        });
        let (waiter, announced) = match announced {
            Ok(announced) => announced,
            Err(why) => return turn.leave(state).ok_or(why),
        };
        let node = pin!(waiter.node(announced, slot_of(turn)));
        let node: *const Node = &raw const **node;
        // SAFETY: node and turn stay in place until the node is removed: by its winner, or below.
        unsafe { turn.enqueue(&mut state, node) };
        drop(state);
        let outcome = waiter.park_announced(turn.waits_for(), announced, limit);
        if let Outcome::Event | Outcome::Closed = outcome {
            match turn.won(outcome) {
                Some(output) => return Ok(output),
                None => continue,
            }
        }
        let mut state = turn.state().lock();
        // SAFETY: it was pushed to this queue.
        unsafe { T::queue(&mut state).remove(node) };
        let why = if outcome == Outcome::TimedOut { Ended::TimedOut } else { Ended::Cancelled };
        return turn.leave(state).ok_or(why);
    }
}

/// Where a winner finds the turn of a node.
pub(super) fn slot_of<T: Turn>(turn: &T) -> *mut () {
    (&raw const *turn).cast_mut().cast()
}
