// SPDX-License-Identifier: BSD-3-Clause
//! [`Posix`]: the platform seam on POSIX.
#![expect(unsafe_code, reason = "implements the platform trait, whose promises the core relies on")]

use core::fmt;
use core::num::NonZeroUsize;
use std::sync::Arc;

use kcoro_core::platform::{
    Capabilities, ClockId, GuardKind, Platform, StackLimits, StartError, WorkerEntry, WorkerSpec,
};
use kcoro_core::stack::{RawStack, StackError};

use crate::builder::{OverflowReport, PosixBuilder};
use crate::hogs::{Hogs, Sleeping};
use crate::parking::{MAX_WORKERS, Parkers};
use crate::stacks::layout::LIMITS;
use crate::stacks::pool::{self, StackPool};
use crate::threads::{self, Threads};
use crate::{monotonic, overflow, shadow_stack};

/// Threads, the monotonic clock and guarded stacks of a POSIX system.
///
/// Stacks are 256 KiB by default and committed page by page as they are used. Their class, a power of two from 16 KiB
/// to 1 GiB, is usable in full; the guard below and a page for colouring above come on top.
///
/// ```
/// use kcoro_posix::platform::Platform;
/// use kcoro_posix::{OverflowReport, Posix};
///
/// let posix = Posix::builder().report_overflow(OverflowReport::Off).build();
/// assert_eq!(posix.stack_limits().default_bytes, 256 * 1024);
/// ```
///
/// Dropping it unmaps its stacks. Stacks that were not given back, those of abandoned coroutines, stay mapped.
pub struct Posix {
    parkers: Parkers,
    threads: Threads,
    stacks: StackPool,
    overflow_report: OverflowReport,
    hogs: Option<Arc<Hogs>>,
}

impl Posix {
    /// A platform with the defaults of [`PosixBuilder`].
    pub fn new() -> Self {
        Self::builder().build()
    }

    /// A platform that differs from the default.
    pub fn builder() -> PosixBuilder {
        PosixBuilder::new()
    }

    /// How much of `stack` was in use at most since it was last trimmed, in whole pages; `None` when it was never
    /// touched or the system does not say. A reused stack counts what its former owners used. Pages that were swapped
    /// out do not count.
    pub fn stack_high_water_bytes(&self, stack: &RawStack) -> Option<usize> {
        pool::high_water_bytes(stack)
    }

    pub(crate) fn from_builder(builder: &PosixBuilder) -> Self {
        Self {
            parkers: Parkers::new(),
            threads: Threads::new(),
            stacks: StackPool::new(builder),
            overflow_report: builder.overflow_report,
            hogs: builder.hogs.filter(|_| Hogs::ARE_SEEN).map(|settings| Arc::new(Hogs::new(settings))),
        }
    }

    /// What can be refused before a thread becomes a worker.
    fn admit(&self, index: usize) -> Result<(), StartError> {
        shadow_stack::refuse_if_enabled().map_err(StartError::Unsupported)?;
        if index >= MAX_WORKERS {
            return Err(StartError::Unsupported("the worker's index is too large; ask for fewer workers"));
        }
        self.parkers.prepare(index);
        if self.overflow_report == OverflowReport::On {
            overflow::install_handlers()?;
        }
        Ok(())
    }
}

impl Default for Posix {
    fn default() -> Self {
        Self::new()
    }
}

impl fmt::Debug for Posix {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Posix")
            .field("guard_kind", &self.guard_kind())
            .field("overflow_report", &self.overflow_report)
            .finish_non_exhaustive()
    }
}

// SAFETY: each obligation is kept by the part that a method calls. Clock: CLOCK_MONOTONIC. Workers: `Threads` runs the
// entry once or drops it. Park and wake: the token of `parking`. Stacks: each slot of `stacks` has one owner from
// allocation to `free_stack`, and its region stays mapped as long as one of its slots is out.
unsafe impl Platform for Posix {
    fn clock_id(&self) -> ClockId {
        ClockId::SYSTEM_MONOTONIC
    }

    fn now_ns(&self) -> u64 {
        monotonic::now_ns()
    }

    fn parallelism(&self) -> NonZeroUsize {
        // Respects the affinity mask and cgroup quotas.
        std::thread::available_parallelism().unwrap_or(NonZeroUsize::MIN)
    }

    fn capabilities(&self) -> Capabilities {
        let capabilities = Capabilities::none().with_multi_worker();
        if cfg!(panic = "unwind") { capabilities.with_unwinding() } else { capabilities }
    }

    fn start_worker(&self, spec: &WorkerSpec<'_>, entry: WorkerEntry) -> Result<(), StartError> {
        self.admit(spec.index)?;
        let (report, index) = (self.overflow_report, spec.index);
        let hogs = self.hogs.clone();
        if let Some(hogs) = &hogs {
            hogs.start()?;
        }
        self.threads.start(spec.index, spec.name, move || {
            threads::make_timers_exact();
            let _watched = hogs.as_deref().map(|hogs| hogs.enter(index));
            // Held for as long as the worker runs. Without one, an overflow is a plain SIGSEGV: no reason not to run.
            let _alt_stack = overflow::AltStack::for_report(report);
            entry.run();
        })
    }

    fn join_worker(&self, index: usize) {
        self.threads.join(index);
    }

    /// Timers of the thread become exact (its timer slack is set to 1 ns) and, if overflows are reported, it gets an
    /// alternate signal stack. Both stay with the thread.
    fn adopt_worker(&self, index: usize) -> Result<(), StartError> {
        self.admit(index)?;
        threads::make_timers_exact();
        if self.overflow_report == OverflowReport::On {
            overflow::keep_alt_stack_on_this_thread()?;
        }
        if let Some(hogs) = &self.hogs {
            hogs.start()?;
            // The thread may be driven again and again, and is asked in vain in between.
            std::mem::forget(hogs.enter(index));
        }
        Ok(())
    }

    fn park(&self, index: usize, deadline_ns: Option<u64>) {
        let _asleep = self.hogs.is_some().then(Sleeping::begin);
        self.parkers.park(index, deadline_ns);
    }

    fn wake(&self, index: usize) {
        self.parkers.wake(index);
    }

    fn stack_limits(&self) -> StackLimits {
        LIMITS
    }

    fn allocate_stacks(&self, size_bytes: usize, out: &mut [Option<RawStack>]) -> Result<usize, StackError> {
        self.stacks.allocate(size_bytes, out)
    }

    unsafe fn free_stack(&self, stack: RawStack) {
        // SAFETY: the caller's promise is the same.
        unsafe { self.stacks.free(&stack) };
    }

    unsafe fn trim_stack(&self, stack: &RawStack) {
        // SAFETY: the caller's promise is the same.
        unsafe { pool::trim(stack) };
    }

    fn fatal(&self, message: fmt::Arguments<'_>) -> ! {
        use std::io::Write;

        // Nobody is left to tell when standard error is gone, too.
        let _ = writeln!(std::io::stderr().lock(), "kcoro: {message}");
        std::process::abort();
    }

    fn guard_kind(&self) -> GuardKind {
        self.stacks.guard_kind()
    }
}
