// SPDX-License-Identifier: BSD-3-Clause
//! One arm of a set, and the function that makes of its results what the set returns.
#![expect(unsafe_code, reason = "projects a pinned arm out of its box")]

use alloc::boxed::Box;
use core::pin::Pin;
use core::time::Duration;

use super::ArmId;
use crate::select::arms::AnyArm;
use crate::wait::WaitError;
use crate::wait::arm::{Arm, Ended, Registered, Reports, Stays, Ticket, Watched};

/// An arm in its place.
pub(super) struct Entry<'a, O> {
    pub(super) id: ArmId,
    pub(super) arm: Pin<Box<dyn MappedArm<O> + 'a>>,
    /// It is not registered, and so in the list of those that are to be looked at.
    pub(super) is_due: bool,
}

impl<O> Entry<'_, O> {
    /// Whether each wait registers it anew.
    pub(super) fn is_passing(&self) -> bool {
        self.arm.stays() == Stays::ForOneWait
    }
}

/// An arm whose result is made an `O`.
pub(super) trait MappedArm<O>: AnyArm {
    fn lasts(&self) -> Lasts;
    fn stays(&self) -> Stays;
    fn finish(self: Pin<&mut Self>) -> O;
    fn refuse(self: Pin<&mut Self>, why: WaitError) -> O;
}

pub(super) struct Mapped<A, F> {
    pub(super) arm: A,
    pub(super) map: F,
    pub(super) lasts: Lasts,
}

/// How often an arm can be carried out.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Lasts {
    Once,
    UntilRemoved,
}

impl<A, F> Mapped<A, F> {
    fn arm(self: Pin<&mut Self>) -> Pin<&mut A> {
        // SAFETY: the arm is pinned as a field.
        unsafe { self.map_unchecked_mut(|mapped| &mut mapped.arm) }
    }

    fn map(self: Pin<&mut Self>) -> &mut F {
        // SAFETY: the function is not pinned, and nothing else is moved.
        unsafe { &mut self.get_unchecked_mut().map }
    }
}

impl<A: Arm, F> AnyArm for Mapped<A, F> {
    fn reports(&self) -> Reports {
        A::REPORTS
    }

    fn try_complete(self: Pin<&mut Self>) -> bool {
        Arm::try_complete(self.arm())
    }

    fn register(self: Pin<&mut Self>, ticket: &Ticket<'_>) -> Registered {
        Arm::register(self.arm(), ticket)
    }

    fn renew(self: Pin<&mut Self>, ticket: &Ticket<'_>) {
        Arm::renew(self.arm(), ticket);
    }

    fn won(self: Pin<&mut Self>, how: Ended) {
        Arm::won(self.arm(), how);
    }

    fn lost(self: Pin<&mut Self>) {
        Arm::lost(self.arm());
    }

    fn is_ready(self: Pin<&mut Self>) -> bool {
        Arm::is_ready(self.arm())
    }

    fn watch(self: Pin<&mut Self>, ticket: &Ticket<'_>) -> Watched {
        Arm::watch(self.arm(), ticket)
    }

    fn undo(self: Pin<&mut Self>) -> bool {
        Arm::undo(self.arm())
    }

    fn limit(&self) -> Option<Duration> {
        Arm::limit(&self.arm)
    }
}

impl<O, A: Arm, F: FnMut(A::Output) -> O> MappedArm<O> for Mapped<A, F> {
    fn lasts(&self) -> Lasts {
        self.lasts
    }

    fn stays(&self) -> Stays {
        A::STAYS
    }

    fn finish(mut self: Pin<&mut Self>) -> O {
        let result = self.as_mut().arm().finish();
        (self.map())(result)
    }

    fn refuse(mut self: Pin<&mut Self>, why: WaitError) -> O {
        let result = self.as_mut().arm().refuse(why);
        (self.map())(result)
    }
}
