// SPDX-License-Identifier: BSD-3-Clause
//! A worker: its queues, and which of them feeds the next switch.
//!
//! # Who may touch what
//!
//! `head` and `local` belong to the worker's own thread. `shared` is for everyone, through the types in it.
//!
//! # Where a ready task is
//!
//! | queue | holds | who takes |
//! |---|---|---|
//! | `lifo`, `run_queue` | tasks bound to this worker | the owner |
//! | `inbox` | the same, made ready by other threads | the owner, at its base loop |
//! | `slot`, `stealable` | not started, or migrating | the owner and thieves |
//! | the runtime's injector | not started, spawned from outside or overflowed | any worker, at its base loop |
//!
//! Service order: the LIFO slot for up to [`LIFO_STREAK`] switches in a row, then the run queue, with every
//! [`STEALABLE_EVERY`]th switch going to the stealable queue first, so that neither starves the other; every
//! [`BASE_EVERY`]th switch visits the base loop. [`choosing`](super::choosing) has the exception.
#![expect(unsafe_code, reason = "owner-only fields behind a shared reference; tasks by raw pointer")]

use core::cell::{Cell, UnsafeCell};
use core::ptr::{self, NonNull};

use super::inbox::Inbox;
use super::run_queue::RunQueue;
use super::runtime::Inner;
use super::stack_cache::StackCache;
use super::stats::Counters;
use super::steal::{RING_CAPACITY, StealQueue, StealSlot};
use super::timers::Timers;
use crate::arch;
use crate::platform::ambient;
use crate::stack::RawStack;
use crate::task::header::{Header, Options};
use crate::task::schedule::{NO_DEADLINE, WorkerHead};
use crate::util::cache_padded::CachePadded;
use crate::util::linked::Chain;

/// How many switches in a row may take the LIFO slot before the run queue gets its turn.
const LIFO_STREAK: u32 = 16;
/// Every so many switches the stealable queue is asked before the run queue.
const STEALABLE_EVERY: u32 = 4;
/// Every so many switches the base loop looks at inbox, injector and timers.
pub(super) const BASE_EVERY: u32 = 61;
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

// SAFETY: see "Who may touch what": other threads use `shared`, `runtime` and `index` only.
unsafe impl Send for Worker {}
// SAFETY: as above.
unsafe impl Sync for Worker {}

/// What only the worker's own thread touches.
pub(super) struct Local {
    run_queue: UnsafeCell<RunQueue<Header>>,
    pub(super) lifo: Cell<*mut Header>,
    lifo_streak: Cell<u32>,
    pub(super) tick: Cell<u32>,
    /// How the coroutine that was left by the last switch left, and which it was.
    departed_how: Cell<Departed>,
    departed: Cell<*const Header>,
    departed_stack: Cell<Option<(RawStack, usize)>>,
    /// A task that the base loop must start, because its stack could not be had without it.
    pub(super) to_start: Cell<*mut Header>,
    pub(super) base_sp: Cell<*mut u8>,
    pub(super) stacks: UnsafeCell<StackCache>,
    pub(super) next_id: Cell<u64>,
    /// The worker to which new coroutines are bound; this one if they go to whoever is free first.
    pub(super) spawn_target: Cell<usize>,
    /// When a local runtime that shuts down must look at the clock, whatever the timers say.
    pub(super) wake_by_ns: Cell<u64>,
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
                departed: Cell::new(ptr::null()),
                departed_stack: Cell::new(None),
                to_start: Cell::new(ptr::null_mut()),
                base_sp: Cell::new(ptr::null_mut()),
                stacks: UnsafeCell::new(StackCache::new()),
                next_id: Cell::new(0),
                spawn_target: Cell::new(index),
                wake_by_ns: Cell::new(NO_DEADLINE),
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

    #[inline(always)]
    pub(super) fn head_ptr(&self) -> *mut WorkerHead {
        (&raw const self.head).cast_mut()
    }

