// SPDX-License-Identifier: BSD-3-Clause
//! Memory for stacks under Miri, which has no system calls for guards: heap memory. Under Miri no frame lies in it, so
//! nothing can overflow.
#![expect(unsafe_code, reason = "allocates, frees and clears raw memory")]

use core::ptr::NonNull;
use std::alloc::{Layout, alloc_zeroed, dealloc};

/// A system call's `errno`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Errno(pub(super) i32);

pub(super) fn page_bytes() -> usize {
    4096
}

fn layout(size_bytes: usize) -> Layout {
    Layout::from_size_align(size_bytes, page_bytes()).expect("regions are far smaller than the address space")
}

/// As the system: zeros, page-aligned.
pub(super) fn map(size_bytes: usize) -> Result<NonNull<u8>, Errno> {
    // SAFETY: no region is empty.
    NonNull::new(unsafe { alloc_zeroed(layout(size_bytes)) }).ok_or(Errno(libc::ENOMEM))
}

/// # Safety
///
/// `base..+size_bytes` came from one [`map`] and nothing points into it any more.
pub(super) unsafe fn unmap(base: NonNull<u8>, size_bytes: usize) {
    // SAFETY: allocated with this layout in `map`; the caller gives it up.
    unsafe { dealloc(base.as_ptr(), layout(size_bytes)) }
}

/// Nobody touches a guard, so it need not do anything.
///
/// # Safety
///
/// As [`unmap`], for a part of it.
pub(super) unsafe fn install_guard(_base: NonNull<u8>, _size_bytes: usize) -> Result<(), Errno> {
    Ok(())
}

/// # Safety
///
/// As [`install_guard`].
pub(super) unsafe fn protect(_base: NonNull<u8>, _size_bytes: usize) -> Result<(), Errno> {
    Ok(())
}

/// # Safety
///
/// The range lies in a [`map`]ping, and holds nothing that anyone needs.
pub(super) unsafe fn give_back(base: NonNull<u8>, size_bytes: usize) {
    // SAFETY: the caller gives up what the range holds.
    unsafe { base.write_bytes(0, size_bytes) }
}

/// Nobody knows.
pub(super) fn first_resident(_base: NonNull<u8>, _size_bytes: usize) -> Option<usize> {
    None
}
