// SPDX-License-Identifier: BSD-3-Clause
//! [`BareMetal`]: the platform seam on bare metal.
#![expect(unsafe_code, reason = "implements the platform trait, whose promises the core relies on")]

use core::fmt;
use core::num::NonZeroUsize;
use core::sync::atomic::{AtomicUsize, Ordering};

use kcoro_core::platform::{
    Capabilities, ClockId, GuardKind, Platform, StackLimits, StartError, WorkerEntry, WorkerSpec,
};
use kcoro_core::stack::{RawStack, StackError};

use crate::cores::{CORES, Core};
use crate::exit::{ExitCode, die};
use crate::work::Run;
use crate::{MAX_CORES, boot, exceptions, stacks, timer};

/// Cores, the virtual timer and guarded stacks of an AArch64 machine without an operating system.
///
/// A worker is a core. The one that runs `main` becomes worker 0 of a runtime that is built with `build_local`; the others
/// are turned on when a worker first needs them, and wait, asleep, for the next when it has ended.
///
/// Stacks are 16 KiB by default, in whole pages, with a guard page below; all of it is used at once, nothing is committed
/// lazily.
///
/// Panics cannot be caught: a panic ends the program, and says which coroutine it was.
#[derive(Debug, Default)]
pub struct BareMetal {
    seats: [Seat; MAX_CORES],
}

/// Where a worker runs.
#[derive(Debug, Default)]
struct Seat {
    /// The core's index + 1; 0 for none.
    core: AtomicUsize,
    /// Which of the core's runs it is.
    run: AtomicUsize,
}

impl Seat {
    fn core(&self) -> Option<&'static Core> {
        // Acquire: pairs with `take`.
        Some(&CORES[self.core.load(Ordering::Acquire).checked_sub(1)?])
    }

    fn take(&self, core: &Core, run: Run) {
        self.run.store(run.0, Ordering::Relaxed);
        // Release: whoever finds the core finds which run it is.
        self.core.store(core.index + 1, Ordering::Release);
    }
}

impl BareMetal {
    /// The clock of [`Platform::now_ns`]: the virtual counter.
    pub const CLOCK: ClockId = ClockId(0x6372_7476);

    /// A platform. A program may have several; their workers share the cores, each core being one worker's at a time.
    pub const fn new() -> Self {
        Self { seats: [const { Seat { core: AtomicUsize::new(0), run: AtomicUsize::new(0) } }; MAX_CORES] }
    }

    fn seat(&self, index: usize) -> Result<&Seat, StartError> {
        self.seats.get(index).ok_or(StartError::Unsupported("there are 8 workers at most; ask for fewer"))
    }
}

// SAFETY: the clock is one counter for all cores. `Work` runs an entry once or, if the core cannot be had, never. `sleep` and
// `wake` of a core lose no wake, see there. Each stack is a run of pages with one owner, mapped from boot on.
unsafe impl Platform for BareMetal {
    fn clock_id(&self) -> ClockId {
        Self::CLOCK
    }

    fn now_ns(&self) -> u64 {
        timer::now_ns()
    }

    fn parallelism(&self) -> NonZeroUsize {
        NonZeroUsize::new(boot::core_count()).unwrap_or(NonZeroUsize::MIN)
    }

    fn capabilities(&self) -> Capabilities {
        Capabilities::none().with_multi_worker()
    }

    fn start_worker(&self, spec: &WorkerSpec<'_>, entry: WorkerEntry) -> Result<(), StartError> {
        let seat = self.seat(spec.index)?;
        let current = Core::current().index;
        let others = CORES[..boot::core_count()].iter().filter(|core| core.index != current && core.index != 0);
        let free = others.filter_map(|core| Some((core, core.work.reserve()?))).next();
        let (core, run) = free.ok_or(StartError::Unsupported(
            "every other core has a worker; ask for fewer, or use build_local, whose worker 0 is the calling core",
        ))?;
        if let Err(refused) = boot::turn_on(core) {
            core.work.cancel();
            return Err(StartError::NoThread { os_code: refused.0 });
        }
        seat.take(core, run);
        core.work.give(entry);
        core.wake();
        Ok(())
    }

    fn join_worker(&self, index: usize) {
        let seat = &self.seats[index];
        if let Some(core) = seat.core() {
            core.work.until_done(Run(seat.run.load(Ordering::Relaxed)));
        }
    }

    fn adopt_worker(&self, index: usize) -> Result<(), StartError> {
        // Nobody waits for the end of a worker that was not started, so any run will do.
        self.seat(index)?.take(Core::current(), Run(0));
        Ok(())
    }

    fn park(&self, index: usize, deadline_ns: Option<u64>) {
        debug_assert_eq!(self.seats[index].core().map(|core| core.index), Some(Core::current().index));
        Core::current().sleep(deadline_ns);
    }

    fn wake(&self, index: usize) {
        // The core may wake a worker that was refused.
        if let Some(core) = self.seats.get(index).and_then(Seat::core) {
            core.wake();
        }
    }

    fn stack_limits(&self) -> StackLimits {
        stacks::LIMITS
    }

    fn allocate_stacks(&self, size_bytes: usize, out: &mut [Option<RawStack>]) -> Result<usize, StackError> {
        // One at a time: there is no system call to save, and memory is scarce.
        out[0] = Some(stacks::allocate(size_bytes)?);
        Ok(1)
    }

    unsafe fn free_stack(&self, stack: RawStack) {
        // SAFETY: the caller's promise is the same.
        unsafe { stacks::free(&stack) };
    }

    unsafe fn trim_stack(&self, _stack: &RawStack) {
        // There is nobody to give the memory to.
    }

    fn guard_kind(&self) -> GuardKind {
        GuardKind::Page
    }

    fn fatal(&self, message: fmt::Arguments<'_>) -> ! {
        let coroutine = exceptions::Coroutine(kcoro_core::task::fault::current_stack_owner());
        die(ExitCode::FATAL, format_args!("kcoro: core {}{coroutine}: {message}", Core::current().index))
    }
}