    #[inline(always)]
    #[expect(clippy::mut_from_ref, reason = "the queue is owner-only; no two references to it live at once")]
    fn run_queue(&self) -> &mut RunQueue<Header> {
        // SAFETY: owner-only, and no reference to it outlives the statement that asked for it.
        unsafe { &mut *self.local.run_queue.get() }
    }

    /// Queues a bound task that has just become ready on its own worker: it runs next, unless that starves others.
    #[inline]
    pub(super) fn push_ready(&self, task: NonNull<Header>) {
        let displaced = self.local.lifo.replace(task.as_ptr());
        if let Some(displaced) = NonNull::new(displaced) {
            // SAFETY: it was in no queue but the slot that it has just left.
            unsafe { self.run_queue().push_back(displaced) };
        }
    }

    /// Queues a bound task behind all others.
    #[inline]
    pub(super) fn push_last(&self, task: NonNull<Header>) {
        // SAFETY: the caller owns the task, so it is live and in no queue.
        unsafe { self.run_queue().push_back(task) };
    }

    /// Queues a task that any worker may take.
    pub(super) fn push_stealable(&self, task: NonNull<Header>) {
        // The one in the slot moves on before the new one is shown: everything is in place when the slot, the meeting
        // point with those who fall asleep, changes for the last time.
        let displaced = self.shared.slot.take();
        if let Some(displaced) = displaced {
            self.push_stealable_last(displaced);
        }
        let raced = self.shared.slot.replace(task);
        debug_assert!(raced.is_none(), "only the owner fills its slot");
        // Also for a single task: this worker's coroutine may compute for long before the worker comes to it. Whoever
        // wakes looks for more than that first, see `steal`.
        self.runtime().wake_one_worker();
    }

    /// Takes all that other threads have sent.
    pub(super) fn drain_inbox(&self) -> bool {
        if self.shared.inbox.is_empty() {
            return false;
        }
        let chain = self.shared.inbox.take_all();
        self.run_queue().append(chain);
        true
    }

    /// Whether a coroutine that has started here is still suspended, asked after the base loop has ended. One that
    /// migrated may count where it parked first.
    pub(super) fn has_abandoned(&self) -> bool {
        !self.local.lifo.get().is_null() || !self.run_queue().is_empty() || !self.shared.registry.is_empty()
    }

    /// Takes any task that is bound to this worker and ready.
    pub(super) fn pop_bound(&self) -> Option<NonNull<Header>> {
        NonNull::new(self.local.lifo.replace(ptr::null_mut())).or_else(|| self.run_queue().pop_front())
    }

    /// How many tasks wait in the run queue.
    pub(super) fn bound_ready(&self) -> usize {
        self.run_queue().len()
    }

    /// Takes `task` out of this worker's own queues, if it is ready there.
    pub(super) fn take_ready(&self, task: NonNull<Header>) -> bool {
        if self.local.lifo.get() == task.as_ptr() {
            self.local.lifo.set(ptr::null_mut());
            return true;
        }
        self.run_queue().remove(task)
    }

    /// Chooses the next task for a switch.
    #[inline]
    pub(super) fn next(&self) -> Next {
        let tick = self.local.tick.get().wrapping_add(1);
        self.local.tick.set(tick);
        if tick.is_multiple_of(BASE_EVERY) {
            return Next::Base;
        }
        match self.next_ready(tick) {
            Some(task) => Next::Task(task),
            None => Next::Nothing,
        }
    }

    /// As [`Worker::next`], for a hand-over to `target`, which is ours: it counts like a turn of the LIFO slot, so that
    /// coroutines that hand over to each other do not starve the rest.
    pub(super) fn next_by_hand(&self, target: NonNull<Header>) -> Next {
        let streak = self.local.lifo_streak.get();
        if streak < LIFO_STREAK {
            self.local.lifo_streak.set(streak + 1);
            return Next::Task(target);
        }
        self.push_ready(target);
        self.next()
    }

