// SPDX-License-Identifier: BSD-3-Clause
//! The output of a spawned coroutine is taken by whoever has the handle, on any thread, so it is `Send`.

use std::rc::Rc;

use kcoro_posix::sched::spawn;

fn main() {
    let _ = spawn(|| Rc::new(5));
}
