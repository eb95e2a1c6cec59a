// SPDX-License-Identifier: BSD-3-Clause
//! AddressSanitizer's side of a fiber: the bounds of its stack, and its *fake stack*, where the checker keeps the frames
//! whose use after return it would find.

use core::cell::Cell;
use core::ffi::c_void;
use core::ptr::{self, NonNull};

unsafe extern "C" {
    fn __sanitizer_start_switch_fiber(save: *mut *mut c_void, bottom: *const c_void, size_bytes: usize);
    fn __sanitizer_finish_switch_fiber(saved: *mut c_void, left: *mut *const c_void, left_size_bytes: *mut usize);
    fn __asan_unpoison_memory_region(address: *const c_void, size_bytes: usize);
    fn __lsan_register_root_region(address: *const c_void, size_bytes: usize);
    fn __lsan_unregister_root_region(address: *const c_void, size_bytes: usize);
}

/// See [`super::checked`].
pub(super) struct Side {
    fake_stack: Cell<*mut c_void>,
    /// Of a thread's own context: unknown until it was left once.
    bounds: Cell<Bounds>,
}

/// What an exchange needs.
pub(super) struct Step {
    /// Where the fake stack of who leaves goes; null if it is to be freed.
    save: *mut *mut c_void,
    to: Bounds,
}

/// The lowest address of a stack and its size in bytes.
pub(super) type Bounds = (*const c_void, usize);

impl Side {
    pub(super) const fn of_a_thread() -> Self {
        Self { fake_stack: Cell::new(ptr::null_mut()), bounds: Cell::new((ptr::null(), 0)) }
    }

    /// # Safety
    ///
    /// Nothing lives on `limit..top`.
    pub(super) unsafe fn fresh(limit: NonNull<u8>, top: NonNull<u8>) -> Self {
        let (bottom, size_bytes) = (limit.as_ptr().cast_const().cast(), top.addr().get() - limit.addr().get());
        // What ran here before may have left its poison: the outermost function of a context never returns.
        // What a suspended context holds is not leaked: the leak checker looks at the stacks of threads only.
        // SAFETY: the memory is the caller's, and free.
        unsafe {
            __asan_unpoison_memory_region(bottom, size_bytes);
            __lsan_register_root_region(bottom, size_bytes);
        }
        Self { bounds: Cell::new((bottom, size_bytes)), ..Self::of_a_thread() }
    }

    pub(super) fn end(&self) {
        let (bottom, size_bytes) = self.bounds.get();
        // SAFETY: registered by `fresh`.
        unsafe { __lsan_unregister_root_region(bottom, size_bytes) };
    }

    /// By the running context.
    pub(super) fn leave(&self, to: &Side) -> Step {
        Step { save: self.fake_stack.as_ptr(), to: to.bounds.get() }
    }

    pub(super) fn leave_for_good(&self, to: &Side) -> Step {
        Step { save: ptr::null_mut(), to: to.bounds.get() }
    }

    pub(super) fn learn(&self, bounds: Bounds) {
        if self.bounds.get().0.is_null() {
            self.bounds.set(bounds);
        }
    }
}

/// # Safety
///
/// The step was made by the running context, and the next thing is the switch. When it leaves for good, none of its
/// frames that are compiled for the checker is used any more: they may lie on the fake stack.
#[inline(always)]
pub(super) unsafe fn exchange(step: Step) {
    // SAFETY: the bounds are those of the stack that is switched to.
    unsafe { __sanitizer_start_switch_fiber(step.save, step.to.0, step.to.1) };
}

/// # Safety
///
/// `running` is the caller's, and the last exchange was made for it.
#[inline(always)]
pub(super) unsafe fn arrive(running: &Side) -> Bounds {
    let (mut left, mut left_size_bytes) = (ptr::null(), 0);
    // SAFETY: the fake stack is what the last exchange away from here saved, or null when this has just started.
    unsafe { __sanitizer_finish_switch_fiber(running.fake_stack.get(), &raw mut left, &raw mut left_size_bytes) };
    (left, left_size_bytes)
}
