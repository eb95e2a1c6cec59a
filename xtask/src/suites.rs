// SPDX-License-Identifier: BSD-3-Clause
//! The table of suites: what each proves, what it needs installed, how long it may take.

use std::process::Command;

use crate::bench::binaries;
use crate::examples;
use crate::matrix;
use crate::miri;
use crate::mutants;
use crate::qemu;
use crate::run::{Session, cargo, command, target_dir};
use crate::sanitizers;
use crate::setup::{
    CARGO_DENY, CLIPPY, CROSS, MINIMUM_RUST, MIRI, NIGHTLY, QEMU, REUSE, RUSTFMT, TARGETS, Tool, VALGRIND,
};

pub struct Suite {
    pub name: &'static str,
    /// What it proves, in a line.
    pub what: &'static str,
    pub needs: &'static [&'static [Tool]],
    /// On a machine of two cores, in a fresh clone, while another one runs. A suite over it fails in CI.
    pub budget_s: u64,
    pub run: fn(&mut Session),
}

/// For all suites together, from the first to the last, on a machine of two cores, in a fresh clone.
pub const TOTAL_BUDGET_S: u64 = 30 * 60;

/// In the order in which they run: what is cheap and fails often comes first.
pub const SUITES: &[Suite] = &[
    Suite { name: "fmt", what: "the code is formatted", needs: &[RUSTFMT], budget_s: 30, run: fmt },
    Suite { name: "layers", what: "no module or crate uses a higher one", needs: &[], budget_s: 180, run: layers },
    Suite { name: "house", what: "every file keeps the rules of the house", needs: &[], budget_s: 90, run: house },
    Suite { name: "reuse", what: "every file states its licence", needs: &[REUSE], budget_s: 20, run: reuse },
    Suite {
        name: "deny",
        what: "dependencies: licences, sources, advisories",
        needs: &[CARGO_DENY],
        budget_s: 60,
        run: deny,
    },
    Suite {
        name: "mutants-apply",
        what: "every committed mutant applies, and its test is there",
        needs: &[],
        budget_s: 20,
        run: mutants::check_patches,
    },
    Suite { name: "clippy", what: "no warning anywhere", needs: &[CLIPPY, TARGETS], budget_s: 240, run: clippy },
    Suite {
        name: "build-matrix",
        what: "it builds for each target and feature set, and with the stated minimum Rust",
        needs: &[TARGETS, MINIMUM_RUST],
        budget_s: 300,
        run: matrix::build_all,
    },
    Suite { name: "unit", what: "tests and documentation examples", needs: &[], budget_s: 900, run: unit },
    Suite {
        name: "release",
        what: "the same, optimised, where that may matter: stacks, races, orders",
        needs: &[],
        budget_s: 600,
        run: release,
    },
    Suite {
        name: "compile-fail",
        what: "unsound programs do not compile",
        needs: &[],
        budget_s: 360,
        run: compile_fail,
    },
    Suite {
        name: "trace",
        what: "timelines are valid files, and what is told of runtimes is true",
        needs: &[],
        budget_s: 240,
        run: trace,
    },
    Suite { name: "loom", what: "every interleaving of the lock-free protocols", needs: &[], budget_s: 540, run: loom },
    Suite {
        name: "miri",
        what: "no undefined behaviour and no data race that Miri sees, and it sees those that were planted",
        needs: &[MIRI],
        budget_s: 780,
        run: miri::run,
    },
    Suite {
        name: "tsan",
        what: "no data race that ThreadSanitizer sees, and it sees those that were planted",
        needs: &[NIGHTLY],
        budget_s: 420,
        run: sanitizers::tsan,
    },
    Suite {
        name: "asan",
        what: "no bad access and no leak that AddressSanitizer sees, and it sees those that were planted",
        needs: &[NIGHTLY],
        budget_s: 360,
        run: sanitizers::asan,
    },
    Suite {
        name: "valgrind",
        what: "nothing that Valgrind's memcheck reports, and it reports what was planted",
        needs: &[VALGRIND],
        budget_s: 150,
        run: sanitizers::valgrind,
    },
    Suite {
        name: "interleave",
        what: "seeds of simulations that switch workers at every operation of the core's primitives",
        needs: &[],
        budget_s: 480,
        run: interleave,
    },
    Suite {
        name: "cross",
        what: "aarch64 and riscv64 under an emulator",
        needs: &[TARGETS, CROSS],
        budget_s: 660,
        run: cross,
    },
    Suite {
        name: "qemu",
        what: "programs for bare metal, on several machines under an emulator",
        needs: &[QEMU],
        budget_s: 360,
        run: qemu::run_all,
    },
    Suite {
        name: "mutants",
        what: "ten committed bugs, others with each commit, are each found by the test that they name",
        needs: &[TARGETS, CROSS],
        budget_s: 600,
        run: mutants::run_suite,
    },
    Suite { name: "doc", what: "the documentation has no broken link", needs: &[TARGETS], budget_s: 180, run: doc },
    Suite {
        name: "examples",
        what: "every example does what it says",
        needs: &[],
        budget_s: 120,
        run: examples::run_all,
    },
];

