// SPDX-License-Identifier: BSD-3-Clause
//! A worker: what it is made of, and how one coroutine's departure is completed by the next.
//!
//! # Who may touch what
//!
//! `head` and `local` belong to the worker's own thread; a dump compares `head.current`, which is atomic, with tasks. `shared` is for everyone, through the types in it.
//!
//! Which queue feeds the next switch is in [`queues`](super::queues).
#![expect(unsafe_code, reason = "owner-only fields behind a shared reference; tasks by raw pointer")]

use core::cell::{Cell, UnsafeCell};
use core::ptr::{self, NonNull};

use super::ends::MadeUp;
use super::inbox::Inbox;
use super::run_queue::RunQueue;
use super::runtime::Inner;
use super::stack_cache::StackCache;
use super::stats::Counters;
use super::steal::{StealQueue, StealSlot};
use super::timers::Timers;
use crate::platform::ambient;
use crate::stack::RawStack;
use crate::stack::fiber::Fiber;
use crate::task::claim::Published;
use crate::task::claim::announced::Announced;
use crate::task::header::{Header, Options};
use crate::task::schedule::{NO_DEADLINE, WorkerHead};
use crate::util::cache_padded::CachePadded;

/// How many operations may complete without waiting before the coroutine yields.
pub(super) const RUN_BUDGET: u32 = 128;

/// See the [module](self).
#[repr(C)]
pub(crate) struct Worker {
    /// First, because the ambient pointer points to it.
    pub(super) head: WorkerHead,
    pub(super) local: Local,
    pub(super) shared: CachePadded<Shared>,
    pub(super) runtime: *const Inner,
    pub(super) index: usize,
}

// SAFETY: see "Who may touch what": other threads use `shared`, `runtime`, `index` and the atomic `head.current` only.
unsafe impl Send for Worker {}
// SAFETY: as above.
unsafe impl Sync for Worker {}

/// What only the worker's own thread touches.
pub(super) struct Local {
    pub(super) run_queue: UnsafeCell<RunQueue<Header>>,
    pub(super) lifo: Cell<*mut Header>,
    pub(super) lifo_streak: Cell<u32>,
    pub(super) tick: Cell<u32>,
    /// How the coroutine that was left by the last switch left, and which it was.
    departed_how: Cell<Departed>,
    departed: Cell<*mut Header>,
    /// Which wait begins now that it has left, if it left [`Departed::Announced`].
    departed_wait: Cell<Announced>,
    departed_stack: Cell<Option<(RawStack, usize)>>,
    /// A task that the base loop must start, because its stack could not be had without it.
    pub(super) to_start: Cell<*mut Header>,
    pub(super) base_sp: Cell<*mut u8>,
    pub(super) base_fiber: Cell<Fiber>,
    pub(super) stacks: UnsafeCell<StackCache>,
    pub(super) next_id: Cell<u64>,
    /// The worker to which new coroutines are bound; this one if they go to whoever is free first.
    pub(super) spawn_target: Cell<usize>,
    /// When a local runtime that shuts down must look at the clock, whatever the timers say.
    pub(super) wake_by_ns: Cell<u64>,
    pub(super) made_up: MadeUp,
    /// Whether the platform makes the scheduling choices, see [`choosing`](super::choosing).
    pub(super) asks_platform: Cell<bool>,
}

/// What everyone touches.
pub(super) struct Shared {
    pub(super) inbox: Inbox<Header>,
    pub(super) slot: StealSlot<Header>,
    pub(super) stealable: StealQueue<Header>,
    pub(super) timers: Timers,
    pub(super) counters: Counters,
    pub(super) registry: super::registry::Registry,
}

/// What the destination of a switch has to do with the coroutine that left.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Departed {
    Nobody,
    /// It waits: publish its park.
    Parking,
    /// It has announced its wait: begin that, and publish its park.
    Announced,
    /// It is still ready: queue it again.
    Yielding,
    /// It has ended: recycle its stack.
    Ended,
}

/// Where the next switch goes.
pub(super) enum Next {
    Task(NonNull<Header>),
    /// The base loop is due.
    Base,
    /// Nothing is ready here.
    Nothing,
}

