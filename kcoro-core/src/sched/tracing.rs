// SPDX-License-Identifier: BSD-3-Clause
//! What a runtime tells its trace, and in whose name.
#![expect(unsafe_code, reason = "follows tasks to their runtime by raw pointer")]

use core::ptr::NonNull;

use super::runtime::Inner;
use super::task_core::TaskCore;
use super::worker::{Departed, Worker};
use crate::task::claim::Won;
use crate::task::header::Header;
use crate::task::schedule::Place;
use crate::trace::Event;

impl Worker {
    /// Tells of what this worker, the calling one, does.
    #[inline(always)]
    pub(super) fn tell(&self, event: impl FnOnce() -> Event) {
        let runtime = self.runtime();
        runtime.config.trace.tell(|| (runtime.platform().now_ns(), Some(self.index)), event);
    }

    /// Tells that `me` leaves.
    #[inline(always)]
    pub(super) fn tell_leaving(&self, me: &Header, how: Departed) {
        self.tell(|| {
            if how == Departed::Yielding {
                return Event::Yielded { coroutine: me.id };
            }
            let (what, object) = me.waits.read().map_or(("something", 0), |(what, _)| what.kind_and_object());
            Event::Parked { coroutine: me.id, what, object }
        });
    }
}

impl Inner {
    /// Tells of what the caller does, wherever it runs; `event` is given the number of the calling coroutine.
    #[inline(always)]
    pub(super) fn tell(&self, event: impl FnOnce(Option<u64>) -> Event) {
        let from = || (self.platform().now_ns(), self.caller().0);
        self.config.trace.tell(from, || event(self.caller().1));
    }

    /// The calling worker and coroutine, as far as they are of this runtime.
    fn caller(&self) -> (Option<usize>, Option<u64>) {
        match Place::current() {
            Place::Coroutine(head, task) => {
                let own = self.worker_of(head);
                // SAFETY: the current coroutine is live.
                (own.map(|worker| worker.index), own.map(|_| unsafe { task.as_ref() }.id))
            }
            Place::Base(head) => (self.worker_of(head).map(|worker| worker.index), None),
            Place::Interrupt | Place::Outside => (None, None),
        }
    }
}

/// Tells that `task` is woken.
///
/// # Safety
///
/// The caller owns the task.
#[inline(always)]
pub(super) unsafe fn tell_woken(task: NonNull<Header>) {
    // SAFETY: who owns a task keeps it and its runtime alive.
    let (header, runtime) = unsafe { (task.as_ref(), &*TaskCore::of(task).runtime) };
    runtime.tell(|by| Event::Woken { coroutine: header.id, by });
}

/// Tells that a cancel has ended the wait of `task`. Of one that did not end a park nothing is told: the caller may not
/// own the task.
///
/// # Safety
///
/// The caller owns the task if it `won` a park.
#[inline(always)]
pub(crate) unsafe fn tell_cancelled(task: NonNull<Header>, won: Won) {
    if won != Won::Parked {
        return;
    }
    // SAFETY: as above.
    let (header, runtime) = unsafe { (task.as_ref(), &*TaskCore::of(task).runtime) };
    runtime.tell(|by| Event::Cancelled { coroutine: header.id, by });
}
