// SPDX-License-Identifier: BSD-3-Clause
//! The seam without std: a program that registers the ambient pointer once links and runs, and any other says what to do.
//!
//! The program is tests/no-std, a workspace of its own, so that nobody turns on the core's feature `std` for it. It also plays
//! the scenario suite.
#![cfg(all(target_os = "linux", target_arch = "x86_64"))]

use std::path::Path;
use std::process::{Command, Output};

use kcoro_scenarios::{Need, SCENARIOS, Size, Stage};

/// Runs `cargo verb` on the program; each set of features has its directory, so that the tests do not wait in line.
fn cargo(verb: &str, features: &str) -> Output {
    let target = Path::new(env!("CARGO_TARGET_TMPDIR")).join("no-std").join(features.replace(',', "-"));
    Command::new(env!("CARGO"))
        .args([verb, "--manifest-path", concat!(env!("CARGO_MANIFEST_DIR"), "/no-std/Cargo.toml")])
        .args(["--locked", "--no-default-features", "--features", features])
        .env("CARGO_TARGET_DIR", target)
        // What this test was built with is not for it.
        .env_remove("CARGO_ENCODED_RUSTFLAGS")
        .env_remove("RUSTFLAGS")
        .output()
        .expect("cargo starts")
}

fn errors(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

#[test]
fn a_program_without_std_runs_coroutines_on_static_stacks() {
    let run = cargo("run", "backend,scenarios");
    assert!(run.status.success(), "{}", errors(&run));
    // It has also played the scenarios that one core without unwinding can.
    let stage = Stage::new(1, Size::Small, &[Need::QueueOrder, Need::StillTime, Need::FpControl]);
    let fitting = SCENARIOS.iter().filter(|scenario| stage.fits(scenario)).count();
    let said = String::from_utf8_lossy(&run.stdout);
    assert_eq!(said.trim_end(), format!("{fitting} of {} scenarios", SCENARIOS.len()));
}

#[test]
fn with_std_from_elsewhere_the_registration_is_empty_and_the_program_runs() {
    let run = cargo("run", "backend,std");
    assert!(run.status.success(), "{}", errors(&run));
    // Even two backends then do no harm.
    let run = cargo("run", "backend,second-backend,std");
    assert!(run.status.success(), "{}", errors(&run));
}

#[test]
fn without_a_backend_the_linker_names_the_missing_symbol() {
    let build = cargo("build", "");
    assert!(!build.status.success());
    let errors = errors(&build);
    assert!(errors.contains("undefined") && errors.contains("_kcoro_ambient_1_get"), "{errors}");
}

#[test]
fn with_two_backends_the_linker_names_the_symbol_that_is_there_twice() {
    let build = cargo("build", "backend,second-backend");
    assert!(!build.status.success());
    let errors = errors(&build);
    let twice = ["duplicate symbol", "multiple definition"].iter().any(|words| errors.contains(words));
    assert!(twice && errors.contains("_kcoro_ambient_1_get"), "{errors}");
}
