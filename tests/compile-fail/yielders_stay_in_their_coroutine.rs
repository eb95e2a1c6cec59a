// SPDX-License-Identifier: BSD-3-Clause
//! A yielder suspends the coroutine that it lies in: it leaves it neither with the output or a yielded value, nor by
//! being stored outside, nor to another thread, nor into the body or the input of another coroutine.

use std::cell::Cell;
use std::rc::Rc;

use kcoro_posix::GuardedStack;
use kcoro_posix::coroutine::{Coroutine, Yielder};

type Plain = Yielder<(), ()>;

fn main() {}

fn stack() -> GuardedStack {
    GuardedStack::new(64 * 1024).unwrap()
}

fn returned() {
    let _ = Coroutine::new(stack(), |yielder: &Plain, ()| yielder);
}

fn stored_outside() {
    let outside: Rc<Cell<Option<&Plain>>> = Rc::default();
    let _ = Coroutine::new(stack(), move |yielder: &Plain, ()| outside.set(Some(yielder)));
}

fn on_another_thread() {
    let _ = Coroutine::new(stack(), |yielder: &Plain, ()| {
        std::thread::scope(|s| drop(s.spawn(|| yielder.suspend(()))));
    });
}

fn captured_by_another() {
    let _ = Coroutine::new(stack(), |outer: &Plain, ()| {
        let mut inner = Coroutine::new(stack(), |_: &Plain, ()| outer.suspend(()));
        inner.resume(());
    });
}

fn sent_to_another() {
    let _ = Coroutine::new(stack(), |outer: &Plain, ()| {
        let mut inner = Coroutine::new(stack(), |_: &Yielder<&Plain, ()>, outer: &Plain| outer.suspend(()));
        inner.resume(outer);
    });
}

fn in_a_handler() {
    let _ = Coroutine::new(stack(), |yielder: &Plain, ()| {
        kcoro_posix::platform::ambient::in_interrupt(|| yielder.suspend(()));
    });
}
