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
        build(session, target, &["", "alloc", "std", "std,trace", "std,futures"]);
    }
    for target in BARE {
        build(session, target, &["", "alloc", "trace"]);
        // They need no std either, or bare metal could not play them.
        session.check(cargo(&format!("build --package kcoro-scenarios --target {target}")));
    }
    for features in ["", "alloc"] {
        let mut command = cargo("build --package kcoro-baremetal-aarch64 --target aarch64-unknown-none");
        command.arg(format!("--features={features}")).env("CARGO_ENCODED_RUSTFLAGS", "-Dwarnings");
        session.check(command);
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

/// Set-up has installed the stated toolchain, or said that it cannot. Without it this fails: what has not been built with
/// the stated minimum is not known to build with it.
fn minimum_rust(session: &mut Session) {
    match MinimumRust::here() {
        // The builds above were the check.
        Some(MinimumRust::Ours) => session.tally.passed += 1,
        Some(MinimumRust::Beside(toolchain)) => {
            session.check(cargo(&format!("+{toolchain} check --workspace --exclude kcoro-bench")));
        }
        None => session.fail(&format!("Rust {}, the stated minimum, is not installed", stated_minimum())),
    }
}

/// Where the toolchain of the stated minimum version is.
pub enum MinimumRust {
    /// It is the one that builds everything.
    Ours,
    /// It has this name.
    Beside(String),
}

impl MinimumRust {
    pub fn here() -> Option<MinimumRust> {
        let stated = stated_minimum();
        if is_version(&stdout_of(command("rustc", "--version")).unwrap_or_default(), &stated) {
            return Some(Self::Ours);
        }
        // rustup keeps `1.95` and `1.95.0` apart, and either is the minimum.
        let names = [format!("{stated}.0"), stated];
        names.into_iter().find(|name| succeeds(cargo(&format!("+{name} --version")))).map(Self::Beside)
    }
}

/// What Cargo.toml says, as `1.95`.
///
/// # Panics
///
/// When it says nothing.
pub fn stated_minimum() -> String {
    let manifest = fs::read_to_string(root().join("Cargo.toml")).unwrap_or_default();
    let line = manifest.lines().find_map(|line| line.strip_prefix("rust-version = "));
    line.expect("Cargo.toml states a rust-version").trim_matches('"').to_owned()
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
