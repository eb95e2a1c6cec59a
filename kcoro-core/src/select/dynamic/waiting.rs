// SPDX-License-Identifier: BSD-3-Clause
//! How a set selects: looks at the arms that are due, registers them, waits, and leaves registered what stays.
//!
//! An arm is *due* or registered. It becomes due when it is added, when it was carried out, when its node was found while the
//! set did not wait, and, if it does not stay, when the wait is over. A registered one need not be looked at: whatever makes
//! it ready finds its node first (see [`standing`](crate::wait::queue::standing)).
//!
//! ```text
//!   due arms, tried in random order ----> one is ready: the others that were tried are registered, idle
//!            | none                                              ^
//!            v                                                   |
//!   begin to wait ----> register those that are due ----> park --+--> won: that arm
//!            ^                     | meets a peer: that arm      |
//!            +---- the arms that were found <---- a token -------+
//! ```
//!
//! Arms are registered for the wait while it is under way, so that two sets that face each other meet as two selects do, one
//! of them holding its claim still. What is registered idle, after a call has got what it wanted, meets nobody. While a set is
//! idle its registered arms only become fewer, so it begins to wait after as many tokens as it has arms, at most.

use core::future::poll_fn;
use core::pin::pin;
use core::task::{Poll, Waker};
use core::time::Duration;

use super::entry::Entry;
use super::seat::Seat;
use super::{Progress, Select};
use crate::select::engine::{Order, Patience, Verdict};
use crate::task::claim::{Accepts, Outcome};
use crate::task::wait_record::WaitsFor;
use crate::time::ns_of;
use crate::wait::arm::{Ended, Registered, Reports};
use crate::wait::future::drive;
use crate::wait::{Limit, WaitError, random, turn};

