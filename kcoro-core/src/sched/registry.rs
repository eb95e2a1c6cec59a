// SPDX-License-Identifier: BSD-3-Clause
//! Coroutines that have parked at least once, per worker: whom a shutdown cancels and a report names.
//!
//! A coroutine is entered at its first park and leaves when it ends, so one that runs to completion pays nothing.
#![expect(unsafe_code, reason = "an intrusive list over tasks")]

use core::cell::Cell;
use core::ptr::{self, NonNull};

use super::task_core::TaskCore;
use super::worker::Worker;
use crate::primitive::SpinLock;
use crate::task::header::Header;

/// A task's place in a registry.
pub(super) struct Links {
    prev: Cell<Option<NonNull<Header>>>,
    next: Cell<Option<NonNull<Header>>>,
    registry: Cell<*const Registry>,
}

impl Links {
    pub(super) const fn new() -> Self {
        Self { prev: Cell::new(None), next: Cell::new(None), registry: Cell::new(ptr::null()) }
    }
}

struct Head(Option<NonNull<Header>>);

// SAFETY: the list is touched under the lock only, and tasks leave it before they end.
unsafe impl Send for Head {}

/// See the [module](self).
pub(super) struct Registry {
    first: SpinLock<Head>,
}

impl Registry {
    pub(super) const fn new() -> Self {
        Self { first: SpinLock::new(Head(None)) }
    }

    /// # Safety
    ///
    /// The task is live, is in no registry, and is removed before it goes.
    unsafe fn insert(&self, task: NonNull<Header>) {
        let mut first = self.first.lock();
        // SAFETY: the task is live, and so are listed ones.
        unsafe {
            let links = links_of(task);
            links.prev.set(None);
            links.next.set(first.0);
            links.registry.set(self);
            if let Some(next) = first.0 {
                links_of(next).prev.set(Some(task));
            }
        }
        first.0 = Some(task);
    }

    /// # Safety
    ///
    /// The task is in this registry.
    unsafe fn remove(&self, task: NonNull<Header>) {
        let mut first = self.first.lock();
        // SAFETY: listed tasks are live, and so are a listed task's neighbours.
        unsafe {
            let (prev, next) = (links_of(task).prev.get(), links_of(task).next.get());
            match prev {
                Some(prev) => links_of(prev).next.set(next),
                None => first.0 = next,
            }
            if let Some(next) = next {
                links_of(next).prev.set(prev);
            }
        }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.first.lock().0.is_none()
    }

    /// Calls `visit` with every listed task, under the lock: it must be short and run no user code.
    pub(super) fn for_each(&self, mut visit: impl FnMut(NonNull<Header>)) {
        let first = self.first.lock();
        let mut next = first.0;
        while let Some(task) = next {
            // SAFETY: listed tasks are live while the lock is held.
            next = unsafe { links_of(task) }.next.get();
            visit(task);
        }
    }
}

/// # Safety
///
/// The task is live for `'a`, and the lock of its registry is held.
unsafe fn links_of<'a>(task: NonNull<Header>) -> &'a Links {
    // SAFETY: forwarded.
    unsafe { &TaskCore::of(task).links }
}

impl Worker {
    /// Enters a coroutine that parks for the first time.
    ///
    /// # Safety
    ///
    /// `task` is the current coroutine of this worker, which is the calling one.
    #[cold]
    pub(super) unsafe fn register(&self, task: NonNull<Header>) {
        // SAFETY: the current coroutine is live.
        let header = unsafe { task.as_ref() };
        header.registered.set(true);
        // SAFETY: it is not registered yet, and is unregistered when it ends.
        unsafe { self.shared.registry.insert(task) };
        if self.runtime().is_closing() {
            // A shutdown may have gone through the list just before: its cancel must not miss this one. Nobody can win
            // the claim but the shutdown, and it would do the same.
            crate::sched::shutdown::cancel(header);
        }
    }

    /// Strikes a coroutine that has ended.
    ///
    /// # Safety
    ///
    /// The caller owns the task, which ran on a worker of this runtime.
    #[inline]
    pub(super) unsafe fn unregister(&self, task: NonNull<Header>) {
        // SAFETY: the caller owns the task. The registry is a field of a worker of this runtime, which is still there.
        unsafe {
            if task.as_ref().registered.get() {
                (*links_of(task).registry.get()).remove(task);
            }
        }
    }
}
