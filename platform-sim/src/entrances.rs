// SPDX-License-Identifier: BSD-3-Clause
//! Where a program's calls enter the C library, for those that a simulation wants to see.
//!
//! A function that the program defines is found before that of a shared library with the same name, by all code that is
//! linked into the program, the standard library's among it. Each notes the call and goes on to the library's.
#![expect(unsafe_code, reason = "defines functions of the C library, and calls those that they stand before")]

use std::ffi::{CStr, c_char, c_int, c_void};
use std::sync::atomic::{AtomicPtr, Ordering};

use crate::real::{Real, touch};

/// Makes sure that the linker takes this file's functions, which nothing calls by name before it has seen a call.
pub(crate) fn keep() {
    std::hint::black_box(clock_gettime as *const ());
}

/// The function of this name behind ours.
fn behind(name: &CStr, known: &AtomicPtr<c_void>) -> *mut c_void {
    // Relaxed: the address is always the same, and of code.
    let mut found = known.load(Ordering::Relaxed);
    if found.is_null() {
        // SAFETY: the name is a C string.
        found = unsafe { libc::dlsym(libc::RTLD_NEXT, name.as_ptr()) };
        if found.is_null() {
            crate::backend::fatal(format_args!("the C library has no function {name:?}"));
        }
        known.store(found, Ordering::Relaxed);
    }
    found
}

/// Defines functions that note what they touch and go on to the library's.
macro_rules! entrances {
    ($($touches:expr => fn $name:ident($($argument:ident: $type:ty),*) -> c_int = $symbol:literal;)*) => {$(
        /// As the C library's, to which it goes on.
        ///
        /// # Safety
        ///
        /// As the C library says.
        #[unsafe(no_mangle)]
        unsafe extern "C" fn $name($($argument: $type),*) -> c_int {
            static BEHIND: AtomicPtr<c_void> = AtomicPtr::new(std::ptr::null_mut());
            touch($touches);
            let behind = behind($symbol, &BEHIND);
            // SAFETY: the library's function of this name has this type.
            let behind = unsafe { std::mem::transmute::<*mut c_void, unsafe extern "C" fn($($type),*) -> c_int>(behind) };
            // SAFETY: the caller's promise to us is the one that the library asks for.
            unsafe { behind($($argument),*) }
        }
    )*};
}

entrances! {
    Real::Clock => fn clock_gettime(clock: libc::clockid_t, now: *mut libc::timespec) -> c_int = c"clock_gettime";
    Real::Sleep => fn clock_nanosleep(
        clock: libc::clockid_t, flags: c_int, time: *const libc::timespec, left: *mut libc::timespec
    ) -> c_int = c"clock_nanosleep";
    Real::Sleep => fn nanosleep(time: *const libc::timespec, left: *mut libc::timespec) -> c_int = c"nanosleep";
    Real::Thread => fn pthread_create(
        thread: *mut libc::pthread_t, attributes: *const libc::pthread_attr_t,
        start: extern "C" fn(*mut c_void) -> *mut c_void, argument: *mut c_void
    ) -> c_int = c"pthread_create";
    Real::Socket => fn socket(domain: c_int, kind: c_int, protocol: c_int) -> c_int = c"socket";
    Real::Socket => fn socketpair(domain: c_int, kind: c_int, protocol: c_int, pair: *mut c_int) -> c_int =
        c"socketpair";
    // Variadic in C. An integer behind the dots is passed as any other on these processors.
    Real::File => fn open64(path: *const c_char, flags: c_int, mode: libc::mode_t) -> c_int = c"open64";
}
