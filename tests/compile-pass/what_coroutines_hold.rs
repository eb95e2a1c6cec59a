// SPDX-License-Identifier: BSD-3-Clause
//! Beside the failures about coroutines: owned values of any kind go in, borrows of what is inside and of statics too.

use std::rc::Rc;

use kcoro_posix::GuardedStack;
use kcoro_posix::coroutine::{Coroutine, CoroutineResult, Generator, Yielder};
use kcoro_posix::platform::ambient::in_interrupt;
use kcoro_posix::stack::{RawStack, StaticStack};

fn main() {
    let stack = GuardedStack::new(64 * 1024).unwrap();
    let captured = Rc::new(1);
    let mut coroutine = Coroutine::new(stack, move |yielder: &Yielder<Rc<u8>, &'static str>, first: Rc<u8>| {
        let (local, helper) = (String::from("inside"), |text| yielder.suspend(text));
        *first + *helper("static") + *captured + local.len() as u8
    });
    assert_eq!(coroutine.resume(Rc::new(2)), CoroutineResult::Yield("static"));
    assert_eq!(coroutine.resume(Rc::new(3)), CoroutineResult::Return(12));
    // Once it has ended the stack can be used again.
    let stack = coroutine.into_stack().unwrap();
    let inner = Generator::new(stack, |yielder| (0..3).for_each(|n| yielder.suspend(n)));
    assert_eq!(inner.sum::<i32>(), 3);

    let memory = Box::leak(Box::<[u8]>::new_uninit_slice(64 * 1024));
    // SAFETY: the memory is leaked, and aligned at its end.
    let _ = unsafe { RawStack::new(std::ptr::NonNull::from(&mut *memory).cast(), std::ptr::NonNull::dangling(), 0) };
    // SAFETY: the body needs far less than 64 KiB.
    let stack = unsafe { StaticStack::new_unguarded(memory) };
    let seen = std::sync::atomic::AtomicBool::new(false);
    in_interrupt(|| seen.store(true, std::sync::atomic::Ordering::Relaxed));
    let mut alone = Coroutine::new(stack, |_: &Yielder<(), ()>, ()| "done");
    assert_eq!(alone.resume(()), CoroutineResult::Return("done"));
}
