// SPDX-License-Identifier: BSD-3-Clause
//! A root may borrow from the caller of `run`, and nothing of its own frame comes out.

use kcoro_posix::sched::{LocalRuntime, Runtime, spawn};

fn main() {}

fn of_its_frame(runtime: &Runtime) {
    let _ = runtime.run(|| {
        let inside = String::from("gone with the root");
        inside.as_str()
    });
}

fn by_a_coroutine_that_it_spawns(runtime: &Runtime) {
    let text = String::from("of the caller");
    let _ = runtime.run(|| {
        let _ = spawn(|| text.len());
    });
}

fn of_the_caller(runtime: &LocalRuntime) {
    let kept: &str;
    {
        let text = String::from("of this block");
        kept = runtime.run(|| text.as_str()).unwrap();
    }
    assert_eq!(kept, "gone");
}
