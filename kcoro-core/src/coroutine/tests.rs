// SPDX-License-Identifier: BSD-3-Clause
//! What differs without unwinding; all else is tested where there is `std`.

use std::boxed::Box;
use std::rc::Rc;

use super::{Coroutine, CoroutineResult, Yielder};
use crate::stack::{Stack, StaticStack};

/// Says that it was dropped.
struct Noting(StaticStack, #[expect(dead_code, reason = "counted by its Rc")] Rc<()>);

// SAFETY: forwards to a stack.
unsafe impl Stack for Noting {
    fn limit(&self) -> core::ptr::NonNull<u8> {
        self.0.limit()
    }

    fn top(&self) -> core::ptr::NonNull<u8> {
        self.0.top()
    }
}

fn stack(note: &Rc<()>) -> Noting {
    // SAFETY: the bodies below need far less.
    Noting(unsafe { StaticStack::new_unguarded(Box::leak(Box::new_uninit_slice(64 * 1024))) }, note.clone())
}

#[test]
fn without_unwinding_a_suspended_coroutine_is_leaked_with_its_stack() {
    let (stacks, locals) = (Rc::new(()), Rc::new(()));
    let local = locals.clone();
    let mut coroutine = Coroutine::new(stack(&stacks), move |yielder: &Yielder<(), ()>, ()| {
        let _local = local;
        yielder.suspend(());
    });
    assert_eq!(coroutine.resume(()), CoroutineResult::Yield(()));
    drop(coroutine);
    assert_eq!((Rc::strong_count(&stacks), Rc::strong_count(&locals)), (2, 2));
}

#[test]
fn without_unwinding_fresh_and_finished_coroutines_are_dropped() {
    let (stacks, locals) = (Rc::new(()), Rc::new(()));
    let make = || {
        let local = locals.clone();
        Coroutine::new(stack(&stacks), move |_: &Yielder<(), ()>, ()| drop(local))
    };
    drop(make());
    let mut finished = make();
    assert_eq!(finished.resume(()), CoroutineResult::Return(()));
    drop(finished);
    assert_eq!((Rc::strong_count(&stacks), Rc::strong_count(&locals)), (1, 1));
}
