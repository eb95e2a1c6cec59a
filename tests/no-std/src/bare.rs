// SPDX-License-Identifier: BSD-3-Clause
//! What std would bring along: an entry, a heap, a way to end. The C library lends it.

use core::alloc::{GlobalAlloc, Layout};
use core::ffi::{c_int, c_void};
use core::fmt::Write;

#[link(name = "c")]
unsafe extern "C" {
    fn write(file: c_int, bytes: *const c_void, count: usize) -> isize;
    fn aligned_alloc(align: usize, size: usize) -> *mut c_void;
    fn free(memory: *mut c_void);
    safe fn abort() -> !;
}

struct Heap;

// SAFETY: the C library's heap; `aligned_alloc` wants a size that is a multiple of the alignment.
unsafe impl GlobalAlloc for Heap {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        let layout = layout.align_to(16).expect("a small alignment").pad_to_align();
        // SAFETY: no conditions.
        unsafe { aligned_alloc(layout.align(), layout.size()).cast() }
    }

    unsafe fn dealloc(&self, memory: *mut u8, _: Layout) {
        // SAFETY: the memory came from `alloc`.
        unsafe { free(memory.cast()) };
    }
}

#[global_allocator]
static HEAP: Heap = Heap;

/// A file by its number.
struct Output(c_int);

impl Output {
    #[cfg(feature = "scenarios")]
    const fn standard() -> Self {
        Self(1)
    }

    const fn standard_error() -> Self {
        Self(2)
    }
}

impl core::fmt::Write for Output {
    fn write_str(&mut self, text: &str) -> core::fmt::Result {
        // SAFETY: the text is there for the call. What cannot be written is lost.
        unsafe { write(self.0, text.as_ptr().cast(), text.len()) };
        Ok(())
    }
}

#[panic_handler]
fn panic(why: &core::panic::PanicInfo<'_>) -> ! {
    #[cfg(feature = "scenarios")]
    let playing = crate::suite::now_playing();
    #[cfg(not(feature = "scenarios"))]
    let playing = "the program";
    let _ = Output::standard_error().write_fmt(format_args!("{playing}: {why}\n"));
    abort()
}

/// Named by the precompiled `alloc`, never called: panics abort.
#[unsafe(no_mangle)]
extern "C" fn rust_eh_personality() {}

/// As above.
#[unsafe(no_mangle)]
extern "C" fn _Unwind_Resume() -> ! {
    abort()
}

#[unsafe(no_mangle)]
extern "C" fn main() -> c_int {
    crate::program::outside_of_a_runtime();
    crate::program::in_coroutines();
    #[cfg(feature = "scenarios")]
    crate::suite::play_all(|line| {
        let _ = Output::standard().write_fmt(format_args!("{line}\n"));
    });
    #[cfg(feature = "backend")]
    assert!(crate::one_core::masks_have_come_and_gone());
    0
}
