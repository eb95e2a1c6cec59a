// SPDX-License-Identifier: BSD-3-Clause
//! Spawning into slots.
#![expect(unsafe_code, reason = "writes a task into a slot; tasks by raw pointer")]

use core::ptr::NonNull;

use super::join::JoinHandle;
use super::scope_link::ScopeOf;
use super::slot::{SLOT_CLASS, SlotHead, Taken, cell_is_gone};
use super::slots::StaticMemory;
use super::spawn::SpawnError;
use super::spawn_builder::{Builder, CellMemory};
use super::task_core::{NewTask, TaskCell};
use crate::task::header::{Header, Options, TaskVtable};

/// A task in a slot. The cell comes first.
#[repr(C)]
struct InSlot<F, T> {
    cell: TaskCell<F, T>,
    slot: NonNull<SlotHead>,
}

impl<F: FnOnce() -> T, T> InSlot<F, T> {
    const VTABLE: TaskVtable = TaskCell::<F, T>::vtable(Self::free);

    /// # Safety
    ///
    /// See [`TaskVtable::free`]. Closure and output have been taken.
    unsafe fn free(task: NonNull<Header>) {
        // SAFETY: it was made by `put`. Nothing in it needs a drop any more, see `TaskCell::free`.
        unsafe { cell_is_gone(task.cast::<Self>().as_ref().slot, task.as_ref().detach_stack()) };
    }
}

impl CellMemory for Taken {
    const OPTIONS: Options = Options::IN_SLOT;
    const STACK_CLASS: Option<u8> = Some(SLOT_CLASS);

    fn put<F: FnOnce() -> T, T>(self, new: NewTask<F>) -> NonNull<Header> {
        let (mut place, stack, slot) = self.split::<InSlot<F, T>>();
        // SAFETY: the slot is ours, and the place is in it.
        let task = unsafe { place.as_mut() };
        task.write(InSlot { cell: TaskCell::new(new, &InSlot::<F, T>::VTABLE), slot });
        let task = place.cast::<Header>();
        // SAFETY: the header comes first; nobody else knows the task yet.
        unsafe { task.as_ref() }.bring_stack(stack);
        task
    }
}

impl Builder<'_> {
    /// Spawns the coroutine in `memory`, a [`Slot`](super::Slot) or [`Slots`](super::Slots): its closure is moved to the top of
    /// the slot, and below that is its stack. Nothing is allocated, whatever the runtime. A stack size that was asked for does
    /// not count.
    ///
    /// Otherwise it is a coroutine as `spawn` makes it.
    ///
    /// # Errors
    ///
    /// [`SpawnError::SlotBusy`], or [`SpawnError::Full`] of slots, when they are in use; [`SpawnError::SlotTooSmall`]; else see
    /// [`SpawnError`]. `body` is dropped.
    #[track_caller]
    pub fn spawn_static<F, T>(self, memory: &'static impl StaticMemory, body: F) -> Result<JoinHandle<T>, SpawnError>
    where
        F: FnOnce() -> T + Send + 'static,
        T: Send + 'static,
    {
        // SAFETY: `'static` and `Send`.
        unsafe { self.spawn_static_unchecked(memory, body) }
    }

    /// # Safety
    ///
    /// As for `spawn_unchecked`.
    #[track_caller]
    pub(super) unsafe fn spawn_static_unchecked<F, T>(
        self,
        memory: &'static impl StaticMemory,
        body: F,
    ) -> Result<JoinHandle<T>, SpawnError>
    where
        F: FnOnce() -> T,
    {
        let taken = memory.take::<InSlot<F, T>>()?;
        // SAFETY: forwarded.
        unsafe { self.spawn_in(taken, body, ScopeOf::NONE) }
    }
}

/// Spawns a coroutine of the current coroutine's runtime in `memory`: [`Builder::spawn_static`] with nothing special.
///
/// # Errors
///
/// As there.
#[track_caller]
pub fn spawn_static<F, T>(memory: &'static impl StaticMemory, body: F) -> Result<JoinHandle<T>, SpawnError>
where
    F: FnOnce() -> T + Send + 'static,
    T: Send + 'static,
{
    Builder::new().spawn_static(memory, body)
}
