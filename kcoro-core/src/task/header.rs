// SPDX-License-Identifier: BSD-3-Clause
//! The header of a coroutine under a scheduler.
//!
//! # Who may touch what
//!
//! A task has one *owner* at a time: the queue that holds it, the worker that runs it, the destination of its last
//! switch until it has published it, or the winner of its published park. Ownership moves with a Release/Acquire edge of
//! the queue or the claim.
//!
//! | field | who |
//! |---|---|
//! | `claim`, `refs`, `sources` | anyone with a reference |
//! | `waits` | written by the coroutine itself as it parks; means something to who holds it parked |
//! | `home` | written by the owner at the first resume (and when it migrates), read by who makes it ready |
//! | `link`, `sp`, `fiber`, `stack`, `state`, `deadline_ns` | the owner |
//! | `vtable`, `id`, `name`, `spawn_site`, `options` | fixed before the task is shared |
#![expect(unsafe_code, reason = "reference counting and access to the owner's fields by raw pointer")]

#[cfg(all(test, loom))]
mod loom_tests;
mod reference;

use core::cell::Cell;
use core::panic::Location;
use core::ptr::{self, NonNull};

pub(crate) use self::reference::TaskRef;
use super::claim::Claim;
use super::schedule::{NO_DEADLINE, Schedule, WorkerHead};
use super::sources::Sources;
use super::wait_record::WaitRecord;
use crate::primitive::atomic::{AtomicPtr, AtomicU32, Ordering};
use crate::stack::RawStack;
use crate::stack::fiber::Fiber;
use crate::util::linked::{Link, Linked};

/// What was fixed at spawn: a set of the `Options::` constants.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) struct Options(pub(crate) u8);

impl Options {
    pub(crate) const NONE: Options = Options(0);
    /// Keeps its own floating-point control words over suspensions.
    pub(crate) const OWN_FP_CONTROL: Options = Options(1);
    /// May be resumed by another worker than the one that started it.
    pub(crate) const MIGRATES: Options = Options(2);
    /// Its stack is painted at the start, so that its high-water mark can be read at the end.
    pub(crate) const MEASURE_STACK: Options = Options(4);
    /// It lies in a slot, whose stack it has had from its spawn on.
    pub(crate) const IN_SLOT: Options = Options(8);

    /// Whether it has one of `option`.
    #[inline]
    pub(crate) const fn has(self, option: Options) -> bool {
        self.0 & option.0 != 0
    }

    pub(crate) const fn with(self, option: Options) -> Options {
        Options(self.0 | option.0)
    }
}

/// How to run and end a task whose closure and output have types that the scheduler does not know.
pub(crate) struct TaskVtable {
    /// Runs the closure to its end on the current stack, stores its outcome and tells who joins. Never unwinds.
    pub(crate) run: unsafe fn(NonNull<Header>),
    /// Drops the closure of a task that has not started and tells who joins. Never unwinds.
    pub(crate) reject: unsafe fn(NonNull<Header>, Rejected),
    /// Frees the memory; the last reference is gone.
    pub(crate) free: unsafe fn(NonNull<Header>),
    /// The scheduler that makes it ready.
    pub(crate) scheduler: &'static dyn Schedule,
}

/// Why a spawned task never ran.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Rejected {
    /// It was cancelled before its first run.
    Cancelled,
    /// Its runtime shut down.
    Shutdown,
    /// There was no stack for it.
    NoStack(crate::stack::StackError),
}

/// See the [module](self).
#[repr(C)]
pub(crate) struct Header {
    pub(crate) claim: Claim,
    link: Link<Header>,
    sp: Cell<*mut u8>,
    fiber: Cell<Fiber>,
    home: AtomicPtr<WorkerHead>,
    pub(crate) vtable: &'static TaskVtable,
    /// The earliest deadline of the enclosing `timeout` scopes.
    pub(crate) deadline_ns: Cell<u64>,
    refs: AtomicU32,
    stack_class: u8,
    pub(crate) options: Options,
    started: Cell<bool>,
    pub(crate) registered: Cell<bool>,
    pub(crate) waits: WaitRecord,
    stack: Cell<Option<RawStack>>,
    pub(crate) sources: Sources,
    pub(crate) id: u64,
    pub(crate) name: Option<&'static str>,
    pub(crate) spawn_site: &'static Location<'static>,
}

// SAFETY: the table in the module documentation: shared fields are atomic or fixed, the rest belongs to the one owner.
unsafe impl Send for Header {}
// SAFETY: as above.
unsafe impl Sync for Header {}

// SAFETY: the link is a field of its own that only the queue that holds the task touches.
unsafe impl Linked for Header {
    #[inline(always)]
    fn link(this: NonNull<Self>) -> NonNull<Link<Self>> {
        // SAFETY: `this` points to a live header: whoever links it owns it.
        unsafe { NonNull::new_unchecked(&raw mut (*this.as_ptr()).link) }
    }
}

/// What a header is made of.
pub(crate) struct Parts {
    pub(crate) vtable: &'static TaskVtable,
    pub(crate) options: Options,
    pub(crate) stack_class: u8,
    pub(crate) id: u64,
    pub(crate) name: Option<&'static str>,
    pub(crate) spawn_site: &'static Location<'static>,
    /// References from the start: one is the scheduler's.
    pub(crate) refs: u32,
}

