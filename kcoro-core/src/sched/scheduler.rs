// SPDX-License-Identifier: BSD-3-Clause
//! What the layers below reach through [`Schedule`].
#![expect(unsafe_code, reason = "implements a trait whose methods move tasks by raw pointer")]

use core::ptr::NonNull;

use super::runtime::Inner;
use super::runtime_ref::RuntimeRef;
use super::task_core::TaskCore;
use super::worker::Worker;
use crate::platform::Platform;
use crate::task::claim::announced::Announced;
use crate::task::header::{Header, Options};
use crate::task::schedule::{Place, Schedule, WorkerHead};

/// The one scheduler. It has no state: everything is in workers and runtimes.
pub(super) struct Scheduler;

/// See [`Scheduler`].
pub(super) static SCHEDULER: Scheduler = Scheduler;

// SAFETY: `Worker` keeps each task in one queue, resumes it after its departure is complete, and sends a bound task to
// its home only.
unsafe impl Schedule for Scheduler {
    unsafe fn make_ready(&self, task: NonNull<Header>) {
        match Place::current() {
            // SAFETY: forwarded; that is the calling worker.
            Place::Coroutine(head, _) | Place::Base(head) => unsafe { self.make_ready_on(head, task) },
            Place::Interrupt | Place::Outside => {
                // SAFETY: the caller owns the task.
                unsafe { super::tracing::tell_woken(task) };
                // SAFETY: forwarded.
                unsafe { make_ready_from_outside(task) };
            }
        }
    }

    #[inline]
    unsafe fn make_ready_on(&self, worker: NonNull<WorkerHead>, task: NonNull<Header>) {
        // SAFETY: the caller owns the task.
        unsafe { super::tracing::tell_woken(task) };
        // SAFETY: as above.
        let header = unsafe { task.as_ref() };
        if header.home() == worker.as_ptr() && !header.options.has(Options::MIGRATES) {
            // SAFETY: the home is the calling worker, which is live.
            return unsafe { Worker::of_head(worker) }.push_ready(task);
        }
        // SAFETY: forwarded.
        unsafe { make_ready_elsewhere(worker, task) };
    }

    unsafe fn suspend(&self, worker: NonNull<WorkerHead>, deadline_ns: u64) {
        // SAFETY: forwarded; heads of this scheduler belong to workers.
        unsafe { Worker::of_head(worker).suspend(deadline_ns) };
    }

    unsafe fn suspend_announced(&self, worker: NonNull<WorkerHead>, announced: Announced) {
        // SAFETY: as above.
        unsafe { Worker::of_head(worker).suspend_announced(announced) };
    }

    unsafe fn yield_now(&self, worker: NonNull<WorkerHead>) {
        // SAFETY: forwarded.
        unsafe { Worker::of_head(worker).yield_current() };
    }

    unsafe fn choose(&self, worker: NonNull<WorkerHead>, options: usize) -> usize {
        // SAFETY: forwarded.
        unsafe { Worker::of_head(worker) }.choose_or_draw(options)
    }

    unsafe fn switches(&self, worker: NonNull<WorkerHead>) -> u64 {
        // SAFETY: forwarded.
        unsafe { Worker::of_head(worker) }.shared.counters.switches.get()
    }

    unsafe fn platform<'a>(&self, worker: NonNull<WorkerHead>) -> &'a dyn Platform {
        // SAFETY: heads of this scheduler belong to workers, whose runtime lives as long as they do.
        unsafe { Worker::of_head::<'a>(worker) }.runtime().platform()
    }
}

/// # Safety
///
/// The caller owns the task, and is on `worker`, which is not the one that it is bound to, if it is to any.
unsafe fn make_ready_elsewhere(worker: NonNull<WorkerHead>, task: NonNull<Header>) {
    // SAFETY: the task is live, and so is its runtime.
    let (header, runtime) = unsafe { (task.as_ref(), &*TaskCore::of(task).runtime) };
    match runtime.worker_of(worker) {
        Some(worker) if header.options.has(Options::MIGRATES) => worker.push_stealable(task),
        // SAFETY: the calling worker keeps the runtime alive.
        Some(_) => unsafe { send_home(runtime, task) },
        // SAFETY: forwarded.
        None => unsafe { make_ready_from_outside(task) },
    }
}

/// # Safety
///
/// The caller owns the task, which is bound, and `runtime` is its runtime.
unsafe fn send_home(runtime: &Inner, task: NonNull<Header>) {
    // SAFETY: a bound task's home is a worker of its runtime.
    unsafe {
        let home = Worker::of_head(NonNull::new_unchecked(task.as_ref().home()));
        runtime.send_home(home, task);
    }
}

/// The calling thread does not keep the runtime alive, and once the task is sent it may run, end, and take the runtime
/// with it: so the runtime is held over the call.
///
/// # Safety
///
/// The caller owns the task, which has started.
#[cold]
unsafe fn make_ready_from_outside(task: NonNull<Header>) {
    // SAFETY: while the caller owns the task, the task's runtime cannot end.
    let (header, runtime) = unsafe { (task.as_ref(), RuntimeRef::retain(TaskCore::of(task).runtime)) };
    runtime.note_outside();
    if header.options.has(Options::MIGRATES) {
        // SAFETY: forwarded; `runtime` is held.
        unsafe { runtime.inject(task) };
    } else {
        // SAFETY: as above.
        unsafe { send_home(&runtime, task) };
    }
}

/// Ends the program, with a message, for what cannot go on; called in a coroutine or on a worker's base context.
#[cold]
pub(crate) fn fatal(message: core::fmt::Arguments<'_>) -> ! {
    match Place::current() {
        // SAFETY: the calling worker is live.
        Place::Coroutine(head, _) | Place::Base(head) => unsafe { WorkerHead::platform(head) }.fatal(message),
        // Only who unwinds cannot wait on a plain thread, and a panic while unwinding aborts.
        Place::Interrupt | Place::Outside => panic!("{message}"),
    }
}
