// SPDX-License-Identifier: BSD-3-Clause
//! Walks through a list that changes meanwhile.

use core::panic::Location;
use core::ptr::{self, NonNull};
use core::sync::atomic::AtomicUsize;
use std::boxed::Box;
use std::vec::Vec;

use super::super::SCHEDULER;
use super::super::join_cell::JoinCell;
use super::super::locals::Locals;
use super::super::task_core::{ScopeLink, ScopeOf, TaskCore};
use super::{Links, Registry};
use crate::task::header::{Header, Options, Parts, Rejected, TaskVtable};

/// No task of these tests runs or is freed by reference count.
static VTABLE: TaskVtable = {
    unsafe fn never(_: NonNull<Header>) {}
    unsafe fn never_either(_: NonNull<Header>, _: Rejected) {}
    TaskVtable { run: never, reject: never_either, free: never, scheduler: &SCHEDULER }
};

fn task(id: u64) -> Box<TaskCore> {
    let (options, spawn_site) = (Options::NONE, Location::caller());
    let parts = Parts { vtable: &VTABLE, options, stack_class: 0, id, name: None, spawn_site, refs: 1 };
    Box::new(TaskCore {
        header: Header::new(parts),
        join: JoinCell::new(),
        runtime: ptr::null(),
        links: Links::new(),
        locals: Locals::new(),
        stack_used_bytes: AtomicUsize::new(0),
        scope: ScopeLink::new(ScopeOf::NONE, ptr::null()),
    })
}

/// The numbers seen by a walk over tasks 0 to 4, newest first, during which `meanwhile` gets each after its look.
fn walk(meanwhile: impl Fn(&Registry, &[Box<TaskCore>], u64)) -> Vec<u64> {
    let registry = Registry::new();
    let tasks: Vec<_> = (0..5).map(task).collect();
    tasks.iter().for_each(|task| registry.insert(task));
    let mut seen = Vec::new();
    registry.walk(
        |core| core.header.id,
        |id| {
            seen.push(id);
            meanwhile(&registry, &tasks, id);
        },
    );
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
            registry.remove(&tasks[3]);
            registry.remove(&tasks[2]);
            registry.remove(&tasks[4]);
        }
        0 => registry.remove(&tasks[1]),
        _ => {}
    });
    assert_eq!(seen, [4, 1, 0]);
}

#[test]
fn a_walk_that_comes_to_its_end_does_not_see_who_comes_late() {
    let late = task(9);
    let seen = walk(|registry, _, id| {
        if id == 2 {
            registry.insert(&late);
            registry.remove(&late);
        }
    });
    assert_eq!(seen, [4, 3, 2, 1, 0]);
}

#[test]
fn walks_within_walks_do_not_disturb_each_other() {
    let seen = walk(|registry, tasks, id| {
        if id == 3 {
            let mut inner = Vec::new();
            registry.walk(|core| core.header.id, |id| inner.push(id));
            assert_eq!(inner, [4, 3, 2, 1, 0]);
            registry.remove(&tasks[2]);
        }
    });
    assert_eq!(seen, [4, 3, 1, 0]);
}

#[test]
fn a_walk_that_panics_leaves() {
    let registry = Registry::new();
    let one = task(1);
    registry.insert(&one);
    let panics = || registry.walk(|_| (), |()| panic!("in between"));
    assert!(std::panic::catch_unwind(std::panic::AssertUnwindSafe(panics)).is_err());
    assert!(registry.list.lock().walks.is_null());
    registry.remove(&one);
    assert!(registry.is_empty());
}