impl Header {
    #[inline]
    pub(crate) fn new(parts: Parts) -> Header {
        Header {
            claim: Claim::new(),
            link: Link::new(),
            sp: Cell::new(ptr::null_mut()),
            fiber: Cell::new(Fiber::NONE),
            home: AtomicPtr::new(ptr::null_mut()),
            vtable: parts.vtable,
            deadline_ns: Cell::new(NO_DEADLINE),
            refs: AtomicU32::new(parts.refs),
            stack_class: parts.stack_class,
            options: parts.options,
            started: Cell::new(false),
            registered: Cell::new(false),
            waits: WaitRecord::new(),
            stack: Cell::new(None),
            sources: Sources::new(),
            id: parts.id,
            name: parts.name,
            spawn_site: parts.spawn_site,
        }
    }

    /// The worker that the task is bound to; null while it is bound to none.
    #[inline(always)]
    pub(crate) fn home(&self) -> *mut WorkerHead {
        // Relaxed: whoever may act on it owns the task, and got it over an Acquire edge.
        self.home.load(Ordering::Relaxed)
    }

    /// Binds the task to a worker. Only the owner calls this.
    #[inline(always)]
    pub(crate) fn bind(&self, home: *mut WorkerHead) {
        self.home.store(home, Ordering::Relaxed);
    }

    /// Where the switch saves and finds the stack pointer.
    #[inline(always)]
    pub(crate) fn sp_slot(&self) -> *mut *mut u8 {
        self.sp.as_ptr()
    }

    /// The saved stack pointer of a suspended task.
    #[inline(always)]
    pub(crate) fn sp(&self) -> *mut u8 {
        self.sp.get()
    }

    /// What the sanitizers call the suspended context that [`Header::sp`] leads to.
    #[inline(always)]
    pub(crate) fn fiber(&self) -> &Cell<Fiber> {
        &self.fiber
    }

    /// Whether it has run before, and so has a stack and a home.
    #[inline(always)]
    pub(crate) fn is_started(&self) -> bool {
        self.started.get()
    }

    pub(crate) fn stack_class(&self) -> usize {
        usize::from(self.stack_class)
    }

    /// Gives the task the stack on which it will run: from now on it is started.
    #[inline]
    pub(crate) fn attach_stack(&self, stack: RawStack) {
        self.stack.set(Some(stack));
        self.started.set(true);
    }

    /// Gives the task the stack on which it will start, if nobody else is to. Only who has made the task calls this.
    pub(crate) fn bring_stack(&self, stack: RawStack) {
        self.stack.set(Some(stack));
    }

    /// Takes the stack away again: the task has ended, or is about to start on one that it has brought.
    #[inline]
    pub(crate) fn detach_stack(&self) -> Option<RawStack> {
        self.stack.take()
    }

    /// Calls `f` with the stack, if there is one. Only the owner calls this.
    pub(crate) fn with_stack<R>(&self, f: impl FnOnce(&RawStack) -> R) -> Option<R> {
        // SAFETY: only the owner touches the cell, and `f` cannot reach it.
        unsafe { &*self.stack.as_ptr() }.as_ref().map(f)
    }

    /// The bounds of the stack, lowest usable byte first. Safe to call in a signal handler that interrupted the task.
    pub(crate) fn stack_bounds(&self) -> Option<(usize, usize)> {
        // The interrupted task cannot be in the middle of attaching a stack to itself, for it runs on that stack.
        self.with_stack(|stack| (stack.limit().addr().get(), stack.top().addr().get()))
    }

    /// Takes another reference.
    ///
    /// # Safety
    ///
    /// `this` is live: the caller has a reference, or owns the task.
    pub(crate) unsafe fn retain(this: NonNull<Header>) {
        // Relaxed: a new reference is made from one that exists, so the count cannot reach zero meanwhile.
        // SAFETY: the caller has a reference.
        let before = unsafe { this.as_ref() }.refs.fetch_add(1, Ordering::Relaxed);
        assert!(before < u32::MAX / 2, "too many references to one coroutine");
    }

    /// Gives a reference back.
    ///
    /// # Safety
    ///
    /// The caller has one, and does not use it again.
    #[inline]
    pub(crate) unsafe fn release(this: NonNull<Header>) {
        // SAFETY: the caller has a reference.
        let refs = &unsafe { this.as_ref() }.refs;
        // Whose reference is the only one need not count it down: nobody is left to make another. Acquire, here and below: all
        // that the other references were used for comes before the free. Below it is a load and not a fence, which
        // ThreadSanitizer does not understand: it reads what the subtraction has just written, and so costs nothing.
        let is_last = refs.load(Ordering::Acquire) == 1
            // Release: all that this reference was used for comes before the free.
            || (refs.fetch_sub(1, Ordering::Release) == 1 && refs.load(Ordering::Acquire) == 0);
        if is_last {
            // SAFETY: that was the last reference.
            unsafe { (this.as_ref().vtable.free)(this) };
        }
    }
}
