// SPDX-License-Identifier: BSD-3-Clause
//! Joining as an arm of a select.
#![expect(unsafe_code, reason = "a pinned arm whose node is queued")]

use core::cell::UnsafeCell;
use core::fmt;
use core::marker::PhantomPinned;
use core::pin::Pin;

use super::join::JoinHandle;
use super::join_error::{JoinError, TryJoinError};
use crate::task::schedule::Place;
use crate::wait::WaitError;
use crate::wait::arm::{Arm, Ended, Registered, Reports, Stays, Ticket, Watched};
use crate::wait::queue::Node;

/// See [`JoinHandle::join_arm`].
#[must_use = "an arm does nothing until it is part of a select"]
pub struct JoinArm<'a, T> {
    handle: &'a mut JoinHandle<T>,
    node: UnsafeCell<Option<Node>>,
    progress: Progress,
    _pinned: PhantomPinned,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Progress {
    Idle,
    Queued,
    Ended,
    Abandoned,
    Itself,
}

// SAFETY: the node is touched by the arm's owner and, under the cell's lock, by winners; the rest is the handle's.
unsafe impl<T: Send> Send for JoinArm<'_, T> {}
// SAFETY: a shared arm gives no access.
unsafe impl<T: Send> Sync for JoinArm<'_, T> {}

impl<T> JoinHandle<T> {
    /// Waiting for the coroutine's end, and taking its output, as an arm of a select. The handle can be used again if the
    /// select chooses another arm.
    pub fn join_arm(&mut self) -> JoinArm<'_, T> {
        let node = UnsafeCell::new(None);
        JoinArm { handle: self, node, progress: Progress::Idle, _pinned: PhantomPinned }
    }
}

impl<T> JoinArm<'_, T> {
    fn inside(self: Pin<&mut Self>) -> &mut Self {
        // SAFETY: nothing is moved out of the arm.
        unsafe { self.get_unchecked_mut() }
    }

    /// Whether the caller would wait for its own end.
    fn is_own(&self) -> bool {
        Place::coroutine() == Some(self.handle.task().as_ptr())
    }

    fn node(&self) -> *const Node {
        // SAFETY: a reference that does not outlive the statement; winners touch the node's cells only.
        unsafe { &*self.node.get() }.as_ref().map_or(core::ptr::null(), |node| node)
    }

    fn unqueue(&mut self) {
        if self.progress == Progress::Queued {
            // SAFETY: the node was queued here.
            unsafe { self.handle.cell().unqueue(self.node()) };
            self.progress = Progress::Idle;
        }
    }
}

// SAFETY: what is queued is taken out by `lost` and by the drop; the output stays in the handle until it is taken.
unsafe impl<T> Arm for JoinArm<'_, T> {
    type Output = Result<T, JoinError>;

    const REPORTS: Reports = Reports::Errors;

    const STAYS: Stays = Stays::UntilReady;

    fn try_complete(self: Pin<&mut Self>) -> bool {
        let this = self.inside();
        this.progress = if this.handle.is_finished() {
            Progress::Ended
        } else if this.is_own() {
            Progress::Itself
        } else {
            return false;
        };
        true
    }

    fn register(self: Pin<&mut Self>, ticket: &Ticket<'_>) -> Registered {
        let this = self.inside();
        let node: *const Node = this.node.get_mut().insert(ticket.node(core::ptr::null_mut()));
        // SAFETY: the arm is pinned, and takes the node out in `lost` or when it is dropped, unless it is won.
        let ended = match unsafe { this.handle.cell().end_or_queue(node, ticket.own()) } {
            Ok(None) => {
                this.progress = Progress::Queued;
                return Registered::Waits;
            }
            Ok(Some(ended)) => ended,
            Err(_) => return Registered::Over,
        };
        this.progress = progress_of(ended);
        Registered::Completed
    }

    fn renew(self: Pin<&mut Self>, ticket: &Ticket<'_>) {
        let this = self.inside();
        this.handle.cell().renew_handle(this.node(), ticket.handle());
    }

    fn won(self: Pin<&mut Self>, how: Ended) {
        self.inside().progress = progress_of(how);
    }

    fn lost(self: Pin<&mut Self>) {
        self.inside().unqueue();
    }

    fn finish(self: Pin<&mut Self>) -> Self::Output {
        let this = self.inside();
        match core::mem::replace(&mut this.progress, Progress::Idle) {
            Progress::Abandoned => Err(JoinError::Abandoned),
            Progress::Itself => Err(JoinError::Itself),
            _ => this.handle.try_join().map_err(|why| match why {
                TryJoinError::Failed(why) => why,
                TryJoinError::NotYet => unreachable!("it has ended"),
            }),
        }
    }

    fn refuse(self: Pin<&mut Self>, why: WaitError) -> Self::Output {
        Err(JoinError::Wait(why))
    }

    fn is_ready(self: Pin<&mut Self>) -> bool {
        let this = self.inside();
        this.handle.cell().is_over() || this.is_own()
    }

    fn watch(self: Pin<&mut Self>, ticket: &Ticket<'_>) -> Watched {
        // The output stays where it is until it is taken.
        Watched::by(self.register(ticket))
    }

    fn undo(self: Pin<&mut Self>) -> bool {
        self.inside().progress = Progress::Idle;
        true
    }
}

fn progress_of(how: Ended) -> Progress {
    if how == Ended::Event { Progress::Ended } else { Progress::Abandoned }
}

impl<T> Drop for JoinArm<'_, T> {
    fn drop(&mut self) {
        self.unqueue();
    }
}

impl<T> fmt::Debug for JoinArm<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("JoinArm").field("id", &self.handle.id()).finish_non_exhaustive()
    }
}