/// Suites, each with a folder of the target directory that no later one uses. CI removes it when the suite has run, for
/// machines of CI have small disks.
pub const LEFT_BEHIND: &[(&str, &str)] = &[
    ("unit", "tmp"),
    ("release", "release"),
    ("compile-fail", "tests"),
    ("loom", "loom"),
    ("miri", "miri"),
    ("tsan", "tsan"),
    ("asan", "asan"),
    ("interleave", "interleave"),
    ("cross", "aarch64-unknown-linux-gnu"),
    ("cross", "riscv64gc-unknown-linux-gnu"),
    ("qemu", "aarch64-unknown-none"),
    ("mutants", "mutants"),
];

/// Suites that build in folders of their own. CI runs them beside the others, one at a time: no suite keeps two cores busy
/// all the time.
pub const BESIDE: &[&str] = &["loom", "miri", "tsan", "asan", "interleave", "mutants"];

/// Integration tests of tests/ that are suites of their own, so that `unit` need not run them again.
const OWN_SUITES: &[&str] = &["compile_fail", "crates", "house", "layers", "timeline"];

/// Those that also run with full optimisation: switches and stacks, races, schedules that must be the same in every build.
/// A long run takes all.
const RELEASE_TESTS: &str = "--test alone --test channels --test insight --test linear --test scenarios --test sched \
                             --test sim --test switch -- chaos:: coroutine:: backtrace:: dump:: fairness:: fp_control:: \
                             historical:: historical_channels:: memory:: million:: placement:: posix:: runtime:: \
                             schedule:: scopes:: shutdown_races:: simulated:: threads::";

/// Those that also run under the emulators. What starts itself again as a child cannot.
const CROSS_TESTS: &str = "--test scenarios --test switch -- --skip porting:: --skip runtime_fp_control:: --skip toy::";

/// Under how many seeds the emulators play each scenario: they are there for the machine, not for the schedules.
const CROSS_SEEDS: &str = "10";

/// The same for platform-posix/tests/.
const CROSS_POSIX_TESTS: &str = "--lib --test stacks --test overflow --test faults --test workers";

/// Those that also run where simulations switch workers inside of operations: all of a simulation but what counts on the
/// choices of the other build, and the linearizability of what is simulated.
const INTERLEAVE_TESTS: &[&str] = &[
    "--package kcoro-sim --lib",
    "--package kcoro-tests --test linear --test sim -- --skip brute:: --skip known:: --skip reach:: --skip schedule:: \
     --skip shrink:: --skip threads::",
    "--package kcoro-tests --test kinds --test scenarios --test select --test switch --test sync -- runtime_fp_control:: \
     simulated _seed",
];

pub fn names() -> Vec<&'static str> {
    SUITES.iter().map(|suite| suite.name).collect()
}

/// The suites with these names in the order of the table, or all if none is named.
pub fn named(wanted: &[String]) -> Vec<&'static Suite> {
    SUITES.iter().filter(|suite| wanted.is_empty() || wanted.iter().any(|name| name == suite.name)).collect()
}

fn fmt(session: &mut Session) {
    session.check(cargo("fmt --all --check"));
}

/// With the feature that nothing else is built with.
fn trace(session: &mut Session) {
    session.tests(cargo("test --package kcoro-posix --features tracing -- timeline forwarder"));
    session.tests(cargo("test --package kcoro-tests --features trace --test timeline"));
}

fn layers(session: &mut Session) {
    session.tests(source_check("--test layers --test crates"));
}

fn house(session: &mut Session) {
    session.tests(source_check("--test house"));
}

fn compile_fail(session: &mut Session) {
    session.tests(source_check("--test compile_fail"));
}

/// Not optimised: these tests take no time, and optimising their parsers takes a minute.
fn source_check(tests: &str) -> Command {
    cargo(&format!("test --package kcoro-tests --features source-checks --profile dev {tests}"))
}

fn reuse(session: &mut Session) {
    session.check(command(&crate::setup::reuse_program(), "lint"));
}

/// Advisories need a database from the network. Where it cannot be fetched the run says so, and fails with `--long`.
fn deny(session: &mut Session) {
    for check in ["licenses", "bans", "sources"] {
        session.check(deny_check(check));
    }
    let Ok((status, output)) = session.run(deny_check("advisories")) else {
        return session.fail("cargo-deny did not start");
    };
    let no_database = output.contains("failed to fetch advisory database");
    match (status.success(), no_database) {
        (true, _) => session.tally.passed += 1,
        (false, true) if !session.long => session.skip("advisories: their database cannot be fetched from here"),
        (false, _) => session.fail("`cargo deny check advisories` failed"),
    }
}

fn deny_check(check: &str) -> Command {
    command(&crate::setup::cargo_deny_program(), &format!("--workspace --all-features check {check}"))
}

