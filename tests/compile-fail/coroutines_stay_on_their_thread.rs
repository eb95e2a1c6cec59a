// SPDX-License-Identifier: BSD-3-Clause
//! A coroutine's frames may hold what is not `Send`, and references to thread-locals, so it neither moves to another
//! thread nor is it shared with one.

use kcoro_posix::GuardedStack;
use kcoro_posix::coroutine::{Coroutine, Generator, Yielder};

fn main() {
    let stack = || GuardedStack::new(64 * 1024).unwrap();
    let coroutine = Coroutine::new(stack(), |_: &Yielder<(), ()>, ()| ());
    std::thread::scope(|s| s.spawn(|| coroutine.is_done()).join().unwrap());
    std::thread::spawn(move || drop(coroutine));
    let generator = Generator::new(stack(), |yielder| yielder.suspend(1));
    std::thread::spawn(move || generator.count());
}
