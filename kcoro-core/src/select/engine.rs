// SPDX-License-Identifier: BSD-3-Clause
//! How a coroutine or a thread selects: tries the arms, registers what must wait, parks, and leaves nothing behind.
//!
//! No path holds the locks of two arms. The cost is linear in the number of arms, and nothing is allocated.

use core::pin::Pin;
use core::time::Duration;

use super::arms::Slot;
use crate::task::claim::claiming::Party;
use crate::task::claim::{Accepts, Outcome};
use crate::task::wait_record::WaitsFor;
use crate::time::ns_of;
use crate::wait::arm::{Ended, Registered, Reports, Ticket};
use crate::wait::random;
use crate::wait::{Limit, WaitError, Waiter, enter};

/// In which order the arms are looked at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Order {
    /// In a random one: of several that are ready each is chosen as often as any other.
    Fair,
    /// As they are written: of several that are ready the first is chosen.
    Biased,
}

/// For how long a select waits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Patience {
    /// Not at all.
    None,
    Endless,
    AtMost(Duration),
}

/// What came of a select.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    /// The arm with this number was carried out.
    Arm(usize),
    /// None was ready, in time.
    NotReady,
    /// The select ended early.
    Refused(WaitError),
}

/// Puts an arm that has not been tried yet at place `nth`, by chance if the order is fair.
pub(super) fn draw(arms: &mut [Slot<'_>], nth: usize, order: Order) {
    if order == Order::Fair {
        let other = nth + random::below(arms.len() - nth);
        arms.swap(nth, other);
    }
}

/// Carries the first arm out that needs no wait.
pub(super) fn try_each(arms: &mut [Slot<'_>], order: Order) -> Option<usize> {
    for nth in 0..arms.len() {
        draw(arms, nth, order);
        let (number, arm) = &mut arms[nth];
        if arm.as_mut().try_complete() {
            return Some(*number);
        }
    }
    None
}

/// The number of the arm that is told why the select ended early: the first, as written, of those with most to say.
pub(super) fn reporter(arms: &[Slot<'_>], why: WaitError) -> Option<usize> {
    let says = |arm: &Slot<'_>| match (arm.1.reports(), why) {
        // It waits for a cancel, not for this.
        (Reports::Cancels, WaitError::CannotWait(_)) => Reports::Nothing,
        (says, _) => says,
    };
    let most = arms.iter().map(says).max()?;
    arms.iter().filter(|arm| says(arm) == most).map(|(number, _)| *number).min()
}

/// See the [module](self).
pub(super) fn select(arms: &mut [Slot<'_>], order: Order, patience: Patience) -> Verdict {
    if enter().check_cancelled().is_err() && (patience != Patience::None || waits_for_cancel(arms).is_some()) {
        return cancelled(arms);
    }
    let ready = try_each(arms, order);
    if patience == Patience::None {
        return ready.map_or(Verdict::NotReady, Verdict::Arm);
    }
    let verdict = match ready {
        Some(number) => Verdict::Arm(number),
        None => wait(arms, patience),
    };
    // Asked anew: it may have suspended. Charged also if it waited, for that may have been over before it began.
    enter().charge();
    verdict
}

/// The arm that waits for a cancel, if there is one.
fn waits_for_cancel(arms: &[Slot<'_>]) -> Option<usize> {
    let waiting = arms.iter().filter(|(_, arm)| arm.reports() == Reports::Cancels);
    waiting.map(|(number, _)| *number).min()
}

fn cancelled(arms: &[Slot<'_>]) -> Verdict {
    waits_for_cancel(arms).map_or(Verdict::Refused(WaitError::Cancelled), Verdict::Arm)
}

/// When the select gives up waiting, and which arm is chosen then: none for `default`.
fn earliest(arms: &[Slot<'_>], patience: Patience) -> Option<(Duration, Option<usize>)> {
    let own = match patience {
        Patience::AtMost(limit) => Some((limit, None)),
        Patience::None | Patience::Endless => None,
    };
    let of_arms = arms.iter().filter_map(|(number, arm)| Some((arm.limit()?, Some(*number))));
    // Of several that are due at once an arm comes before `default`.
    of_arms.chain(own).min_by_key(|(limit, _)| *limit)
}

fn wait(arms: &mut [Slot<'_>], patience: Patience) -> Verdict {
    let limit = earliest(arms, patience);
    let timed_out = limit.map_or(Verdict::NotReady, |(_, arm)| arm.map_or(Verdict::NotReady, Verdict::Arm));
    if limit.is_some_and(|(limit, _)| limit.is_zero()) {
        return timed_out;
    }
    let waiter = match enter().waiter() {
        Ok(waiter) => waiter,
        Err(why) => return Verdict::Refused(WaitError::CannotWait(why)),
    };
    match park(arms, waiter, limit.map_or(Limit::Never, |(limit, _)| Limit::AfterNs(ns_of(limit)))) {
        Some((Outcome::Event | Outcome::Closed, number)) => Verdict::Arm(number),
        Some((Outcome::TimedOut, _)) => timed_out,
        _ => cancelled(arms),
    }
}

/// Registers all arms and waits; `None` if the wait could not begin because of a cancel.
fn park(arms: &mut [Slot<'_>], waiter: Waiter, limit: Limit) -> Option<(Outcome, usize)> {
    let generation = waiter.begin(Accepts::CANCEL).ok()?;
    let handle = waiter.handle();
    let claim = handle.claim().expect("coroutines and threads have a claim");
    let party = Party { claim, generation, arm: 0, rank: waiter.rank() };
    let registered = Registrations { arms, own: party };
    let ticket = |number| Ticket::new(Party { arm: number as u32, ..party }, &handle);
    if let Some(number) = register_each(registered.arms, ticket) {
        return Some((Outcome::Event, number));
    }
    let (outcome, number) = waiter.park(WaitsFor::Select, Accepts::CANCEL, limit, generation);
    Some((outcome, number as usize))
}

/// Arms that are, perhaps, registered. All are taken out when this goes, also by a panic in a foreign waker; then the one
/// through which the wait has ended is told.
struct Registrations<'s, 'a> {
    arms: &'s mut [Slot<'a>],
    own: Party<'s>,
}

impl Drop for Registrations<'_, '_> {
    fn drop(&mut self) {
        unregister_all(self.arms);
        // By now nobody else can win it. If the wait is another, an arm was carried out by ourselves, and knows.
        if self.own.claim.generation() == self.own.generation
            && let Some((outcome, number)) = self.own.claim.outcome()
        {
            tell_winner(self.arms, outcome, number as usize);
        }
    }
}

/// Registers arms until one was carried out or the wait is over. The number of the one that was carried out.
pub(super) fn register_each<'t>(arms: &mut [Slot<'_>], ticket: impl Fn(usize) -> Ticket<'t>) -> Option<usize> {
    for (number, arm) in arms {
        match arm.as_mut().register(&ticket(*number)) {
            Registered::Waits => {}
            Registered::Completed => return Some(*number),
            Registered::Over => return None,
        }
    }
    None
}

/// Tells the arm through which the wait has ended, if it was one.
pub(super) fn tell_winner(arms: &mut [Slot<'_>], outcome: Outcome, number: usize) {
    let how = match outcome {
        Outcome::Event => Ended::Event,
        Outcome::Closed => Ended::Closed,
        _ => return,
    };
    if let Some((_, arm)) = arms.iter_mut().find(|(nth, _)| *nth == number) {
        arm.as_mut().won(how);
    }
}

/// Takes all out of their queues.
pub(super) fn unregister_all(arms: &mut [Slot<'_>]) {
    arms.iter_mut().for_each(|(_, arm)| Pin::as_mut(arm).lost());
}
