// SPDX-License-Identifier: BSD-3-Clause
//! ThreadSanitizer's side of a fiber.
//!
//! What is ordered: whatever runs on one thread, in the order in which it runs there, and nothing else. So a coroutine
//! that another worker took over without an acquire of what the first released is a race, and is reported.
//!
//! - The checker's own edge of a switch is turned off, and each thread has a cell of its own instead, released before and
//!   acquired after each switch. The checker's edge would hang on the address of the fiber's record in the checker, which
//!   is used again for other fibers, on other threads.
//! - A fiber has a clock that only grows: it would carry what a coroutine knew on its first thread over to the second,
//!   whatever the hand-over did. So a coroutine gets a new fiber whenever it changes threads, which knows what its new
//!   thread knows.

use core::cell::Cell;
use core::ffi::c_void;
use core::ptr::{self, NonNull};
use std::thread_local;

unsafe extern "C" {
    fn __tsan_get_current_fiber() -> *mut c_void;
    fn __tsan_create_fiber(flags: u32) -> *mut c_void;
    fn __tsan_destroy_fiber(fiber: *mut c_void);
    fn __tsan_switch_to_fiber(fiber: *mut c_void, flags: u32);
    fn __tsan_func_entry(pc: *const c_void);
    fn __tsan_acquire(address: *mut c_void);
    fn __tsan_release(address: *mut c_void);
}

const NO_SYNC: u32 = 1;
/// No frame takes fewer bytes of a stack.
const MIN_FRAME_BYTES: usize = 32;
/// Half of what the checker has room for.
const MAX_FRAMES: usize = 1 << 15;

thread_local! {
    /// Its address stands for the order of this thread, and of threads that ended before and had the same memory.
    static ORDER: Cell<u8> = const { Cell::new(0) };
}

/// See [`super::checked`].
pub(super) struct Side {
    /// Null until the context has run.
    handle: Cell<*mut c_void>,
    /// Whose order the handle follows: the thread that the context ran on last.
    thread: Cell<*mut c_void>,
    /// As many as the stack can have at most.
    max_frames: usize,
}

/// What an exchange needs.
pub(super) struct Step {
    thread: *mut c_void,
    handle: *mut c_void,
    /// How many functions the context will return from that its new handle did not see it enter, at most.
    unseen_frames: usize,
}

/// Nothing is learnt of who was left.
pub(super) type Bounds = ();

impl Side {
    pub(super) const fn of_a_thread() -> Self {
        Self { handle: Cell::new(ptr::null_mut()), thread: Cell::new(ptr::null_mut()), max_frames: 0 }
    }

    /// # Safety
    ///
    /// None: the memory is not touched.
    pub(super) unsafe fn fresh(limit: NonNull<u8>, top: NonNull<u8>) -> Self {
        let size_bytes = top.addr().get() - limit.addr().get();
        Self { max_frames: (size_bytes / MIN_FRAME_BYTES).min(MAX_FRAMES), ..Self::of_a_thread() }
    }

    pub(super) fn end(&self) {
        if !self.handle.get().is_null() {
            // SAFETY: the context has ended, so its handle is not the running one and is not used again.
            unsafe { __tsan_destroy_fiber(self.handle.get()) };
        }
    }

    /// By the running context.
    pub(super) fn leave(&self, to: &Side) -> Step {
        let thread = this_thread();
        // SAFETY: no obligations.
        self.handle.set(unsafe { __tsan_get_current_fiber() });
        self.thread.set(thread);
        let unseen_frames = to.move_to(thread);
        Step { thread, handle: to.handle.get(), unseen_frames }
    }

    pub(super) fn leave_for_good(&self, to: &Side) -> Step {
        self.leave(to)
    }

    pub(super) fn learn(&self, (): Bounds) {}

    /// Gives a context that comes to this thread a new handle; returns how many frames that has not seen.
    fn move_to(&self, thread: *mut c_void) -> usize {
        if self.thread.get() == thread {
            return 0;
        }
        // SAFETY: no obligations. The new handle knows what the running one does.
        let former = self.handle.replace(unsafe { __tsan_create_fiber(0) });
        self.thread.set(thread);
        if former.is_null() {
            return 0;
        }
        // SAFETY: the context is suspended and its owner is the caller, so its former handle does not run.
        unsafe { __tsan_destroy_fiber(former) };
        self.max_frames
    }
}

fn this_thread() -> *mut c_void {
    ORDER.with(|order| order.as_ptr().cast())
}

/// # Safety
///
/// The step was made by the running context, and the next thing is the switch.
#[inline(always)]
pub(super) unsafe fn exchange(step: Step) {
    // Into locals: from the exchange on, the checker takes accesses to memory for those of the other fiber.
    let Step { thread, handle, unseen_frames } = step;
    // SAFETY: the handle is that of a suspended context; `thread` is a cell of this thread.
    unsafe {
        __tsan_release(thread);
        __tsan_switch_to_fiber(handle, NO_SYNC);
        __tsan_acquire(thread);
        // The checker counts exits without looking: those of frames that it did not see must find something to remove.
        let mut frames = unseen_frames;
        while frames > 0 {
            __tsan_func_entry(entered_on_another_thread as *const c_void);
            frames -= 1;
        }
    }
}

/// # Safety
///
/// None: there is nothing to do.
#[inline(always)]
pub(super) unsafe fn arrive(_running: &Side) -> Bounds {}

/// Stands in reports for frames that a coroutine entered before it changed threads.
#[inline(never)]
extern "C" fn entered_on_another_thread() {}
