// SPDX-License-Identifier: BSD-3-Clause
//! What cannot be undone ends the process, and says why. Each case runs in a child process, this program again; under
//! an emulator there is no way to start that, so the cases run natively only.
#![cfg(target_arch = "x86_64")]
#![expect(unsafe_code, reason = "makes stacks without guards")]

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::process::Command;

use kcoro_core::coroutine::{Coroutine, Yielder};
use kcoro_core::stack::HeapStack;

const CASE: &str = "KCORO_ABORT_CASE";

fn stack() -> HeapStack {
    // SAFETY: the bodies in this file need far less, with the backtrace of a panic too.
    unsafe { HeapStack::new_unguarded(256 * 1024) }.expect("memory for a stack")
}

/// Runs `case` in a child process and returns what it wrote to stderr; it must die of SIGABRT.
fn aborts(test: &str, case: fn()) -> String {
    if std::env::var(CASE).as_deref() == Ok(test) {
        case();
        unreachable!("the case was to abort");
    }
    let this = std::env::current_exe().expect("this program has a path");
    let output = Command::new(this)
        .args(["--exact", test, "--nocapture", "--test-threads=1"])
        .env(CASE, test)
        .output()
        .expect("the child starts");
    let signal = std::os::unix::process::ExitStatusExt::signal(&output.status);
    let stderr = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(signal, Some(6), "not aborted: {:?}, stderr: {stderr}", output.status);
    stderr
}

#[test]
fn a_body_that_catches_every_unwind_aborts() {
    let stderr = aborts("aborts::a_body_that_catches_every_unwind_aborts", || {
        let mut coroutine = Coroutine::new(stack(), |yielder: &Yielder<(), ()>, ()| -> () {
            loop {
                let _ = catch_unwind(AssertUnwindSafe(|| yielder.suspend(())));
            }
        });
        coroutine.resume(());
        drop(coroutine);
    });
    assert!(stderr.contains("it cannot be ended"), "{stderr}");
}

#[test]
fn a_destructor_that_suspends_while_its_coroutine_panics_aborts() {
    let stderr = aborts("aborts::a_destructor_that_suspends_while_its_coroutine_panics_aborts", || {
        struct Suspends<'a>(&'a Yielder<(), ()>);
        impl Drop for Suspends<'_> {
            fn drop(&mut self) {
                self.0.suspend(());
            }
        }
        let mut coroutine = Coroutine::new(stack(), |yielder: &Yielder<(), ()>, ()| {
            let _suspends = Suspends(yielder);
            panic!("of the body");
        });
        coroutine.resume(());
    });
    assert!(stderr.contains("of the body") && stderr.contains("cannot suspend while it unwinds"), "{stderr}");
}
