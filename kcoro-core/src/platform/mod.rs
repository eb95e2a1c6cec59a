// SPDX-License-Identifier: BSD-3-Clause
//! The platform seam: what a backend gives the core, and what it must promise.
//!
//! A backend is one value that implements [`Platform`]: it gives stacks, workers and a clock. A runtime owns its
//! platform value, so two runtimes in one process may run on two backends. The hot path (switch, yield, uncontended
//! channel operation) never calls through this trait.
//!
//! The one ambient thing, "which worker am I", is in [`ambient`].
#![expect(unsafe_code, reason = "the trait's promises are what the switch and the stacks rely on")]

pub mod ambient;
mod choices;
#[cfg(feature = "std")]
pub mod system_clock;

use core::fmt;
use core::num::NonZeroUsize;

pub use self::choices::{Choices, Running};
use crate::stack::{RawStack, StackError};

/// Stacks, workers and a clock.
///
/// # Safety
///
/// The core runs coroutines on the stacks that this trait hands out and trusts the order of its wakes. An implementor
/// MUST keep every obligation written on the methods.
pub unsafe trait Platform: Send + Sync {
    /// Which clock [`Platform::now_ns`] reads. Two values are equal exactly when their readings can be compared.
    fn clock_id(&self) -> ClockId;

    /// Monotonic time in nanoseconds.
    ///
    /// It MUST never run backwards, on any thread. It MUST be callable from every thread, from coroutines and from
    /// interrupt context, and MUST NOT block or call back into the core.
    fn now_ns(&self) -> u64;

    /// How many workers this machine can run at the same time. The default number of workers.
    fn parallelism(&self) -> NonZeroUsize;

    /// What this backend can do. The core asks and never assumes.
    fn capabilities(&self) -> Capabilities;

    /// Starts worker `spec.index` on a thread or core of its own, which MUST call `entry.run()` exactly once.
    ///
    /// The indices of one platform value are unique among its running workers.
    ///
    /// # Errors
    ///
    /// [`StartError`] when no thread or core is to be had; `entry` MUST then never run.
    fn start_worker(&self, spec: &WorkerSpec<'_>, entry: WorkerEntry) -> Result<(), StartError>;

    /// Waits until the thread of worker `index` has ended or can no longer touch the runtime. Called once per started
    /// worker, after its entry has returned or is about to return.
    fn join_worker(&self, index: usize);

    /// Called on a caller's own thread before it becomes worker `index` (a runtime driven from its owner's thread).
    /// The backend prepares what it needs there, for example an alternate signal stack.
    ///
    /// # Errors
    ///
    /// [`StartError`] when this thread cannot be a worker.
    fn adopt_worker(&self, index: usize) -> Result<(), StartError>;

    /// Blocks worker `index`, which is the calling one, until it is woken or `deadline_ns` (a reading of
    /// [`Platform::now_ns`]; `None` is for ever) has passed.
    ///
    /// A [`Platform::wake`] that comes before the park MUST NOT be lost: it makes the next park return at once (a
    /// sticky token; many wakes before one park may count as one). It MAY return early without reason. Everything that
    /// happened before the `wake` MUST be visible after the `park` that it ends. It MUST sleep, not poll.
    fn park(&self, index: usize, deadline_ns: Option<u64>);

    /// Ends the current or the next [`Platform::park`] of worker `index`.
    ///
    /// It MUST be callable from every thread, from coroutines and, where the platform has interrupts, from handlers. It
    /// MUST NOT block for long, MUST NOT re-enter the core, and MUST tolerate a worker that is not parked.
    fn wake(&self, index: usize);

    /// The stack sizes that this backend hands out.
    fn stack_limits(&self) -> StackLimits;

    /// Allocates up to `out.len()` stacks of at least `size_bytes` usable bytes each and writes them to the front of
    /// `out`; returns how many, at least one.
    ///
    /// Each MUST be writable memory of its own that stays valid until it is freed, MUST be guarded as
    /// [`Platform::guard_kind`] says, and SHOULD be committed lazily. Tops SHOULD be coloured: offset from one another
    /// so that they do not share cache sets. It MUST be callable from any worker's base context.
    ///
    /// # Errors
    ///
    /// [`StackError`] when not even one is to be had.
    fn allocate_stacks(&self, size_bytes: usize, out: &mut [Option<RawStack>]) -> Result<usize, StackError>;

    /// Takes a stack back.
    ///
    /// # Safety
    ///
    /// The stack came from [`Platform::allocate_stacks`] of this value, nothing runs on it, and nothing points into it.
    unsafe fn free_stack(&self, stack: RawStack);

    /// Tells the backend that a cached stack is idle: it MAY give the memory behind it back and MUST keep the mapping.
    ///
    /// # Safety
    ///
    /// As [`Platform::free_stack`], but the stack stays the caller's. Its content is lost.
    unsafe fn trim_stack(&self, stack: &RawStack);

    /// How overflow of a stack is caught.
    fn guard_kind(&self) -> GuardKind;

    /// Who makes the scheduling choices. `None`, the default: the workers do. MUST always give the same answer.
    fn choices(&self) -> Option<&dyn Choices> {
        None
    }

    /// Says `message` where the operator will see it, and ends the program. For what cannot go on without undefined
    /// behaviour only; the message names the culprit.
    fn fatal(&self, message: fmt::Arguments<'_>) -> !;
}

/// Names a clock. Readings of two clocks must not be mixed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ClockId(pub u32);

impl ClockId {
    /// The operating system's monotonic clock, as read by `std`.
    pub const SYSTEM_MONOTONIC: ClockId = ClockId(1);
}

/// What a backend can do.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Capabilities {
    /// Panics can be caught and stacks unwound.
    pub unwinding: bool,
    /// More than one worker can run.
    pub multi_worker: bool,
}

impl Capabilities {
    /// No capability at all; add with the `with_` methods.
    pub const fn none() -> Self {
        Self { unwinding: false, multi_worker: false }
    }

