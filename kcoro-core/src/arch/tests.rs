// SPDX-License-Identifier: BSD-3-Clause
//! The switch, driven directly.

use core::ptr::{NonNull, null_mut};
use std::boxed::Box;

use super::{StackPointer, Word, finish, prepare, prepare_linked, resume, suspend, switch};

/// The top of fresh stack memory. It is leaked, so that a failing test frees no stack that something still runs on.
fn stack_top(size_bytes: usize) -> NonNull<u8> {
    let memory = Box::leak(Box::<[u128]>::new_uninit_slice(size_bytes / size_of::<u128>()));
    NonNull::new(memory.as_mut_ptr_range().end).expect("not null").cast()
}

struct PingPong {
    ping: StackPointer,
    pong: StackPointer,
    count: usize,
}

unsafe extern "C" fn pong(data: *mut ()) -> ! {
    let shared = data.cast::<PingPong>();
    loop {
        // SAFETY: the test waits in `switch` and its `PingPong` outlives this context.
        unsafe {
            (*shared).count += 1;
            switch(&raw mut (*shared).pong, (*shared).ping);
        }
    }
}

#[test]
fn switch_goes_there_and_comes_back() {
    let mut shared = PingPong { ping: null_mut(), pong: null_mut(), count: 0 };
    let p = &raw mut shared;
    // SAFETY: the stack is fresh and leaked, and `shared` outlives the last switch.
    unsafe {
        (*p).pong = prepare(stack_top(0x4000), pong, p.cast());
        for round in 1..=1000 {
            switch(&raw mut (*p).ping, (*p).pong);
            assert_eq!((*p).count, round);
        }
    }
}

unsafe extern "C" fn add_up(data: *mut (), word: Word, mut parent: StackPointer, _request: usize) -> ! {
    // SAFETY: the test sends initialised words.
    let mut sum = data.addr() + unsafe { word.assume_init() }.addr();
    loop {
        // SAFETY: `parent` is what came with the last resume.
        let resumed = unsafe { suspend(parent, Word::new(core::ptr::without_provenance_mut(sum))) };
        parent = resumed.parent;
        if resumed.request == 1 {
            // SAFETY: as above.
            unsafe { finish(parent, resumed.word) }
        }
        // SAFETY: the test sends initialised words.
        sum += unsafe { resumed.word.assume_init() }.addr();
    }
}

#[test]
fn resume_and_suspend_carry_a_word_each_way() {
    let word = |n: usize| Word::new(core::ptr::without_provenance_mut(n));
    // SAFETY: the stack is fresh and leaked; each child is resumed once; `add_up` sends initialised words.
    unsafe {
        let mut child = prepare_linked(stack_top(0x4000), add_up, core::ptr::without_provenance_mut(1000));
        let mut sum = 1000;
        for n in 1..100 {
            let back = resume(child, word(n), 0);
            sum += n;
            assert_eq!(back.word.assume_init().addr(), sum);
            child = back.child;
        }
        let back = resume(child, word(7), 1);
        assert!(back.child.is_null());
        assert_eq!(back.word.assume_init().addr(), 7);
    }
}
