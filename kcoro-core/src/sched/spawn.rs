// SPDX-License-Identifier: BSD-3-Clause
//! Spawning with nothing special, and letting others run. [`Builder`] has everything beyond.
#![expect(unsafe_code, reason = "puts new tasks into queues; offers migration as an unsafe option")]

use core::fmt;

use super::join::JoinHandle;
#[cfg(feature = "alloc")]
use super::spawn_builder::Builder;
use super::worker::Worker;
use crate::stack::StackError;
use crate::task::schedule::Place;
use crate::wait::WaitError;

/// Why a coroutine was not spawned.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum SpawnError {
    /// There is no runtime here: call it from a coroutine, or spawn on a [`Handle`](super::Handle).
    NoRuntime,
    /// The caller is in an interrupt or signal handler, where nothing may be allocated. Wake a coroutine that spawns.
    InInterrupt,
    /// The runtime has shut down.
    Shutdown,
    /// The runtime's limit, or that of a scope, is reached. `spawn` waits for room, `try_spawn` says this.
    Full {
        /// The limit, in live coroutines.
        limit: usize,
    },
    /// No such stack.
    Stack(StackError),
    /// The runtime has no worker with this index.
    NoWorker {
        /// What was asked for.
        index: usize,
        /// How many there are.
        workers: usize,
    },
    /// The wait for room under a limit ended early.
    Wait(WaitError),
    /// The [`Slot`](super::Slot) is in use: its coroutine has not ended and left it, or a handle or waker of it is still there.
    SlotBusy,
    /// The slot has no room for the closure and a stack.
    SlotTooSmall {
        /// What it has.
        slot_bytes: usize,
        /// What it takes at least.
        needed_bytes: usize,
    },
}

impl fmt::Display for SpawnError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoRuntime => f.write_str("no runtime here: spawn from a coroutine or through a runtime's handle"),
            Self::InInterrupt => {
                f.write_str("cannot spawn in an interrupt or signal handler: wake a coroutine that does")
            }
            Self::Shutdown => f.write_str("the runtime has shut down"),
            Self::Full { limit } => write!(f, "the limit of {limit} coroutines is reached"),
            Self::Stack(why) => why.fmt(f),
            Self::NoWorker { index, workers } => {
                write!(f, "no worker {index}: the runtime has {workers}, numbered from 0")
            }
            Self::SlotBusy => f.write_str("the slot is in use: join its coroutine first"),
            Self::SlotTooSmall { slot_bytes, needed_bytes } => {
                write!(f, "a slot of {slot_bytes} bytes is too small; closure and stack take at least {needed_bytes}")
            }
            Self::Wait(why) => write!(f, "waiting for room under the limit of coroutines: {why}"),
        }
    }
}

impl core::error::Error for SpawnError {}

/// Spawns a coroutine of the current coroutine's runtime: [`Builder::spawn`] with nothing special.
///
/// # Errors
///
/// See [`SpawnError`].
#[cfg(feature = "alloc")]
#[track_caller]
pub fn spawn<F, T>(body: F) -> Result<JoinHandle<T>, SpawnError>
where
    F: FnOnce() -> T + Send + 'static,
    T: Send + 'static,
{
    Builder::new().spawn(body)
}

/// Spawns a coroutine that stays on the calling coroutine's worker and need not be `Send`: [`Builder::spawn_local`].
///
/// # Errors
///
/// See [`SpawnError`].
#[cfg(feature = "alloc")]
#[track_caller]
pub fn spawn_local<F, T>(body: F) -> Result<JoinHandle<T>, SpawnError>
where
    F: FnOnce() -> T + 'static,
    T: 'static,
{
    Builder::new().spawn_local(body)
}

/// Spawns a coroutine, or says [`SpawnError::Full`] when the runtime's limit is reached.
///
/// # Errors
///
/// See [`SpawnError`].
#[cfg(feature = "alloc")]
#[track_caller]
pub fn try_spawn<F, T>(body: F) -> Result<JoinHandle<T>, SpawnError>
where
    F: FnOnce() -> T + Send + 'static,
    T: Send + 'static,
{
    Builder::new().without_waiting().spawn(body)
}

/// Lets the other coroutines that are ready on this worker run first. Outside of a coroutine it does nothing (with
/// feature `std` it yields the thread).
pub fn yield_now() {
    match Place::current() {
        Place::Coroutine(head, _) if !crate::wait::is_unwinding() => {
            // SAFETY: we run in the current coroutine of this worker; user code holds no lock of the core.
            unsafe { head.as_ref().scheduler.yield_now(head) };
        }
        #[cfg(feature = "std")]
        Place::Outside => std::thread::yield_now(),
        _ => {}
    }
}

/// Hands the worker over to the coroutine of `handle`, if that is ready on this worker; says whether it was.
///
/// The calling coroutine stays ready, behind the others. If the other is not ready here (it waits, runs elsewhere, has
/// ended, or may still start on any worker) nothing happens. After many hand-overs in a row others get a turn first.
/// Finding it takes time for each coroutine that is ready before it.
pub fn yield_to<T>(handle: &JoinHandle<T>) -> bool {
    let Place::Coroutine(head, _) = Place::current() else { return false };
    // SAFETY: we run in the current coroutine of this worker, which is live.
    let worker = unsafe { Worker::of_head(head) };
    let target = handle.task().as_ptr();
    if crate::wait::is_unwinding() || handle.task().home() != head.as_ptr() || !worker.take_ready(target) {
        return false;
    }
    // SAFETY: as above; the target was in our queue, so it is ours.
    unsafe { worker.hand_over(target) };
    true
}
