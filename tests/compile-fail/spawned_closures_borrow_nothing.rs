// SPDX-License-Identifier: BSD-3-Clause
//! A spawned coroutine may outlive its spawner, so it borrows nothing of the spawner's, whether it may move or not.

use kcoro_posix::sched::{spawn, spawn_local};

fn main() {}

fn anywhere() {
    let text = String::from("gone when this returns");
    let _ = spawn(|| text.len());
}

fn here() {
    let text = String::from("gone when this returns");
    let _ = spawn_local(|| text.len());
}
