// SPDX-License-Identifier: BSD-3-Clause
//! What a select needs of an operation that can be one of its arms.

use core::pin::Pin;
use core::time::Duration;

use super::WaitError;
use super::queue::Node;
use super::queue::standing::Standing;
use super::wake::WakeHandle;
use crate::task::claim::claiming::Party;

/// An operation that can be an arm of a select.
///
/// A channel's handles, join handles and time-outs make arms; see [`select`](mod@crate::select). Another crate's handle becomes
/// an arm by wrapping one of these: it passes the calls on, and adds what it has to do when it is chosen or lost.
///
/// A select calls, in this order: [`try_complete`](Arm::try_complete), then, if it has to wait,
/// [`register`](Arm::register); when the wait is over, [`won`](Arm::won) on the arm through which it ended, and
/// [`lost`](Arm::lost) on all that were registered. At last it takes the result of the chosen arm, with
/// [`finish`](Arm::finish) or [`refuse`](Arm::refuse). An arm that was not chosen can be used in a select again.
///
/// A set of arms (`Select`) leaves an arm that [stays](Arm::STAYS) registered when a wait is over. It calls nothing
/// of it until the arm is looked at again, because something has happened to what it waits on, or until it is removed. Before it
/// tries or registers such an arm again it has called either `won` or `lost`; of one that was won it does not call `lost`.
///
/// A set that is asked for readiness only calls [`is_ready`](Arm::is_ready) and [`watch`](Arm::watch), after the latter always
/// [`lost`](Arm::lost), and nothing else.
///
/// # Safety
///
/// - What `register` has put into a queue MUST be taken out again when `lost` is called, at the latest, and when the arm is
///   dropped. An arm is pinned, so it cannot vanish otherwise.
/// - `register` MUST return [`Registered::Completed`] if and only if it has ended the select's wait itself.
/// - After `try_complete` has returned true, `register` has returned `Completed`, or `won` has been called, `finish` MUST be
///   ready with the result. If the arm is dropped instead, what it has received MUST NOT be lost to other receivers.
///
/// - Only an arm that *owns* what `register` has put into a queue may [stay](Arm::STAYS). One behind a reference could be used
///   again while it is still queued for a set that was forgotten.
///
/// An arm that passes each call on to the arm that it wraps, once, and drops it when it is dropped itself, keeps these; if it
/// owns that arm it may say of itself that it stays if that does.
#[expect(unsafe_code, reason = "an arm that stays queued when it goes is a dangling pointer")]
pub unsafe trait Arm {
    /// The result of the operation.
    type Output;

    /// How the arm takes it that the select ends before any of its arms was ready.
    const REPORTS: Reports;

    /// Whether the arm may stay registered when a wait is over.
    const STAYS: Stays = Stays::ForOneWait;

    /// Carries the operation out if that needs no wait; says whether it did.
    fn try_complete(self: Pin<&mut Self>) -> bool;

    /// Carries the operation out if that needs no wait, else queues it.
    fn register(self: Pin<&mut Self>, ticket: &Ticket<'_>) -> Registered;

    /// The select waits on, with another waker: the arm, which is registered, takes it from `ticket`.
    fn renew(self: Pin<&mut Self>, ticket: &Ticket<'_>);

    /// The select's wait has ended through this arm.
    fn won(self: Pin<&mut Self>, how: Ended);

    /// The select is over: takes the arm out of its queue, if it is still in. Never fails, and runs no foreign code.
    fn lost(self: Pin<&mut Self>);

    /// The result, once, of the arm that was chosen.
    fn finish(self: Pin<&mut Self>) -> Self::Output;

    /// The result of an arm whose operation was not carried out, because the select ended early.
    fn refuse(self: Pin<&mut Self>, why: WaitError) -> Self::Output;

    /// Whether the operation could be carried out now. Nothing is taken or kept: when it is tried, somebody else may have been
    /// faster.
    fn is_ready(self: Pin<&mut Self>) -> bool;

    /// Unless the arm is ready, sees to it that who makes it ready wakes the select. It takes no turn of a waiter's: who is
    /// woken thus has got nothing, and whoever waits for the same is served as if the arm were not there.
    fn watch(self: Pin<&mut Self>, ticket: &Ticket<'_>) -> Watched;

    /// The select that was carried out through this arm has been given up before it told anyone. Says whether all is as it
    /// was before: what was received has gone to the next in line. If not, `finish` is called later.
    fn undo(self: Pin<&mut Self>) -> bool {
        false
    }

    /// For how long the select waits at most, after which the arm is chosen. Not asked of an arm that stays registered.
    fn limit(&self) -> Option<Duration> {
        None
    }
}

/// How an arm takes it that the coroutine is cancelled, or cannot wait. The select tells one of its arms: the first of the
/// highest kind that there is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Reports {
    /// Only if there is no other: it has nothing to say.
    Nothing,
    /// Its result says what happened.
    Errors,
    /// That is what it waits for.
    Cancels,
}

/// For how long an arm is registered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stays {
    /// For one wait. Of an arm that holds something while it is registered, or has a time limit, or is told of a cancel of the
    /// caller.
    ForOneWait,
    /// Until it has been won or something has happened to what it waits on, over any number of waits. Between these it is
    /// nobody's peer: who comes upon it there passes it over.
    UntilReady,
}

/// What came of an arm's registration.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use = "a select that is over must not wait"]
pub enum Registered {
    /// It is queued.
    Waits,
    /// It was carried out, and the select's wait is over.
    Completed,
    /// The select's wait has ended otherwise meanwhile. The arm is not queued.
    Over,
}

/// What came of watching an arm.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use = "nobody tells of an arm that is ready already"]
pub enum Watched {
    /// It is not ready. Who makes it so wakes the select.
    Watches,
    /// It is ready.
    Ready,
}

impl Watched {
    /// What came of it, for an arm that is registered to be watched: its winner takes and gives nothing.
    pub(crate) fn by(registered: Registered) -> Self {
        if registered == Registered::Waits { Self::Watches } else { Self::Ready }
    }
}

/// How a select's wait ended, for the arm through which it did.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ended {
    /// What the arm waited for has happened.
    Event,
    /// What the arm waited on has closed.
    Closed,
}

/// A select's wait, as one of its arms sees it.
#[derive(Clone, Copy)]
pub struct Ticket<'a> {
    own: Party<'a>,
    handle: &'a WakeHandle,
    set: Option<&'a Standing>,
}

impl<'a> Ticket<'a> {
    pub(crate) fn new(own: Party<'a>, handle: &'a WakeHandle) -> Self {
        Self { own, handle, set: None }
    }

    /// For the arm of a set whose nodes may stay queued.
    #[cfg(feature = "alloc")]
    pub(crate) fn of_set(set: &'a Standing, arm: u32, handle: &'a WakeHandle) -> Self {
        Self { own: set.party(arm), handle, set: Some(set) }
    }

    /// The wait, as one that meets others.
    pub(crate) fn own(&self) -> Party<'a> {
        self.own
    }

    /// What wakes the select. No lock may be held.
    pub(crate) fn handle(&self) -> WakeHandle {
        self.handle.duplicate()
    }

    /// A node for this arm. No lock may be held.
    pub(crate) fn node(&self, slot: *mut ()) -> Node {
        Node::of_arm(self.own, self.handle(), slot, self.set)
    }
}

impl core::fmt::Debug for Ticket<'_> {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_struct("Ticket").field("arm", &self.own.arm).finish_non_exhaustive()
    }
}
