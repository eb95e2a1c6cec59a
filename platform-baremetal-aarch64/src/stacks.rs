// SPDX-License-Identifier: BSD-3-Clause
//! Stacks for coroutines: runs of pages, the lowest of each a guard.
//!
//! Their tops are not coloured: that would cost a page for each stack, and 16 KiB are what a stack has here.
#![expect(unsafe_code, reason = "hands out memory and changes how it is mapped")]

use core::ops::Range;
use core::ptr::NonNull;

use kcoro_core::platform::StackLimits;
use kcoro_core::stack::{RawStack, StackError};
use spin::Mutex;

use crate::paging;
use crate::runs::Runs;
use crate::table::{MAX_STACK_BYTES, PAGE_BYTES};

const PAGE: usize = PAGE_BYTES as usize;
const MAX_PAGES: usize = MAX_STACK_BYTES as usize / PAGE;

pub(crate) const LIMITS: StackLimits =
    StackLimits { min_bytes: PAGE, default_bytes: 16 * 1024, max_bytes: 1024 * 1024 };

struct Pool {
    start: usize,
    runs: Runs<{ MAX_PAGES / 64 }>,
}

/// Locked by workers only, between coroutines; never by a handler, which could interrupt the holder.
static POOL: Mutex<Pool> = Mutex::new(Pool { start: 0, runs: Runs::new() });

/// Makes the pool: `range` is mapped as pages and nobody's yet.
pub(crate) fn start(range: &Range<u64>) {
    let mut pool = POOL.lock();
    pool.start = range.start as usize;
    pool.runs.provide((range.end - range.start) as usize / PAGE);
}

pub(crate) fn allocate(size_bytes: usize) -> Result<RawStack, StackError> {
    let pages = size_bytes.div_ceil(PAGE);
    let mut pool = POOL.lock();
    let first = pool.runs.take(1 + pages).ok_or(StackError::OutOfMemory { os_code: 0 })?;
    let guard = pool.start + first * PAGE;
    drop(pool);
    // SAFETY: the run is ours.
    unsafe { paging::guard(guard) };
    let limit = NonNull::new((guard + PAGE) as *mut u8).expect("RAM is not at 0");
    // SAFETY: the pages of the run above its guard; they are ours until `free`.
    Ok(unsafe { RawStack::new(limit, limit.add(pages * PAGE), first) })
}

/// # Safety
///
/// `stack` came from `allocate`, and nobody uses it any more.
pub(crate) unsafe fn free(stack: &RawStack) {
    let guard = stack.limit().addr().get() - PAGE;
    // SAFETY: the caller's promise; who takes the page next may use it otherwise.
    unsafe { paging::unguard(guard) };
    POOL.lock().runs.give(stack.token(), 1 + stack.size_bytes() / PAGE);
}
