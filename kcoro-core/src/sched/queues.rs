// SPDX-License-Identifier: BSD-3-Clause
//! A worker's queues: where a ready task goes, and which queue feeds the next switch.
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
#![expect(unsafe_code, reason = "owner-only queue behind a shared reference; tasks by raw pointer")]

use core::ptr::{self, NonNull};

use super::run_queue::RunQueue;
use super::steal::RING_CAPACITY;
use super::worker::{Next, Worker};
use crate::arch;
use crate::task::header::{Header, Options};
use crate::util::linked::Chain;

/// How many switches in a row may take the LIFO slot before the run queue gets its turn.
const LIFO_STREAK: u32 = 16;
/// Every so many switches the stealable queue is asked before the run queue.
const STEALABLE_EVERY: u32 = 4;
/// Every so many switches the base loop looks at inbox, injector and timers.
pub(super) const BASE_EVERY: u32 = 61;

impl Worker {
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
        self.shared.counters.inbox.add(chain.len() as u64);
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

    /// How many bound tasks are ready.
    pub(super) fn ready_len(&self) -> usize {
        self.bound_ready() + usize::from(!self.local.lifo.get().is_null())
    }

    /// How many tasks others could take from here. May be out of date at once; for anyone.
    #[cfg(feature = "alloc")]
    pub(super) fn stealable_len(&self) -> usize {
        self.shared.stealable.len() + usize::from(self.shared.slot.looks_full())
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
            return self.way_to(target);
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
