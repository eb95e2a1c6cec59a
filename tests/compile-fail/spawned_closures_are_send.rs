// SPDX-License-Identifier: BSD-3-Clause
//! A spawned coroutine may start on any worker, so its closure is `Send`, however it is spawned.

use std::rc::Rc;

use kcoro_posix::sched::{Builder, Handle, spawn, try_spawn};

fn main() {}

fn by_the_current_runtime(rc: Rc<u8>) {
    let _ = spawn(move || drop(rc));
}

fn unless_full(rc: Rc<u8>) {
    let _ = try_spawn(move || drop(rc));
}

fn through_a_handle(handle: &Handle, rc: Rc<u8>) {
    let _ = handle.spawn(move || drop(rc));
}

fn near_the_spawner(rc: Rc<u8>) {
    // On the same worker, but this is no promise that the compiler sees: that is `spawn_local`.
    let _ = Builder::new().near().spawn(move || drop(rc));
}
