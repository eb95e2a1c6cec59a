// SPDX-License-Identifier: BSD-3-Clause
//! A known pattern below a stack that has no guard page: an overflow is noticed when the stack comes back.
#![expect(unsafe_code, reason = "writes and reads the pattern in raw memory")]

use core::ptr::NonNull;

/// The pattern fills this much below the limit, so that a frame must be larger than that to step over it.
const CANARY_BYTES: usize = 4096;
const WORDS: usize = CANARY_BYTES / size_of::<usize>();
const PATTERN: usize = 0x6b63_6f72_6f21_c0de;

/// Every word differs from its neighbours and from the same word of another stack.
fn word_at(address: usize) -> usize {
    PATTERN ^ address.rotate_left(17)
}

/// # Safety
///
/// [`CANARY_BYTES`] below `limit` belong to the same allocation.
unsafe fn words_below(limit: NonNull<u8>) -> impl Iterator<Item = NonNull<usize>> {
    // SAFETY: the caller promises that the words are there.
    (1..=WORDS).map(move |n| unsafe { limit.cast::<usize>().sub(n) })
}

/// Writes the pattern below `limit`.
///
/// # Safety
///
/// At least a page below `limit`, which is page-aligned, is writable and holds nothing that anyone needs.
pub(super) unsafe fn write(limit: NonNull<u8>) {
    // SAFETY: the caller gives the page below.
    for word in unsafe { words_below(limit) } {
        // SAFETY: the word lies in that page.
        unsafe { word.write(word_at(word.addr().get())) };
    }
}

/// Whether the pattern below `limit` is as it was written.
///
/// # Safety
///
/// [`write`] was called for `limit`, and the memory is still there.
pub(super) unsafe fn is_intact(limit: NonNull<u8>) -> bool {
    // SAFETY: `write` filled the page below.
    let mut words = unsafe { words_below(limit) };
    // SAFETY: the word lies in that page.
    words.all(|word| unsafe { word.read() } == word_at(word.addr().get()))
}
