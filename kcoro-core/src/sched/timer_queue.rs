// SPDX-License-Identifier: BSD-3-Clause
//! A worker's timer wheel under its lock, and how a timer that another thread arms ends the owner's sleep.
//!
//! Before it sleeps the owner takes the lock, looks when its next timer is due, and notes that as its plan, all in one hold.
//! Whoever arms a timer takes the same lock. If it comes first, the owner's plan knows its timer. If it comes second it finds
//! the plan, and if its timer is due before that, it must wake the owner. A wake that comes before the park is not lost: the
//! platform promises that. So no arming is missed, and nobody is woken who need not be.
#![expect(unsafe_code, reason = "forwards the duties of the wheel")]

use core::ptr::NonNull;

use crate::primitive::atomic::{AtomicU64, Ordering};
use crate::primitive::{SpinGuard, SpinLock, const_unless_loom};
use crate::task::schedule::NO_DEADLINE;
use crate::time::wheel::{Step, TimerNode, TimerWheel};

/// See the [module](self).
pub(super) struct TimerQueue<N> {
    timers: SpinLock<Timers<N>>,
    /// When the owner must look at the wheel; never later than needed. Written under the lock.
    next_ns: AtomicU64,
}

/// What the lock guards.
pub(super) struct Timers<N> {
    wheel: TimerWheel<N>,
    plan: Plan,
}

/// What the owner is about.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Plan {
    /// It runs: it will look at the wheel before it sleeps.
    Awake,
    /// It sleeps until then, or is about to.
    SleepsUntil(u64),
}

/// What [`TimerQueue::arm`] found.
#[must_use = "a sleeping owner must be woken by who arms the earliest timer, nobody else will"]
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Armed {
    /// The owner will be there in time.
    InTime,
    /// The owner sleeps for longer than that: the caller wakes it.
    WakeOwner,
}

impl<N> TimerQueue<N> {
    const_unless_loom! {
        pub(super) fn new() -> Self {
            let timers = SpinLock::new(Timers { wheel: TimerWheel::new(), plan: Plan::Awake });
            Self { timers, next_ns: AtomicU64::new(NO_DEADLINE) }
        }
    }

    /// Whether something may be due, as far as the owner has to look. Cheap.
    #[inline]
    pub(super) fn may_be_due(&self, now_ns: u64) -> bool {
        // Relaxed: a timer that another thread is arming right now is found at the next look, or by the plan for a sleep.
        now_ns >= self.next_ns.load(Ordering::Relaxed)
    }

    /// For what must be done together with arming or disarming.
    pub(super) fn lock(&self) -> SpinGuard<'_, Timers<N>> {
        self.timers.lock()
    }
}

impl<N: TimerNode> TimerQueue<N> {
    /// Arms `node`.
    ///
    /// # Safety
    ///
    /// As [`TimerWheel::insert`]: `node` is in no wheel, and stays until it has left this one.
    pub(super) unsafe fn arm(&self, node: NonNull<N>, deadline_ns: u64) -> Armed {
        let mut timers = self.lock();
        // SAFETY: forwarded.
        unsafe { self.arm_locked(&mut timers, node, deadline_ns) }
    }

    /// As [`TimerQueue::arm`], for who holds the lock of this queue.
    ///
    /// # Safety
    ///
    /// As there.
    pub(super) unsafe fn arm_locked(&self, timers: &mut Timers<N>, node: NonNull<N>, deadline_ns: u64) -> Armed {
        // SAFETY: forwarded.
        unsafe { timers.wheel.insert(node, deadline_ns) };
        if deadline_ns >= self.next_ns.load(Ordering::Relaxed) {
            return Armed::InTime;
        }
        let next_ns = self.note_next(timers);
        match timers.plan {
            Plan::SleepsUntil(planned_ns) if next_ns < planned_ns => {
                // From now on it is as good as awake: who comes next need not wake it again.
                timers.plan = Plan::Awake;
                Armed::WakeOwner
            }
            _ => Armed::InTime,
        }
    }

    /// Disarms `node` if it is armed here, and says whether it was.
    ///
    /// # Safety
    ///
    /// `node` is live, and is in this wheel or in none.
    pub(super) unsafe fn disarm(&self, node: NonNull<N>) -> bool {
        // SAFETY: forwarded.
        unsafe { self.lock().disarm(node) }
    }

    /// When the owner must look again, exactly: `None` if never.
    pub(super) fn next_expiry_ns(&self) -> Option<u64> {
        let timers = self.lock();
        due(self.note_next(&timers))
    }

