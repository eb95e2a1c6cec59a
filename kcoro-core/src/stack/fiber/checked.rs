// SPDX-License-Identifier: BSD-3-Clause
//! Fibers for a checker: which one runs on each thread, and which was left last.
//!
//! What touches a thread-local is never inlined: its address must not be kept over a switch, after which the thread may be
//! another. What calls the checker is always inlined: the exchange must not lie between the entry and the exit of a
//! function, which ThreadSanitizer counts for the fiber that runs then.

use core::cell::Cell;
use core::ptr::{self, NonNull};
use std::boxed::Box;
use std::thread_local;

use super::checker::{self, Bounds, Side, Step};

/// A context, as the checker knows it.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) struct Fiber(*const Record);

/// What is kept of one context. Whoever owns the context, and thereby its fiber, touches it.
struct Record {
    side: Side,
    /// Who entered this context last, where it goes [`back`] to.
    parent: Cell<Fiber>,
}

thread_local! {
    /// The context that the thread came with. It has no destructor, so that the thread's own can still switch.
    static OWN: Record = const { Record { side: Side::of_a_thread(), parent: Cell::new(Fiber::NONE) } };
    /// Null for the thread's own.
    static RUNNING: Cell<Fiber> = const { Cell::new(Fiber::NONE) };
    /// Who was left by the exchange that `arrive` completes.
    static LEFT: Cell<(Fiber, How)> = const { Cell::new((Fiber::NONE, How::Suspended)) };
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum How {
    Suspended,
    Ended,
}

impl Fiber {
    /// No context.
    pub(crate) const NONE: Self = Self(ptr::null());

    /// The fiber of a context that will start on `limit..top`.
    ///
    /// # Safety
    ///
    /// Nothing lives on that memory.
    pub(crate) unsafe fn fresh(limit: NonNull<u8>, top: NonNull<u8>) -> Self {
        // SAFETY: forwarded.
        let side = unsafe { Side::fresh(limit, top) };
        Self(Box::into_raw(Box::new(Record { side, parent: Cell::new(Self::NONE) })))
    }

    /// The fiber of the caller.
    #[inline(never)]
    pub(crate) fn running() -> Self {
        let running = RUNNING.get();
        if running == Self::NONE { OWN.with(|own| Self(ptr::from_ref(own))) } else { running }
    }

    /// Forgets a fiber that came from [`Fiber::fresh`].
    ///
    /// # Safety
    ///
    /// Its context has not started or has ended, and the fiber is not used again.
    #[inline(never)]
    pub(crate) unsafe fn discard(self) {
        // SAFETY: made by `fresh`, and given up by the caller.
        unsafe { Box::from_raw(self.0.cast_mut()) }.side.end();
    }

    fn record(&self) -> &Record {
        // SAFETY: a record lives until its context has ended, or its thread has, and is left for good before that.
        unsafe { &*self.0 }
    }
}

/// The last thing that the running context does before it switches to `to`.
///
/// # Safety
///
/// `to` is the fiber of the context that is switched to, which the caller owns. Nothing but the switch comes next.
#[inline(always)]
pub(crate) unsafe fn leave(to: Fiber) {
    let step = begin(to, How::Suspended);
    // SAFETY: forwarded.
    unsafe { checker::exchange(step) };
}

/// As [`leave`], by a context that nobody switches to any more: its fiber is gone after the next [`arrive`].
///
/// # Safety
///
/// As [`leave`].
#[inline(always)]
pub(crate) unsafe fn leave_for_good(to: Fiber) {
    let step = begin(to, How::Ended);
    // SAFETY: forwarded.
    unsafe { checker::exchange(step) };
}

/// As [`leave`], for a context that will go [`back`] to the caller's.
///
/// # Safety
///
/// As [`leave`].
#[inline(always)]
pub(crate) unsafe fn enter(child: Fiber) {
    child.record().parent.set(Fiber::running());
    // SAFETY: forwarded.
    unsafe { leave(child) };
}

/// As [`leave`], for the context that was suspended when it entered the caller's.
///
/// # Safety
///
/// As [`leave`]; the running context was [`enter`]ed.
#[inline(always)]
pub(crate) unsafe fn back() {
    // SAFETY: forwarded.
    unsafe { leave(Fiber::running().record().parent.get()) };
}

/// As [`back`], for the last time.
///
/// # Safety
///
/// As [`back`].
#[inline(always)]
pub(crate) unsafe fn back_for_good() {
    // SAFETY: forwarded.
    unsafe { leave_for_good(Fiber::running().record().parent.get()) };
}

/// The first thing that a context does when it starts and after each switch that came back to it.
///
/// # Safety
///
/// Another context has left for this one and done nothing since but the switch.
#[inline(always)]
pub(crate) unsafe fn arrive() {
    // SAFETY: forwarded.
    let left_bounds = unsafe { checker::arrive(&Fiber::running().record().side) };
    complete(left_bounds);
}

#[inline(never)]
fn begin(to: Fiber, how: How) -> Step {
    let from = Fiber::running();
    LEFT.set((from, how));
    RUNNING.set(to);
    match how {
        How::Suspended => from.record().side.leave(&to.record().side),
        How::Ended => from.record().side.leave_for_good(&to.record().side),
    }
}

/// Does for the context that was left what could not be done while it ran.
#[inline(never)]
fn complete(bounds: Bounds) {
    let (left, how) = LEFT.replace((Fiber::NONE, How::Suspended));
    match how {
        How::Suspended => left.record().side.learn(bounds),
        // SAFETY: its context has left for good, on another stack than this.
        How::Ended => unsafe { left.discard() },
    }
}
