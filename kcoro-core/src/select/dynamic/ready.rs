// SPDX-License-Identifier: BSD-3-Clause
//! Waiting until an arm is ready, without carrying it out.
//!
//! All arms are *watched* for that, see [`Arm::watch`](crate::wait::arm::Arm::watch): they leave the queues of those who wait
//! and are told when they are ready, beside whoever is served. So a hint that is not used has cost nobody a turn, and there
//! is no wake to pass on.

use core::future::poll_fn;
use core::pin::pin;
use core::task::{Poll, Waker};
use core::time::Duration;

use super::call::Call;
use super::{ArmId, Progress, Select};
use crate::select::engine::{Order, Patience, Verdict};
use crate::task::claim::{Accepts, Outcome};
use crate::task::wait_record::WaitsFor;
use crate::time::ns_of;
use crate::wait::arm::Watched;
use crate::wait::future::drive;
use crate::wait::{Limit, WaitError, enter, random, turn};

impl<'a, O: 'a> Select<'a, O> {
    /// Waits until one of the arms is ready and says which, without carrying it out. Without arms it waits for a cancel.
    ///
    /// It is a hint: when you try the operation, somebody else may have been faster. Waiting for it takes no part in what
    /// happens at the channels: no value is taken, no turn used up, and whoever waits for the same is served as if this were
    /// not there; all who wait for readiness are told. So a hint that you do not use is nobody's loss. Two who wait for the
    /// readiness of the two ends of one rendezvous are not ready for each other, for neither waits to send or to receive.
    ///
    /// It costs as much as there are arms, and the set gives up its places in the queues. To carry an arm out,
    /// [`Select::wait`] is better.
    ///
    /// ```
    /// use kcoro_core::channel::bounded;
    /// use kcoro_core::select::Select;
    ///
    /// let ((_silent, silence), (tx, rx)) = (bounded::<u8>(1), bounded(1));
    /// let mut select = Select::new();
    /// select.recv(&silence, |value| value.ok());
    /// let of_rx = select.recv(&rx, |value| value.ok());
    /// assert_eq!(select.try_ready(), None);
    /// tx.send(5).unwrap();
    /// assert_eq!(select.ready(), Ok(of_rx));
    /// // Nothing was taken: whoever comes first has it.
    /// assert_eq!(rx.try_recv(), Ok(5));
    /// assert_eq!(select.try_select(), None);
    /// ```
    ///
    /// # Errors
    ///
    /// As [`Select::wait`]. An arm made by [`cancelled_arm`](crate::select::cancelled_arm) is ready when the caller is
    /// cancelled, and one made by [`after_arm`](crate::select::after_arm) when its time is over.
    pub fn ready(&mut self) -> Result<ArmId, WaitError> {
        Ok(self.readiness(Patience::Endless)?.expect("a wait without a limit ends with an arm"))
    }

    /// As [`Select::ready`], for at most `limit`; `None` if no arm was ready in time.
    ///
    /// # Errors
    ///
    /// As [`Select::ready`].
    pub fn ready_timeout(&mut self, limit: Duration) -> Result<Option<ArmId>, WaitError> {
        self.readiness(Patience::AtMost(limit))
    }

    /// An arm that is ready now, if there is one. It is not carried out. Never a cancellation point.
    pub fn try_ready(&mut self) -> Option<ArmId> {
        self.readiness(Patience::None).unwrap_or(None)
    }

    fn readiness(&mut self, patience: Patience) -> Result<Option<ArmId>, WaitError> {
        match self.call_for_readiness(patience) {
            Verdict::Refused(why) => Err(why),
            Verdict::NotReady => Ok(None),
            Verdict::Arm(place) => Ok(Some(self.entry(place).id)),
        }
    }

    fn call_for_readiness(&mut self, patience: Patience) -> Verdict {
        self.give_up();
        if enter().check_cancelled().is_err() && (patience != Patience::None || self.arm_of_cancels().is_some()) {
            return self.ended_by_cancel();
        }
        let call = Call(self);
        let verdict = match call.0.find_ready() {
            Some(place) => Verdict::Arm(place),
            None if patience == Patience::None => Verdict::NotReady,
            None => call.0.park_watching(patience),
        };
        drop(call);
        if patience != Patience::None {
            // As in a call that carries out.
            enter().charge();
        }
        verdict
    }
}

