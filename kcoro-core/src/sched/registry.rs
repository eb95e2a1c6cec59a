// SPDX-License-Identifier: BSD-3-Clause
//! Coroutines that have parked at least once, per worker: whom a shutdown cancels and a report names.
//!
//! A coroutine is entered at its first park and leaves when it ends, so one that runs to completion pays nothing.
#![expect(unsafe_code, reason = "an intrusive list over tasks, and one over the walks through it")]

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

struct List {
    first: *const TaskCore,
    walks: *const Walk,
}

// SAFETY: the list is touched under the lock only; tasks leave it before they end, and walks before their frame goes.
unsafe impl Send for List {}

/// Where a walk through the list has come to. It lies in the walker's frame and is touched under the lock only.
struct Walk {
    next: Cell<*const TaskCore>,
    other: Cell<*const Walk>,
}

/// See the [module](self).
pub(super) struct Registry {
    list: SpinLock<List>,
}

impl Registry {
    pub(super) const fn new() -> Self {
        Self { list: SpinLock::new(List { first: ptr::null(), walks: ptr::null() }) }
    }

    fn insert(&self, task: &TaskCore) {
        let mut list = self.list.lock();
        let links = &task.links;
        links.prev.set(ptr::null());
        links.next.set(list.first);
        links.registry.set(self);
        // SAFETY: listed tasks are live.
        if let Some(next) = unsafe { list.first.as_ref() } {
            next.links.prev.set(task);
        }
        list.first = task;
    }

    fn remove(&self, task: &TaskCore) {
        let mut list = self.list.lock();
        let (prev, next) = (task.links.prev.get(), task.links.next.get());
        // SAFETY: listed tasks are live, and so are a listed task's neighbours.
        unsafe {
            match prev.as_ref() {
                Some(prev) => prev.links.next.set(next),
                None => list.first = next,
            }
            if let Some(next) = next.as_ref() {
                next.links.prev.set(prev);
            }
        }
        list.pass_by(task);
    }

    pub(super) fn is_empty(&self) -> bool {
        self.list.lock().first.is_null()
    }

    /// Calls `visit` with every listed task, under the lock: it must be short and run no user code.
    pub(super) fn for_each(&self, mut visit: impl FnMut(&TaskCore)) {
        let list = self.list.lock();
        let mut task = list.first;
        // SAFETY: listed tasks are live while the lock is held.
        while let Some(core) = unsafe { task.as_ref() } {
            task = core.links.next.get();
            visit(core);
        }
    }

    /// Calls `look` with every task that is listed now and still is when its turn comes, under the lock, which is released
    /// after each; there `then` gets what `look` returned, and may take its time. Tasks that come meanwhile are left out.
    pub(super) fn walk<R>(&self, mut look: impl FnMut(&TaskCore) -> R, mut then: impl FnMut(R)) {
        struct Leave<'a>(&'a Registry, &'a Walk);
        impl Drop for Leave<'_> {
            fn drop(&mut self) {
                self.0.list.lock().remove_walk(self.1);
            }
        }
        let walk = Walk { next: Cell::new(ptr::null()), other: Cell::new(ptr::null()) };
        self.list.lock().insert_walk(&walk);
        // On every way out, for `then` may panic.
        let _leave = Leave(self, &walk);
        loop {
            let list = self.list.lock();
            // SAFETY: what `next` points to is listed: whoever leaves the list moves it on. So it is live under the lock.
            let Some(core) = (unsafe { walk.next.get().as_ref() }) else { return };
            walk.next.set(core.links.next.get());
            let found = look(core);
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
    fn pass_by(&self, task: &TaskCore) {
        self.each_walk(|walk| {
            if ptr::eq(walk.next.get(), task) {
                walk.next.set(task.links.next.get());
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
