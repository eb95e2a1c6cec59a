// SPDX-License-Identifier: BSD-3-Clause
//! The system calls behind stacks, each in one function with a Rust result.
#![expect(unsafe_code, reason = "maps, protects and inspects memory")]

use core::ptr::{self, NonNull};
use std::io;
use std::sync::OnceLock;

/// The kernel's guard pages without mappings of their own, Linux 6.13; libc does not name it yet.
#[cfg(target_os = "linux")]
const MADV_GUARD_INSTALL: libc::c_int = 102;

/// A system call's `errno`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Errno(pub(super) i32);

impl Errno {
    fn last() -> Self {
        Self(io::Error::last_os_error().raw_os_error().unwrap_or(0))
    }
}

/// The size of a page: 4 KiB on x86_64; 4, 16 or 64 KiB on aarch64.
pub(super) fn page_bytes() -> usize {
    static PAGE_BYTES: OnceLock<usize> = OnceLock::new();
    *PAGE_BYTES.get_or_init(|| {
        // SAFETY: sysconf only reads its argument.
        let answer = unsafe { libc::sysconf(libc::_SC_PAGESIZE) };
        // POSIX has no system without an answer; 64 KiB is a multiple of every page size in use.
        usize::try_from(answer).ok().filter(|size| size.is_power_of_two()).unwrap_or(64 << 10)
    })
}

/// Maps `size_bytes` of private memory that is committed by touching it and never in huge pages.
pub(super) fn map(size_bytes: usize) -> Result<NonNull<u8>, Errno> {
    #[cfg(any(target_os = "linux", target_os = "android"))]
    let flags = libc::MAP_PRIVATE | libc::MAP_ANONYMOUS | libc::MAP_NORESERVE | libc::MAP_STACK;
    #[cfg(not(any(target_os = "linux", target_os = "android")))]
    let flags = libc::MAP_PRIVATE | libc::MAP_ANON;
    // SAFETY: without a fixed address the kernel picks memory that no one has.
    let base = unsafe { libc::mmap(ptr::null_mut(), size_bytes, libc::PROT_READ | libc::PROT_WRITE, flags, -1, 0) };
    if base == libc::MAP_FAILED {
        return Err(Errno::last());
    }
    // A touched stack must cost one page, not the 2 MiB of a huge one. Kernels without huge pages refuse, rightly.
    #[cfg(target_os = "linux")]
    // SAFETY: the range was mapped above; the advice does not change its content.
    unsafe {
        libc::madvise(base, size_bytes, libc::MADV_NOHUGEPAGE);
    }
    NonNull::new(base.cast()).ok_or(Errno(libc::ENOMEM))
}

/// # Safety
///
/// `base..+size_bytes` came from one [`map`] and nothing points into it any more.
pub(super) unsafe fn unmap(base: NonNull<u8>, size_bytes: usize) {
    // SAFETY: the caller gives the mapping up.
    let result = unsafe { libc::munmap(base.as_ptr().cast(), size_bytes) };
    // It can fail only when it would have to split a mapping at the limit; the range is then lost, not reused.
    debug_assert_eq!(result, 0, "munmap of a whole region");
}

/// Makes every access to the range fault, without giving it a mapping of its own.
///
/// # Safety
///
/// The range is page-aligned, lies in a [`map`]ping, and holds nothing that anyone needs.
pub(super) unsafe fn install_guard(base: NonNull<u8>, size_bytes: usize) -> Result<(), Errno> {
    #[cfg(target_os = "linux")]
    // SAFETY: the caller gives up what the range holds.
    return check(unsafe { libc::madvise(base.as_ptr().cast(), size_bytes, MADV_GUARD_INSTALL) });
    #[cfg(not(target_os = "linux"))]
    {
        let _ = (base, size_bytes);
        Err(Errno(libc::EINVAL))
    }
}

/// Makes every access to the range fault, at the cost of a mapping of its own.
///
/// # Safety
///
/// As [`install_guard`].
pub(super) unsafe fn protect(base: NonNull<u8>, size_bytes: usize) -> Result<(), Errno> {
    // SAFETY: the caller gives up what the range holds.
    check(unsafe { libc::mprotect(base.as_ptr().cast(), size_bytes, libc::PROT_NONE) })
}

/// Gives the memory behind the range back; it reads as zero afterwards. Guards stay.
///
/// # Safety
///
/// The range is page-aligned, lies in a [`map`]ping, and holds nothing that anyone needs.
pub(super) unsafe fn give_back(base: NonNull<u8>, size_bytes: usize) {
    // SAFETY: the caller gives up what the range holds. A failure keeps the memory committed, which is harmless.
    unsafe { libc::madvise(base.as_ptr().cast(), size_bytes, libc::MADV_DONTNEED) };
}

/// The lowest page of the range that is in memory, as an offset from its base; `None` when none is or when the kernel
/// does not say.
pub(super) fn first_resident(base: NonNull<u8>, size_bytes: usize) -> Option<usize> {
    const PAGES_PER_CALL: usize = 1024;
    let page_bytes = page_bytes();
    let mut resident = [0; PAGES_PER_CALL];
    let mut offset = 0;
    while offset < size_bytes {
        let chunk_bytes = (size_bytes - offset).min(PAGES_PER_CALL * page_bytes);
        let pages = &mut resident[..chunk_bytes.div_ceil(page_bytes)];
        // SAFETY: the kernel writes one byte for each page of the range into `pages`, which has as many; it only looks
        // the range up and does not touch it.
        check(unsafe { libc::mincore(base.as_ptr().add(offset).cast(), chunk_bytes, pages.as_mut_ptr().cast()) })
            .ok()?;
        // Only the lowest bit is defined.
        if let Some(page) = pages.iter().position(|page: &u8| page & 1 != 0) {
            return Some(offset + page * page_bytes);
        }
        offset += chunk_bytes;
    }
    None
}

fn check(result: libc::c_int) -> Result<(), Errno> {
    if result == 0 { Ok(()) } else { Err(Errno::last()) }
}
