// SPDX-License-Identifier: BSD-3-Clause
//! A worker's timers: the deadlines of parked coroutines.
//!
//! The timer node lies in the frame of the suspended coroutine, next to its queue node, under the same rule: whoever
//! expires it touches it under the lock only, and the coroutine takes the lock to unlink it unless the timer ended its
//! wait.
#![expect(unsafe_code, reason = "timer nodes lie in the frames of suspended coroutines")]

use core::pin::pin;
use core::ptr::NonNull;

use super::worker::{Departed, Worker};
use crate::primitive::SpinLock;
use crate::primitive::atomic::{AtomicU64, Ordering};
use crate::task::claim::{Generation, Outcome};
use crate::task::header::Header;
use crate::task::schedule::NO_DEADLINE;
use crate::time::wheel::{Step, TimerLinks, TimerNode, TimerWheel};
use crate::trace::Event;
use crate::wait::wake::make_ready;

/// The deadline of one coroutine's current wait.
pub(super) struct SleepNode {
    links: TimerLinks<SleepNode>,
    task: NonNull<Header>,
    generation: Generation,
}

// SAFETY: the links are a field of their own that only the wheel touches.
unsafe impl TimerNode for SleepNode {
    fn links(this: NonNull<Self>) -> NonNull<TimerLinks<Self>> {
        // SAFETY: a node in the wheel is live.
        unsafe { NonNull::new_unchecked(&raw mut (*this.as_ptr()).links) }
    }
}

/// See the [module](self).
pub(super) struct Timers {
    wheel: SpinLock<TimerWheel<SleepNode>>,
    /// When the owner must look at the wheel; never later than needed. Written under the lock.
    next_ns: AtomicU64,
}

impl Timers {
    pub(super) const fn new() -> Self {
        Self { wheel: SpinLock::new(TimerWheel::new()), next_ns: AtomicU64::new(NO_DEADLINE) }
    }

    fn arm(&self, node: NonNull<SleepNode>, deadline_ns: u64) {
        let mut wheel = self.wheel.lock();
        // SAFETY: the node is fresh, stays in its frame, and is disarmed before that goes.
        unsafe { wheel.insert(node, deadline_ns) };
        if deadline_ns < self.next_ns.load(Ordering::Relaxed) {
            self.next_ns.store(wheel.next_expiry_ns().unwrap_or(NO_DEADLINE), Ordering::Relaxed);
        }
    }

    fn disarm(&self, node: NonNull<SleepNode>) {
        // SAFETY: the node is live, and is in this wheel or in none.
        unsafe { self.wheel.lock().remove(node) };
    }

    /// When the owner must look again, exactly: `None` if never.
    pub(super) fn next_expiry_ns(&self) -> Option<u64> {
        let wheel = self.wheel.lock();
        let next = wheel.next_expiry_ns();
        self.next_ns.store(next.unwrap_or(NO_DEADLINE), Ordering::Relaxed);
        next
    }
}

impl Worker {
    /// Wakes all whose deadline has passed by the cached clock.
    pub(super) fn expire_timers(&self) {
        let now_ns = self.head.cached_now_ns.get();
        let timers = &self.shared.timers;
        if now_ns < timers.next_ns.load(Ordering::Relaxed) {
            return;
        }
        loop {
            let mut wheel = timers.wheel.lock();
            let step = wheel.expire_step(now_ns);
            let mut won = None;
            match step {
                Step::Expired(node) => {
                    // SAFETY: the node was in the wheel, so its coroutine has not left the frame: it would take the lock.
                    let (task, generation) = unsafe { (node.as_ref().task, node.as_ref().generation) };
                    // SAFETY: for the same reason the coroutine is live: until the win, after which it may run and end.
                    let coroutine = unsafe { task.as_ref() }.id;
                    // SAFETY: as above. Losing means that it was woken otherwise.
                    if let Ok(how) = unsafe { task.as_ref() }.claim.try_win(generation, Outcome::TimedOut, 0) {
                        self.shared.counters.timers_fired.bump();
                        won = Some((task, how, coroutine));
                    }
                }
                Step::Again => {}
                Step::Done => {
                    timers.next_ns.store(wheel.next_expiry_ns().unwrap_or(NO_DEADLINE), Ordering::Relaxed);
                    return;
                }
            }
            drop(wheel);
            if let Some((task, how, coroutine)) = won {
                self.tell(|| Event::TimerFired { coroutine });
                make_ready(task, how);
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
        let node = SleepNode { links: TimerLinks::new(), task: me, generation: claim.generation() };
        let node = pin!(node);
        let node = NonNull::from(&*node);
        // The runtime keeps its workers while one of its coroutines lives, also if this one migrates meanwhile.
        let timers: *const Timers = &raw const self.shared.timers;
        self.shared.counters.timers_armed.bump();
        // SAFETY: the current coroutine is live.
        self.tell(|| Event::TimerArmed { coroutine: unsafe { me.as_ref() }.id, deadline_ns });
        // SAFETY: as above.
        unsafe { (*timers).arm(node, deadline_ns) };
        // SAFETY: forwarded.
        unsafe { self.leave(me, Departed::Parking) };
        if claim.outcome().map(|(outcome, _)| outcome) != Some(Outcome::TimedOut) {
            // SAFETY: as above.
            unsafe { (*timers).disarm(node) };
        }
    }
}
