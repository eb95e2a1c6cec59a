// SPDX-License-Identifier: BSD-3-Clause
//! The suites that run tests under a checker of races or of memory: ThreadSanitizer, AddressSanitizer, Valgrind.
//!
//! Each begins with `tests/tests/programs/planted.rs`, which makes sure that the checker reports what was planted for it.

use std::env::consts::ARCH;
use std::process::Command;

use crate::run::{Session, cargo, target_dir};

/// The integration tests that are built for a sanitizer.
const BINARIES: &str = "--test actors --test channels --test programs --test sched --test switch";
/// What a long run builds besides: these alone take a quarter of an hour to compile.
const MORE_BINARIES: &str = "--test cancel --test kinds --test select --test sync";
/// What of them runs: the scheduler, its hand-overs and its ends; in a long run locks, selects and cancels from all sides.
const SAMPLE: &str = "planted:: chaos:: coroutine:: everywhere:: facing:: historical:: mixed:: notified:: of_many_cancellers \
                      runtime:: statics:: storms::";
/// The same, of tests that leak on purpose: forgotten handles, destructors that panic, abandoned coroutines.
const LEAKING_SAMPLE: &str =
    "borrow_torture:: contract:: fates:: hooks:: joining:: regions:: scopes:: shutdown_races::";
/// Simulations take one thread, which races with nobody.
const SIMULATED: &str = "--skip simulated_ --skip under_any_seed";
/// What a long run adds.
const MORE: &str = "fairness:: historical_channels::";
const LEAKING_MORE: &str = "blocking_on:: futures:: limits:: placement:: shutdown::";
/// As optimised as the core: what is planted must lie in functions of its own names, and instrumented frames fit into stacks.
const OPTIMISED: &str = "--config profile.test.package.kcoro-tests.opt-level=1";
/// Takes the whole address space, of which a checker needs most for itself.
const TAKES_ALL_MEMORY: &str = "--skip an_address_space_that_is_used_up";

/// Those that Valgrind, which runs one thread at a time and that fifty times slower, gets through.
const UNDER_VALGRIND: &str = "--test sched --test switch --no-fail-fast -- runtime:: scopes::";
const MORE_UNDER_VALGRIND: &str = "joining::";
/// Paints a free stack, which memcheck takes for a write below the stack pointer.
const PAINTS_STACKS: &str = "--skip a_measured_stack";

struct Sanitizer {
    /// For the compiler and, behind `--cfg kcoro_`, for kcoro.
    name: &'static str,
    flags: &'static str,
    /// The standard library is compiled with it, too.
    build_std: &'static str,
}

/// What the precompiled standard library does would be invisible to it, so that its locks ordered nothing.
const THREAD: Sanitizer =
    Sanitizer { name: "tsan", flags: "-Zsanitizer=thread --cfg kcoro_tsan", build_std: "-Zbuild-std" };

const ADDRESS: Sanitizer = Sanitizer { name: "asan", flags: "-Zsanitizer=address --cfg kcoro_asan", build_std: "" };

pub fn tsan(session: &mut Session) {
    // The thread of an abandoned coroutine never ends, and is never joined. A race is found only while its first access is
    // in the history of its thread: the longest there is.
    let options = ("TSAN_OPTIONS", "report_thread_leaks=0:history_size=7");
    let more = if session.long { format!("{MORE} {LEAKING_MORE}") } else { String::new() };
    run_under(session, &THREAD, options, &format!("{SAMPLE} {LEAKING_SAMPLE} {more}"));
}

pub fn asan(session: &mut Session) {
    let options = ("ASAN_OPTIONS", "detect_stack_use_after_return=1");
    let (more, leaking_more) = if session.long { (MORE, LEAKING_MORE) } else { ("", "") };
    run_under(session, &ADDRESS, options, &format!("{SAMPLE} {more}"));
    let options = ("ASAN_OPTIONS", "detect_stack_use_after_return=1:detect_leaks=0");
    run_under(session, &ADDRESS, options, &format!("{LEAKING_SAMPLE} {leaking_more}"));
}

fn run_under(session: &mut Session, sanitizer: &Sanitizer, options: (&str, &str), tests: &str) {
    let Sanitizer { name, flags, build_std } = sanitizer;
    let more = if session.long { MORE_BINARIES } else { "" };
    let mut command = cargo(&format!(
        "+nightly test {build_std} --target {ARCH}-unknown-linux-gnu --package kcoro-tests --no-fail-fast {OPTIMISED} \
         {BINARIES} {more} -- {TAKES_ALL_MEMORY} {SIMULATED} {tests}"
    ));
    command.env("RUSTFLAGS", flags).env("CARGO_TARGET_DIR", target_dir().join(name));
    // Enough for reports, and linked in half the time.
    command.env("CARGO_PROFILE_TEST_DEBUG", "line-tables-only");
    command.env("KCORO_CHECKER", name).env(options.0, options.1);
    session.tests(command);
}

pub fn valgrind(session: &mut Session) {
    let mut planted = test_with("--test programs -- planted::");
    planted.env("KCORO_CHECKER", "valgrind");
    session.tests(planted);
    let more = if session.long { MORE_UNDER_VALGRIND } else { "" };
    let mut command = test_with(&format!("{UNDER_VALGRIND} {more} {PAINTS_STACKS}"));
    // One thread runs at a time: unless it is the turn of each, one that spins keeps the others from running.
    let runner = "valgrind --quiet --error-exitcode=9 --fair-sched=yes";
    command.env(format!("CARGO_TARGET_{}_UNKNOWN_LINUX_GNU_RUNNER", ARCH.to_uppercase()), runner);
    session.tests(command);
}

fn test_with(arguments: &str) -> Command {
    cargo(&format!("test --package kcoro-tests {arguments}"))
}
