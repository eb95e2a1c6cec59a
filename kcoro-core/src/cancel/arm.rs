// SPDX-License-Identifier: BSD-3-Clause
//! The cancel of a token as an arm of a select.
#![expect(unsafe_code, reason = "a pinned arm whose node is queued")]

use core::cell::UnsafeCell;
use core::fmt;
use core::marker::PhantomPinned;
use core::pin::Pin;
use core::ptr;

use super::node::NodeRef;
use super::{CancelToken, Cause};
use crate::task::claim::Outcome;
use crate::wait::WaitError;
use crate::wait::arm::{Arm, Ended, Registered, Reports, Stays, Ticket, Watched};
use crate::wait::queue::Node as Waiting;

/// See [`CancelToken::cancelled_arm`].
#[must_use = "an arm does nothing until it is part of a select"]
pub struct CancelledArm<'a> {
    node: &'a NodeRef,
    waiting: UnsafeCell<Option<Waiting>>,
    is_queued: bool,
    _pinned: PhantomPinned,
}

// SAFETY: the node of the wait is touched by the arm's owner and, under the token's lock, by the canceller.
unsafe impl Send for CancelledArm<'_> {}
// SAFETY: a shared arm gives no access.
unsafe impl Sync for CancelledArm<'_> {}

impl CancelToken {
    /// The cancel of this token as an arm of a select; its result is the cause.
    ///
    /// In [`select!`](crate::select!) it is written `cancelled(token) -> cause => code`. The token need not be one that the
    /// caller obeys, and it cancels nothing here: it is one event of several. In async code it is an arm, too.
    ///
    /// ```
    /// use kcoro_core::cancel::{CancelToken, Cause};
    /// use kcoro_core::channel::rendezvous;
    /// use kcoro_core::select;
    ///
    /// let (token, (_tx, rx)) = (CancelToken::new(), rendezvous::<u32>());
    /// token.cancel_with("enough");
    /// select! {
    ///     recv(rx) -> value => unreachable!("{value:?}"),
    ///     cancelled(token) -> cause => assert_eq!(cause, Ok(Cause::Message("enough"))),
    /// }
    /// ```
    pub fn cancelled_arm(&self) -> CancelledArm<'_> {
        let waiting = UnsafeCell::new(None);
        CancelledArm { node: &self.node, waiting, is_queued: false, _pinned: PhantomPinned }
    }
}

impl CancelledArm<'_> {
    fn inside(self: Pin<&mut Self>) -> &mut Self {
        // SAFETY: nothing is moved out of the arm.
        unsafe { self.get_unchecked_mut() }
    }

    fn waiting(&self) -> *const Waiting {
        // SAFETY: a reference that does not outlive the statement; the canceller touches the node's cells only.
        unsafe { &*self.waiting.get() }.as_ref().map_or(ptr::null(), ptr::from_ref)
    }

    fn unqueue(&mut self) {
        if core::mem::replace(&mut self.is_queued, false) {
            // SAFETY: it was pushed to this queue. The lock also makes sure that the canceller is done with it.
            unsafe { self.node.lock().waiters.remove(self.waiting()) };
        }
    }
}

// SAFETY: what is queued is taken out by `lost` and by the drop, and lies in the arm; the cause stays in the token.
unsafe impl Arm for CancelledArm<'_> {
    type Output = Result<Cause, WaitError>;

    const REPORTS: Reports = Reports::Errors;

    const STAYS: Stays = Stays::UntilReady;

    fn try_complete(self: Pin<&mut Self>) -> bool {
        self.node.is_cancelled()
    }

    fn register(self: Pin<&mut Self>, ticket: &Ticket<'_>) -> Registered {
        let this = self.inside();
        let waiting: *const Waiting = this.waiting.get_mut().insert(ticket.node(ptr::null_mut()));
        match this.node.lock_open() {
            Some(mut attached) => {
                // SAFETY: the arm is pinned, and takes the node out in `lost` or when it is dropped, unless it is won.
                unsafe { attached.waiters.push(waiting) };
                this.is_queued = true;
                Registered::Waits
            }
            None => ticket.own().end(Outcome::Event).map_or(Registered::Over, |()| Registered::Completed),
        }
    }

    fn renew(self: Pin<&mut Self>, ticket: &Ticket<'_>) {
        let this = self.inside();
        let handle = ticket.handle();
        let attached = this.node.lock();
        // SAFETY: the lock is held, and the node is the arm's own.
        let before = unsafe { (*this.waiting()).replace_handle(handle) };
        drop(attached);
        // A waker is foreign code: dropped after the lock.
        drop(before);
    }

    fn won(self: Pin<&mut Self>, _how: Ended) {
        self.inside().is_queued = false;
    }

    fn lost(self: Pin<&mut Self>) {
        self.inside().unqueue();
    }

    fn finish(self: Pin<&mut Self>) -> Self::Output {
        Ok(self.node.cause().cloned().unwrap_or(Cause::Cancelled))
    }

    fn refuse(self: Pin<&mut Self>, why: WaitError) -> Self::Output {
        // The token first: who waits in a region that obeys it wants to know its cause.
        self.node.cause().cloned().ok_or(why)
    }

    fn is_ready(self: Pin<&mut Self>) -> bool {
        self.node.is_cancelled()
    }

    fn watch(self: Pin<&mut Self>, ticket: &Ticket<'_>) -> Watched {
        Watched::by(self.register(ticket))
    }

    fn undo(self: Pin<&mut Self>) -> bool {
        true
    }
}

impl Drop for CancelledArm<'_> {
    fn drop(&mut self) {
        self.unqueue();
    }
}

impl fmt::Debug for CancelledArm<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CancelledArm").finish_non_exhaustive()
    }
}