impl Worker {
    pub(super) fn new(index: usize, runtime: *const Inner, scheduler: &'static super::Scheduler) -> Self {
        Self {
            head: WorkerHead::new(scheduler),
            local: Local {
                run_queue: UnsafeCell::new(RunQueue::new()),
                lifo: Cell::new(ptr::null_mut()),
                lifo_streak: Cell::new(0),
                tick: Cell::new(0),
                departed_how: Cell::new(Departed::Nobody),
                departed: Cell::new(ptr::null_mut()),
                departed_wait: Cell::new(Announced::NONE),
                departed_stack: Cell::new(None),
                to_start: Cell::new(ptr::null_mut()),
                base_sp: Cell::new(ptr::null_mut()),
                base_fiber: Cell::new(Fiber::NONE),
                stacks: UnsafeCell::new(StackCache::new()),
                next_id: Cell::new(0),
                spawn_target: Cell::new(index),
                wake_by_ns: Cell::new(NO_DEADLINE),
                made_up: MadeUp::new(),
                asks_platform: Cell::new(false),
            },
            shared: CachePadded::new(Shared {
                inbox: Inbox::new(),
                slot: StealSlot::new(),
                stealable: StealQueue::new(),
                timers: Timers::new(),
                counters: Counters::new(),
                registry: super::registry::Registry::new(),
            }),
            runtime,
            index,
        }
    }

    /// The worker that the calling coroutine runs on.
    ///
    /// # Safety
    ///
    /// The caller runs on a worker: in a coroutine of it or on its base context. The reference must not be used after
    /// anything that may suspend.
    #[inline(always)]
    pub(super) unsafe fn current<'a>() -> &'a Worker {
        // SAFETY: on a worker the ambient pointer is that worker's head, which is the first field of a `Worker`; workers
        // live as long as their threads run.
        unsafe { &*ambient::worker().cast::<Worker>() }
    }

    /// The worker whose head this is.
    ///
    /// # Safety
    ///
    /// The head belongs to a worker of this scheduler that stays live for `'a`.
    #[inline(always)]
    pub(super) unsafe fn of_head<'a>(head: NonNull<WorkerHead>) -> &'a Worker {
        // SAFETY: the head is the first field.
        unsafe { head.cast::<Worker>().as_ref() }
    }

    #[inline(always)]
    pub(super) fn runtime(&self) -> &Inner {
        // SAFETY: the runtime owns its workers, so it lives longer than `self`.
        unsafe { &*self.runtime }
    }

    /// The head, which is the first field, by a pointer that reaches the whole worker.
    #[inline(always)]
    pub(super) fn head_ptr(&self) -> *mut WorkerHead {
        (&raw const *self).cast_mut().cast()
    }

    /// Notes how the current coroutine leaves, for the destination of its switch.
    #[inline(always)]
    pub(super) fn set_departed(&self, task: NonNull<Header>, how: Departed) {
        self.local.departed.set(task.as_ptr());
        self.local.departed_how.set(how);
    }

    /// Notes which wait it has announced.
    #[inline(always)]
    pub(super) fn set_departed_wait(&self, announced: Announced) {
        self.local.departed_wait.set(announced);
    }

    /// Notes the stack of a coroutine that has ended and leaves it for good.
    pub(super) fn set_departed_stack(&self, stack: RawStack, class: usize) {
        self.local.departed_stack.set(Some((stack, class)));
        self.local.departed_how.set(Departed::Ended);
    }

    /// Completes the departure of whoever ran here before. Every resume point and every fresh entry calls this first.
    #[inline(always)]
    pub(super) fn arrive(&self) {
        match self.local.departed_how.replace(Departed::Nobody) {
            Departed::Nobody => {}
            how => self.complete_departure(how),
        }
    }

    #[inline]
    fn complete_departure(&self, how: Departed) {
        let departed = self.local.departed.get();
        match how {
            Departed::Nobody => {}
            Departed::Parking | Departed::Announced => {
                // SAFETY: a coroutine that left parking is live and ours until its park is published.
                let task = unsafe { NonNull::new_unchecked(departed) };
                // SAFETY: as above.
                let claim = unsafe { &(*task.as_ptr()).claim };
                let published = match how {
                    Departed::Announced => claim.begin_parked(self.local.departed_wait.get()),
                    _ => claim.publish_parked(),
                };
                if published == Published::AlreadyWon {
                    // SAFETY: as above.
                    unsafe { super::tracing::tell_woken(task) };
                    self.push_runnable(task);
                }
            }
            Departed::Yielding => {
                // SAFETY: a coroutine that left yielding is live and ours.
                let task = unsafe { NonNull::new_unchecked(departed) };
                // SAFETY: as above.
                if unsafe { task.as_ref() }.options.has(Options::MIGRATES) {
                    // Behind the others: into the queue, not into the slot.
                    self.push_stealable_last(task);
                } else {
                    self.push_last(task);
                }
            }
            Departed::Ended => {
                if let Some((stack, class)) = self.local.departed_stack.take() {
                    self.recycle(stack, class);
                }
            }
        }
    }
}