    /// The owner is about to sleep, until what this returns (or for ever) or a wake. It must call
    /// [`TimerQueue::end_sleep`] afterwards.
    pub(super) fn plan_sleep(&self) -> Option<u64> {
        let mut timers = self.lock();
        let next_ns = self.note_next(&timers);
        timers.plan = Plan::SleepsUntil(next_ns);
        due(next_ns)
    }

    /// The owner is awake, for whatever reason.
    pub(super) fn end_sleep(&self) {
        self.lock().plan = Plan::Awake;
    }

    /// One step of the owner through what is due, see [`TimerWheel::expire_step`]. `with` is called under the lock.
    pub(super) fn expire_step<R>(&self, now_ns: u64, with: impl FnOnce(Step<N>) -> R) -> R {
        let mut timers = self.lock();
        let step = timers.wheel.expire_step(now_ns);
        if let Step::Done = step {
            self.note_next(&timers);
        }
        with(step)
    }

    fn note_next(&self, timers: &Timers<N>) -> u64 {
        let next_ns = timers.wheel.next_expiry_ns().unwrap_or(NO_DEADLINE);
        self.next_ns.store(next_ns, Ordering::Relaxed);
        next_ns
    }
}

impl<N: TimerNode> Timers<N> {
    /// As [`TimerQueue::disarm`].
    ///
    /// # Safety
    ///
    /// As there.
    pub(super) unsafe fn disarm(&mut self, node: NonNull<N>) -> bool {
        // SAFETY: forwarded.
        unsafe { self.wheel.remove(node) }
    }
}

fn due(next_ns: u64) -> Option<u64> {
    (next_ns != NO_DEADLINE).then_some(next_ns)
}

#[cfg(all(test, loom))]
mod loom_tests {
    use core::ptr::NonNull;
    use std::boxed::Box;

    use loom::sync::{Arc, Notify};
    use loom::thread;

    use super::{Armed, TimerQueue};
    use crate::time::wheel::{Step, TimerLinks, TimerNode};

    struct Node(TimerLinks<Node>);

    // SAFETY: the links are the only field, and only the wheel touches them.
    unsafe impl TimerNode for Node {
        fn links(this: NonNull<Self>) -> NonNull<TimerLinks<Self>> {
            this.cast()
        }
    }

    struct Worker {
        timers: TimerQueue<Node>,
        wake: Notify,
    }

    impl Worker {
        fn arm(&self, node: &Node, deadline_ns: u64) {
            // SAFETY: the node is fresh, and lives until the end of the model, when no step is made any more.
            if unsafe { self.timers.arm(NonNull::from(node), deadline_ns) } == Armed::WakeOwner {
                self.wake.notify();
            }
        }

        /// Expires what is due at `now_ns` and says how many timers that were.
        fn look(&self, now_ns: u64) -> usize {
            if !self.timers.may_be_due(now_ns) {
                return 0;
            }
            let mut expired = 0;
            while self.timers.expire_step(now_ns, |step| match step {
                Step::Expired(_) => {
                    expired += 1;
                    true
                }
                Step::Again => true,
                Step::Done => false,
            }) {}
            expired
        }

        /// Sleeps and looks until `count` timers came, in a world whose clock is at the end already: a plan that knows a
        /// timer ends at once, one that knows none needs a wake. A lost one leaves it waiting, which loom reports.
        fn receive(&self, count: usize) {
            const LATE_NS: u64 = 1 << 40;
            let mut received = self.look(LATE_NS);
            while received < count {
                if self.timers.plan_sleep().is_none() {
                    self.wake.wait();
                }
                self.timers.end_sleep();
                received += self.look(LATE_NS);
            }
        }
    }

    #[test]
    fn loom_a_timer_armed_at_the_park_wakes_its_worker() {
        let mut builder = loom::model::Builder::new();
        builder.preemption_bound = builder.preemption_bound.or(Some(3));
        builder.check(|| {
            let nodes = Box::leak(Box::new([(); 2].map(|()| Node(TimerLinks::new()))));
            let nodes: &'static [Node; 2] = nodes;
            let worker = Arc::new(Worker { timers: TimerQueue::new(), wake: Notify::new() });
            let armer = {
                let worker = worker.clone();
                thread::spawn(move || {
                    worker.arm(&nodes[0], 5_000_000);
                    worker.arm(&nodes[1], 2_000_000);
                })
            };
            worker.receive(2);
            armer.join().unwrap();
        });
    }
}
