// SPDX-License-Identifier: BSD-3-Clause
//! Where a new coroutine first waits for its turn: which worker it is bound to, and which queue it goes into.
#![expect(unsafe_code, reason = "puts new tasks into queues")]

use core::ptr::NonNull;

use super::runtime::Inner;
#[cfg(feature = "alloc")]
use super::stack_cache::class_of;
use super::worker::Worker;
#[cfg(feature = "alloc")]
use crate::stack::StackError;
use crate::task::header::{Header, Options};
use crate::task::schedule::Place;

/// Where to bind a new coroutine at once, because so many more are bound here that whoever starts first is no longer a
/// good choice. Looked at now and then only: the counters are other workers' cache lines.
pub(super) fn less_burdened(here: &Worker, options: Options) -> Option<&Worker> {
    const EVERY: u64 = 16;
    let spawned = here.local.next_id.get();
    if options.has(Options::MIGRATES) {
        return None;
    }
    if spawned.is_multiple_of(EVERY) {
        let target = here.runtime().less_burdened(here).map_or(here.index, |worker| worker.index);
        here.local.spawn_target.set(target);
    }
    let target = here.local.spawn_target.get();
    (target != here.index).then(|| &here.runtime().workers()[target])
}

/// The calling worker, if it is one of `runtime`.
pub(super) fn current_worker_of(runtime: &Inner) -> Option<&Worker> {
    match Place::current() {
        Place::Coroutine(head, _) | Place::Base(head) => runtime.worker_of(head),
        Place::Interrupt | Place::Outside => None,
    }
}

/// The class of stacks of `size_bytes`, if `platform` has such.
#[cfg(feature = "alloc")]
pub(super) fn checked_class(platform: &dyn crate::platform::Platform, size_bytes: usize) -> Result<u8, StackError> {
    let limits = platform.stack_limits();
    if size_bytes < limits.min_bytes {
        return Err(StackError::TooSmall { size_bytes, min_bytes: limits.min_bytes });
    }
    if size_bytes > limits.max_bytes {
        return Err(StackError::TooLarge { size_bytes, max_bytes: limits.max_bytes });
    }
    Ok(class_of(size_bytes))
}

/// # Safety
///
/// The caller owns the task; the runtime stays alive during the call. `here` is the calling worker, `target` the one that it is to be bound to, both of `runtime`.
pub(super) unsafe fn enqueue(runtime: &Inner, task: NonNull<Header>, here: Option<&Worker>, target: Option<&Worker>) {
    match (target, here) {
        (Some(target), Some(here)) if core::ptr::eq(target, here) => {
            // SAFETY: the caller owns the task, and this is the calling worker's queue.
            unsafe {
                task.as_ref().bind(target.head_ptr());
                here.push_last(task);
            }
        }
        (Some(target), _) => {
            // SAFETY: the caller owns the task, and holds the runtime by its worker or its handle.
            unsafe {
                task.as_ref().bind(target.head_ptr());
                runtime.send_home(target, task);
            }
            runtime.end_late_spawns(Some(target));
        }
        (None, Some(here)) => here.push_stealable(task),
        (None, None) => {
            // SAFETY: as above.
            unsafe { runtime.inject(task) };
            runtime.end_late_spawns(None);
        }
    }
}
