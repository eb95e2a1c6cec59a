// SPDX-License-Identifier: BSD-3-Clause
//! The baton switcher, driven directly.

use core::cell::Cell;
use core::ptr::{self, NonNull};
use std::boxed::Box;
use std::thread;

use super::super::{StackPointer, Word, finish, leave, prepare, prepare_linked, resume, suspend, switch};
use super::{OwnStack, host};

/// Memory for a fresh context's first frame, freed at the end of the test.
struct Memory(NonNull<[u128; 8]>);

impl Memory {
    fn new() -> Self {
        Self(NonNull::from(Box::leak(Box::new([0; 8]))))
    }

    fn top(&self) -> NonNull<u8> {
        // SAFETY: one past the end.
        unsafe { self.0.add(1) }.cast()
    }
}

impl Drop for Memory {
    fn drop(&mut self) {
        // SAFETY: leaked in `new`, and freed once.
        drop(unsafe { Box::from_raw(self.0.as_ptr()) });
    }
}

fn word(n: usize) -> Word {
    Word::new(ptr::without_provenance_mut(n))
}

struct PingPong {
    ping: StackPointer,
    pong: StackPointer,
    count: usize,
}

first_function! {
    unsafe fn pong(data: *mut ()) -> ! {
        let shared = data.cast::<PingPong>();
        // SAFETY: the test waits in `switch` and its `PingPong` outlives this context.
        unsafe {
            while (*shared).count < 10 {
                (*shared).count += 1;
                switch(&raw mut (*shared).pong, (*shared).ping);
            }
            leave((*shared).ping)
        }
    }
}

#[test]
fn switch_goes_there_and_comes_back_until_the_context_leaves() {
    let memory = Memory::new();
    let mut shared = PingPong { ping: ptr::null_mut(), pong: ptr::null_mut(), count: 0 };
    let p = &raw mut shared;
    // SAFETY: the memory is large enough for the fresh frame, and `shared` outlives the last switch.
    unsafe {
        (*p).pong = prepare(memory.top(), pong, p.cast());
        for round in 1..=10 {
            switch(&raw mut (*p).ping, (*p).pong);
            assert_eq!((*p).count, round);
        }
        switch(&raw mut (*p).ping, (*p).pong);
        assert_eq!((*p).count, 10, "it has left");
    }
}

first_function! {
    unsafe fn add_up(data: *mut (), first: Word, parent: StackPointer, _request: usize) -> ! {
        // SAFETY: `parent` is always what came with the last resume, and the test sends initialised words.
        unsafe {
            let mut sum = data.addr() + first.assume_init().addr();
            let mut resumed = suspend(parent, word(sum));
            while resumed.request == 0 {
                sum += resumed.word.assume_init().addr();
                resumed = suspend(resumed.parent, word(sum));
            }
            let in_this_frame = sum;
            finish(resumed.parent, Word::new((&raw const in_this_frame).cast_mut().cast()))
        }
    }
}

#[test]
fn words_travel_both_ways_and_the_last_frame_stays_until_it_has_been_read() {
    let memory = Memory::new();
    // SAFETY: the memory is large enough for the fresh frame; each child is resumed once; `add_up` sends initialised words.
    unsafe {
        let mut child = prepare_linked(memory.top(), add_up, ptr::without_provenance_mut(1000));
        for (n, sum) in [(1, 1001), (2, 1003), (3, 1006)] {
            let back = resume(child, word(n), 0);
            assert_eq!(back.word.assume_init().addr(), sum);
            child = back.child;
        }
        let back = resume(child, word(0), 1);
        assert!(back.child.is_null());
        assert_eq!(back.word.assume_init().cast::<usize>().read(), 1006);
    }
}

struct Seen {
    worker: Cell<*const ()>,
    thread: Cell<Option<thread::ThreadId>>,
    on_stack_of_parent: Cell<bool>,
    parents: OwnStack,
}

first_function! {
    unsafe fn look_around(data: *mut (), _: Word, parent: StackPointer, _: usize) -> ! {
        // SAFETY: the test keeps what it passes.
        let seen = unsafe { &*data.cast::<Seen>() };
        seen.worker.set(host::worker());
        seen.thread.set(Some(host::thread()));
        seen.on_stack_of_parent.set(seen.parents.holds_caller(0));
        host::set_worker(ptr::without_provenance(8));
        // SAFETY: `parent` is what came with the only resume.
        unsafe { finish(parent, word(0)) }
    }
}

#[test]
fn what_a_thread_keeps_travels_with_the_baton() {
    let memory = Memory::new();
    let seen = Seen {
        worker: Cell::new(ptr::null()),
        thread: Cell::new(None),
        on_stack_of_parent: Cell::new(true),
        parents: OwnStack::of_caller(0),
    };
    let before = host::worker();
    host::set_worker(ptr::without_provenance(16));
    let data = (&raw const seen).cast_mut().cast();
    // SAFETY: the memory is large enough for the fresh frame, and `seen` outlives the context.
    unsafe { resume(prepare_linked(memory.top(), look_around, data), word(0), 0) };
    assert_eq!(seen.worker.get().addr(), 16);
    assert_eq!(seen.thread.get(), Some(thread::current().id()));
    assert!(!seen.on_stack_of_parent.get() && seen.parents.holds_caller(0));
    assert_eq!(host::worker().addr(), 8, "what a child sets, its parent finds");
    host::set_worker(before);
}
