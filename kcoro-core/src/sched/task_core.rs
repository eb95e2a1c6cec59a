// SPDX-License-Identifier: BSD-3-Clause
//! A spawned coroutine in memory: header, join state, and its closure or, later, its output.
//!
//! ```text
//!  +--------+--------+--------+-------+------------------------+
//!  | Header | join   | scope  | links | closure, later output  |   one piece of memory, two references at the start:
//!  +--------+--------+--------+-------+------------------------+   the scheduler's and the handle's
//! ```
//!
//! The memory is the heap's, or that of a [slot](super::slot).
//!
//! The stage (closure or output) belongs to the scheduler until `ended` is set under the join lock; then the output
//! belongs to the handle, or, if the handle is gone, to the coroutine that has just ended, which drops it.
#![expect(unsafe_code, reason = "a cell whose content changes type; tasks by raw pointer")]

#[cfg(feature = "alloc")]
use alloc::alloc::{Layout, dealloc};
#[cfg(feature = "alloc")]
use alloc::boxed::Box;
use core::cell::{Cell, UnsafeCell};
use core::mem::ManuallyDrop;
use core::ptr::NonNull;

use super::SCHEDULER;
use super::join_cell::{Ended, JoinCell};
use super::join_error::JoinError;
use super::locals::Locals;
use super::registry::Links;
use super::runtime::Inner;
use super::scope_link::{ScopeLink, ScopeOf};
use crate::primitive::atomic::{AtomicUsize, Ordering};
use crate::task::header::{Header, Options, Parts, Rejected, TaskVtable};
use crate::task::schedule::NO_DEADLINE;
pub(super) use crate::util::quietly::{call_quietly, drop_quietly};

/// The part of a spawned coroutine that does not depend on its types. The header comes first.
#[repr(C)]
pub(crate) struct TaskCore {
    pub(super) header: Header,
    pub(super) join: JoinCell,
    pub(super) runtime: *const Inner,
    pub(super) links: Links,
    pub(super) locals: Locals,
    /// How much of its stack it used; zero until it has ended, or if that was not asked for.
    pub(super) stack_used_bytes: AtomicUsize,
    pub(crate) scope: ScopeLink,
    /// Set before the task is queued.
    pub(super) at_end: Cell<Option<AtEnd>>,
}

/// What takes part in the life of a coroutine from before its first run on.
pub(crate) trait AtSpawn: Sync {
    /// Called before anyone can run the task, which is therefore live.
    fn attach(&self, task: NonNull<Header>) -> AtEnd;
}

/// Called once when the coroutine has ended or will never run, on its own stack or on a base context. Never unwinds.
#[derive(Clone, Copy)]
pub(crate) struct AtEnd {
    pub(crate) data: NonNull<()>,
    pub(crate) call: unsafe fn(NonNull<()>),
}

// SAFETY: `links` are used under a registry's lock, `locals` by the coroutine itself, `scope` as documented there,
// `at_end` by the owner; the rest is `Sync`.
unsafe impl Sync for TaskCore {}
// SAFETY: as above.
unsafe impl Send for TaskCore {}

impl TaskCore {
    /// The core around a header: every header of this scheduler is the first field of one.
    ///
    /// A pointer to a task is always the one that `TaskCell::allocate` made, or the slot. A reference to the header would not do: it
    /// reaches no further than the header.
    ///
    /// # Safety
    ///
    /// The task is live for `'a`.
    #[inline(always)]
    pub(crate) unsafe fn of<'a>(task: NonNull<Header>) -> &'a TaskCore {
        // SAFETY: headers are made by `TaskCell::new` only, where the header is the first field of the core.
        unsafe { task.cast::<TaskCore>().as_ref() }
    }

    /// Notes how much of its stack the coroutine, which is the current one, has used.
    fn measure_stack(&self) {
        if self.header.options.has(Options::MEASURE_STACK) {
            let used_bytes = self.header.with_stack(super::watermark::used_bytes);
            self.stack_used_bytes.store(used_bytes.unwrap_or(0), Ordering::Release);
        }
    }

    /// # Safety
    ///
    /// Called once, on the coroutine's own stack or (unstarted) on a base context, when closure and output are gone or
    /// handed over.
    unsafe fn tell_scope(task: NonNull<Header>) {
        // SAFETY: the scheduler's reference is still there.
        let scope = unsafe { &TaskCore::of(task).scope };
        if let Some(on_end) = scope.on_end {
            // SAFETY: the scope waits for this call before it goes.
            unsafe { on_end(scope.data, task) };
        }
    }
}

