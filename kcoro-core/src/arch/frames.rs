// SPDX-License-Identifier: BSD-3-Clause
//! The backtrace of a suspended context, by frame pointers.
//!
//! A function that keeps a frame pointer leaves a record in its frame: its caller's frame pointer, and the address that it
//! will return to. The records make a chain from the suspended frame to the root, whose frame pointer is zero. Code that
//! is compiled without frame pointers uses the register for anything, so what is found there is believed only if it can be
//! the next record: aligned, further up, and within the stack. A walk that meets such code ends early or, at worst,
//! reports words that are no return addresses; it reads nothing but the stack, and always ends.

use core::ops::Range;

use super::{StackPointer, imp};

const WORD_BYTES: usize = size_of::<usize>();

/// Writes the addresses at which the suspended context `sp`, and those who wait for it to return, will go on to `found`,
/// innermost first, and returns how many there are; those that do not fit are left out.
///
/// `stack` is what the context runs on. Where `sp` is not in it, because the context runs on a stack within, only the
/// first is found.
///
/// # Safety
///
/// `sp` was saved by [`switch`](super::switch) or built by [`prepare`](super::prepare), and the context stays suspended
/// during the call. The memory of `stack` is readable.
pub(crate) unsafe fn return_addresses(sp: StackPointer, stack: Range<usize>, found: &mut [usize]) -> usize {
    let mut record = sp.addr();
    for (nth, place) in found.iter_mut().enumerate() {
        // SAFETY: the first record is the suspended frame; the others were checked to lie in the stack.
        let (frame_pointer, address) = unsafe { (imp::load(record), imp::load(record + WORD_BYTES)) };
        if address == 0 {
            return nth;
        }
        *place = address;
        let next = frame_pointer.wrapping_sub(imp::RECORD_BELOW_FRAME_POINTER_BYTES);
        let is_record = next.is_multiple_of(WORD_BYTES)
            && next > record
            && stack.contains(&record)
            && next <= stack.end.saturating_sub(2 * WORD_BYTES);
        if !is_record {
            return nth + 1;
        }
        record = next;
    }
    found.len()
}

#[cfg(all(test, not(miri)))]
mod tests {
    use std::vec::Vec;

    use super::super::imp::RECORD_BELOW_FRAME_POINTER_BYTES as BELOW;
    use super::{WORD_BYTES, return_addresses};

    const MOST: usize = 5;

    /// The walk over a stack of these words, from its first. A word `Up(n)` is a frame pointer to the record at word n.
    fn walk(words: &[Word]) -> Vec<usize> {
        let mut memory = std::vec![0usize; words.len()];
        let start = memory.as_ptr().addr();
        for (word, place) in words.iter().zip(&mut memory) {
            *place = match *word {
                Word::Plain(word) => word,
                Word::Up(n) => start.wrapping_add_signed(n * WORD_BYTES as isize) + BELOW,
            };
        }
        let mut found = [0; MOST];
        // SAFETY: the words are a suspended frame, as far as the walk can tell, and stay for the call.
        let count = unsafe {
            return_addresses(memory.as_mut_ptr().cast(), start..start + words.len() * WORD_BYTES, &mut found)
        };
        found[..count].to_vec()
    }

    #[derive(Clone, Copy)]
    enum Word {
        Plain(usize),
        Up(isize),
    }
    use Word::{Plain, Up};

    #[test]
    fn the_chain_is_followed_to_the_zero_at_its_root() {
        assert_eq!(
            walk(&[Up(3), Plain(10), Plain(99), Up(6), Plain(11), Plain(99), Plain(0), Plain(12)]),
            [10, 11, 12]
        );
        assert_eq!(walk(&[Up(2), Plain(10), Plain(0), Plain(0)]), [10], "the root has no return address");
    }

    #[test]
    fn what_cannot_be_a_record_ends_the_walk() {
        let after = [Plain(10), Plain(0), Plain(11)];
        let from = |first: Word| walk(&[&[first], &after[..]].concat());
        assert_eq!(from(Up(2)), [10, 11], "a record that can be");
        assert_eq!(from(Up(0)), [10], "a circle");
        assert_eq!(from(Up(-2)), [10], "below the stack");
        assert_eq!(from(Up(3)), [10], "half in the stack");
        assert_eq!(from(Up(4)), [10], "above the stack");
        for garbage in [1, usize::MAX, usize::MAX - WORD_BYTES + 1] {
            assert_eq!(from(Plain(garbage)), [10]);
        }
    }

    #[test]
    fn a_record_that_is_not_aligned_ends_the_walk() {
        let mut memory = [0usize, 10, 0, 11];
        memory[0] = memory.as_ptr().addr() + BELOW + WORD_BYTES + 1;
        let stack = memory.as_ptr().addr()..memory.as_ptr().addr() + size_of_val(&memory);
        let mut found = [0; MOST];
        // SAFETY: as in `walk`.
        assert_eq!(unsafe { return_addresses(memory.as_mut_ptr().cast(), stack, &mut found) }, 1);
    }

    #[test]
    fn a_chain_that_is_too_long_is_cut_off() {
        let words: Vec<_> = (0..10).flat_map(|nth| [Up(2 * nth + 2), Plain(10 + nth as usize)]).collect();
        assert_eq!(walk(&words), [10, 11, 12, 13, 14]);
    }

    #[test]
    fn a_context_on_another_stack_shows_where_it_goes_on() {
        let mut memory = [0usize, 10, 0, 11];
        memory[0] = memory.as_ptr().addr() + BELOW + 2 * WORD_BYTES;
        let mut found = [0; MOST];
        // SAFETY: as in `walk`.
        assert_eq!(unsafe { return_addresses(memory.as_mut_ptr().cast(), 0..0x1000, &mut found) }, 1);
        assert_eq!(found[0], 10);
    }
}
