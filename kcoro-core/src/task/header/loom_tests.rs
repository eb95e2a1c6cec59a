// SPDX-License-Identifier: BSD-3-Clause
//! A model of the reference count: the memory goes once, after all that any reference was used for.
#![expect(unsafe_code, reason = "makes headers by hand and frees them through their table")]

use core::panic::Location;
use core::ptr::NonNull;
use std::boxed::Box;

use loom::thread;

use super::{Header, Options, Parts, TaskRef, TaskVtable};
use crate::primitive::UnsafeCell;
use crate::task::test_task::{Nobody, reject, run};

/// A header, and what its references are used for. Loom reports a use that the free does not come after.
#[repr(C)]
struct Task {
    header: Header,
    used: UnsafeCell<u32>,
}

unsafe fn free(task: NonNull<Header>) {
    // SAFETY: the header is the first field of a boxed `Task`, and the last reference is gone.
    let task = unsafe { Box::from_raw(task.cast::<Task>().as_ptr()) };
    // SAFETY: nobody else is left; loom checks it.
    task.used.with_mut(|used| unsafe { *used = 0 });
}

static VTABLE: TaskVtable = TaskVtable { run, reject, free, scheduler: &Nobody };

fn task() -> TaskRef {
    let spawn_site = Location::caller();
    let parts =
        Parts { vtable: &VTABLE, options: Options::NONE, stack_class: 0, id: 1, name: None, spawn_site, refs: 1 };
    let task = Box::new(Task { header: Header::new(parts), used: UnsafeCell::new(7) });
    // SAFETY: the count began with one, which is this one.
    unsafe { TaskRef::from_raw(NonNull::from(Box::leak(task)).cast()) }
}

fn use_it(task: &TaskRef) {
    // SAFETY: the reference keeps the task, of which the header is the first field.
    let task = unsafe { task.as_ptr().cast::<Task>().as_ref() };
    // SAFETY: it is written when no reference is left; loom checks it.
    task.used.with(|used| assert_eq!(unsafe { *used }, 7));
}

#[test]
fn loom_the_free_comes_once_and_after_every_use() {
    // Without a bound it takes longer than all other models together.
    let mut model = loom::model::Builder::new();
    model.preemption_bound = model.preemption_bound.or(Some(5));
    model.check(|| {
        let first = task();
        let others = [first.clone(), first.clone()].map(|other| {
            thread::spawn(move || {
                let own = other.clone();
                drop(other);
                use_it(&own);
            })
        });
        use_it(&first);
        drop(first);
        others.into_iter().for_each(|other| other.join().unwrap());
    });
}
