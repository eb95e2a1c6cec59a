// SPDX-License-Identifier: BSD-3-Clause
//! Timers that call something: counted, on the heap, armed and disarmed from any thread.
//!
//! A timer belongs to one worker of one runtime, whose wheel has a reference to it while it is armed. When it is due the
//! worker calls it on its base context, where nobody can wait; a panic ends there. A timer keeps no runtime alive: of one
//! that has ended it is never due, and what was armed there is given back with the runtime.
//!
//! | field | who |
//! |---|---|
//! | `node`, `is_armed`, `is_over` | under the lock of the worker's timers |
//! | `runtime`, `worker`, `vtable` | fixed |
//! | `action` | anyone with a reference |
#![expect(unsafe_code, reason = "a wheel of raw pointers holds counted timers")]

use alloc::sync::Arc;
use core::cell::Cell;
use core::ptr::NonNull;
use core::time::Duration;

use super::handle::Handle;
use super::runtime_ref::{RuntimeRef, WeakRef};
use super::timer_queue::{Armed, TimerQueue};
use super::timers::{Node, Purpose};
use super::worker::Worker;
use crate::platform::ClockId;
use crate::primitive::atomic::Ordering;
use crate::task::schedule::Place;
use crate::time::wheel::TICK_NS;
use crate::time::{ClockMismatch, Instant, TimeError, ns_of};
use crate::util::quietly::{call_quietly, drop_quietly};
use crate::wait::CannotWait;

/// What a timer calls.
pub(crate) trait Action: Send + Sync + Sized + 'static {
    /// It is due; called on a worker's base context, with no lock held, by the clock's reading `now_ns`.
    fn due(timer: &Arc<Timer<Self>>, now_ns: u64);
}

/// Whose timers: those of one worker.
#[derive(Clone)]
pub(crate) struct Home {
    runtime: WeakRef,
    worker: usize,
    clock: ClockId,
}

impl Home {
    /// The timers of the calling worker.
    pub(crate) fn here() -> Result<Home, CannotWait> {
        match Place::current() {
            Place::Coroutine(head, _) | Place::Base(head) => {
                // SAFETY: the calling worker is live.
                let worker = unsafe { Worker::of_head(head) };
                // SAFETY: the worker's pointer is the one that counts, and the worker keeps the runtime.
                let runtime = unsafe { RuntimeRef::retain(worker.runtime) };
                Ok(Home::of_worker(&runtime, worker.index))
            }
            Place::Interrupt => Err(CannotWait::InInterrupt),
            Place::Outside => Err(CannotWait::NotInCoroutine),
        }
    }

    /// The timers of some worker of `handle`'s runtime: of the calling one if it is one of them, else of each in turn.
    pub(crate) fn of(handle: &Handle) -> Home {
        let runtime = handle.inner();
        if let Place::Coroutine(head, _) | Place::Base(head) = Place::current()
            && let Some(worker) = runtime.worker_of(head)
        {
            return Home::of_worker(runtime, worker.index);
        }
        // Relaxed: any worker will do.
        let turn = runtime.next_timer_worker.fetch_add(1, Ordering::Relaxed);
        Home::of_worker(runtime, turn % runtime.workers().len())
    }

    fn of_worker(runtime: &RuntimeRef, worker: usize) -> Home {
        Home { runtime: WeakRef::of(runtime), worker, clock: runtime.platform().clock_id() }
    }

    /// The clock's reading; nothing if the runtime has ended.
    pub(crate) fn now_ns(&self) -> Option<u64> {
        self.runtime.upgrade().map(|runtime| runtime.platform().now_ns())
    }

    /// What the clock will read after `duration`.
    pub(crate) fn reading_after(&self, duration: Duration) -> u64 {
        self.now_ns().map_or(u64::MAX, |now_ns| now_ns.saturating_add(ns_of(duration)))
    }

    pub(crate) fn clock(&self) -> ClockId {
        self.clock
    }

    /// What the clock reads at `instant`.
    ///
    /// # Errors
    ///
    /// The instant is of another clock.
    pub(crate) fn reading_at(&self, instant: Instant) -> Result<u64, TimeError> {
        if instant.clock() == self.clock {
            return Ok(instant.as_nanos());
        }
        Err(TimeError::Clock(ClockMismatch { left: self.clock, right: instant.clock() }))
    }
}

/// The part of a timer that the wheel knows.
#[repr(C)]
pub(super) struct Caller {
    /// First, because the wheel's pointer leads to it.
    node: Node,
    is_armed: Cell<bool>,
    is_over: Cell<bool>,
    vtable: &'static Vtable,
}

struct Vtable {
    call: unsafe fn(NonNull<Caller>, u64),
    give_back: unsafe fn(NonNull<Caller>),
}

/// A timer that has left the wheel because it was due: the wheel's reference to it.
#[must_use = "it is to be called"]
pub(super) struct Due(NonNull<Caller>);

impl Caller {
    /// # Safety
    ///
    /// `this` has just left the wheel, whose lock is held.
    pub(super) unsafe fn left_wheel(this: NonNull<Caller>) -> Due {
        // SAFETY: the wheel's reference keeps it alive.
        unsafe { this.as_ref() }.is_armed.set(false);
        Due(this)
    }
}

