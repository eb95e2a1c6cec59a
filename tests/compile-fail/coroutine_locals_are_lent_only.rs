// SPDX-License-Identifier: BSD-3-Clause
//! The value of a coroutine-local goes with its coroutine: `with` lends it, and only a `static` can be one.

use std::cell::Cell;

use kcoro_posix::sched::CoroutineLocal;

static COUNT: CoroutineLocal<Cell<u8>> = CoroutineLocal::new(|| Cell::new(0));

fn main() {
    let _kept: &Cell<u8> = COUNT.with(|count| count).unwrap();
    let on_the_stack = CoroutineLocal::new(|| 1);
    let _ = on_the_stack.with(|value| *value);
}
