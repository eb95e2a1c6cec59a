// SPDX-License-Identifier: BSD-3-Clause
//! The end of coroutines that never run: refused by a worker, or spawned too late for any worker to see them.
#![expect(unsafe_code, reason = "rejects tasks that the caller owns")]

use core::ptr::{self, NonNull};

use super::runtime::Inner;
use super::worker::Worker;
use crate::primitive::atomic::Ordering;
use crate::task::header::{Header, Rejected};
use crate::trace::Event;
use crate::util::linked::Chain;

impl Worker {
    pub(super) fn refusal(&self, header: &Header) -> Option<Rejected> {
        if self.runtime().is_closing() {
            Some(Rejected::Shutdown)
        } else if header.claim.is_cancelled() {
            Some(Rejected::Cancelled)
        } else {
            None
        }
    }

    /// Ends a task that has not started.
    pub(super) fn reject(&self, task: NonNull<Header>, why: Rejected) {
        // SAFETY: we own the task.
        self.tell(|| Event::Ended { coroutine: unsafe { task.as_ref() }.id });
        // SAFETY: we own the task, which has not started; afterwards only its handle may use it.
        unsafe {
            (task.as_ref().vtable.reject)(task, why);
            self.shared.counters.rejected.bump();
            Header::release(task);
        }
        self.runtime().note_ended();
    }

    /// Ends all that has not started and that this worker can reach; what has started stays ready for ever. For a worker
    /// whose runtime has stopped.
    pub(super) fn drop_unstarted(&self) {
        let mut abandoned = Chain::new();
        self.runtime().phase.see_all_pushes();
        self.drain_inbox();
        while let Some(task) = NonNull::new(self.local.to_start.replace(ptr::null_mut()))
            .or_else(|| self.pop_bound())
            .or_else(|| self.pop_stealable())
            .or_else(|| self.runtime().injector.pop())
        {
            // SAFETY: a task that we took from a queue is live and ours.
            if unsafe { task.as_ref() }.is_started() {
                // SAFETY: as above; it is in no other queue.
                unsafe { abandoned.push_back(task) };
            } else {
                self.reject(task, Rejected::Shutdown);
            }
        }
        while let Some(task) = abandoned.pop_front() {
            // SAFETY: as above.
            unsafe { super::shutdown::tell_joiner(task) };
            self.push_last(task);
        }
        self.tell_joiners();
    }
}

impl Inner {
    /// Called by who has pushed a new coroutine to a queue of other threads (the injector, or the inbox of `target`): if
    /// the runtime has stopped meanwhile, ends what nobody will take from there any more.
    pub(super) fn end_late_spawns(&self, target: Option<&Worker>) {
        if !self.phase.is_stopped_after_push() {
            return;
        }
        // Each queue can be emptied by several threads at once: each task is taken by one of them.
        let mut late = match target {
            Some(target) => target.shared.inbox.take_all(),
            None => self.injector.pop_batch(usize::MAX),
        };
        while let Some(task) = late.pop_front() {
            // SAFETY: a task that we took from a queue is live and ours.
            if unsafe { task.as_ref() }.is_started() {
                // SAFETY: as above. It is abandoned, as if it were queued still.
                unsafe { super::shutdown::tell_joiner(task) };
            } else {
                self.reject_late(task);
            }
        }
    }

    fn reject_late(&self, task: NonNull<Header>) {
        // SAFETY: the caller owns the task, which has not started; afterwards only its handle may use it.
        unsafe {
            (task.as_ref().vtable.reject)(task, Rejected::Shutdown);
            Header::release(task);
        }
        // Release: as for the counters of workers.
        self.foreign_rejected.fetch_add(1, Ordering::Release);
        self.note_ended();
    }
}
