// SPDX-License-Identifier: BSD-3-Clause
//! The two inversions that keep the layers acyclic: what a scheduler does for the layers below it, and the part of a
//! worker that they may see.
#![expect(unsafe_code, reason = "turns the ambient pointer into a worker; the trait moves tasks by raw pointer")]

use core::cell::Cell;
use core::ptr::{self, NonNull};

use super::claim::announced::Announced;
use super::header::Header;
use crate::platform::ambient;
use crate::platform::{ClockId, Platform};
use crate::primitive::atomic::{AtomicPtr, Ordering};
use crate::util::random::Random;

/// What the scheduler does for `wait` and the layers between.
///
/// # Safety
///
/// An implementor keeps each task in at most one queue, resumes it only after its context has been published, and
/// resumes a bound task only on its home worker.
pub(crate) unsafe trait Schedule: Sync {
    /// Makes `task` runnable. Callable from any thread.
    ///
    /// # Safety
    ///
    /// The caller owns the task: it won a published park of it, and nobody else will enqueue it.
    unsafe fn make_ready(&self, task: NonNull<Header>);

    /// As [`Schedule::make_ready`], by a caller on `worker`.
    ///
    /// # Safety
    ///
    /// As [`Schedule::make_ready`]; `worker` is the calling one.
    unsafe fn make_ready_on(&self, worker: NonNull<WorkerHead>, task: NonNull<Header>);

    /// Switches away from the current coroutine until its claim is won; the deadline wins it with `TimedOut`.
    ///
    /// # Safety
    ///
    /// Called on the stack of the current coroutine of `worker`, which is the calling one, with a wait begun and no lock
    /// held. The coroutine may come back on another worker if it allowed that: `worker` is stale afterwards.
    unsafe fn suspend(&self, worker: NonNull<WorkerHead>, deadline_ns: u64);

    /// As [`Schedule::suspend`] without a deadline, with the wait announced: it begins when the switch is over.
    ///
    /// # Safety
    ///
    /// As [`Schedule::suspend`].
    unsafe fn suspend_announced(&self, worker: NonNull<WorkerHead>, announced: Announced);

    /// Puts the current coroutine behind the others that are ready on `worker`, and refills the run budget.
    ///
    /// # Safety
    ///
    /// As [`Schedule::suspend`], but with no wait begun.
    unsafe fn yield_now(&self, worker: NonNull<WorkerHead>);

    /// A number below `options`, which is not zero: chosen by the platform where that makes the choices, else drawn from the
    /// worker's generator, which has a seed from then on.
    ///
    /// # Safety
    ///
    /// `worker` is the calling one.
    unsafe fn choose(&self, worker: NonNull<WorkerHead>, options: usize) -> usize;

    /// How many coroutines `worker` has switched to. Callable from a signal handler or an exception vector.
    ///
    /// # Safety
    ///
    /// As [`Schedule::platform`].
    unsafe fn switches(&self, worker: NonNull<WorkerHead>) -> u64;

    /// The platform of `worker`'s runtime.
    ///
    /// # Safety
    ///
    /// `worker` is one of this scheduler's, and live for `'a`.
    unsafe fn platform<'a>(&self, worker: NonNull<WorkerHead>) -> &'a dyn Platform;
}

/// A deadline that never comes.
pub(crate) const NO_DEADLINE: u64 = u64::MAX;

/// The part of a worker that the layers below the scheduler see. The ambient pointer points to it.
///
/// All fields belong to the worker's own thread; others may only peek at which coroutine runs. What a head is asked about
/// its worker takes a pointer: a reference to a head reaches no further than the head.
#[repr(C)]
pub(crate) struct WorkerHead {
    /// The running coroutine; null on the worker's base context.
    pub(crate) current: Current,
    /// Operations that may still complete without waiting before the coroutine yields.
    pub(crate) budget: Cell<u32>,
    /// The clock as it was when the worker last looked.
    pub(crate) cached_now_ns: Cell<u64>,
    /// Draws what no choice of the platform decides. Without a seed the scheduler is asked.
    pub(crate) random: Random,
    /// The scheduler that this worker belongs to.
    pub(crate) scheduler: &'static dyn Schedule,
}

impl WorkerHead {
    pub(crate) fn new(scheduler: &'static dyn Schedule) -> Self {
        Self {
            current: Current(AtomicPtr::new(ptr::null_mut())),
            budget: Cell::new(0),
            cached_now_ns: Cell::new(0),
            random: Random::unseeded(),
            scheduler,
        }
    }

    /// # Safety
    ///
    /// `this` is live for `'a`, and a pointer to the whole worker, as in [`Place`].
    pub(crate) unsafe fn platform<'a>(this: NonNull<Self>) -> &'a dyn Platform {
        // SAFETY: forwarded; a head belongs to the scheduler that it names.
        unsafe { this.as_ref().scheduler.platform(this) }
    }

    /// # Safety
    ///
    /// As [`WorkerHead::platform`].
    pub(crate) unsafe fn now_ns(this: NonNull<Self>) -> u64 {
        // SAFETY: forwarded.
        unsafe { Self::platform(this) }.now_ns()
    }

    /// # Safety
    ///
    /// As [`WorkerHead::platform`].
    pub(crate) unsafe fn clock_id(this: NonNull<Self>) -> ClockId {
        // SAFETY: forwarded.
        unsafe { Self::platform(this) }.clock_id()
    }
}

/// The running coroutine of a worker. Only the worker's own thread may set it, and follow what it gets.
pub(crate) struct Current(AtomicPtr<Header>);

impl Current {
    #[inline(always)]
    pub(crate) fn get(&self) -> *const Header {
        // Relaxed, here and below: for its own thread it is a plain variable; others compare it only.
        self.0.load(Ordering::Relaxed)
    }

    #[inline(always)]
    pub(crate) fn set(&self, task: *const Header) {
        self.0.store(task.cast_mut(), Ordering::Relaxed);
    }
}

/// Where the caller runs.
#[derive(Clone, Copy)]
pub(crate) enum Place {
    /// In a coroutine of this worker.
    Coroutine(NonNull<WorkerHead>, NonNull<Header>),
    /// On a worker's own base context, where only the scheduler runs (and drops of closures that never started).
    Base(NonNull<WorkerHead>),
    /// In an interrupt or signal handler that said so.
    Interrupt,
    /// On a thread that is no worker.
    Outside,
}

impl Place {
    /// Where the caller runs now. Look again after anything that may suspend.
    #[inline]
    pub(crate) fn current() -> Place {
        let ambient = ambient::worker();
        if ambient == ambient::INTERRUPT {
            return Place::Interrupt;
        }
        let Some(worker) = NonNull::new(ambient.cast::<WorkerHead>().cast_mut()) else {
            return Place::Outside;
        };
        // SAFETY: `set_worker` only ever takes live workers, and they unset the pointer before they end.
        let current = unsafe { worker.as_ref() }.current.get();
        match NonNull::new(current.cast_mut()) {
            Some(task) => Place::Coroutine(worker, task),
            None => Place::Base(worker),
        }
    }

    /// The current coroutine's header.
    pub(crate) fn coroutine() -> Option<NonNull<Header>> {
        match Place::current() {
            Place::Coroutine(_, task) => Some(task),
            _ => None,
        }
    }
}
