// SPDX-License-Identifier: BSD-3-Clause
//! Coroutines that have parked at least once, per worker: whom a shutdown cancels and a report names.
//!
//! A coroutine is entered at its first park and leaves when it ends, so one that runs to completion pays nothing.
#![expect(unsafe_code, reason = "an intrusive list over tasks")]

use core::cell::Cell;
use core::ptr;

use super::task_core::TaskCore;
use super::worker::Worker;
use crate::primitive::SpinLock;
use crate::task::header::Header;

/// A task's place in a registry.
pub(super) struct Links {
    prev: Cell<*const TaskCore>,
    next: Cell<*const TaskCore>,
    registry: Cell<*const Registry>,
}

impl Links {
    pub(super) const fn new() -> Self {
        Self { prev: Cell::new(ptr::null()), next: Cell::new(ptr::null()), registry: Cell::new(ptr::null()) }
    }
}

struct Head(*const TaskCore);

// SAFETY: the list is touched under the lock only, and tasks leave it before they end.
unsafe impl Send for Head {}

/// See the [module](self).
pub(super) struct Registry {
    first: SpinLock<Head>,
}

impl Registry {
    pub(super) const fn new() -> Self {
        Self { first: SpinLock::new(Head(ptr::null())) }
    }

    fn insert(&self, task: &TaskCore) {
        let mut first = self.first.lock();
        let links = &task.links;
        links.prev.set(ptr::null());
        links.next.set(first.0);
        links.registry.set(self);
        // SAFETY: listed tasks are live.
        if let Some(next) = unsafe { first.0.as_ref() } {
            next.links.prev.set(task);
        }
        first.0 = task;
    }

    fn remove(&self, task: &TaskCore) {
        let mut first = self.first.lock();
        let (prev, next) = (task.links.prev.get(), task.links.next.get());
        // SAFETY: listed tasks are live, and so are a listed task's neighbours.
        unsafe {
            match prev.as_ref() {
                Some(prev) => prev.links.next.set(next),
                None => first.0 = next,
            }
            if let Some(next) = next.as_ref() {
                next.links.prev.set(prev);
            }
        }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.first.lock().0.is_null()
    }

    /// Calls `visit` with every listed task, under the lock: it must be short and run no user code.
    pub(super) fn for_each(&self, mut visit: impl FnMut(&TaskCore)) {
        let first = self.first.lock();
        let mut task = first.0;
        // SAFETY: listed tasks are live while the lock is held.
        while let Some(core) = unsafe { task.as_ref() } {
            task = core.links.next.get();
            visit(core);
        }
    }
}

impl Worker {
    /// Enters a coroutine that parks for the first time.
    #[cold]
    pub(super) fn register(&self, header: &Header) {
        header.registered.set(true);
        self.shared.registry.insert(TaskCore::of(header));
        if self.runtime().is_closing() {
            // A shutdown may have gone through the list just before: its cancel must not miss this one. Nobody can win
            // the claim but the shutdown, and it would do the same.
            crate::sched::shutdown::cancel(header);
        }
    }

    /// Strikes a coroutine that has ended.
    #[inline]
    pub(super) fn unregister(&self, header: &Header) {
        if header.registered.get() {
            let core = TaskCore::of(header);
            // SAFETY: the registry is a field of a worker of this runtime, which is still there.
            unsafe { (*core.links.registry.get()).remove(core) };
        }
    }
}
