// SPDX-License-Identifier: BSD-3-Clause
//! What scenarios share.
#![expect(unsafe_code, reason = "looks at the ambient worker pointer")]

use alloc::rc::Rc;
use alloc::sync::Arc;
use core::cell::Cell;
use core::sync::atomic::{AtomicUsize, Ordering};
use core::time::Duration;

use kcoro_core::platform::ambient::{self, WorkerContext};
use kcoro_core::sched::{JoinHandle, spawn_local, yield_now};

/// As short as a wait can be that is seen to pass.
pub const MS: Duration = Duration::from_millis(1);
/// Longer than any stage plays.
pub const LONG: Duration = Duration::from_secs(3600);

/// Lets others run until `is_so`.
pub fn until(mut is_so: impl FnMut() -> bool) {
    while !is_so() {
        yield_now();
    }
}

/// Starts `waits` near the caller and returns when it is parked, which it must be as soon as it suspends at all.
///
/// No clock and no counter is needed for that: the two share a worker, so when the caller runs again the other has
/// suspended.
#[track_caller]
pub fn parked<T: 'static>(waits: impl FnOnce() -> T + 'static) -> JoinHandle<T> {
    let started = Rc::new(Cell::new(false));
    let starts = started.clone();
    let body = move || {
        starts.set(true);
        waits()
    };
    let handle = spawn_local(body).unwrap();
    until(|| started.get());
    handle
}

/// A worker, to be compared with others of the same runtime.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Here(WorkerContext);

// SAFETY: it is compared, and never put in force.
unsafe impl Send for Here {}

/// The worker that the caller runs on.
pub fn here() -> Here {
    // SAFETY: what was in force is so again, and nothing runs in between.
    unsafe {
        let worker = ambient::exchange(WorkerContext::OUTSIDE);
        ambient::exchange(worker);
        Here(worker)
    }
}

/// Counts the drops of the values that it makes.
#[derive(Clone, Debug, Default)]
pub struct Drops(Arc<AtomicUsize>);

impl Drops {
    /// None so far.
    pub fn new() -> Self {
        Self::default()
    }

    /// A value whose drop is counted.
    pub fn value(&self) -> Counted {
        Counted(self.clone())
    }

    /// How many have been dropped.
    pub fn count(&self) -> usize {
        self.0.load(Ordering::SeqCst)
    }
}

/// See [`Drops::value`].
#[derive(Debug)]
pub struct Counted(Drops);

impl Drop for Counted {
    fn drop(&mut self) {
        self.0.0.fetch_add(1, Ordering::SeqCst);
    }
}