/// Closure before the end, output after.
union Stage<F, T> {
    closure: ManuallyDrop<F>,
    output: ManuallyDrop<Result<T, JoinError>>,
}

/// See the [module](self).
#[repr(C)]
pub(super) struct TaskCell<F, T> {
    core: TaskCore,
    stage: UnsafeCell<Stage<F, T>>,
}

/// What a new task is made of.
pub(super) struct NewTask<F> {
    pub(super) closure: F,
    pub(super) parts: PartsOfSpawn,
    pub(super) runtime: *const Inner,
    pub(super) scope: ScopeOf,
}

/// The spawn's own parts of a header.
pub(super) struct PartsOfSpawn {
    pub(super) options: Options,
    pub(super) stack_class: u8,
    pub(super) id: u64,
    pub(super) name: Option<&'static str>,
    pub(super) spawn_site: &'static core::panic::Location<'static>,
}

impl<F: FnOnce() -> T, T> TaskCell<F, T> {
    /// What runs and ends such a task, and frees its memory by `free`.
    pub(super) const fn vtable(free: unsafe fn(NonNull<Header>)) -> TaskVtable {
        TaskVtable { run: Self::run, reject: Self::reject, free, scheduler: &SCHEDULER }
    }

    /// A task with two references: the scheduler's and the handle's. `vtable` is of this type.
    #[inline(always)]
    pub(super) fn new(new: NewTask<F>, vtable: &'static TaskVtable) -> Self {
        let PartsOfSpawn { options, stack_class, id, name, spawn_site } = new.parts;
        let parts = Parts { vtable, options, stack_class, id, name, spawn_site, refs: 2 };
        TaskCell {
            core: TaskCore {
                header: Header::new(parts),
                join: JoinCell::new(),
                runtime: new.runtime,
                links: Links::new(),
                locals: Locals::new(),
                stack_used_bytes: AtomicUsize::new(0),
                scope: ScopeLink::new(new.scope, new.runtime),
                at_end: Cell::new(None),
            },
            stage: UnsafeCell::new(Stage { closure: ManuallyDrop::new(new.closure) }),
        }
    }

    /// # Safety
    ///
    /// See [`TaskVtable::run`].
    unsafe fn run(task: NonNull<Header>) {
        let cell = task.cast::<Self>();
        // SAFETY: the task runs once, so the closure is still there; the stage belongs to the scheduler.
        let closure = unsafe { ManuallyDrop::take(&mut (*cell.as_ref().stage.get()).closure) };
        let output = run_to_end(closure);
        // A coroutine's last operations are its own: no region that somebody has carried off has a say in them.
        // SAFETY: the coroutine is still the current one, and live.
        let header = unsafe { task.as_ref() };
        header.sources.end_of_body(&header.claim);
        // SAFETY: the coroutine is still the current one; its locals are dropped while it can still wait.
        unsafe { cell.as_ref() }.core.locals.clear();
        // As with regions: the deadline of a forgotten `timeout` does not outlive its closure.
        header.deadline_ns.set(NO_DEADLINE);
        // SAFETY: as above.
        unsafe { cell.as_ref() }.core.measure_stack();
        // SAFETY: the closure is gone; forwarded.
        unsafe { Self::finish(cell, output) };
    }

    /// # Safety
    ///
    /// See [`TaskVtable::reject`].
    unsafe fn reject(task: NonNull<Header>, why: Rejected) {
        let cell = task.cast::<Self>();
        // SAFETY: the task has not run and never will, so the closure is still there.
        let closure = unsafe { ManuallyDrop::take(&mut (*cell.as_ref().stage.get()).closure) };
        drop_quietly(closure);
        if let Rejected::NoStack(why) = why {
            // SAFETY: the scheduler's reference keeps the cell alive.
            unsafe { cell.as_ref() }.core.scope.no_stack.set(Some(why));
        }
        // SAFETY: the closure is gone; forwarded.
        unsafe { Self::finish(cell, Err(JoinError::rejected(why))) };
    }

