// SPDX-License-Identifier: BSD-3-Clause
//! Tests that need more than one crate of kcoro, and what they share.

pub mod child;
pub mod counted;
pub mod linear;
pub mod platform;
pub mod random;
pub mod seeds;
pub mod suite;
pub mod sweep;
pub mod toy;

use std::sync::mpsc;
use std::time::Duration;

use kcoro_posix::Posix;
use kcoro_posix::sched::{Handle, JoinHandle, Runtime, RuntimeBuilder, SpawnError};

/// Long enough for anything that is going to happen at all.
pub const LONG: Duration = Duration::from_secs(60);
/// Too short for nothing, long enough to have passed.
pub const SHORT: Duration = Duration::from_millis(1);

/// A builder of runtimes on POSIX.
pub fn builder() -> RuntimeBuilder {
    Runtime::builder(Posix::new())
}

/// A runtime on POSIX with this many workers.
pub fn runtime(workers: usize) -> Runtime {
    builder().workers(workers).build().expect("a runtime")
}

/// Ends `runtime` and makes sure that nothing was left.
pub fn end(runtime: Runtime) {
    let report = runtime.shutdown(LONG);
    assert!(report.is_clean(), "{report}");
}

/// Ends `runtime` on another thread; returns when that has begun.
pub fn shut_down_elsewhere(runtime: Runtime) -> std::thread::JoinHandle<()> {
    let handle = runtime.handle().clone();
    let thread = std::thread::spawn(move || end(runtime));
    // A worker that does not exist: nothing is spawned, but a closed runtime is asked about first.
    while handle.builder().worker(usize::MAX).spawn(|| ()).unwrap_err() != SpawnError::Shutdown {
        std::thread::yield_now();
    }
    thread
}

/// Waits, yielding, until `is_so`.
pub fn until(mut is_so: impl FnMut() -> bool) {
    while !is_so() {
        kcoro_posix::sched::yield_now();
    }
}

/// Waits, yielding, until this many suspensions of the runtime have waited for an event.
pub fn until_parks(handle: &Handle, parks: u64) {
    until(|| handle.stats().parks >= parks);
}

/// A coroutine that keeps its worker's thread busy until it is released: no other coroutine runs there.
#[derive(Debug)]
pub struct Hog {
    release: mpsc::Sender<()>,
    handle: JoinHandle<()>,
}

impl Hog {
    /// Returns when the hog has its worker.
    pub fn on(runtime: &Handle, worker: usize) -> Hog {
        let (release, released) = mpsc::channel();
        let (started, has_started) = mpsc::channel();
        let body = move || {
            started.send(()).expect("the test waits");
            // Blocks the thread, which is the point.
            released.recv().expect("the test releases it");
        };
        let handle = runtime.builder().name("hog").worker(worker).spawn(body).expect("a hog");
        has_started.recv().expect("it starts");
        Hog { release, handle }
    }

    /// Lets the worker go on.
    pub fn release(self) {
        self.release.send(()).expect("it waits");
        self.handle.detach();
    }
}
