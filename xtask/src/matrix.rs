// SPDX-License-Identifier: BSD-3-Clause
//! The builds that must all succeed: the core and the scenarios for each target and feature set, the POSIX backend for
//! systems that are kept building without being tested, and the stated minimum Rust version.

use std::fs;

use crate::run::{Session, cargo, command, root, stdout_of, succeeds};

const HOSTED: &[&str] = &["x86_64-unknown-linux-gnu", "aarch64-unknown-linux-gnu", "riscv64gc-unknown-linux-gnu"];
/// Kept building, not tested.
const UNTESTED: &[&str] = &["x86_64-apple-darwin", "x86_64-unknown-freebsd"];
const BARE: &[&str] = &["aarch64-unknown-none", "riscv64gc-unknown-none-elf"];

pub fn build_all(session: &mut Session) {
    for target in HOSTED {
        build(session, target, &["", "alloc", "std", "std,trace"]);
    }
    for target in BARE {
        build(session, target, &["", "alloc", "trace"]);
        // They need no std either, or bare metal could not play them.
        session.check(cargo(&format!("build --package kcoro-scenarios --target {target}")));
    }
    for target in UNTESTED {
        let mut command = cargo(&format!("check --package kcoro-posix --package kcoro-sim --target {target}"));
        command.env("CARGO_ENCODED_RUSTFLAGS", "-Dwarnings");
        session.check(command);
    }
    minimum_rust(session);
}

fn build(session: &mut Session, target: &str, feature_sets: &[&str]) {
    for features in feature_sets {
        // A full build, not a check: assembly is only read by code generation.
        let mut command = cargo(&format!("build --package kcoro-core --target {target}"));
        command.arg(format!("--features={features}"));
        command.env("CARGO_ENCODED_RUSTFLAGS", "-Dwarnings");
        session.check(command);
    }
}

/// When this is the stated toolchain, the builds above were the check.
fn minimum_rust(session: &mut Session) {
    let Some(stated) = stated_minimum() else {
        return session.fail("Cargo.toml states no rust-version");
    };
    let ours = stdout_of(command("rustc", "--version")).unwrap_or_default();
    if is_version(&ours, &stated) {
        session.tally.passed += 1;
    } else if succeeds(cargo(&format!("+{stated} --version"))) {
        session.check(cargo(&format!("+{stated} check --workspace --exclude kcoro-bench")));
    } else {
        session.skip(&format!("Rust {stated}, the stated minimum, is not installed (this is {ours})"));
    }
}

fn stated_minimum() -> Option<String> {
    let manifest = fs::read_to_string(root().join("Cargo.toml")).ok()?;
    let line = manifest.lines().find_map(|line| line.strip_prefix("rust-version = "))?;
    Some(line.trim_matches('"').to_owned())
}

/// Whether `rustc --version` printed `stated` or a patch release of it.
fn is_version(printed: &str, stated: &str) -> bool {
    let version = printed.split_whitespace().nth(1).unwrap_or_default();
    version.strip_prefix(stated).is_some_and(|rest| rest.is_empty() || rest.starts_with('.'))
}

#[cfg(test)]
mod tests {
    use super::is_version;

    #[test]
    fn a_patch_release_is_the_stated_version_and_a_longer_number_is_not() {
        assert!(is_version("rustc 1.95.0 (59807616e 2026-04-14)", "1.95"));
        assert!(!is_version("rustc 1.950.0", "1.95"));
        assert!(!is_version("", "1.95"));
    }
}
