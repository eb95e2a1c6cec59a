// SPDX-License-Identifier: BSD-3-Clause
//! Arms that wait on no queue: a time-out, a cancel, and an arm by reference.
#![expect(unsafe_code, reason = "implements a trait whose implementors promise to leave nothing queued")]

use core::pin::Pin;
use core::time::Duration;

use crate::wait::WaitError;
use crate::wait::arm::{Arm, Ended, Registered, Reports, Stays, Ticket, Watched};

/// See [`after_arm`].
#[derive(Debug)]
#[must_use = "an arm does nothing until it is part of a select"]
pub struct AfterArm(Duration);

/// The arm that is chosen if no other one is ready within `duration`.
///
/// It needs no timer of its own: a select has one deadline, the earliest of its arms'.
pub fn after_arm(duration: Duration) -> AfterArm {
    AfterArm(duration)
}

// SAFETY: nothing is ever queued.
unsafe impl Arm for AfterArm {
    type Output = Result<(), WaitError>;

    const REPORTS: Reports = Reports::Nothing;

    fn try_complete(self: Pin<&mut Self>) -> bool {
        // What is ready comes before what is late: the engine asks for the limit when no arm was ready.
        false
    }

    fn register(self: Pin<&mut Self>, _ticket: &Ticket<'_>) -> Registered {
        Registered::Waits
    }

    fn renew(self: Pin<&mut Self>, _ticket: &Ticket<'_>) {}

    fn won(self: Pin<&mut Self>, _how: Ended) {}

    fn lost(self: Pin<&mut Self>) {}

    fn finish(self: Pin<&mut Self>) -> Self::Output {
        Ok(())
    }

    fn refuse(self: Pin<&mut Self>, why: WaitError) -> Self::Output {
        Err(why)
    }

    fn is_ready(self: Pin<&mut Self>) -> bool {
        false
    }

    fn watch(self: Pin<&mut Self>, _ticket: &Ticket<'_>) -> Watched {
        Watched::Watches
    }

    fn undo(self: Pin<&mut Self>) -> bool {
        true
    }

    fn limit(&self) -> Option<Duration> {
        Some(self.0)
    }
}

/// See [`cancelled_arm`].
#[derive(Debug)]
#[must_use = "an arm does nothing until it is part of a select"]
pub struct CancelledArm(());

/// The arm that is chosen when the calling coroutine is cancelled, or a token's region that the calling thread is in. If
/// that has happened already it comes before all others.
pub fn cancelled_arm() -> CancelledArm {
    CancelledArm(())
}

// SAFETY: nothing is ever queued.
unsafe impl Arm for CancelledArm {
    type Output = Result<(), WaitError>;

    const REPORTS: Reports = Reports::Cancels;

    fn try_complete(self: Pin<&mut Self>) -> bool {
        // The engine asks before it tries any arm, and the wait itself ends by a cancel.
        false
    }

    fn register(self: Pin<&mut Self>, _ticket: &Ticket<'_>) -> Registered {
        Registered::Waits
    }

    fn renew(self: Pin<&mut Self>, _ticket: &Ticket<'_>) {}

    fn won(self: Pin<&mut Self>, _how: Ended) {}

    fn lost(self: Pin<&mut Self>) {}

    fn finish(self: Pin<&mut Self>) -> Self::Output {
        Ok(())
    }

    fn refuse(self: Pin<&mut Self>, why: WaitError) -> Self::Output {
        Err(why)
    }

    fn is_ready(self: Pin<&mut Self>) -> bool {
        false
    }

    fn watch(self: Pin<&mut Self>, _ticket: &Ticket<'_>) -> Watched {
        Watched::Watches
    }

    fn undo(self: Pin<&mut Self>) -> bool {
        true
    }
}

// SAFETY: all is passed on to the arm behind the reference, which is always the same one and pinned.
unsafe impl<A: Arm> Arm for Pin<&mut A> {
    type Output = A::Output;

    const REPORTS: Reports = A::REPORTS;

    // A set that is forgotten leaves its own arms where they are, for ever; but this one can be used again.
    const STAYS: Stays = Stays::ForOneWait;

    fn try_complete(self: Pin<&mut Self>) -> bool {
        self.as_deref_mut().try_complete()
    }

    fn register(self: Pin<&mut Self>, ticket: &Ticket<'_>) -> Registered {
        self.as_deref_mut().register(ticket)
    }

    fn renew(self: Pin<&mut Self>, ticket: &Ticket<'_>) {
        self.as_deref_mut().renew(ticket);
    }

    fn won(self: Pin<&mut Self>, how: Ended) {
        self.as_deref_mut().won(how);
    }

    fn lost(self: Pin<&mut Self>) {
        self.as_deref_mut().lost();
    }

    fn finish(self: Pin<&mut Self>) -> Self::Output {
        self.as_deref_mut().finish()
    }

    fn refuse(self: Pin<&mut Self>, why: WaitError) -> Self::Output {
        self.as_deref_mut().refuse(why)
    }

    fn is_ready(self: Pin<&mut Self>) -> bool {
        self.as_deref_mut().is_ready()
    }

    fn watch(self: Pin<&mut Self>, ticket: &Ticket<'_>) -> Watched {
        self.as_deref_mut().watch(ticket)
    }

    fn undo(self: Pin<&mut Self>) -> bool {
        self.as_deref_mut().undo()
    }

    fn limit(&self) -> Option<Duration> {
        A::limit(self)
    }
}