fn clippy(session: &mut Session) {
    // The programs for bare metal build there only.
    session.check(cargo("clippy --workspace --exclude kcoro-qemu --exclude kcoro-qemu-no-heap --all-targets --all-features -- -D warnings"));
    let bare = "clippy --package kcoro-baremetal-aarch64 --package kcoro-qemu --target aarch64-unknown-none";
    session.check(cargo(&format!("{bare} --features kcoro-qemu/bare-metal -- -D warnings")));
    let no_heap = "clippy --package kcoro-qemu-no-heap --target aarch64-unknown-none --features bare-metal";
    session.check(cargo(&format!("{no_heap} -- -D warnings")));
}

fn unit(session: &mut Session) {
    session.tests(cargo("test --workspace --exclude kcoro-tests --exclude kcoro-bench --no-fail-fast"));
    session.tests(cargo(&format!("test --package kcoro-tests --lib {} --no-fail-fast", other_tests())));
}

fn release(session: &mut Session) {
    let mut crates = cargo("test --release --package kcoro-core --package kcoro-posix --lib --tests --no-fail-fast");
    set_canaries(session, &mut crates);
    session.tests(crates);
    let tests = if session.long { format!("--lib {}", other_tests()) } else { RELEASE_TESTS.to_owned() };
    let mut command = cargo(&format!("test --no-fail-fast --release --package kcoro-tests {tests}"));
    // Each scenario is played under a thousand seeds in all, unless it is said otherwise; the log has the total.
    if session.long && std::env::var_os("KCORO_SEEDS").is_none() {
        command.env("KCORO_SEEDS", "10000");
    }
    session.tests(command);
}

/// `--test NAME` for each integration test that is no suite of its own.
fn other_tests() -> String {
    let tests = binaries("tests/tests").into_iter().filter(|name| !OWN_SUITES.contains(&name.as_str()));
    tests.map(|name| format!("--test {name} ")).collect()
}

fn loom(session: &mut Session) {
    for package in ["kcoro-core --features std,trace", "kcoro-posix"] {
        let mut command = cargo(&format!("test --package {package} --release --lib loom_"));
        command.env("RUSTFLAGS", "--cfg loom").env("CARGO_TARGET_DIR", target_dir().join("loom"));
        // Without this each model has its own bound, two preemptions where that takes seconds. A bound that the caller
        // sets, wins: that is how one model is explored further.
        if session.long && std::env::var_os("LOOM_MAX_PREEMPTIONS").is_none() {
            command.env("LOOM_MAX_PREEMPTIONS", "3");
        }
        session.tests(command);
    }
}

/// Simulations in a build whose atomics and locks are points at which another worker may go on.
fn interleave(session: &mut Session) {
    // How many seeds each scenario takes in all, and how many each object of the linearizability tests.
    let seeds = match session.long {
        true => [("KCORO_SEEDS", "6000"), ("KCORO_LINEAR_SEEDS", "20000")],
        false => [("KCORO_SEEDS", "300"), ("KCORO_LINEAR_SEEDS", "1500")],
    };
    for tests in INTERLEAVE_TESTS {
        let mut command = cargo(&format!("test --no-fail-fast {tests}"));
        command.env("RUSTFLAGS", "--cfg kcoro_interleave").env("CARGO_TARGET_DIR", target_dir().join("interleave"));
        // A number that the caller sets, wins.
        command.envs(seeds.into_iter().filter(|(variable, _)| std::env::var_os(variable).is_none()));
        session.tests(command);
    }
}

fn cross(session: &mut Session) {
    let suites = [
        "--package kcoro-core --features std --lib".to_owned(),
        format!("--package kcoro-posix {CROSS_POSIX_TESTS}"),
        format!("--package kcoro-tests {CROSS_TESTS}"),
    ];
    for (target, emulator) in
        [("aarch64-unknown-linux-gnu", "qemu-aarch64"), ("riscv64gc-unknown-linux-gnu", "qemu-riscv64")]
    {
        for tests in &suites {
            let mut command = cargo(&format!("test --no-fail-fast --target {target} {tests}"));
            // It would replace the static linking that .cargo/config.toml asks for.
            command.env_remove("RUSTFLAGS");
            // How a test starts itself again as a child.
            command.env("KCORO_TEST_RUNNER", emulator).env("KCORO_SEEDS", CROSS_SEEDS);
            set_canaries(session, &mut command);
            session.tests(command);
        }
    }
}

/// A long run switches a hundred million times with canaries in all registers, another a million times.
fn set_canaries(session: &Session, command: &mut Command) {
    if session.long {
        command.env("KCORO_CANARY_SWITCHES", "100000000");
    }
}

fn doc(session: &mut Session) {
    // The core says no more than it has, whatever it is built with.
    for what in [
        "--workspace",
        "--package kcoro-core --features=",
        "--package kcoro-core --features=alloc",
        "--package kcoro-core --features=std,trace",
        "--package kcoro-baremetal-aarch64 --features=alloc --target aarch64-unknown-none",
    ] {
        let mut command = cargo(&format!("doc --no-deps {what}"));
        command.env("RUSTDOCFLAGS", "-D warnings");
        session.check(command);
    }
}
