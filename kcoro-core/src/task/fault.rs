// SPDX-License-Identifier: BSD-3-Clause
//! What a backend's fault or signal handler asks the core: whose stack is this, and who runs here?
#![expect(unsafe_code, reason = "reads the current coroutine's header, and asks its worker's scheduler")]

use core::panic::Location;
use core::ptr::NonNull;

use super::schedule::Place;

/// The coroutine that runs on this thread or core, as a fault report wants to name it.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub struct StackOwner {
    /// The coroutine's id.
    pub id: u64,
    /// Its name, if it was given one. Valid for as long as the coroutine stays the current one: a handler that does not
    /// return may read it.
    pub name: Option<NonNull<str>>,
    /// Where it was spawned.
    pub spawn_site: &'static Location<'static>,
    /// The lowest usable address of its stack.
    pub stack_limit: usize,
    /// One past the highest usable address of its stack.
    pub stack_top: usize,
}

impl StackOwner {
    /// The owner without a name; set [`StackOwner::name`] if it has one.
    pub const fn new(id: u64, spawn_site: &'static Location<'static>, stack_limit: usize, stack_top: usize) -> Self {
        Self { id, name: None, spawn_site, stack_limit, stack_top }
    }
}

/// The coroutine that this thread or core runs now; `None` in a worker's base context and outside of a runtime.
///
/// Callable from a signal handler or an exception vector: it allocates nothing, takes no lock and calls no user code.
pub fn current_stack_owner() -> Option<StackOwner> {
    let task = Place::coroutine()?;
    // SAFETY: the current coroutine is live; a handler that interrupted it reads fields that only it changes.
    let header = unsafe { task.as_ref() };
    let (limit, top) = header.stack_bounds()?;
    let owner = StackOwner::new(header.id, header.spawn_site, limit, top);
    Some(StackOwner { name: header.name.map(NonNull::from), ..owner })
}

/// One stay of a coroutine on its worker, from a switch to it until the next switch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Stint {
    /// The coroutine's id.
    pub id: u64,
    /// Its name, if it was given one.
    pub name: Option<&'static str>,
    /// Where it was spawned.
    pub spawn_site: &'static Location<'static>,
    /// The how-manieth switch of its worker began it: two stints of one worker differ in this number.
    pub nth: u64,
}

/// The stint of the coroutine that this thread or core runs now; `None` in a worker's base context and outside of a
/// runtime.
///
/// Callable from a signal handler or an exception vector: it allocates nothing, takes no lock and calls no user code.
pub fn current_stint() -> Option<Stint> {
    let Place::Coroutine(worker, task) = Place::current() else { return None };
    // SAFETY: a worker's pointer to its current coroutine is taken back before the coroutine is released.
    let header = unsafe { task.as_ref() };
    // SAFETY: the worker is the calling one, of the scheduler that it names.
    let nth = unsafe { worker.as_ref().scheduler.switches(worker) };
    Some(Stint { id: header.id, name: header.name, spawn_site: header.spawn_site, nth })
}
