// SPDX-License-Identifier: BSD-3-Clause
//! The checkers themselves: each must report the bug that was planted for it, and nothing in the clean programs. See
//! `src/bin/planted.rs`.
//!
//! `KCORO_CHECKER` names the checker that this build is made for, or that is to be started: `tsan`, `asan`, `valgrind`,
//! `miri`.
//! Without it only the clean programs run.

use std::process::{Command, Output};

const CHECKER: &str = "KCORO_CHECKER";

/// Programs without a bug.
const CLEAN: &[&str] = &["clean-flag", "clean-moved", "clean-frames"];
/// Those that an interpreter gets through.
const CLEAN_AND_SMALL: &[&str] = &["clean-flag", "clean-moved"];

/// The bugs of one checker: the program, and what must stand in its report.
fn bugs(checker: &str) -> &'static [(&'static str, &'static [&'static str])] {
    const RACE: &str = "ThreadSanitizer: data race";
    match checker {
        "tsan" => &[
            ("race", &[RACE, "write_on_the_first_worker", "write_on_the_second_worker"]),
            ("relaxed-flag", &[RACE, "write_on_the_first_worker", "write_on_the_second_worker"]),
            ("moved-relaxed", &[RACE, "write_before_the_move", "read_after_the_move"]),
        ],
        "asan" => &[
            ("heap-use-after-free", &["AddressSanitizer: heap-use-after-free", "read_a_freed_block"]),
            ("stack-buffer-overflow", &["AddressSanitizer: stack-buffer-overflow", "write_past_an_array"]),
            ("stack-use-after-return", &["AddressSanitizer: stack-use-after-return", "read_the_frame_of_a_call"]),
            ("leak", &["LeakSanitizer: detected memory leaks", "lose_a_block"]),
        ],
        "valgrind" => &[
            ("heap-use-after-free", &["Invalid read of size 8", "read_a_freed_block", "free'd"]),
            ("uninitialised", &["depends on uninitialised value", "branch_on_an_unwritten_local"]),
        ],
        "miri" => &[
            ("race", &["Data race detected", "write_on_the_"]),
            ("relaxed-flag", &["Data race detected", "write_on_the_second_worker"]),
            ("heap-use-after-free", &["has been freed", "read_a_freed_block"]),
            ("stack-buffer-overflow", &["write_past_an_array", "Undefined Behavior"]),
            ("stack-use-after-return", &["dangling", "read_the_frame_of_a_call"]),
            ("uninitialised", &["uninitialized", "branch_on_an_unwritten_local"]),
            ("aliased", &["does not exist in the borrow stack", "write_by_an_old_reference"]),
        ],
        other => panic!("{CHECKER} is {other:?}, which is no checker"),
    }
}

#[test]
fn clean_programs_pass() {
    let clean = if checker().as_deref() == Some("miri") { CLEAN_AND_SMALL } else { CLEAN };
    for program in clean {
        let output = run(program);
        let report = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(output.status.success() && report.is_empty(), "{program}: {}\n{report}", output.status);
    }
}

#[test]
fn every_planted_bug_is_reported_by_name() {
    let Some(checker) = checker() else { return };
    for (program, words) in bugs(&checker) {
        let output = run(program);
        let report = String::from_utf8_lossy(&output.stderr);
        assert!(!output.status.success(), "{program} passes under {checker}\n{report}");
        for word in *words {
            assert!(report.contains(word), "the report on {program} does not name {word}\n{report}");
        }
    }
}

fn checker() -> Option<String> {
    std::env::var(CHECKER).ok()
}

fn run(program: &str) -> Output {
    let planted = env!("CARGO_BIN_EXE_planted");
    let mut command = match checker().as_deref() {
        Some("valgrind") => {
            let mut valgrind = Command::new("valgrind");
            valgrind.args(["--quiet", "--error-exitcode=9", "--fair-sched=yes", planted]);
            valgrind
        }
        // It interprets the program, which is not the one that was compiled.
        Some("miri") => {
            let mut miri = Command::new("cargo");
            miri.args(["+nightly", "miri", "run", "--quiet", "--package", "kcoro-tests", "--bin", "planted", "--"]);
            miri
        }
        _ => Command::new(planted),
    };
    command.arg(program).output().expect("the program starts")
}
