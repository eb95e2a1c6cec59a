// SPDX-License-Identifier: BSD-3-Clause
//! Runs every example and checks what it prints, so that the examples in the documentation keep their word.

use std::process::Command;

use crate::bench::binaries;
use crate::run::{Session, cargo, command, target_dir};

struct Example {
    /// A binary of the package in examples/.
    name: &'static str,
    arguments: &'static str,
    exit_code: i32,
    /// Each of these is somewhere in its output.
    prints: &'static [&'static str],
}

/// One row or more for each binary in examples/src/bin.
const EXAMPLES: &[Example] = &[];

/// Builds and runs the table; an example without a row fails.
pub fn run_all(session: &mut Session) {
    let binaries = binaries("examples/src/bin");
    for name in binaries.iter().filter(|name| EXAMPLES.iter().all(|example| example.name != **name)) {
        session.fail(&format!("example `{name}` has no row in the table of xtask/src/examples.rs"));
    }
    if binaries.is_empty() {
        return session.skip("there is no example yet");
    }
    session.check(cargo("build --package kcoro-examples --bins"));
    for example in EXAMPLES {
        run_one(session, example);
    }
}

fn run_one(session: &mut Session, example: &Example) {
    let ran = match session.run(built(example)) {
        Ok(ran) => ran,
        Err(error) => return session.fail(&format!("{} did not run: {error}", example.name)),
    };
    let (status, output) = ran;
    if status.code() != Some(example.exit_code) {
        return session.fail(&format!("{}: {status}, not exit code {}", example.name, example.exit_code));
    }
    match example.prints.iter().find(|text| !output.contains(**text)) {
        Some(missing) => session.fail(&format!("{} did not print `{missing}`", example.name)),
        None => session.tally.passed += 1,
    }
}

fn built(example: &Example) -> Command {
    let path = target_dir().join("debug").join(example.name);
    command(&path.display().to_string(), example.arguments)
}
