// SPDX-License-Identifier: BSD-3-Clause
//! A suspended coroutine can be forgotten, and a thread that its body has started goes on. So no borrow enters it: not as
//! a capture, not as an input, and not through a channel that it yields.

use std::sync::atomic::{AtomicU8, Ordering};
use std::sync::mpsc::{Sender, channel};

use kcoro_posix::GuardedStack;
use kcoro_posix::coroutine::{Coroutine, Generator, Yielder};

fn main() {}

fn stack() -> GuardedStack {
    GuardedStack::new(64 * 1024).unwrap()
}

fn as_a_capture() {
    let byte = AtomicU8::new(0);
    let mut coroutine = Coroutine::new(stack(), |_: &Yielder<(), ()>, ()| byte.load(Ordering::Relaxed));
    coroutine.resume(());
}

fn as_an_input() {
    let byte = Box::new(AtomicU8::new(0));
    let mut coroutine = Coroutine::new(stack(), |yielder: &Yielder<&AtomicU8, ()>, byte: &AtomicU8| {
        std::thread::scope(|s| {
            s.spawn(|| while byte.load(Ordering::Relaxed) == 0 {});
            yielder.suspend(());
        });
    });
    coroutine.resume(&byte);
    std::mem::forget(coroutine);
    drop(byte);
}

fn through_a_yielded_channel() {
    let byte = AtomicU8::new(0);
    let mut generator = Generator::new(stack(), |yielder: &Yielder<(), Sender<&AtomicU8>>| {
        let (tx, rx) = channel();
        yielder.suspend(tx);
        let _ = rx.recv();
    });
    generator.next().unwrap().send(&byte).unwrap();
}
