// SPDX-License-Identifier: BSD-3-Clause
//! A coroutine's stack is its own until it has ended: the memory is borrowed for ever, and the stack moved in.

use std::mem::MaybeUninit;

use kcoro_posix::GuardedStack;
use kcoro_posix::coroutine::{Coroutine, Yielder};
use kcoro_posix::stack::StaticStack;

fn main() {}

fn body(yielder: &Yielder<(), ()>, (): ()) {
    yielder.suspend(());
}

fn memory_of_a_frame() {
    let mut memory = [MaybeUninit::uninit(); 4096];
    let _ = Coroutine::new(unsafe { StaticStack::new_unguarded(&mut memory) }, body);
}

fn memory_used_meanwhile() {
    let memory = Box::leak(Box::<[u8]>::new_uninit_slice(4096));
    let mut coroutine = Coroutine::new(unsafe { StaticStack::new_unguarded(memory) }, body);
    coroutine.resume(());
    memory[0].write(1);
}

fn stack_used_twice(stack: GuardedStack) {
    let _first = Coroutine::new(stack, body);
    let _second = Coroutine::new(stack, body);
}

fn stack_of_a_suspended_one(stack: GuardedStack) -> GuardedStack {
    let mut coroutine = Coroutine::new(stack, body);
    coroutine.resume(());
    // It has not ended: what comes back is the coroutine.
    coroutine.into_stack()
}

fn stack_moved_out(stack: GuardedStack) -> GuardedStack {
    *Coroutine::new(stack, body).stack()
}
