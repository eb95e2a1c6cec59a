// SPDX-License-Identifier: BSD-3-Clause
//! The handle of a `spawn_local` coroutine gives its holder the output, so it is `Send` only if that is.

use std::rc::Rc;

use kcoro_posix::sched::{JoinHandle, spawn_local};
use kcoro_posix::scope::scope;

fn main() {
    let handle: JoinHandle<Rc<u8>> = spawn_local(|| Rc::new(1)).unwrap();
    std::thread::spawn(move || handle.join());
}

fn shared(handle: &JoinHandle<Rc<u8>>) {
    scope(|s| {
        let _ = s.spawn(|| handle.is_finished());
    });
}
