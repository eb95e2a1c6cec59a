// SPDX-License-Identifier: BSD-3-Clause
//! The end of a runtime.
//!
//! Closing refuses new coroutines, makes workers drop those that have not started, and cancels the rest. When the last
//! has ended, workers leave their base loops and their threads are joined. What has not ended in time is abandoned: no
//! worker resumes anything any more, so a parent and its children are abandoned together.
#![expect(unsafe_code, reason = "makes cancelled tasks ready by raw pointer")]

use core::ptr::NonNull;
use core::time::Duration;

use super::phase::Phase;
use super::report::{ShutdownReport, unfinished};
use super::runtime::Inner;
use super::runtime_ref::RuntimeRef;
#[cfg(feature = "alloc")]
use super::runtime_ref::Storage;
use super::task_core::{TaskCore, call_quietly};
use super::worker::Worker;
use crate::primitive::atomic::{Ordering, fence};
use crate::task::claim::Won;
use crate::task::header::{Header, TaskRef};
use crate::task::schedule::Place;
use crate::time::ns_of;
use crate::util::linked::Chain;
use crate::wait::Limit;
use crate::wait::wake::make_ready;

/// Cancels one coroutine of a closing runtime; the caller is the coroutine itself, about to park.
pub(super) fn cancel(header: &Header) {
    if let Some(won) = header.claim.request_cancel() {
        debug_assert_eq!(won, Won::Running, "a coroutine that registers has not been parked yet");
    }
}

/// See [`Runtime::shutdown`](super::Runtime::shutdown).
pub(super) fn shut_down(inner: &RuntimeRef, grace: Duration) -> ShutdownReport {
    if is_inside(inner) {
        inner.orphan();
        close(inner);
        inner.note_ended_while_closing();
        return ShutdownReport::default();
    }
    close(inner);
    inner.ends.wait(|| inner.live_count(), Limit::AfterNs(ns_of(grace)));
    finish(inner, 0)
}

/// See [`LocalRuntime::shutdown`](super::LocalRuntime::shutdown).
pub(super) fn shut_down_local(
    inner: &RuntimeRef,
    grace: Duration,
    drive: impl Fn(&dyn Fn() -> bool),
) -> ShutdownReport {
    close(inner);
    let platform = inner.platform();
    let deadline_ns = platform.now_ns().saturating_add(ns_of(grace));
    let own = &inner.workers()[0];
    own.local.wake_by_ns.set(deadline_ns);
    drive(&|| inner.live_count() == 0 || platform.now_ns() >= deadline_ns);
    if inner.live_count() > 0 {
        // The time is up: a stopped worker drops what has not started.
        inner.phase.advance(Phase::Stopped);
        drive(&|| true);
    }
    let report = finish(inner, 1);
    if !report.is_clean() && own.has_abandoned() {
        platform.fatal(format_args!("the thread of a local runtime cannot go on: {report}"));
    }
    own.stacks().release_all(platform);
    #[cfg(feature = "alloc")]
    if report.is_clean() && inner.storage == Storage::Static {
        // It is never dropped.
        inner.workers().iter().for_each(Worker::give_timers_back);
    }
    report
}

fn is_inside(inner: &Inner) -> bool {
    match Place::current() {
        Place::Coroutine(head, _) | Place::Base(head) => inner.worker_of(head).is_some(),
        Place::Interrupt | Place::Outside => false,
    }
}

/// Refuses new coroutines and cancels the parked ones. One that parks for the first time later finds the phase.
pub(super) fn close(inner: &Inner) {
    inner.phase.advance(Phase::Closing);
    // Against the fence of `Inner::count_spawn`: a foreign spawn that was too early to see the phase is counted.
    fence(Ordering::SeqCst);
    if let Some(places) = &inner.places {
        places.close();
    }
    for worker in inner.workers() {
        let mut won: Chain<Header> = Chain::new();
        worker.shared.registry.for_each(|task| {
            // SAFETY: listed coroutines are live.
            if unsafe { task.as_ref() }.claim.request_cancel() == Some(Won::Parked) {
                // SAFETY: we won its published park, so it is ours, in no queue, and live until it has run.
                unsafe { won.push_back(task) };
            }
        });
        while let Some(task) = won.pop_front() {
            // SAFETY: as above.
            unsafe { super::tell_cancelled(task, Won::Parked) };
            make_ready(task, Won::Parked);
        }
    }
    inner.wake_all();
}

/// Stops the workers and reports. Threads are joined only if nothing is left; else they stay for ever, by design.
fn finish(inner: &RuntimeRef, first_thread: usize) -> ShutdownReport {
    let live = inner.live_count();
    if live == 0 {
        inner.stop(first_thread..inner.workers().len());
        return ShutdownReport::default();
    }
    inner.phase.advance(Phase::Stopped);
    inner.wake_all();
    let report = unfinished(inner);
    for worker in inner.workers() {
        worker.tell_joiners();
    }
    // What is abandoned may still be referred to, by wakers for example: the runtime stays.
    inner.clone().leave();
    report
}

impl Worker {
    /// Tells whoever joins a coroutine that has parked here, and that nothing will resume any more.
    pub(super) fn tell_joiners(&self) {
        self.shared.registry.walk(
            // SAFETY: listed coroutines are live.
            |task| unsafe { TaskRef::retain(task) },
            // After the lock, which the one who is woken may want. SAFETY: we hold a reference.
            |task| unsafe { tell_joiner(task.as_ptr()) },
        );
    }
}

/// Tells whoever joins a coroutine that nothing will resume any more.
///
/// # Safety
///
/// `task` is live.
pub(super) unsafe fn tell_joiner(task: NonNull<Header>) {
    // SAFETY: the caller's promise.
    let (wake, waker) = unsafe { TaskCore::of(task) }.join.abandon();
    if let Some(wake) = wake {
        wake.wake();
    }
    if let Some(waker) = waker {
        // Foreign code, and this may be a base context, which must not unwind.
        call_quietly(|| waker.wake());
    }
}
