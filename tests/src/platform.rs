// SPDX-License-Identifier: BSD-3-Clause
//! A platform that refuses on request, and does what it is told to in between.
#![expect(unsafe_code, reason = "implements the platform trait by forwarding")]

use std::fmt;
use std::num::NonZeroUsize;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use kcoro_posix::Posix;
use kcoro_posix::platform::{
    Capabilities, ClockId, GuardKind, Platform, StackLimits, StartError, WorkerEntry, WorkerSpec,
};
use kcoro_posix::stack::{RawStack, StackError};

/// What a [`Stingy`] platform still gives.
pub struct Supply {
    /// Stacks.
    pub stacks: AtomicUsize,
    /// Workers below this index.
    pub workers: AtomicUsize,
    has_errand: AtomicBool,
    errand: Mutex<Option<Box<dyn FnOnce() + Send>>>,
}

impl Supply {
    /// This many stacks, and workers without end.
    pub fn stacks(stacks: usize) -> Arc<Supply> {
        Self::of(stacks, usize::MAX)
    }

    /// Stacks without end, and this many workers.
    pub fn workers(workers: usize) -> Arc<Supply> {
        Self::of(usize::MAX, workers)
    }

    fn of(stacks: usize, workers: usize) -> Arc<Supply> {
        let (stacks, workers) = (AtomicUsize::new(stacks), AtomicUsize::new(workers));
        Arc::new(Supply { stacks, workers, has_errand: AtomicBool::new(false), errand: Mutex::new(None) })
    }

    /// Calls `errand` when the platform is next asked for the time, wherever that is.
    pub fn when_asked_for_the_time(&self, errand: impl FnOnce() + Send + 'static) {
        *self.errand.lock().expect("no errand panics under the lock") = Some(Box::new(errand));
        self.has_errand.store(true, Ordering::SeqCst);
    }

    fn run_errand(&self) {
        if self.has_errand.swap(false, Ordering::SeqCst) {
            let errand = self.errand.lock().expect("as above").take();
            errand.expect("it was put there first")();
        }
    }
}

/// POSIX, but with a limited supply. It hands out one stack at a time.
pub struct Stingy {
    posix: Posix,
    supply: Arc<Supply>,
}

impl Stingy {
    /// A platform that gives what `supply` holds.
    pub fn new(supply: &Arc<Supply>) -> Stingy {
        Stingy { posix: Posix::new(), supply: supply.clone() }
    }
}

// SAFETY: everything is POSIX's own, which keeps the trait's promises; a refusal is always allowed.
unsafe impl Platform for Stingy {
    fn clock_id(&self) -> ClockId {
        self.posix.clock_id()
    }

    fn now_ns(&self) -> u64 {
        self.supply.run_errand();
        self.posix.now_ns()
    }

    fn parallelism(&self) -> NonZeroUsize {
        self.posix.parallelism()
    }

    fn capabilities(&self) -> Capabilities {
        self.posix.capabilities()
    }

    fn start_worker(&self, spec: &WorkerSpec<'_>, entry: WorkerEntry) -> Result<(), StartError> {
        if spec.index >= self.supply.workers.load(Ordering::SeqCst) {
            return Err(StartError::NoThread { os_code: libc::EAGAIN });
        }
        self.posix.start_worker(spec, entry)
    }

    fn join_worker(&self, index: usize) {
        self.posix.join_worker(index);
    }

    fn adopt_worker(&self, index: usize) -> Result<(), StartError> {
        self.posix.adopt_worker(index)
    }

    fn park(&self, index: usize, deadline_ns: Option<u64>) {
        self.posix.park(index, deadline_ns);
    }

    fn wake(&self, index: usize) {
        self.posix.wake(index);
    }

    fn stack_limits(&self) -> StackLimits {
        self.posix.stack_limits()
    }

    fn allocate_stacks(&self, size_bytes: usize, out: &mut [Option<RawStack>]) -> Result<usize, StackError> {
        let take = |left: usize| left.checked_sub(1);
        match self.supply.stacks.fetch_update(Ordering::SeqCst, Ordering::SeqCst, take) {
            Ok(_) => self.posix.allocate_stacks(size_bytes, &mut out[..1]),
            Err(_) => Err(StackError::OutOfMemory { os_code: libc::ENOMEM }),
        }
    }

    unsafe fn free_stack(&self, stack: RawStack) {
        // SAFETY: forwarded.
        unsafe { self.posix.free_stack(stack) };
    }

    unsafe fn trim_stack(&self, stack: &RawStack) {
        // SAFETY: forwarded.
        unsafe { self.posix.trim_stack(stack) };
    }

    fn guard_kind(&self) -> GuardKind {
        self.posix.guard_kind()
    }

    fn fatal(&self, message: fmt::Arguments<'_>) -> ! {
        self.posix.fatal(message)
    }
}
