// SPDX-License-Identifier: BSD-3-Clause
//! The platform seam of a simulated machine. Stacks are real, and come from POSIX.
#![expect(unsafe_code, reason = "implements the platform trait, whose promises the core relies on")]

use std::fmt;
use std::num::NonZeroUsize;
use std::sync::{Arc, LazyLock};

use kcoro_core::platform::{
    Capabilities, Choices, ClockId, GuardKind, Platform, Running, StackLimits, StartError, WorkerEntry, WorkerSpec,
};
use kcoro_core::stack::{RawStack, StackError};
use kcoro_posix::Posix;

use crate::seat::Seat;
use crate::world::World;

/// All simulations share one source of stacks, so that a seed costs no mappings.
static STACKS: LazyLock<Posix> = LazyLock::new(Posix::new);

/// Reports what cannot go on, and ends the process.
pub(crate) fn fatal(message: fmt::Arguments<'_>) -> ! {
    STACKS.fatal(message)
}

/// See the [module](self).
pub(crate) struct Backend(pub(crate) Arc<World>);

impl Backend {
    /// The seat of a worker, for a caller that must be the simulation's own thread.
    fn seat(&self, index: usize, what: &str) -> &Seat {
        self.0.seat(index).unwrap_or_else(|| self.disturbed(format_args!("{what} worker {index}")))
    }

    fn disturbed(&self, how: impl fmt::Display) -> ! {
        let thread = std::thread::current();
        let name = thread.name().unwrap_or("unnamed");
        fatal(format_args!(
            "a simulation was disturbed: thread `{name}`, which is not part of it, {how}; inside of a simulation use \
             coroutines instead of threads"
        ))
    }
}

// SAFETY: the clock is set forward only. An entry runs once, in the coroutine of its seat, which stays on the thread
// that made it. A wake sets a flag that ends the current or the next park. Stacks are those of POSIX, from one value.
unsafe impl Platform for Backend {
    fn clock_id(&self) -> ClockId {
        self.0.clock
    }

    fn now_ns(&self) -> u64 {
        self.0.now_ns()
    }

    fn parallelism(&self) -> NonZeroUsize {
        NonZeroUsize::new(self.0.laws.workers).unwrap_or(NonZeroUsize::MIN)
    }

    fn capabilities(&self) -> Capabilities {
        STACKS.capabilities()
    }

    fn start_worker(&self, spec: &WorkerSpec<'_>, entry: WorkerEntry) -> Result<(), StartError> {
        self.0.start(spec.index, entry)
    }

    fn join_worker(&self, _index: usize) {
        // It ends when all have, or it cannot end: then it is never resumed again.
        let _ = self.0.drive(|| self.0.all_ended());
    }

    fn adopt_worker(&self, _index: usize) -> Result<(), StartError> {
        Err(StartError::Unsupported("a simulation runs all its workers itself"))
    }

    fn park(&self, index: usize, deadline_ns: Option<u64>) {
        let seat = self.seat(index, "parked");
        // Between its last look for work and its sleep a worker can be overtaken: the wake then comes before the park.
        seat.pause();
        seat.park(deadline_ns);
    }

    fn wake(&self, index: usize) {
        self.seat(index, "woke").wake();
    }

    fn stack_limits(&self) -> StackLimits {
        STACKS.stack_limits()
    }

    fn allocate_stacks(&self, size_bytes: usize, out: &mut [Option<RawStack>]) -> Result<usize, StackError> {
        // One by one: a seed needs few, and each that is given back costs a system call.
        let few = out.len().min(1);
        STACKS.allocate_stacks(size_bytes, &mut out[..few])
    }

    unsafe fn free_stack(&self, stack: RawStack) {
        // SAFETY: the caller's promise is the same, and all our stacks come from there.
        unsafe { STACKS.free_stack(stack) };
    }

    unsafe fn trim_stack(&self, stack: &RawStack) {
        // SAFETY: as above.
        unsafe { STACKS.trim_stack(stack) };
    }

    fn guard_kind(&self) -> GuardKind {
        STACKS.guard_kind()
    }

    fn choices(&self) -> Option<&dyn Choices> {
        Some(self)
    }

    fn fatal(&self, message: fmt::Arguments<'_>) -> ! {
        STACKS.fatal(message)
    }
}

impl Choices for Backend {
    fn at_base(&self, worker: usize, deadline_ns: Option<u64>) {
        let seat = self.seat(worker, "ran");
        self.0.watch.at_base(worker);
        seat.expect_timer(deadline_ns);
        seat.pause();
    }

    fn choose(&self, _worker: usize, options: usize) -> usize {
        self.0.choose(options)
    }

    fn comes_from_outside(&self) {
        if self.0.is_elsewhere() {
            self.disturbed("made a coroutine ready");
        }
    }

    fn runs(&self, worker: usize, coroutine: Running) {
        self.0.note_runs(worker, coroutine);
    }
}
