// SPDX-License-Identifier: BSD-3-Clause
//! Stacks of all classes: taking, guarding, returning, trimming.
//!
//! A batch takes the class's lock once. The lock is held to move numbers and, rarely, to map a region; guards are
//! installed and memory is given back without it.
#![expect(unsafe_code, reason = "turns slots into stacks and takes stacks back")]

use core::ptr::NonNull;
use std::sync::{Mutex, MutexGuard, PoisonError};

use kcoro_core::platform::GuardKind;
use kcoro_core::stack::{RawStack, StackError};

use super::canary;
use super::class_pool::{ClassPool, Fresh, Returned};
use super::guard::{Guards, Method};
use super::layout::{CLASSES, Class, Layout};
use super::memory::{self, Errno};
use super::slot_id::SlotId;
use crate::builder::PosixBuilder;
use crate::shadow_stack;

/// See the module.
pub(crate) struct StackPool {
    guards: Guards,
    classes: [Mutex<ClassPool>; CLASSES],
}

impl StackPool {
    pub(crate) fn new(builder: &PosixBuilder) -> Self {
        Self {
            guards: Guards::new(builder.guard, builder.protected_guards, builder.on_warning),
            classes: core::array::from_fn(|_| Mutex::new(ClassPool::default())),
        }
    }

    pub(crate) fn guard_kind(&self) -> GuardKind {
        self.guards.kind()
    }

    /// See [`Platform::allocate_stacks`](kcoro_core::platform::Platform::allocate_stacks). Slots that were used before
    /// come first; a batch that finds any is not filled up with fresh ones.
    pub(crate) fn allocate(&self, size_bytes: usize, out: &mut [Option<RawStack>]) -> Result<usize, StackError> {
        let class = Class::for_size(size_bytes)?;
        shadow_stack::refuse_if_enabled().map_err(StackError::Unsupported)?;
        let layout = Layout::new(class, memory::page_bytes());
        let mut pool = self.lock(class);
        let reused = reuse(&mut pool, &layout, out);
        if reused > 0 || out.is_empty() {
            return Ok(reused);
        }
        let fresh = pool.carve(&layout, out.len()).map_err(|Errno(os_code)| StackError::OutOfMemory { os_code })?;
        let first = pool.region(fresh.region).slot(fresh.first_slot);
        drop(pool);
        self.guard_fresh(class, &layout, &fresh, first, out)
    }

    /// Guards fresh slots, of which the lowest starts at `first`, and writes them to `out` as stacks.
    fn guard_fresh(
        &self,
        class: Class,
        layout: &Layout,
        fresh: &Fresh,
        first: NonNull<u8>,
        out: &mut [Option<RawStack>],
    ) -> Result<usize, StackError> {
        for (n, out) in out.iter_mut().take(fresh.count).enumerate() {
            // SAFETY: the slots of a carve are consecutive and in one region.
            let base = unsafe { first.add(n * layout.slot_bytes) };
            // SAFETY: the slot was carved for this call, so no one else uses it.
            match unsafe { self.guards.install(base, layout) } {
                Ok(method) => {
                    let id = SlotId::new(class, fresh.region, fresh.first_slot + n, method);
                    *out = Some(stack_of(id, base, layout));
                }
                Err(error) => {
                    self.lock(class).uncarve(fresh.region, fresh.first_slot + n, fresh.count - n);
                    return if n > 0 { Ok(n) } else { Err(error) };
                }
            }
        }
        Ok(fresh.count)
    }

    /// Takes a stack back.
    ///
    /// # Safety
    ///
    /// The stack came from this pool, nothing runs on it, and nothing points into it.
    pub(crate) unsafe fn free(&self, stack: &RawStack) {
        let id = SlotId::from_token(stack.token());
        // SAFETY: the caller gives the stack back.
        unsafe { check_canary(id, stack) };
        let mut pool = self.lock(id.class());
        let mut returned = Returned::Hot;
        if !pool.has_room_for_hot() {
            drop(pool);
            // SAFETY: as above; it is not in the pool yet, so it is no one else's either.
            unsafe { trim(stack) };
            returned = Returned::Cold;
            pool = self.lock(id.class());
        }
        let surplus = pool.put_back(id, returned);
        drop(pool);
        drop(surplus);
    }

    #[cfg(test)]
    pub(super) fn guards(&self) -> &Guards {
        &self.guards
    }

    pub(super) fn lock(&self, class: Class) -> MutexGuard<'_, ClassPool> {
        // Nothing panics half-way through a change of a pool.
        self.classes[class.index()].lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Hands out as many used slots as there are and fit; returns how many.
fn reuse(pool: &mut ClassPool, layout: &Layout, out: &mut [Option<RawStack>]) -> usize {
    let mut filled = 0;
    while filled < out.len()
        && let Some(id) = pool.reuse()
    {
        out[filled] = Some(stack_of(id, pool.region(id.region()).slot(id.slot()), layout));
        filled += 1;
    }
    filled
}

/// The stack in the slot that starts at `base`.
fn stack_of(id: SlotId, base: NonNull<u8>, layout: &Layout) -> RawStack {
    let top_offset = layout.slot_bytes - layout.colour_bytes(id.slot());
    // SAFETY: both offsets lie in the slot, which is mapped and was carved or reused for one owner; slots and colours
    // are multiples of the stack alignment.
    unsafe { RawStack::new(base.add(layout.guard_bytes), base.add(top_offset), id.token()) }
}

/// Ends the process when a stack without a guard page was overflown: whatever is below it may be corrupt.
///
/// # Safety
///
/// The stack is mapped and nothing runs on it.
unsafe fn check_canary(id: SlotId, stack: &RawStack) {
    // SAFETY: a slot of this method had its canary written when it was carved.
    if id.method() == Method::Canary && !unsafe { canary::is_intact(stack.limit()) } {
        crate::overflow::abort_for_canary(stack);
    }
}

/// Gives the memory of a stack back and keeps its mapping and guard.
///
/// # Safety
///
/// Nothing runs on the stack and no one needs its content.
pub(crate) unsafe fn trim(stack: &RawStack) {
    // SAFETY: the range ends with the page that holds the top, which is the slot's.
    unsafe { memory::give_back(stack.limit(), committable_bytes(stack)) };
}

/// How much of a stack was in use at most since it was last trimmed, in whole pages; `None` when it was never touched
/// or the system does not say.
pub(crate) fn high_water_bytes(stack: &RawStack) -> Option<usize> {
    let untouched_bytes = memory::first_resident(stack.limit(), committable_bytes(stack))?;
    // The page of the top is shared with the colouring, so that it can be the lowest one in memory.
    Some(stack.size_bytes().saturating_sub(untouched_bytes))
}

/// From the limit to the end of the page of the top: the colouring above the top is never in use.
fn committable_bytes(stack: &RawStack) -> usize {
    stack.size_bytes().next_multiple_of(memory::page_bytes())
}
