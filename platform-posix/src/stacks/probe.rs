// SPDX-License-Identifier: BSD-3-Clause
//! Whether the kernel has guard pages of its own, found out by using one.
#![expect(unsafe_code, reason = "maps a page and lets the kernel read it")]

use core::ptr::NonNull;
use std::io;
use std::sync::OnceLock;

use super::{memory, valgrind};

/// Whether `memory::install_guard` really guards in this process. The answer of the call is not enough: emulators that
/// take unknown advice for a mere hint say yes and do nothing.
pub(super) fn kernel_guards_work() -> bool {
    static WORK: OnceLock<bool> = OnceLock::new();
    *WORK.get_or_init(|| {
        if cfg!(miri) {
            return true;
        }
        if valgrind::runs_this_program() {
            // It does not know this kind of guard, and crashes when it looks at one: at the system call below, for one.
            return false;
        }
        let page_bytes = memory::page_bytes();
        let Ok(page) = memory::map(page_bytes) else { return false };
        // SAFETY: the page is this function's own.
        let work = unsafe { memory::install_guard(page, page_bytes) }.is_ok() && !is_readable(page);
        // SAFETY: as above.
        unsafe { memory::unmap(page, page_bytes) };
        work
    })
}

/// Lets the kernel read the byte at `address` as the start of a path: where the byte cannot be read, the kernel says so
/// and nothing faults.
fn is_readable(address: NonNull<u8>) -> bool {
    // SAFETY: the kernel checks the address. The byte is 0 where it can be read, an empty path.
    let found = unsafe { libc::access(address.as_ptr().cast(), libc::F_OK) } == 0;
    found || io::Error::last_os_error().raw_os_error() != Some(libc::EFAULT)
}

#[cfg(test)]
mod tests {
    use super::is_readable;
    use crate::stacks::memory;

    #[test]
    fn a_page_counts_as_guarded_only_when_it_cannot_be_read() {
        let page_bytes = memory::page_bytes();
        let page = memory::map(page_bytes).unwrap();
        assert!(is_readable(page));
        // SAFETY: the page is this test's own.
        unsafe {
            memory::protect(page, page_bytes).unwrap();
            assert!(!is_readable(page));
            memory::unmap(page, page_bytes);
        }
    }
}