    /// Panics can be caught and stacks unwound.
    pub const fn with_unwinding(mut self) -> Self {
        self.unwinding = true;
        self
    }

    /// More than one worker can run.
    pub const fn with_multi_worker(mut self) -> Self {
        self.multi_worker = true;
        self
    }
}

/// How a backend catches a stack overflow.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum GuardKind {
    /// An unmapped or protected range below each stack faults at the first overflowing access.
    Page,
    /// A known pattern at the low end is checked when the stack is returned: caught late, if at all.
    Canary,
}

/// The stack sizes of a backend, in usable bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct StackLimits {
    /// A smaller request is refused with [`StackError::TooSmall`].
    pub min_bytes: usize,
    /// What a coroutine gets when it does not ask.
    pub default_bytes: usize,
    /// A larger request is refused with [`StackError::TooLarge`].
    pub max_bytes: usize,
}

/// Which worker is to start.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub struct WorkerSpec<'a> {
    /// Index of the worker within its runtime, from 0.
    pub index: usize,
    /// Name for the thread, as shown by debuggers.
    pub name: &'a str,
}

impl<'a> WorkerSpec<'a> {
    /// The spec of worker `index`, named `name`.
    pub const fn new(index: usize, name: &'a str) -> Self {
        Self { index, name }
    }
}

/// The body of a worker: run it once, on the worker's own thread or core.
#[must_use = "a worker's entry must run"]
pub struct WorkerEntry {
    body: unsafe fn(*const ()),
    data: *const (),
}

// SAFETY: whoever makes an entry promises (see `new`) that it may run on another thread.
unsafe impl Send for WorkerEntry {}

impl WorkerEntry {
    /// An entry that calls `body(data)`.
    ///
    /// # Safety
    ///
    /// `body(data)` may be called once, on any thread.
    pub const unsafe fn new(body: unsafe fn(*const ()), data: *const ()) -> Self {
        Self { body, data }
    }

    /// Runs the worker until its runtime ends. Call it on the worker's own thread or core.
    pub fn run(self) {
        // SAFETY: `new` promised that one call on any thread is sound, and taking `self` makes it one call.
        unsafe { (self.body)(self.data) }
    }
}

/// Why a worker could not be started.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum StartError {
    /// The platform has no thread or core left; the operating system's error code where there is one.
    NoThread {
        /// `errno` or the like, 0 where there is none.
        os_code: i32,
    },
    /// This backend cannot run a worker on this thread or at this index.
    Unsupported(
        /// What is unsupported, and what to do.
        &'static str,
    ),
}

impl fmt::Display for StartError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoThread { os_code } => {
                write!(f, "no thread for a worker (os error {os_code}); ask for fewer workers or raise the limit")
            }
            Self::Unsupported(what) => write!(f, "{what}"),
        }
    }
}

impl core::error::Error for StartError {}