    /// As [`Worker::next`], for the base loop, which is already there.
    pub(super) fn next_from_base(&self) -> Option<NonNull<Header>> {
        if self.choices().is_some() { self.choose_ready() } else { self.next_ready(self.local.tick.get()) }
    }

    #[inline]
    fn next_ready(&self, tick: u32) -> Option<NonNull<Header>> {
        if tick.is_multiple_of(STEALABLE_EVERY)
            && let Some(task) = self.pop_stealable()
        {
            return Some(task);
        }
        let lifo = self.local.lifo.get();
        if let Some(task) = NonNull::new(lifo) {
            let streak = self.local.lifo_streak.get();
            if streak < LIFO_STREAK || self.run_queue().is_empty() {
                self.local.lifo_streak.set(streak + 1);
                self.local.lifo.set(ptr::null_mut());
                return Some(task);
            }
        }
        self.local.lifo_streak.set(0);
        if let Some(task) = self.run_queue().pop_front() {
            self.prefetch_following();
            return Some(task);
        }
        self.pop_stealable()
    }

    #[inline]
    pub(super) fn pop_stealable(&self) -> Option<NonNull<Header>> {
        // Queue and slot take turns, so that coroutines which yield in the queue do not starve a new one in the slot.
        if self.local.tick.get().is_multiple_of(STEALABLE_EVERY * 2)
            && let Some(task) = self.shared.slot.take()
        {
            return Some(task);
        }
        // SAFETY: this is the calling worker's queue.
        unsafe { self.shared.stealable.pop() }.or_else(|| self.shared.slot.take())
    }

    /// Over many coroutines each switch misses the cache twice, on the header and on the stack. Asking for both one
    /// and two turns ahead hides most of that.
    #[inline]
    fn prefetch_following(&self) {
        if let Some(next) = self.run_queue().peek_front() {
            // SAFETY: a queued task is live.
            arch::prefetch(unsafe { next.as_ref() }.sp());
            if let Some(second) = self.run_queue().peek_second() {
                arch::prefetch(second.as_ptr().cast::<u8>());
            }
        }
    }

    /// Notes how the current coroutine leaves, for the destination of its switch.
    #[inline(always)]
    pub(super) fn set_departed(&self, task: *const Header, how: Departed) {
        self.local.departed.set(task);
        self.local.departed_how.set(how);
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
        let departed = self.local.departed.get().cast_mut();
        match how {
            Departed::Nobody => {}
            Departed::Parking => {
                // SAFETY: a coroutine that left parking is live and ours until its park is published.
                let task = unsafe { NonNull::new_unchecked(departed) };
                // SAFETY: as above.
                if unsafe { task.as_ref() }.claim.publish_parked() == crate::task::claim::Published::AlreadyWon {
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

    /// Queues a task that became ready on this worker, bound to it or free to migrate.
    #[inline]
    pub(super) fn push_runnable(&self, task: NonNull<Header>) {
        // SAFETY: the caller owns the task.
        if unsafe { task.as_ref() }.options.has(Options::MIGRATES) {
            self.push_stealable(task);
        } else {
            self.push_ready(task);
        }
    }

    /// Queues a task that any worker may take, behind the others.
    pub(super) fn push_stealable_last(&self, task: NonNull<Header>) {
        // SAFETY: the caller owns the task, and this is the calling worker's queue.
        if let Err(task) = unsafe { self.shared.stealable.push(task) } {
            self.overflow(task);
        }
    }

    /// Moves the older half of the full stealable queue, and `task` after it, to the injector: one lock for many.
    #[cold]
    fn overflow(&self, task: NonNull<Header>) {
        let mut half = [None; RING_CAPACITY / 2];
        let count = self.shared.stealable.steal_into(&mut half);
        let mut chain = Chain::new();
        for task in half[..count].iter().flatten().copied().chain([task]) {
            // SAFETY: what was taken out of the queue is ours and in none, and so is `task`.
            unsafe { chain.push_back(task) };
        }
        self.runtime().injector.push_chain(chain);
    }
}