impl Due {
    /// Calls it, after the lock.
    pub(super) fn call(self, now_ns: u64) {
        let this = core::mem::ManuallyDrop::new(self);
        // SAFETY: the reference is ours and is given up here.
        unsafe { (this.0.as_ref().vtable.call)(this.0, now_ns) };
    }
}

impl Drop for Due {
    fn drop(&mut self) {
        // SAFETY: as in `call`.
        unsafe { (self.0.as_ref().vtable.give_back)(self.0) };
    }
}

/// See the [module](self).
#[repr(C)]
pub(crate) struct Timer<A> {
    /// First, because the wheel's pointer leads to it.
    caller: Caller,
    home: Home,
    pub(crate) action: A,
}

// SAFETY: node and cells are used under the lock of the worker's timers; the rest is fixed, and the action is `Sync`.
unsafe impl<A: Send + Sync> Send for Timer<A> {}
// SAFETY: as above.
unsafe impl<A: Send + Sync> Sync for Timer<A> {}

impl<A: Action> Timer<A> {
    const VTABLE: Vtable = Vtable { call: Self::call, give_back: Self::give_back };

    /// A timer that is not armed.
    pub(crate) fn new(home: Home, action: A) -> Arc<Self> {
        let caller = Caller {
            node: Node::new(Purpose::Call),
            is_armed: Cell::new(false),
            is_over: Cell::new(false),
            vtable: &Self::VTABLE,
        };
        Arc::new(Self { caller, home, action })
    }

    /// Arms it for `deadline_ns`, also if it was armed for another time; not if it is over, and not for the end of time.
    pub(crate) fn arm(self: &Arc<Self>, deadline_ns: u64) {
        let Some(runtime) = self.home.runtime.upgrade() else { return };
        let timers = &runtime.workers()[self.home.worker].shared.timers;
        let node = self.node();
        // The wheel's reference is there before the wheel may use it.
        let reference = self.clone();
        let mut locked = timers.lock();
        if self.caller.is_over.get() {
            return;
        }
        // SAFETY: the node is live, and is in this wheel or in none.
        let was_armed = unsafe { locked.disarm(node) };
        let is_ever_due = deadline_ns <= u64::MAX - TICK_NS;
        let mut armed = Armed::InTime;
        if is_ever_due {
            // SAFETY: it is in no wheel, and the wheel's reference keeps it until it has left.
            armed = unsafe { timers.arm_locked(&mut locked, node, deadline_ns) };
        }
        self.caller.is_armed.set(is_ever_due);
        drop(locked);
        if is_ever_due && !was_armed {
            core::mem::forget(reference);
        } else if was_armed && !is_ever_due {
            // SAFETY: it was the wheel's, which has none any more.
            unsafe { Arc::decrement_strong_count(Arc::as_ptr(self)) };
        }
        if runtime.caller_is_outside() {
            runtime.note_outside();
        }
        if armed == Armed::WakeOwner {
            runtime.platform().wake(self.home.worker);
        }
    }

    /// The clock that its times are read on.
    pub(crate) fn clock(&self) -> ClockId {
        self.home.clock
    }

    /// What that clock reads; nothing if the runtime has ended.
    pub(crate) fn now_ns(&self) -> Option<u64> {
        self.home.now_ns()
    }

    /// Disarms it for good. If it is just being called by its worker, that is not waited for.
    pub(crate) fn finish(self: &Arc<Self>) {
        let Some(runtime) = self.home.runtime.upgrade() else { return };
        let timers: &TimerQueue<Node> = &runtime.workers()[self.home.worker].shared.timers;
        let mut locked = timers.lock();
        self.caller.is_over.set(true);
        self.caller.is_armed.set(false);
        // SAFETY: the node is live, and is in this wheel or in none.
        let was_armed = unsafe { locked.disarm(self.node()) };
        drop(locked);
        if was_armed {
            // SAFETY: it was the wheel's, which has none any more.
            unsafe { Arc::decrement_strong_count(Arc::as_ptr(self)) };
        }
    }

    /// The node, by a pointer that reaches the whole timer.
    fn node(self: &Arc<Self>) -> NonNull<Node> {
        // SAFETY: an `Arc` is not null. The node is the first field of the first field.
        unsafe { NonNull::new_unchecked(Arc::as_ptr(self).cast_mut().cast()) }
    }

    /// # Safety
    ///
    /// `caller` is that of such a timer, and the caller gives up a reference to it.
    unsafe fn call(caller: NonNull<Caller>, now_ns: u64) {
        // SAFETY: the node that the wheel had came from `Arc::as_ptr`, and a reference was the wheel's.
        let timer = unsafe { Arc::from_raw(caller.cast::<Self>().as_ptr().cast_const()) };
        call_quietly(|| A::due(&timer, now_ns));
        drop_quietly(timer);
    }

    /// # Safety
    ///
    /// As [`Timer::call`].
    unsafe fn give_back(caller: NonNull<Caller>) {
        // SAFETY: as there.
        drop_quietly(unsafe { Arc::from_raw(caller.cast::<Self>().as_ptr().cast_const()) });
    }
}
