// SPDX-License-Identifier: BSD-3-Clause
//! Walks through a list that changes meanwhile.
#![expect(unsafe_code, reason = "lists tasks that outlive the list")]

use core::cell::Cell;
use core::panic::Location;
use core::ptr::{self, NonNull};
use core::sync::atomic::AtomicUsize;
use std::boxed::Box;
use std::vec::Vec;

use super::super::SCHEDULER;
use super::super::join_cell::JoinCell;
use super::super::locals::Locals;
use super::super::scope_link::{ScopeLink, ScopeOf};
use super::super::task_core::TaskCore;
use super::{Links, Registry};
use crate::task::header::{Header, Options, Parts, Rejected, TaskVtable};

/// No task of these tests runs or is freed by reference count.
static VTABLE: TaskVtable = {
    unsafe fn never(_: NonNull<Header>) {}
    unsafe fn never_either(_: NonNull<Header>, _: Rejected) {}
    TaskVtable { run: never, reject: never_either, free: never, scheduler: &SCHEDULER }
};

/// A task that no scheduler knows.
struct Task(NonNull<TaskCore>);

impl Task {
    fn new(id: u64) -> Self {
        let (options, spawn_site) = (Options::NONE, Location::caller());
        let parts = Parts { vtable: &VTABLE, options, stack_class: 0, id, name: None, spawn_site, refs: 1 };
        Self(NonNull::from(Box::leak(Box::new(TaskCore {
            header: Header::new(parts),
            join: JoinCell::new(),
            runtime: ptr::null(),
            links: Links::new(),
            locals: Locals::new(),
            stack_used_bytes: AtomicUsize::new(0),
            at_end: Cell::new(None),
            scope: ScopeLink::new(ScopeOf::NONE, ptr::null()),
        }))))
    }

    fn enter(&self, registry: &Registry) {
        // SAFETY: each test enters a task that is in no registry, and drops the registry first.
        unsafe { registry.insert(self.0.cast()) };
    }

    fn leave(&self, registry: &Registry) {
        // SAFETY: each test strikes a task that it has entered.
        unsafe { registry.remove(self.0.cast()) };
    }
}

impl Drop for Task {
    fn drop(&mut self) {
        // SAFETY: it was leaked by `new`, and no registry uses it any more.
        drop(unsafe { Box::from_raw(self.0.as_ptr()) });
    }
}

fn id_of(task: NonNull<Header>) -> u64 {
    // SAFETY: listed tasks are live.
    unsafe { task.as_ref() }.id
}

/// The numbers seen by a walk over tasks 0 to 4, newest first, during which `meanwhile` gets each after its look.
fn walk(meanwhile: impl Fn(&Registry, &[Task], u64)) -> Vec<u64> {
    let tasks: Vec<_> = (0..5).map(Task::new).collect();
    let registry = Registry::new();
    tasks.iter().for_each(|task| task.enter(&registry));
    let mut seen = Vec::new();
    registry.walk(id_of, |id| {
        seen.push(id);
        meanwhile(&registry, &tasks, id);
    });
    assert!(registry.list.lock().walks.is_null(), "the walk has left");
    seen
}

#[test]
fn a_walk_sees_all_that_stay() {
    assert_eq!(walk(|_, _, _| ()), [4, 3, 2, 1, 0]);
}

#[test]
fn a_walk_passes_by_whoever_goes_before_its_turn_and_is_not_lost_with_who_has_been_seen() {
    let seen = walk(|registry, tasks, id| match id {
        4 => {
            // The one that it would come to next, and the one after that.
            tasks[3].leave(registry);
            tasks[2].leave(registry);
            tasks[4].leave(registry);
        }
        0 => tasks[1].leave(registry),
        _ => {}
    });
    assert_eq!(seen, [4, 1, 0]);
}

#[test]
fn a_walk_that_comes_to_its_end_does_not_see_who_comes_late() {
    let late = Task::new(9);
    let seen = walk(|registry, _, id| {
        if id == 2 {
            late.enter(registry);
            late.leave(registry);
        }
    });
    assert_eq!(seen, [4, 3, 2, 1, 0]);
}

#[test]
fn walks_within_walks_do_not_disturb_each_other() {
    let seen = walk(|registry, tasks, id| {
        if id == 3 {
            let mut inner = Vec::new();
            registry.walk(id_of, |id| inner.push(id));
            assert_eq!(inner, [4, 3, 2, 1, 0]);
            tasks[2].leave(registry);
        }
    });
    assert_eq!(seen, [4, 3, 1, 0]);
}

#[test]
fn a_walk_that_panics_leaves() {
    let one = Task::new(1);
    let registry = Registry::new();
    one.enter(&registry);
    let panics = || registry.walk(|_| (), |()| panic!("in between"));
    assert!(std::panic::catch_unwind(std::panic::AssertUnwindSafe(panics)).is_err());
    assert!(registry.list.lock().walks.is_null());
    one.leave(&registry);
    assert!(registry.is_empty());
}