impl<O> Select<'_, O> {
    pub(super) fn look_or_wait(&mut self, patience: Patience) -> Verdict {
        let (ready, tried) = self.look();
        let verdict = match ready {
            Some(place) => Verdict::Arm(place),
            None if patience == Patience::None => Verdict::NotReady,
            None => return self.park(patience),
        };
        self.leave_registered(tried);
        verdict
    }

    /// Looks at the arms that are due: one that was carried out, and how many before it were tried in vain.
    pub(super) fn look(&mut self) -> (Option<usize>, usize) {
        self.look_who_was_found();
        self.try_due(0)
    }

    pub(super) fn seat(&mut self) -> &Seat {
        self.seat.get_or_insert_with(Seat::new)
    }

    /// Makes the arms due whose nodes were found while the set did not wait.
    pub(super) fn look_who_was_found(&mut self) {
        let Self { seat: Some(seat), entries, due, .. } = self else { return };
        seat.standing().take_found(|arm| {
            // One that was won as well is due already.
            if let Some(Some(entry)) = entries.get_mut(arm as usize)
                && !entry.is_due
            {
                entry.arm.as_mut().lost();
                entry.is_due = true;
                due.push_back(arm as usize);
            }
        });
    }

    /// Carries one of the due arms out if that needs no wait; passes over the first `from` of them. The arm, which stays due,
    /// and how many before it were tried in vain.
    fn try_due(&mut self, from: usize) -> (Option<usize>, usize) {
        if self.order == Order::Biased {
            let Self { due, entries, .. } = self;
            due.make_contiguous()[from..].sort_unstable_by_key(|place| entries[*place].as_ref().map(|entry| entry.id));
        }
        for nth in from..self.due.len() {
            if self.order == Order::Fair {
                let other = nth + random::below(self.due.len() - nth);
                self.due.swap(nth, other);
            }
            let place = self.due[nth];
            self.trying = Some(place);
            let is_ready = self.entry(place).arm.as_mut().try_complete();
            self.trying = None;
            if is_ready {
                return (Some(place), nth);
            }
        }
        (None, self.due.len())
    }

    /// Registers the first that is due. It stays due unless it waits now.
    fn register_first(&mut self) -> Option<(usize, Registered)> {
        let place = *self.due.front()?;
        let seat = self.seat.get_or_insert_with(Seat::new);
        let entry = self.entries[place].as_mut()?;
        self.trying = Some(place);
        let registered = entry.arm.as_mut().register(&seat.ticket(place));
        self.trying = None;
        if registered == Registered::Waits {
            entry.is_due = false;
            self.due.pop_front();
        }
        Some((place, registered))
    }

    /// Registers those of the first `tried` that stay, without waiting: the next call need not look at them.
    pub(super) fn leave_registered(&mut self, tried: usize) {
        for _ in 0..tried {
            let Some(place) = self.due.front().copied() else { return };
            let registered = if self.entry(place).is_passing() { None } else { self.register_first() };
            match registered {
                Some((_, Registered::Waits)) => {}
                // There is something after all: it is looked at next time.
                _ => self.due.rotate_left(1),
            }
        }
    }

    /// Registers all that are due for the wait that is under way. The arm that was carried out, which ends it.
    fn register_due(&mut self) -> Option<usize> {
        while let Some((place, registered)) = self.register_first() {
            match registered {
                Registered::Waits => {}
                Registered::Completed => return Some(place),
                Registered::Over => return None,
            }
        }
        None
    }

    fn park(&mut self, patience: Patience) -> Verdict {
        let limit = self.earliest(patience);
        let timed_out = limit.and_then(|(_, place)| place).map_or(Verdict::NotReady, Verdict::Arm);
        if limit.is_some_and(|(limit, _)| limit.is_zero()) {
            self.leave_registered(self.due.len());
            return timed_out;
        }
        let limit = limit.map_or(Limit::Never, |(limit, _)| Limit::AfterNs(ns_of(limit)));
        let won = drive(pin!(poll_fn(|context| self.poll(context.waker()))), WaitsFor::Select, Accepts::CANCEL, limit);
        self.seat().leave();
        let why = match won {
            Ok(place) => return Verdict::Arm(place),
            Err(why) => why,
        };
        if let Some(place) = self.end_wait() {
            return Verdict::Arm(place);
        }
        match why {
            turn::Ended::TimedOut => self.try_found().map_or(timed_out, Verdict::Arm),
            turn::Ended::Cancelled => self.ended_by_cancel(),
            turn::Ended::CannotWait(why) => Verdict::Refused(WaitError::CannotWait(why)),
        }
    }

    /// Looks how the wait has ended, or begins one.
    pub(super) fn poll(&mut self, waker: &Waker) -> Poll<usize> {
        // Before the claim is looked at, see there.
        self.seat().sit(waker);
        loop {
            if self.progress == Progress::Waits {
                let Some(ended) = self.seat().standing().claim.outcome() else { return Poll::Pending };
                self.progress = Progress::Idle;
                if let Some(place) = self.tell(ended) {
                    return Poll::Ready(place);
                }
            }
            if let Some(place) = self.try_found() {
                return Poll::Ready(place);
            }
            if self.seat().standing().claim.begin_again().is_err() {
                continue;
            }
            self.progress = Progress::Waits;
            if let Some(place) = self.register_due() {
                self.progress = Progress::Idle;
                return Poll::Ready(place);
            }
        }
    }

    /// Tries the arms whose nodes were found.
    fn try_found(&mut self) -> Option<usize> {
        let known = self.due.len();
        self.look_who_was_found();
        self.try_due(known).0
    }

    /// Ends the wait, if one is under way. The arm through which somebody has won it before.
    pub(super) fn end_wait(&mut self) -> Option<usize> {
        if core::mem::replace(&mut self.progress, Progress::Idle) == Progress::Idle {
            return None;
        }
        let standing = self.seat().standing();
        standing.claim.idle(standing.generation());
        let ended = standing.claim.outcome()?;
        self.tell(ended)
    }

    /// Tells the arm through which the wait has ended, if it was one.
    fn tell(&mut self, (outcome, arm): (Outcome, u32)) -> Option<usize> {
        let how = match outcome {
            Outcome::Event => Ended::Event,
            Outcome::Closed => Ended::Closed,
            _ => return None,
        };
        let place = arm as usize;
        let entry = self.entry(place);
        if entry.is_passing() {
            entry.arm.as_mut().lost();
        }
        entry.arm.as_mut().won(how);
        self.make_due(place);
        Some(place)
    }

    pub(super) fn make_due(&mut self, place: usize) {
        let entry = self.entry(place);
        if !core::mem::replace(&mut entry.is_due, true) {
            self.due.push_back(place);
        }
    }

    /// What each call ends with: those that do not stay are taken out of their queues.
    pub(super) fn leave(&mut self) {
        for nth in 0..self.passing.len() {
            let place = self.passing[nth];
            let entry = self.entry(place);
            if !entry.is_due {
                entry.arm.as_mut().lost();
                self.make_due(place);
            }
        }
    }

    /// The arm that waits for a cancel of the caller, if there is one: that which was added first.
    pub(super) fn arm_of_cancels(&self) -> Option<usize> {
        let waiting = self.passing().filter(|entry| entry.arm.reports() == Reports::Cancels);
        waiting.map(|entry| entry.id).min().and_then(|id| self.place_of(id))
    }

    pub(super) fn ended_by_cancel(&self) -> Verdict {
        self.arm_of_cancels().map_or(Verdict::Refused(WaitError::Cancelled), Verdict::Arm)
    }

    pub(super) fn passing(&self) -> impl Iterator<Item = &Entry<'_, O>> {
        self.passing.iter().filter_map(|place| self.entries[*place].as_ref())
    }

    /// When the set gives up waiting, and which arm is chosen then.
    pub(super) fn earliest(&self, patience: Patience) -> Option<(Duration, Option<usize>)> {
        let own = match patience {
            Patience::AtMost(limit) => Some((limit, None)),
            Patience::None | Patience::Endless => None,
        };
        let of_arms = self.passing().filter_map(|entry| Some((entry.arm.limit()?, self.place_of(entry.id))));
        // Of several that are due at once an arm comes before the call's own limit.
        of_arms.chain(own).min_by_key(|(limit, _)| *limit)
    }
}
