// SPDX-License-Identifier: BSD-3-Clause
//! Values that travel with a switch: in the word itself when they fit, else by address.

use core::mem::{ManuallyDrop, MaybeUninit};

use crate::arch::Word;

const fn fits<T>() -> bool {
    size_of::<T>() <= size_of::<Word>()
}

/// Makes a word of `value`. The receiver takes the value out; `value` must stay where it is until then.
#[inline(always)]
pub(super) fn pack<T>(value: &mut ManuallyDrop<T>) -> Word {
    if !fits::<T>() {
        return Word::new((&raw mut *value).cast());
    }
    let mut word = MaybeUninit::uninit();
    // SAFETY: the value is no larger than the word. It is copied as bytes, so padding is no matter; it is forgotten
    // here (ManuallyDrop) and owned by whoever unpacks it.
    unsafe { (&raw mut word).cast::<T>().write_unaligned((&raw const *value).cast::<T>().read()) };
    word
}

/// Takes the value out of a word.
///
/// # Safety
///
/// The word came from [`pack`] of a `T` that is still there, and is unpacked once.
#[inline(always)]
pub(super) unsafe fn unpack<T>(word: Word) -> T {
    if fits::<T>() {
        // SAFETY: `pack` stored a `T` at the word's start.
        unsafe { (&raw const word).cast::<T>().read_unaligned() }
    } else {
        // SAFETY: `pack` stored the address of a `T`, which the sender does not touch any more.
        unsafe { word.assume_init().cast::<T>().read() }
    }
}
