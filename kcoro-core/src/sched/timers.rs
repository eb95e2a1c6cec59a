// SPDX-License-Identifier: BSD-3-Clause
//! A worker's timers: the deadlines of parked coroutines, and those that call something, see [`timer`](super::timer).
//!
//! The timer node of a wait lies in the frame of the suspended coroutine, next to its queue node, under the same rule:
//! whoever expires it touches it under the lock only, and the coroutine takes the lock to unlink it unless the timer ended
//! its wait.
#![expect(unsafe_code, reason = "timer nodes lie in the frames of suspended coroutines")]

use core::pin::pin;
use core::ptr::NonNull;

#[cfg(feature = "alloc")]
use super::timer::{Caller, Due};
use super::timer_queue::{Armed, TimerQueue};
use super::worker::{Departed, Worker};
use crate::task::claim::{Generation, Outcome, Won};
use crate::task::header::Header;
use crate::time::wheel::{Step, TimerLinks, TimerNode};
use crate::trace::Event;
use crate::wait::wake::make_ready;

/// A timer in a worker's wheel.
pub(super) struct Node {
    links: TimerLinks<Node>,
    purpose: Purpose,
}

/// What becomes of a timer that is due.
pub(super) enum Purpose {
    /// The current wait of this coroutine times out.
    Wait(NonNull<Header>, Generation),
    /// The node is the first field of a [`Caller`], which is called.
    #[cfg(feature = "alloc")]
    Call,
}

impl Node {
    pub(super) const fn new(purpose: Purpose) -> Self {
        Self { links: TimerLinks::new(), purpose }
    }
}

// SAFETY: the links are a field of their own that only the wheel touches.
unsafe impl TimerNode for Node {
    fn links(this: NonNull<Self>) -> NonNull<TimerLinks<Self>> {
        // SAFETY: a node in the wheel is live.
        unsafe { NonNull::new_unchecked(&raw mut (*this.as_ptr()).links) }
    }
}

/// See the [module](self).
pub(super) type Timers = TimerQueue<Node>;

/// What one step through the wheel came to.
enum Found {
    Woken {
        task: NonNull<Header>,
        won: Won,
        coroutine: u64,
    },
    #[cfg(feature = "alloc")]
    Due(Due),
    GoOn,
    Done,
}

#[cfg(feature = "alloc")]
impl Drop for Worker {
    fn drop(&mut self) {
        self.give_timers_back();
    }
}

#[cfg(feature = "alloc")]
impl Worker {
    /// The runtime is gone: what it would have called is given back.
    pub(super) fn give_timers_back(&self) {
        loop {
            let found = self.shared.timers.expire_step(u64::MAX, |step| match step {
                // SAFETY: the node was in the wheel, and the lock is held.
                Step::Expired(node) => unsafe { expired(node) },
                Step::Again => Found::GoOn,
                Step::Done => Found::Done,
            });
            // What is due is dropped here, after the lock. Nobody waits any more.
            if let Found::Done = found {
                return;
            }
        }
    }
}

impl Worker {
    /// Wakes all whose deadline has passed by the cached clock, and calls what was to be called.
    pub(super) fn expire_timers(&self) {
        let now_ns = self.head.cached_now_ns.get();
        let timers = &self.shared.timers;
        if !timers.may_be_due(now_ns) {
            return;
        }
        loop {
            let found = timers.expire_step(now_ns, |step| match step {
                // SAFETY: the node was in the wheel, and the lock is held.
                Step::Expired(node) => unsafe { expired(node) },
                Step::Again => Found::GoOn,
                Step::Done => Found::Done,
            });
            match found {
                Found::Woken { task, won, coroutine } => {
                    self.shared.counters.timers_fired.bump();
                    self.tell(|| Event::TimerFired { coroutine });
                    make_ready(task, won);
                }
                #[cfg(feature = "alloc")]
                Found::Due(due) => due.call(now_ns),
                Found::GoOn => {}
                Found::Done => return,
            }
        }
    }

    /// Parks the current coroutine `me` until its claim is won or the deadline has passed.
    ///
    /// # Safety
    ///
    /// As [`Worker::suspend`].
    pub(super) unsafe fn suspend_until(&self, me: NonNull<Header>, deadline_ns: u64) {
        // SAFETY: the current coroutine is live, and it is us.
        let claim = unsafe { &(*me.as_ptr()).claim };
        let node = pin!(Node::new(Purpose::Wait(me, claim.generation())));
        let node = NonNull::from(&*node);
        // The runtime keeps its workers while one of its coroutines lives, also if this one migrates meanwhile.
        let timers: *const Timers = &raw const self.shared.timers;
        self.shared.counters.timers_armed.bump();
        // SAFETY: the current coroutine is live.
        self.tell(|| Event::TimerArmed { coroutine: unsafe { me.as_ref() }.id, deadline_ns });
        // SAFETY: as above; the node is fresh, stays in its frame, and is disarmed before that goes.
        let armed = unsafe { (*timers).arm(node, deadline_ns) };
        debug_assert_eq!(armed, Armed::InTime, "the owner of these timers is the calling worker, which does not sleep");
        // SAFETY: forwarded.
        unsafe { self.leave(me, Departed::Parking) };
        if claim.outcome().map(|(outcome, _)| outcome) != Some(Outcome::TimedOut) {
            // SAFETY: as above; it was armed there.
            unsafe { (*timers).disarm(node) };
        }
    }
}

/// Deals with a node that is due.
///
/// # Safety
///
/// `node` has just been taken out of the wheel, whose lock is held.
unsafe fn expired(node: NonNull<Node>) -> Found {
    // SAFETY: the node is live: who has it would take the lock before it goes.
    match unsafe { &node.as_ref().purpose } {
        &Purpose::Wait(task, generation) => {
            // SAFETY: for the same reason the coroutine is live: until the win, after which it may run and end.
            let coroutine = unsafe { task.as_ref() }.id;
            // SAFETY: as above. Losing means that it was woken otherwise.
            match unsafe { task.as_ref() }.claim.try_win(generation, Outcome::TimedOut, 0) {
                Ok(won) => Found::Woken { task, won, coroutine },
                Err(_) => Found::GoOn,
            }
        }
        #[cfg(feature = "alloc")]
        // SAFETY: it is the first field of a caller, which has just left the wheel.
        Purpose::Call => Found::Due(unsafe { Caller::left_wheel(node.cast()) }),
    }
}