impl<O> Select<'_, O> {
    /// An arm that is ready: any, or that which was added first. One that was carried out before, and whose result nobody has
    /// taken, is.
    fn find_ready(&mut self) -> Option<usize> {
        if self.kept.is_some() {
            return self.kept;
        }
        let places = self.entries.len();
        if self.order == Order::Biased {
            let ready = (0..places).filter(|place| self.is_ready(*place)).collect::<alloc::vec::Vec<_>>();
            return ready.into_iter().min_by_key(|place| self.entry(*place).id);
        }
        let first = if places == 0 { 0 } else { random::below(places) };
        (first..places).chain(0..first).find(|place| self.is_ready(*place))
    }

    fn is_ready(&mut self, place: usize) -> bool {
        self.in_arm(place, |set| set.entries[place].as_mut().is_some_and(|entry| entry.arm.as_mut().is_ready()))
    }

    /// Calls the arm in `place`, which may be foreign code.
    fn in_arm<R>(&mut self, place: usize, call: impl FnOnce(&mut Self) -> R) -> R {
        self.trying = self.entries[place].is_some().then_some(place);
        let result = call(self);
        self.trying = None;
        result
    }

    fn park_watching(&mut self, patience: Patience) -> Verdict {
        let limit = self.earliest(patience);
        let timed_out = limit.and_then(|(_, place)| place).map_or(Verdict::NotReady, Verdict::Arm);
        if limit.is_some_and(|(limit, _)| limit.is_zero()) {
            return timed_out;
        }
        let limit = limit.map_or(Limit::Never, |(limit, _)| Limit::AfterNs(ns_of(limit)));
        self.unregister_all();
        let poll = poll_fn(|context| self.poll_readiness(context.waker()));
        let ready = drive(pin!(poll), WaitsFor::Select, Accepts::CANCEL, limit);
        self.give_up();
        self.seat().leave();
        match ready {
            Ok(place) => Verdict::Arm(place),
            Err(turn::Ended::TimedOut) => timed_out,
            Err(turn::Ended::Cancelled) => self.ended_by_cancel(),
            Err(turn::Ended::CannotWait(why)) => Verdict::Refused(WaitError::CannotWait(why)),
        }
    }

    /// Takes all arms out of their queues: each is looked at by the next call that carries one out.
    fn unregister_all(&mut self) {
        self.look_who_was_found();
        for place in 0..self.entries.len() {
            if let Some(entry) = &mut self.entries[place]
                && !entry.is_due
            {
                entry.arm.as_mut().lost();
                self.make_due(place);
            }
        }
        // Those that were come upon just now.
        self.look_who_was_found();
    }

    fn poll_readiness(&mut self, waker: &Waker) -> Poll<usize> {
        // Before the claim is looked at, see there.
        self.seat().sit(waker);
        loop {
            if self.progress == Progress::Watches {
                let Some((outcome, arm)) = self.seat().standing().claim.outcome() else { return Poll::Pending };
                self.unwatch();
                if let Outcome::Event | Outcome::Closed = outcome
                    && self.is_still_ready(arm as usize)
                {
                    return Poll::Ready(arm as usize);
                }
            }
            if self.seat().standing().claim.begin_again().is_err() {
                continue;
            }
            self.progress = Progress::Watches;
            if let Some(place) = self.watch_each() {
                self.unwatch();
                return Poll::Ready(place);
            }
        }
    }

    /// Whether the arm that was told is still ready. Of one that does not stay registered nobody else can know.
    fn is_still_ready(&mut self, place: usize) -> bool {
        self.entry(place).is_passing() || self.is_ready(place)
    }

    /// Watches all arms, unless one of them is ready.
    fn watch_each(&mut self) -> Option<usize> {
        (0..self.entries.len()).find(|place| {
            self.in_arm(*place, |set| {
                let (Some(seat), Some(entry)) = (&set.seat, &mut set.entries[*place]) else { return false };
                entry.arm.as_mut().watch(&seat.ticket_to_watch(*place)) == Watched::Ready
            })
        })
    }

    /// Ends the wait for readiness.
    pub(super) fn unwatch(&mut self) {
        self.progress = Progress::Idle;
        let standing = self.seat().standing();
        standing.claim.idle(standing.generation());
        self.entries.iter_mut().flatten().for_each(|entry| entry.arm.as_mut().lost());
    }
}