    /// Stores the output and tells who waits for it.
    ///
    /// # Safety
    ///
    /// Called once; the closure is gone.
    unsafe fn finish(cell: NonNull<Self>, output: Result<T, JoinError>) {
        // SAFETY: the scheduler's reference keeps the cell alive to the end of this function.
        let this = unsafe { cell.as_ref() };
        if let Some(AtEnd { data, call }) = this.core.at_end.get() {
            // SAFETY: it is called once, and now.
            unsafe { call(data) };
        }
        #[cfg(feature = "alloc")]
        let panicked = matches!(output, Err(JoinError::Panicked(_)));
        let failed = output.as_ref().is_err_and(JoinError::is_failure);
        // SAFETY: the stage belongs to the scheduler until `end` says otherwise.
        unsafe { (*this.stage.get()).output = ManuallyDrop::new(output) };
        match this.core.join.end() {
            Ended::HandleOwnsOutput(wake, waker) => {
                if let Some(wake) = wake {
                    wake.wake();
                }
                if let Some(waker) = waker {
                    // Foreign code, and this may be a base context, which must not unwind.
                    call_quietly(|| waker.wake());
                }
            }
            Ended::NobodyWantsOutput => {
                this.core.scope.failed_unobserved.set(failed);
                #[cfg(feature = "alloc")]
                if panicked && this.core.scope.on_end.is_none() {
                    // SAFETY: the runtime outlives its tasks.
                    unsafe { (*this.core.runtime).note_unobserved_panic(&this.core.header) };
                }
                // SAFETY: the handle is gone, so the output is ours.
                drop_quietly(unsafe { ManuallyDrop::take(&mut (*this.stage.get()).output) });
            }
        }
        // SAFETY: closure and output are gone or the handle's.
        unsafe { TaskCore::tell_scope(cell.cast()) };
    }
}

#[cfg(feature = "alloc")]
impl<F: FnOnce() -> T, T> TaskCell<F, T> {
    const ON_HEAP: TaskVtable = Self::vtable(Self::free);

    /// A task on the heap.
    pub(super) fn allocate(new: NewTask<F>) -> NonNull<Header> {
        let cell = Box::new(Self::new(new, &Self::ON_HEAP));
        // SAFETY: a box is not null.
        unsafe { NonNull::new_unchecked(Box::into_raw(cell)).cast() }
    }

    /// # Safety
    ///
    /// See [`TaskVtable::free`]. Closure and output have been taken.
    unsafe fn free(task: NonNull<Header>) {
        // SAFETY: it was allocated as a box of this type, and nothing in it needs a drop any more: header, join cell and
        // links own nothing, locals were cleared, the stage was taken.
        unsafe { dealloc(task.as_ptr().cast(), Layout::new::<Self>()) };
    }
}

/// Takes the output out of the cell of a task that returns `T`.
///
/// The output lies after the core, at the alignment of the stage, which depends on the closure's type. So the address
/// is computed by the vtable's owner: see [`OutputSlot`].
///
/// # Safety
///
/// The output belongs to the caller and is there.
pub(super) unsafe fn take_output<T>(slot: OutputSlot) -> Result<T, JoinError> {
    // SAFETY: the caller's promise; the slot was made for this `T`.
    unsafe { slot.0.cast::<Result<T, JoinError>>().read() }
}

/// Where a task's output will be.
#[derive(Clone, Copy)]
pub(super) struct OutputSlot(*mut ());

impl<F: FnOnce() -> T, T> TaskCell<F, T> {
    /// Where the output of `task` will be.
    ///
    /// # Safety
    ///
    /// `task` is of this type.
    pub(super) unsafe fn output_slot(task: NonNull<Header>) -> OutputSlot {
        // SAFETY: the caller's promise; a union's fields start where it starts.
        OutputSlot(unsafe { task.cast::<Self>().as_ref() }.stage.get().cast())
    }
}

#[cfg(feature = "std")]
fn run_to_end<T>(closure: impl FnOnce() -> T) -> Result<T, JoinError> {
    // The closure and all that it captured are consumed: nothing half-changed is seen through it afterwards but what the
    // user shares, which is theirs to judge, as with `std::thread`.
    std::panic::catch_unwind(std::panic::AssertUnwindSafe(closure))
        .map_err(|payload| JoinError::Panicked(super::panicked::Panicked::new(payload)))
}

#[cfg(not(feature = "std"))]
fn run_to_end<T>(closure: impl FnOnce() -> T) -> Result<T, JoinError> {
    Ok(closure())
}
