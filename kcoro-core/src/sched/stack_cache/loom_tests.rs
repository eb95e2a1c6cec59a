// SPDX-License-Identifier: BSD-3-Clause
//! Recycling between workers: no stack is ever in use twice, and what one user wrote is ordered before the next use.
#![expect(unsafe_code, reason = "implements the platform trait over numbers that stand for stacks")]

use core::fmt;
use core::num::NonZeroUsize;
use core::ptr::{self, NonNull};
use std::vec::Vec;

use loom::sync::Arc;
use loom::thread;

use super::{Overflow, StackCache};
use crate::platform::{Capabilities, ClockId, GuardKind, Platform, StackLimits, StartError, WorkerEntry, WorkerSpec};
use crate::primitive::{SpinLock, UnsafeCell};
use crate::stack::{RawStack, StackError};

const CLASS: usize = 14;

/// A platform whose stacks are cells that loom watches; a free one is given out again.
struct Stacks {
    free: SpinLock<Vec<usize>>,
    memory: [UnsafeCell<u32>; 4],
}

// SAFETY: a stack's cell belongs to whoever holds the stack; loom checks it.
unsafe impl Sync for Stacks {}

impl Stacks {
    fn new() -> Self {
        Self { free: SpinLock::new((0..4).collect()), memory: core::array::from_fn(|_| UnsafeCell::new(0)) }
    }

    /// What a coroutine does: it writes its stack.
    fn run_on(&self, stack: &RawStack) {
        // SAFETY: the stack belongs to the caller; loom checks that nobody else is on it.
        self.memory[stack.token()].with_mut(|memory| unsafe { *memory += 1 });
    }
}

// SAFETY: stacks are handed out once at a time; nothing else is used by the model.
unsafe impl Platform for Stacks {
    fn clock_id(&self) -> ClockId {
        ClockId(0)
    }

    fn now_ns(&self) -> u64 {
        0
    }

    fn parallelism(&self) -> NonZeroUsize {
        NonZeroUsize::MIN
    }

    fn capabilities(&self) -> Capabilities {
        Capabilities::none()
    }

    fn start_worker(&self, _: &WorkerSpec<'_>, _: WorkerEntry) -> Result<(), StartError> {
        Err(StartError::Unsupported("a model has no workers"))
    }

    fn join_worker(&self, _: usize) {}

    fn adopt_worker(&self, _: usize) -> Result<(), StartError> {
        Ok(())
    }

    fn park(&self, _: usize, _: Option<u64>) {}

    fn wake(&self, _: usize) {}

    fn stack_limits(&self) -> StackLimits {
        StackLimits { min_bytes: 1, default_bytes: 1, max_bytes: 1 }
    }

    fn allocate_stacks(&self, _: usize, out: &mut [Option<RawStack>]) -> Result<usize, StackError> {
        let token = self.free.lock().pop().ok_or(StackError::OutOfMemory { os_code: 0 })?;
        let nowhere = NonNull::new(ptr::without_provenance_mut(16)).expect("not null");
        // SAFETY: an empty range, which nobody reads or writes.
        out[0] = Some(unsafe { RawStack::new(nowhere, nowhere, token) });
        Ok(1)
    }

    unsafe fn free_stack(&self, stack: RawStack) {
        self.free.lock().push(stack.token());
    }

    unsafe fn trim_stack(&self, stack: &RawStack) {
        self.run_on(stack);
    }

    fn guard_kind(&self) -> GuardKind {
        GuardKind::Canary
    }

    fn fatal(&self, message: fmt::Arguments<'_>) -> ! {
        panic!("{message}")
    }
}

/// A worker: starts two coroutines, ends them, keeps what its cache keeps and gives the rest back.
fn work(stacks: &Stacks) {
    let mut cache = StackCache::new();
    for _ in 0..2 {
        cache.refill(CLASS, stacks).expect("there are enough");
        let (first, second) = (cache.take(CLASS).expect("refilled"), cache.take(CLASS));
        stacks.run_on(&first);
        for stack in [Some(first), second].into_iter().flatten() {
            if cache.put(CLASS, stack) == Overflow::TooMany {
                cache.release(CLASS, 0, stacks);
            }
        }
    }
    cache.cool(stacks);
}

#[test]
fn stacks_go_round_between_workers_one_user_at_a_time() {
    let mut builder = loom::model::Builder::new();
    builder.preemption_bound = builder.preemption_bound.or(Some(2));
    builder.check(|| {
        let stacks = Arc::new(Stacks::new());
        let other = {
            let stacks = stacks.clone();
            thread::spawn(move || work(&stacks))
        };
        work(&stacks);
        other.join().unwrap();
        assert_eq!(stacks.free.lock().len(), 4);
    });
}
