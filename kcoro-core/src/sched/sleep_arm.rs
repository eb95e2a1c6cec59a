// SPDX-License-Identifier: BSD-3-Clause
//! A time limit as an arm of a select that cannot park until then: in async code, a timer has to wake it.
#![expect(unsafe_code, reason = "a pinned arm whose node is queued")]

use alloc::sync::Arc;
use core::cell::UnsafeCell;
use core::fmt;
use core::marker::PhantomPinned;
use core::pin::Pin;
use core::time::Duration;

use super::timer::{Action, Home, Timer};
use crate::primitive::SpinLock;
use crate::task::claim::Outcome;
use crate::wait::arm::{Arm, Ended, Registered, Reports, Ticket, Watched};
use crate::wait::queue::{Node, WaitQueue};
use crate::wait::{CannotWait, WaitError};

/// See [`sleep_arm`].
#[must_use = "an arm does nothing until it is part of a select"]
pub struct SleepArm {
    duration: Duration,
    /// There while the arm is registered.
    timer: Option<Arc<Timer<Wins>>>,
    refused: Option<CannotWait>,
    node: UnsafeCell<Option<Node>>,
    _pinned: PhantomPinned,
}

/// What the timer of an arm does: it wins the wait.
struct Wins(SpinLock<WaitQueue>);

impl Action for Wins {
    fn due(timer: &Arc<Timer<Self>>, _now_ns: u64) {
        let wake = timer.action.0.lock().win_first(Outcome::Event, |_| {});
        if let Some(wake) = wake {
            wake.wake();
        }
    }
}

// SAFETY: the node is touched by the arm's owner and, under the lock of the queue, by the timer.
unsafe impl Send for SleepArm {}
// SAFETY: a shared arm gives no access.
unsafe impl Sync for SleepArm {}

/// The arm that is chosen if no other one is ready within `duration`, counted from when the select begins to wait. In
/// [`select_async!`](crate::select_async!) it is written `after(duration) => code`.
///
/// The runtime on which the select is polled first keeps the time; where there is none the arm is chosen at once, and its
/// result says so. A select that parks its caller needs no timer for this: there it is
/// [`after_arm`](crate::select::after_arm).
pub fn sleep_arm(duration: Duration) -> SleepArm {
    SleepArm { duration, timer: None, refused: None, node: UnsafeCell::new(None), _pinned: PhantomPinned }
}

impl SleepArm {
    fn inside(self: Pin<&mut Self>) -> &mut Self {
        // SAFETY: nothing is moved out of the arm.
        unsafe { self.get_unchecked_mut() }
    }

    fn node(&self) -> *const Node {
        // SAFETY: a reference that does not outlive the statement; the timer touches the node's cells only.
        unsafe { &*self.node.get() }.as_ref().map_or(core::ptr::null(), core::ptr::from_ref)
    }

    fn disarm(&mut self) {
        if let Some(timer) = self.timer.take() {
            // SAFETY: the node was pushed to this queue.
            unsafe { timer.action.0.lock().remove(self.node()) };
            timer.finish();
        }
    }
}

// SAFETY: what is queued is taken out by `lost` and by the drop.
unsafe impl Arm for SleepArm {
    type Output = Result<(), WaitError>;

    const REPORTS: Reports = Reports::Nothing;

    fn try_complete(self: Pin<&mut Self>) -> bool {
        // What is ready comes before what is late.
        false
    }

    fn register(self: Pin<&mut Self>, ticket: &Ticket<'_>) -> Registered {
        let this = self.inside();
        let home = match Home::here() {
            Ok(home) => home,
            Err(why) => {
                this.refused = Some(why);
                return ticket.own().end(Outcome::Event).map_or(Registered::Over, |()| Registered::Completed);
            }
        };
        let at_ns = home.reading_after(this.duration);
        let timer = this.timer.insert(Timer::new(home, Wins(SpinLock::new(WaitQueue::new())))).clone();
        let node: *const Node = this.node.get_mut().insert(ticket.node(core::ptr::null_mut()));
        // SAFETY: the arm is pinned, and takes the node out in `lost` or when it is dropped, unless it is won.
        unsafe { timer.action.0.lock().push(node) };
        timer.arm(at_ns);
        Registered::Waits
    }

    fn renew(self: Pin<&mut Self>, ticket: &Ticket<'_>) {
        let this = self.inside();
        let Some(timer) = &this.timer else { return };
        let handle = ticket.handle();
        let queue = timer.action.0.lock();
        // SAFETY: the lock is held, and the node is the arm's own.
        let before = unsafe { (*this.node()).replace_handle(handle) };
        drop(queue);
        // A waker is foreign code: dropped after the lock.
        drop(before);
    }

    fn won(self: Pin<&mut Self>, _how: Ended) {}

    fn lost(self: Pin<&mut Self>) {
        self.inside().disarm();
    }

    fn finish(self: Pin<&mut Self>) -> Self::Output {
        self.inside().refused.take().map_or(Ok(()), |why| Err(why.into()))
    }

    fn refuse(self: Pin<&mut Self>, why: WaitError) -> Self::Output {
        Err(why)
    }

    fn is_ready(self: Pin<&mut Self>) -> bool {
        false
    }

    fn watch(self: Pin<&mut Self>, ticket: &Ticket<'_>) -> Watched {
        Watched::by(self.register(ticket))
    }

    fn undo(self: Pin<&mut Self>) -> bool {
        self.inside().refused = None;
        true
    }
}

impl Drop for SleepArm {
    fn drop(&mut self) {
        self.disarm();
    }
}

impl fmt::Debug for SleepArm {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SleepArm").field("duration", &self.duration).finish_non_exhaustive()
    }
}
