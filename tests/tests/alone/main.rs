// SPDX-License-Identifier: BSD-3-Clause
//! What needs a process for itself: its memory, its processor time or its allocator. Each test runs in a child process,
//! and one at a time, so that none takes from another what both count.

mod idle;
mod late_spawn;
mod memory;
mod million;

use std::sync::{Mutex, PoisonError};

use kcoro_tests::child;

/// Runs `case` of the test named `test` in a child process, while no other test of this program runs. What it has
/// measured, it writes to standard error.
fn alone(test: &str, case: impl FnOnce()) {
    static TURN: Mutex<()> = Mutex::new(());
    let _turn = TURN.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(ended) = child::in_child(test, case) {
        assert!(ended.success, "{ended:?}");
        print!("{}", ended.stderr);
    }
}
