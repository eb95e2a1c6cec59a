// SPDX-License-Identifier: BSD-3-Clause
//! Tells Valgrind which memory is a stack, so that it takes a switch for one and not for a giant push or pop, after which
//! it would call live frames uninitialised.
//!
//! A client request is a sequence of instructions that does nothing on a processor and that Valgrind recognises. It is
//! executed when a slot is handed out for the first time, beside the system call that installs its guard.
//!
//! Only the stacks of this backend are known: those of `HeapStack` and `StaticStack` are not. And memcheck reports the
//! painting of a stack whose use is to be measured, as that writes to memory below any stack pointer.
#![cfg_attr(
    all(target_os = "linux", any(target_arch = "x86_64", target_arch = "aarch64"), not(miri)),
    expect(unsafe_code, reason = "the request is a sequence of instructions")
)]

use core::ops::Range;

/// The stacks of one region that Valgrind knows; dropping it takes them back.
#[derive(Default)]
pub(super) struct KnownStacks {
    /// Valgrind's numbers for them. Stays empty, and without memory, where Valgrind does not run the program.
    ids: Vec<usize>,
}

impl KnownStacks {
    pub(super) fn add(&mut self, stack: Range<usize>) {
        if runs_this_program() {
            self.ids.push(request([STACK_REGISTER, stack.start, stack.end]));
        }
    }
}

impl Drop for KnownStacks {
    fn drop(&mut self) {
        for id in self.ids.drain(..) {
            request([STACK_DEREGISTER, id, 0]);
        }
    }
}

/// Whether Valgrind executes the program.
pub(super) fn runs_this_program() -> bool {
    request([RUNNING_ON_VALGRIND, 0, 0]) != 0
}

const RUNNING_ON_VALGRIND: usize = 0x1001;
const STACK_REGISTER: usize = 0x1501;
const STACK_DEREGISTER: usize = 0x1502;

/// Makes a request, of a code and two arguments; returns Valgrind's answer, or 0 without Valgrind.
#[cfg(all(target_os = "linux", target_arch = "x86_64", not(miri)))]
fn request([code, first, second]: [usize; 3]) -> usize {
    // Valgrind reads five arguments, whatever the request.
    let words = [code, first, second, 0, 0, 0];
    let answer;
    // SAFETY: the rotations add up to 128 bits, so that rdi is as before; the exchange does nothing. Valgrind reads the
    // words and writes rdx.
    unsafe {
        core::arch::asm!(
            "rol rdi, 3",
            "rol rdi, 13",
            "rol rdi, 61",
            "rol rdi, 51",
            "xchg rbx, rbx",
            in("rax") &raw const words,
            inlateout("rdx") 0usize => answer,
            options(nostack),
        );
    }
    answer
}

/// As on x86_64, in the registers of this machine.
#[cfg(all(target_os = "linux", target_arch = "aarch64", not(miri)))]
fn request([code, first, second]: [usize; 3]) -> usize {
    let words = [code, first, second, 0, 0, 0];
    let answer;
    // SAFETY: as above, with x12 and x3.
    unsafe {
        core::arch::asm!(
            "ror x12, x12, #3",
            "ror x12, x12, #13",
            "ror x12, x12, #51",
            "ror x12, x12, #61",
            "orr x10, x10, x10",
            in("x4") &raw const words,
            inlateout("x3") 0usize => answer,
            options(nostack, preserves_flags),
        );
    }
    answer
}

/// Valgrind does not run programs here.
#[cfg(any(miri, not(all(target_os = "linux", any(target_arch = "x86_64", target_arch = "aarch64")))))]
fn request(_words: [usize; 3]) -> usize {
    0
}

#[cfg(test)]
mod tests {
    use super::{KnownStacks, runs_this_program};

    #[test]
    fn stacks_are_listed_under_valgrind_only() {
        let memory = vec![0u8; 4096];
        let range = memory.as_ptr_range();
        let mut stacks = KnownStacks::default();
        stacks.add(range.start.addr()..range.end.addr());
        assert_eq!(stacks.ids.len(), usize::from(runs_this_program()));
    }
}
