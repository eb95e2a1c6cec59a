// SPDX-License-Identifier: BSD-3-Clause
//! Coroutines that have parked at least once, per worker: whom a shutdown cancels and a report names.
//!
//! A coroutine is entered at its first park and leaves when it ends, so one that runs to completion pays nothing.
#![expect(unsafe_code, reason = "an intrusive list over tasks, and one over the walks through it")]

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

struct List {
    first: Option<NonNull<Header>>,
    walks: *const Walk,
}

// SAFETY: the list is touched under the lock only; tasks leave it before they end, and walks before their frame goes.
unsafe impl Send for List {}

/// Where a walk through the list has come to. It lies in the walker's frame and is touched under the lock only.
struct Walk {
    next: Cell<Option<NonNull<Header>>>,
    other: Cell<*const Walk>,
}

/// See the [module](self).
pub(super) struct Registry {
    list: SpinLock<List>,
}

impl Registry {
    pub(super) const fn new() -> Self {
        Self { list: SpinLock::new(List { first: None, walks: ptr::null() }) }
    }

    /// # Safety
    ///
    /// The task is live, is in no registry, and is removed before it goes.
    unsafe fn insert(&self, task: NonNull<Header>) {
        let mut list = self.list.lock();
        // SAFETY: the task is live, and so are listed ones.
        unsafe {
            let links = links_of(task);
            links.prev.set(None);
            links.next.set(list.first);
            links.registry.set(self);
            if let Some(next) = list.first {
                links_of(next).prev.set(Some(task));
            }
        }
        list.first = Some(task);
    }

    /// # Safety
    ///
    /// The task is in this registry.
    unsafe fn remove(&self, task: NonNull<Header>) {
        let mut list = self.list.lock();
        // SAFETY: listed tasks are live, and so are a listed task's neighbours.
        unsafe {
            let (prev, next) = (links_of(task).prev.get(), links_of(task).next.get());
            match prev {
                Some(prev) => links_of(prev).next.set(next),
                None => list.first = next,
            }
            if let Some(next) = next {
                links_of(next).prev.set(prev);
            }
        }
        list.pass_by(task);
    }

    pub(super) fn is_empty(&self) -> bool {
        self.list.lock().first.is_none()
    }

    /// Calls `visit` with every listed task, under the lock: it must be short and run no user code.
    pub(super) fn for_each(&self, mut visit: impl FnMut(NonNull<Header>)) {
        let list = self.list.lock();
        let mut next = list.first;
        while let Some(task) = next {
            // SAFETY: listed tasks are live while the lock is held.
            next = unsafe { links_of(task) }.next.get();
            visit(task);
        }
    }

    /// Calls `look` with every task that is listed now and still is when its turn comes, under the lock, which is released
    /// after each; there `then` gets what `look` returned, and may take its time. Tasks that come meanwhile are left out.
    pub(super) fn walk<R>(&self, mut look: impl FnMut(NonNull<Header>) -> R, mut then: impl FnMut(R)) {
        struct Leave<'a>(&'a Registry, &'a Walk);
        impl Drop for Leave<'_> {
            fn drop(&mut self) {
                self.0.list.lock().remove_walk(self.1);
            }
        }
        let walk = Walk { next: Cell::new(None), other: Cell::new(ptr::null()) };
        self.list.lock().insert_walk(&walk);
        // On every way out, for `then` may panic.
        let _leave = Leave(self, &walk);
        loop {
            let list = self.list.lock();
            let Some(task) = walk.next.get() else { return };
            // SAFETY: what `next` points to is listed: whoever leaves the list moves it on. So it is live under the lock.
            walk.next.set(unsafe { links_of(task) }.next.get());
            let found = look(task);
            drop(list);
            then(found);
        }
    }
}

impl List {
    fn insert_walk(&mut self, walk: &Walk) {
        walk.next.set(self.first);
        walk.other.set(self.walks);
        self.walks = walk;
    }

    fn remove_walk(&mut self, walk: &Walk) {
        let others = walk.other.get();
        if ptr::eq(self.walks, walk) {
            self.walks = others;
        } else {
            self.each_walk(|one| {
                if ptr::eq(one.other.get(), walk) {
                    one.other.set(others);
                }
            });
        }
    }

    /// Moves the walks that would come to `task` next on to the one after it.
    fn pass_by(&self, task: NonNull<Header>) {
        self.each_walk(|walk| {
            if walk.next.get() == Some(task) {
                // SAFETY: the task is still live while it leaves the list.
                walk.next.set(unsafe { links_of(task) }.next.get());
            }
        });
    }

    fn each_walk(&self, mut visit: impl FnMut(&Walk)) {
        let mut walk = self.walks;
        // SAFETY: walks stay in their frames until they have left the list, which takes the lock that `self` stands for.
        while let Some(one) = unsafe { walk.as_ref() } {
            walk = one.other.get();
            visit(one);
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

#[cfg(test)]
mod tests;
