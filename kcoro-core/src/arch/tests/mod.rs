// SPDX-License-Identifier: BSD-3-Clause
//! The switch, driven directly.

mod canary;
mod hold;

use core::ptr::{NonNull, null_mut};
use std::boxed::Box;

use super::{
    FpControl, StackPointer, Word, finish, prepare, prepare_linked, resume, shadow_stack_active, suspend, switch,
};

/// The top of fresh stack memory. It is leaked, so that a failing test frees no stack that something still runs on.
fn stack_top(size_bytes: usize) -> NonNull<u8> {
    let memory = Box::leak(Box::<[u128]>::new_uninit_slice(size_bytes / size_of::<u128>()));
    NonNull::new(memory.as_mut_ptr_range().end).expect("not null").cast()
}

fn word(n: usize) -> Word {
    Word::new(core::ptr::without_provenance_mut(n))
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

unsafe extern "C" fn add_up(data: *mut (), first: Word, mut parent: StackPointer, _request: usize) -> ! {
    // SAFETY: the test sends initialised words.
    let mut sum = data.addr() + unsafe { first.assume_init() }.addr();
    loop {
        // SAFETY: `parent` is what came with the last resume.
        let resumed = unsafe { suspend(parent, word(sum)) };
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

/// Where a local that must be aligned to 16 lies. The compiler relies on the stack pointer's alignment to place it.
#[inline(never)]
fn address_of_aligned_local() -> usize {
    #[repr(align(16))]
    struct Aligned([u8; 16]);
    let local = Aligned([0; 16]);
    core::ptr::from_ref(core::hint::black_box(&local.0)).addr()
}

unsafe extern "C" fn answer_address(data: *mut ()) -> ! {
    let shared = data.cast::<PingPong>();
    // SAFETY: as in `pong`.
    unsafe {
        (*shared).count = address_of_aligned_local();
        switch(&raw mut (*shared).pong, (*shared).ping);
    }
    unreachable!("not resumed again");
}

unsafe extern "C" fn finish_with_address(_: *mut (), _: Word, parent: StackPointer, _: usize) -> ! {
    // SAFETY: `parent` is what came with the only resume.
    unsafe { finish(parent, word(address_of_aligned_local())) }
}

#[test]
fn stack_is_aligned_at_first_entry() {
    let mut shared = PingPong { ping: null_mut(), pong: null_mut(), count: 1 };
    let p = &raw mut shared;
    // SAFETY: the stacks are fresh and leaked, and `shared` outlives the last switch.
    unsafe {
        (*p).pong = prepare(stack_top(0x4000), answer_address, p.cast());
        switch(&raw mut (*p).ping, (*p).pong);
        assert_eq!((*p).count % 16, 0);
        let back = resume(prepare_linked(stack_top(0x4000), finish_with_address, null_mut()), word(0), 0);
        assert_eq!(back.word.assume_init().addr() % 16, 0);
    }
}

/// Stores the frame pointer that a fresh context starts with, and finishes.
#[unsafe(naked)]
unsafe extern "C" fn store_frame_pointer(data: *mut (), word: Word, parent: StackPointer, request: usize) -> ! {
    core::arch::naked_asm!(
        #[cfg(target_arch = "x86_64")]
        "mov [rdi], rbp\njmp {next}",
        #[cfg(target_arch = "aarch64")]
        "str x29, [x0]\nb {next}",
        #[cfg(target_arch = "riscv64")]
        "sd s0, 0(a0)\ntail {next}",
        next = sym finish_with_address,
    )
}

#[test]
fn a_walk_by_frame_pointers_ends_at_the_root() {
    let mut frame_pointer = 1usize;
    let data = (&raw mut frame_pointer).cast();
    // SAFETY: the stack is fresh and leaked, and `frame_pointer` outlives the context.
    unsafe { resume(prepare_linked(stack_top(0x4000), store_frame_pointer, data), word(0), 0) };
    assert_eq!(frame_pointer, 0);
}

#[test]
fn floating_point_control_starts_at_its_default_and_takes_what_was_read() {
    assert_eq!(FpControl::read(), FpControl::DEFAULT);
    // SAFETY: writes what is in force.
    unsafe { FpControl::read().write() };
    assert_eq!(FpControl::read(), FpControl::DEFAULT);
}

#[test]
fn no_shadow_stack_here() {
    assert!(!shadow_stack_active());
}
