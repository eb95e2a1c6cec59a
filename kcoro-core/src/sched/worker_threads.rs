// SPDX-License-Identifier: BSD-3-Clause
//! Workers on threads or cores of their own: how they start, run and stop.
#![expect(unsafe_code, reason = "hands workers to the platform by raw pointer")]

use super::build_error::BuildError;
use super::phase::Phase;
use super::runtime::Inner;
use super::runtime_ref::RuntimeRef;
use super::worker::Worker;
use crate::platform::{WorkerEntry, WorkerSpec, ambient};

/// Starts the workers from `first` on, each of which holds the runtime.
pub(super) fn start_workers(inner: &RuntimeRef, first: usize) -> Result<(), BuildError> {
    for (index, worker) in inner.workers().iter().enumerate().skip(first) {
        #[cfg(feature = "alloc")]
        let name = &*alloc::format!("{}-{index}", inner.config.name);
        #[cfg(not(feature = "alloc"))]
        let name = inner.config.name;
        // The worker's own count: given back when its thread is done with the runtime.
        inner.clone().leave();
        // SAFETY: the count just made keeps the worker there until `worker_main` gives it back.
        let entry = unsafe { WorkerEntry::new(worker_main, (&raw const *worker).cast()) };
        if let Err(why) = inner.platform().start_worker(&WorkerSpec::new(index, name), entry) {
            // SAFETY: that worker never runs, so its count is ours to give back.
            drop(unsafe { RuntimeRef::take_over(inner.as_ptr()) });
            inner.stop(first..index);
            return Err(BuildError::Worker { index, why });
        }
    }
    Ok(())
}

impl Inner {
    /// Makes workers leave their base loops and waits for the threads of `started`, which have no coroutine left.
    pub(super) fn stop(&self, started: core::ops::Range<usize>) {
        self.phase.advance(Phase::Stopped);
        self.wake_all();
        for index in started {
            self.platform().join_worker(index);
        }
    }

    pub(super) fn wake_all(&self) {
        for index in 0..self.workers().len() {
            self.platform().wake(index);
        }
    }
}

/// The body of a worker's thread.
///
/// # Safety
///
/// `data` points to a worker whose runtime is held for this call; called once, on the worker's own thread.
unsafe fn worker_main(data: *const ()) {
    // SAFETY: the caller's promise.
    let worker = unsafe { &*data.cast::<Worker>() };
    // SAFETY: this thread is the worker from here to the reset below.
    unsafe {
        ambient::set_worker(worker.head_ptr().cast());
        worker.run_base_loop(|| worker.runtime().phase.get() == Phase::Stopped);
    }
    worker.drop_unstarted();
    if worker.has_abandoned() {
        // Abandoned coroutines are suspended here. Their frames may refer to this thread's locals, so the thread, and
        // with it the runtime, must never end.
        loop {
            worker.runtime().platform().park(worker.index, None);
        }
    }
    worker.stacks().release_all(worker.runtime().platform());
    // SAFETY: this thread runs no coroutine any more, and gives back the count that was made for it.
    unsafe {
        ambient::set_worker(core::ptr::null());
        drop(RuntimeRef::take_over(worker.runtime));
    }
}
