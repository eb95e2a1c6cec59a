// SPDX-License-Identifier: BSD-3-Clause
//! Headers for tests and models: coroutines that nobody schedules.
#![expect(unsafe_code, reason = "makes headers by hand and frees them through their table")]

use core::panic::Location;
use core::ptr::NonNull;
use std::boxed::Box;

use super::claim::announced::Announced;
use super::header::{Header, Options, Parts, Rejected, TaskRef, TaskVtable};
use super::schedule::{Schedule, WorkerHead};
use crate::platform::Platform;

/// The scheduler of tasks that are never scheduled.
pub(crate) struct Nobody;

// SAFETY: it is never asked.
unsafe impl Schedule for Nobody {
    unsafe fn make_ready(&self, _: NonNull<Header>) {
        unreachable!("nothing is made ready")
    }

    unsafe fn make_ready_on(&self, _: NonNull<WorkerHead>, _: NonNull<Header>) {
        unreachable!("nothing is made ready")
    }

    unsafe fn suspend_announced(&self, _: NonNull<WorkerHead>, _: Announced) {
        unreachable!("nothing runs")
    }

    unsafe fn suspend(&self, _: NonNull<WorkerHead>, _: u64) {
        unreachable!("nothing runs")
    }

    unsafe fn yield_now(&self, _: NonNull<WorkerHead>) {
        unreachable!("nothing runs")
    }

    unsafe fn choose(&self, _: NonNull<WorkerHead>, _: usize) -> usize {
        unreachable!("nothing runs")
    }

    unsafe fn switches(&self, _worker: NonNull<WorkerHead>) -> u64 {
        unreachable!("there is no worker")
    }

    unsafe fn platform<'a>(&self, _: NonNull<WorkerHead>) -> &'a dyn Platform {
        unreachable!("there is no worker")
    }
}

pub(crate) unsafe fn run(_: NonNull<Header>) {
    unreachable!("it never runs")
}

pub(crate) unsafe fn reject(_: NonNull<Header>, _: Rejected) {
    unreachable!("it is never rejected")
}

unsafe fn free(task: NonNull<Header>) {
    // SAFETY: it is a box, and the last reference is gone.
    drop(unsafe { Box::from_raw(task.as_ptr()) });
}

static VTABLE: TaskVtable = TaskVtable { run, reject, free, scheduler: &Nobody };

/// A coroutine that a test or a thread of a model stands for.
pub(crate) fn task() -> TaskRef {
    let spawn_site = Location::caller();
    let parts =
        Parts { vtable: &VTABLE, options: Options::NONE, stack_class: 0, id: 1, name: None, spawn_site, refs: 1 };
    // SAFETY: the count begins with one, which is this one.
    unsafe { TaskRef::from_raw(NonNull::from(Box::leak(Box::new(Header::new(parts))))) }
}
