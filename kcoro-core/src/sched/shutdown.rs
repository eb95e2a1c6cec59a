// SPDX-License-Identifier: BSD-3-Clause
//! The end of a runtime.
//!
//! Closing refuses new coroutines, makes workers drop those that have not started, and cancels the rest. When the last
//! has ended, workers leave their base loops and their threads are joined. What has not ended in time is abandoned: no
//! worker resumes anything any more, so a parent and its children are abandoned together.
#![expect(unsafe_code, reason = "makes cancelled tasks ready by raw pointer")]

use alloc::sync::Arc;
use alloc::vec::Vec;
use core::fmt;
use core::panic::Location;
use core::ptr::NonNull;
use core::time::Duration;

use super::phase::Phase;
use super::runtime::Inner;
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

/// What was left when a runtime ended.
#[derive(Debug, Default)]
#[non_exhaustive]
pub struct ShutdownReport {
    /// Coroutines that have parked before and are abandoned.
    pub abandoned: Vec<Abandoned>,
    /// Coroutines that were ready or running and had not parked before: their number only.
    pub unparked: usize,
}

impl ShutdownReport {
    /// Whether every coroutine has ended.
    pub fn is_clean(&self) -> bool {
        self.abandoned.is_empty() && self.unparked == 0
    }
}

impl fmt::Display for ShutdownReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.is_clean() {
            return f.write_str("every coroutine has ended");
        }
        write!(f, "{} coroutines have not ended", self.abandoned.len() + self.unparked)?;
        for one in self.abandoned.iter().take(16) {
            write!(f, "\n  {} {} spawned at {}", one.id, one.name.unwrap_or("(unnamed)"), one.spawn_site)?;
        }
        Ok(())
    }
}

/// A coroutine that had not ended when its runtime did.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Abandoned {
    /// Its number.
    pub id: u64,
    /// Its name, if it has one.
    pub name: Option<&'static str>,
    /// Where it was spawned.
    pub spawn_site: &'static Location<'static>,
}

/// Cancels one coroutine of a closing runtime; the caller is the coroutine itself, about to park.
pub(super) fn cancel(header: &Header) {
    if let Some(won) = header.claim.request_cancel() {
        debug_assert_eq!(won, Won::Running, "a coroutine that registers has not been parked yet");
    }
}

/// See [`Runtime::shutdown`](super::Runtime::shutdown).
pub(super) fn shut_down(inner: &Arc<Inner>, grace: Duration) -> ShutdownReport {
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
    inner: &Arc<Inner>,
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
fn finish(inner: &Arc<Inner>, first_thread: usize) -> ShutdownReport {
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
    core::mem::forget(inner.clone());
    report
}

impl Worker {
    /// Tells whoever joins a coroutine that has parked here, and that nothing will resume any more.
    pub(super) fn tell_joiners(&self) {
        let mut abandoned: Vec<TaskRef> = Vec::new();
        let mut count = 0;
        self.shared.registry.for_each(|_| count += 1);
        // As in `abandoned`.
        abandoned.reserve(count);
        self.shared.registry.for_each(|task| {
            if abandoned.len() < abandoned.capacity() {
                // SAFETY: listed coroutines are live.
                abandoned.push(unsafe { TaskRef::retain(task) });
            }
        });
        // SAFETY: we hold references.
        abandoned.iter().for_each(|task| unsafe { tell_joiner(task.as_ptr()) });
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

/// See [`Handle::unfinished`](super::Handle::unfinished).
pub(super) fn unfinished(inner: &Inner) -> ShutdownReport {
    let live = inner.live_count();
    let abandoned = abandoned(inner);
    let unparked = usize::try_from(live).unwrap_or(usize::MAX).saturating_sub(abandoned.len());
    ShutdownReport { abandoned, unparked }
}

fn abandoned(inner: &Inner) -> Vec<Abandoned> {
    let mut all = Vec::new();
    for worker in inner.workers() {
        let mut count = 0;
        worker.shared.registry.for_each(|_| count += 1);
        // Room is made outside of the lock; who comes meanwhile is counted as unparked.
        all.reserve(count);
        worker.shared.registry.for_each(|task| {
            if all.len() < all.capacity() {
                // SAFETY: listed coroutines are live.
                let header = unsafe { task.as_ref() };
                all.push(Abandoned { id: header.id, name: header.name, spawn_site: header.spawn_site });
            }
        });
    }
    all
}
