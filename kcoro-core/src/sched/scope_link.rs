// SPDX-License-Identifier: BSD-3-Clause
//! What ties a coroutine to the scope whose child it is.
#![expect(unsafe_code, reason = "looks at the running task by raw pointer")]

use core::cell::Cell;
use core::ptr::NonNull;

use super::runtime::Inner;
use super::task_core::TaskCore;
use crate::stack::StackError;
use crate::task::header::Header;
use crate::task::schedule::Place;

/// The scope that a new coroutine is spawned into, if any.
#[derive(Clone, Copy)]
pub(crate) struct ScopeOf {
    /// See [`ScopeLink`].
    pub(crate) on_end: Option<unsafe fn(*const (), NonNull<Header>)>,
    pub(crate) data: *const (),
    pub(crate) opener: Opener,
    pub(crate) name: Option<&'static str>,
}

impl ScopeOf {
    pub(crate) const NONE: Self = Self { on_end: None, data: core::ptr::null(), opener: Opener::NONE, name: None };
}

/// Whose scope it is.
#[derive(Clone, Copy)]
pub(crate) struct Opener {
    id: u64,
    /// The address of its runtime, to be compared only: a scope is shared between threads.
    runtime: usize,
}

impl Opener {
    const NONE: Self = Self { id: 0, runtime: 0 };

    /// The running coroutine, if the caller is in one.
    pub(crate) fn current() -> Self {
        Place::coroutine().map_or(Self::NONE, |task| {
            // SAFETY: the running coroutine is live.
            let core = unsafe { TaskCore::of(task) };
            Self { id: core.header.id, runtime: core.runtime.addr() }
        })
    }

    /// Its number, which means something within its own runtime only; zero elsewhere.
    fn id_in(self, runtime: *const Inner) -> u64 {
        if self.runtime == runtime.addr() { self.id } else { 0 }
    }
}

/// Who is told when a scope's child has ended, after its closure and, unless a handle owns it, its output are gone.
pub(crate) struct ScopeLink {
    pub(crate) on_end: Option<unsafe fn(*const (), NonNull<Header>)>,
    pub(crate) data: *const (),
    /// The number of the coroutine whose scope it is; zero if that is a plain thread or of another runtime, or if there
    /// is no scope.
    pub(crate) parent_id: u64,
    /// The scope's name when this was spawned. A copy, because who reads it may come when the scope has gone.
    pub(crate) name: Option<&'static str>,
    /// Whether the coroutine failed and no handle was left to see it. Written before `on_end` is called.
    pub(crate) failed_unobserved: Cell<bool>,
    /// Why it never ran, if it had no stack. Written before `on_end` is called.
    pub(crate) no_stack: Cell<Option<StackError>>,
    /// For the scope, under its lock: the neighbours among its children, whether there are any, whether it has ended.
    pub(crate) prev: Cell<Option<NonNull<Header>>>,
    pub(crate) next: Cell<Option<NonNull<Header>>>,
    pub(crate) listed: Cell<bool>,
    pub(crate) over: Cell<bool>,
}

impl ScopeLink {
    pub(super) fn new(scope: ScopeOf, runtime: *const Inner) -> Self {
        Self {
            on_end: scope.on_end,
            data: scope.data,
            parent_id: scope.opener.id_in(runtime),
            name: scope.name,
            failed_unobserved: Cell::new(false),
            no_stack: Cell::new(None),
            prev: Cell::new(None),
            next: Cell::new(None),
            listed: Cell::new(false),
            over: Cell::new(false),
        }
    }
}
