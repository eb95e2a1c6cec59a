// SPDX-License-Identifier: BSD-3-Clause
//! Waiting for the cancel of a token: from coroutines, threads and async code.
#![expect(unsafe_code, reason = "queues nodes that lie in this frame or in a pinned future")]

use core::cell::UnsafeCell;
use core::fmt;
use core::future::Future;
use core::marker::PhantomPinned;
use core::pin::{Pin, pin};
use core::ptr;
use core::task::{Context, Poll};

use super::Cause;
use super::node::NodeRef;
use crate::task::claim::{Accepts, Claim, Outcome};
use crate::task::wait_record::{TokenId, WaitsFor};
use crate::wait::queue::Node as Waiting;
use crate::wait::wake::WakeHandle;
use crate::wait::{Limit, WaitError, enter};

/// Waits until `node` is cancelled.
pub(super) fn wait(node: &NodeRef) -> Result<Cause, WaitError> {
    if let Some(cause) = node.cause() {
        return Ok(cause.clone());
    }
    let waiter = enter().waiter()?;
    let Ok(generation) = waiter.begin(Accepts::CANCEL) else { return answer(node) };
    let waiting = pin!(Waiting::new(&waiter, generation, ptr::null_mut()));
    let waiting: *const Waiting = &raw const *waiting;
    match node.lock_open() {
        // SAFETY: the node of the wait stays in this frame and is removed below.
        Some(mut attached) => unsafe { attached.waiters.push(waiting) },
        None => {
            // Ends the wait that was begun for nothing; a cancel that was faster stays pending.
            let _ = waiter.claim().try_win(generation, Outcome::Event, 0);
        }
    }
    let what = WaitsFor::Cancel(TokenId::of(node.as_ptr().as_ptr()));
    waiter.park(what, Accepts::CANCEL, Limit::Never, generation);
    // SAFETY: it was pushed to this queue or to none.
    unsafe { node.lock().waiters.remove(waiting) };
    answer(node)
}

/// The token first: who waits in a region that obeys it wants to know its cause.
fn answer(node: &NodeRef) -> Result<Cause, WaitError> {
    node.cause().cloned().ok_or(WaitError::Cancelled)
}

/// See [`CancelToken::cancelled_async`](super::CancelToken::cancelled_async).
#[must_use = "a future does nothing until it is awaited"]
pub struct Cancelled<'a> {
    node: &'a NodeRef,
    claim: Claim,
    waiting: UnsafeCell<Option<Waiting>>,
    _pinned: PhantomPinned,
}

// SAFETY: the node of the wait is touched by the future's owner and, under the token's lock, by the canceller.
unsafe impl Send for Cancelled<'_> {}
// SAFETY: a shared future gives no access.
unsafe impl Sync for Cancelled<'_> {}

impl<'a> Cancelled<'a> {
    pub(super) fn new(node: &'a NodeRef) -> Self {
        Self { node, claim: Claim::new(), waiting: UnsafeCell::new(None), _pinned: PhantomPinned }
    }

    fn waiting(&self) -> Option<*const Waiting> {
        // SAFETY: a reference that does not outlive the statement; the canceller touches the node's cells only.
        unsafe { &*self.waiting.get() }.as_ref().map(ptr::from_ref)
    }
}

impl Future for Cancelled<'_> {
    type Output = Cause;

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Cause> {
        // SAFETY: nothing is moved out of the pinned future.
        let this = unsafe { self.get_unchecked_mut() };
        // Cloned before the lock, and what it replaces is dropped after: wakers are foreign code.
        let waker = WakeHandle::Task(context.waker().clone());
        let mut unused = None;
        if let Some(mut attached) = this.node.lock_open() {
            match this.waiting() {
                // SAFETY: the lock of its queue is held.
                Some(waiting) => unused = unsafe { (*waiting).replace_handle(waker) },
                None => {
                    let generation = this.claim.begin(Accepts::NOTHING).unwrap_or_else(|_| unreachable!());
                    let waiting = Waiting::with_claim(&raw const this.claim, waker, generation, ptr::null_mut());
                    let waiting: *const Waiting = this.waiting.get_mut().insert(waiting);
                    // SAFETY: it stays in the pinned future until it is removed, by the canceller or by the drop.
                    unsafe { attached.waiters.push(waiting) };
                }
            }
            drop(attached);
            drop(unused);
            return Poll::Pending;
        }
        Poll::Ready(this.node.cause().cloned().unwrap_or(Cause::Cancelled))
    }
}

impl Drop for Cancelled<'_> {
    fn drop(&mut self) {
        if let Some(waiting) = self.waiting() {
            // SAFETY: it was pushed to this queue. The lock also makes sure that the canceller is done with it.
            unsafe { self.node.lock().waiters.remove(waiting) };
        }
    }
}

impl fmt::Debug for Cancelled<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Cancelled").finish_non_exhaustive()
    }
}
