// SPDX-License-Identifier: BSD-3-Clause
//! A backtrace inside a coroutine ends at its root, wherever it is taken.
#![expect(unsafe_code, reason = "makes stacks without guards")]

use std::cell::RefCell;

use kcoro_core::coroutine::{Coroutine, CoroutineResult, Yielder};
use kcoro_core::stack::HeapStack;

const STACK_BYTES: usize = 512 * 1024;

fn stack() -> HeapStack {
    // SAFETY: a backtrace with its symbols needs less.
    unsafe { HeapStack::new_unguarded(STACK_BYTES) }.expect("memory for a stack")
}

/// The names on the stack, innermost first. Panics when the walk does not end.
#[inline(never)]
fn names() -> Vec<String> {
    let names = RefCell::new(Vec::new());
    backtrace::trace(|frame| {
        let before = names.borrow().len();
        backtrace::resolve_frame(frame, |symbol| {
            names.borrow_mut().push(symbol.name().map_or_else(String::new, |name| format!("{name:#}")));
        });
        // The unwinder reports the end of the chain as a frame at address zero.
        if names.borrow().len() == before && !frame.ip().is_null() {
            names.borrow_mut().push(format!("no function at {:?}", frame.ip()));
        }
        assert!(names.borrow().len() < 1000, "the walk ran off");
        true
    });
    names.into_inner()
}

#[inline(never)]
fn deep(yielder: &Yielder<(), Vec<String>>, levels: u32) -> u32 {
    if levels == 0 {
        yielder.suspend(names());
        yielder.suspend(names());
        return 1;
    }
    // Hidden, or the compiler makes this a loop.
    std::hint::black_box(deep(std::hint::black_box(yielder), levels - 1)) + 1
}

#[inline(never)]
fn the_resumer(coroutine: &mut Coroutine<(), Vec<String>, u32, HeapStack>) -> Vec<String> {
    let CoroutineResult::Yield(names) = std::hint::black_box(coroutine.resume(())) else { panic!("suspends") };
    names
}

#[test]
fn a_backtrace_ends_at_the_root() {
    let mut coroutine = Coroutine::new(stack(), |yielder: &Yielder<(), Vec<String>>, ()| deep(yielder, 7));
    // Before and after a suspension.
    for _ in 0..2 {
        let names = the_resumer(&mut coroutine);
        let of = |part: &str| names.iter().filter(|name| name.contains(part)).count();
        assert_eq!(of("deep"), 8, "{names:#?}");
        assert_eq!(of("the_resumer"), 0, "{names:#?}");
        let last = names.last().expect("not empty");
        assert!(last.contains("start_linked"), "the outermost frame is {last}: {names:#?}");
    }
    // The resumer's own backtrace is whole.
    assert!(names().iter().any(|name| name.contains("a_backtrace_ends_at_the_root")));
}

/// With `RUST_BACKTRACE=1`, or by `force_capture`, std walks with its own unwinder.
#[test]
fn a_std_backtrace_ends_too() {
    let mut coroutine =
        Coroutine::new(stack(), |_: &Yielder<(), ()>, ()| std::backtrace::Backtrace::force_capture().to_string());
    let CoroutineResult::Return(text) = coroutine.resume(()) else { panic!("returns") };
    assert!(text.contains("a_std_backtrace_ends_too::"), "{text}");
    assert!(!text.contains("std::rt::lang_start") && !text.contains("__libc_start"), "{text}");
}
