// SPDX-License-Identifier: BSD-3-Clause
//! Faults end a process, so that each case runs in a child: the test binary again, with the case in the environment.

use std::hint::black_box;
use std::os::unix::process::ExitStatusExt;
use std::process::{Command, Output};

const CASE: &str = "KCORO_TEST_FAULT_CASE";

/// More than pthread's minimum for a thread's stack everywhere.
pub const STACK_BYTES: usize = 256 << 10;

/// Names the program that runs binaries of this target, where the system cannot do it itself (`qemu-aarch64`).
const RUNNER: &str = "KCORO_TEST_RUNNER";

/// Runs `test` of this binary in a child, where [`is_child`] is true.
pub fn child(test: &str) -> Output {
    let this = std::env::current_exe().unwrap();
    let mut command = match std::env::var_os(RUNNER) {
        None => Command::new(this),
        Some(runner) => {
            let mut command = Command::new(runner);
            command.arg(this);
            command
        }
    };
    command.args([test, "--exact", "--nocapture", "--test-threads=1"]).env(CASE, test);
    command.output().unwrap()
}

pub fn is_child() -> bool {
    std::env::var_os(CASE).is_some()
}

pub fn stderr(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

#[track_caller]
pub fn assert_dies(output: &Output, signal: i32, says: &[&str]) {
    let text = stderr(output);
    assert_eq!(output.status.signal(), Some(signal), "{:?}\n{text}", output.status);
    for part in says {
        assert!(text.contains(part), "no {part:?} in:\n{text}");
    }
}

#[track_caller]
pub fn assert_does_not_say(output: &Output, part: &str) {
    let text = stderr(output);
    assert!(!text.contains(part), "{part:?} in:\n{text}");
}

/// Uses up any stack.
#[expect(unconditional_recursion, reason = "that is the point")]
pub fn recurse(depth: u64) -> u64 {
    let frame = black_box([depth; 64]);
    recurse(depth + 1) + frame[3]
}
