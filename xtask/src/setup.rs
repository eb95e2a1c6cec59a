// SPDX-License-Identifier: BSD-3-Clause
//! Installs what suites need. It says each command before running it, tries once more when one fails, and where it
//! may not install it prints the commands instead.
//!
//! Tools of a pinned version go to a cache directory of our own, so that nobody's own installation is replaced.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use crate::install::Plan;
use crate::matrix::{MinimumRust, stated_minimum};
use crate::run::{cargo, command, stdout_of, succeeds};
use crate::suites::Suite;

const CARGO_DENY_VERSION: &str = "0.20.2";
const REUSE_VERSION: &str = "6.2.0";

/// Something that a suite needs on the machine.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Tool {
    /// The standard library for a target.
    RustTarget(&'static str),
    /// A part of the toolchain, which is there when `cargo NAME --version` works.
    RustComponent {
        name: &'static str,
        subcommand: &'static str,
    },
    /// The toolchain of the version that Cargo.toml states as the minimum.
    MinimumRust,
    /// The nightly toolchain, beside the stable one.
    Nightly,
    /// A part of the nightly toolchain.
    NightlyComponent(&'static str),
    /// A Debian package, which is there when a program is on the path.
    DebianProgram {
        package: &'static str,
        program: &'static str,
    },
    /// A Debian package, which is there when a file is.
    DebianFile {
        package: &'static str,
        file: &'static str,
    },
    /// Python with what makes virtual environments.
    PythonVenv,
    CargoDeny,
    Reuse,
}

pub const RUSTFMT: &[Tool] = &[Tool::RustComponent { name: "rustfmt", subcommand: "fmt" }];
pub const CLIPPY: &[Tool] = &[Tool::RustComponent { name: "clippy", subcommand: "clippy" }];
pub const MINIMUM_RUST: &[Tool] = &[Tool::MinimumRust];
/// With the sources of the standard library, which a sanitizer needs to see compiled with the rest.
pub const NIGHTLY: &[Tool] = &[Tool::Nightly, Tool::NightlyComponent("rust-src")];
pub const CARGO_DENY: &[Tool] = &[Tool::CargoDeny];
/// The version in Debian 12 cannot read REUSE.toml, hence a virtual environment.
pub const REUSE: &[Tool] = &[Tool::PythonVenv, Tool::Reuse];
pub const TARGETS: &[Tool] = &[
    Tool::RustTarget("aarch64-unknown-none"),
    Tool::RustTarget("aarch64-unknown-linux-gnu"),
    Tool::RustTarget("riscv64gc-unknown-none-elf"),
    Tool::RustTarget("riscv64gc-unknown-linux-gnu"),
    Tool::RustTarget("x86_64-apple-darwin"),
    Tool::RustTarget("x86_64-unknown-freebsd"),
];
/// Miri compiles the standard library for itself.
pub const MIRI: &[Tool] = &[Tool::Nightly, Tool::NightlyComponent("miri"), Tool::NightlyComponent("rust-src")];
/// It does not start without the symbols of the C library.
pub const VALGRIND: &[Tool] = &[
    Tool::DebianProgram { package: "valgrind", program: "valgrind" },
    Tool::DebianFile { package: "libc6-dbg", file: "/usr/lib/debug/.build-id" },
];
pub const QEMU: &[Tool] = &[
    Tool::RustTarget("aarch64-unknown-none"),
    Tool::DebianProgram { package: "qemu-system-arm", program: "qemu-system-aarch64" },
];
pub const CROSS: &[Tool] = &[
    Tool::DebianProgram { package: "qemu-user", program: "qemu-aarch64" },
    Tool::DebianProgram { package: "qemu-user", program: "qemu-riscv64" },
    Tool::DebianProgram { package: "gcc-aarch64-linux-gnu", program: "aarch64-linux-gnu-gcc" },
    Tool::DebianProgram { package: "gcc-riscv64-linux-gnu", program: "riscv64-linux-gnu-gcc" },
    Tool::DebianFile { package: "libc6-dev-arm64-cross", file: "/usr/aarch64-linux-gnu/lib/libc.a" },
    Tool::DebianFile { package: "libc6-dev-riscv64-cross", file: "/usr/riscv64-linux-gnu/lib/libc.a" },
];

impl Tool {
    fn is_here(self) -> bool {
        match self {
            Self::RustTarget(target) => has_std(target),
            Self::RustComponent { subcommand, .. } => succeeds(cargo(&format!("{subcommand} --version"))),
            Self::MinimumRust => MinimumRust::here().is_some(),
            Self::Nightly => succeeds(cargo("+nightly --version")),
            Self::NightlyComponent(name) => has_nightly_component(name),
            Self::DebianProgram { program, .. } => is_on_path(program),
            Self::DebianFile { file, .. } => Path::new(file).exists(),
            Self::PythonVenv => succeeds(command("python3", "-m ensurepip --version")),
            Self::CargoDeny => Path::new(&cargo_deny_program()).exists(),
            Self::Reuse => Path::new(&reuse_program()).exists(),
        }
    }

    fn name(self) -> String {
        match self {
            Self::RustTarget(target) => format!("Rust target {target}"),
            Self::RustComponent { name, .. } => format!("Rust component {name}"),
            Self::MinimumRust => format!("Rust toolchain {}, the stated minimum", stated_minimum()),
            Self::Nightly => "Rust toolchain nightly".into(),
            Self::NightlyComponent(name) => format!("Rust component {name} of nightly"),
            Self::DebianProgram { package, .. } | Self::DebianFile { package, .. } => {
                format!("Debian package {package}")
            }
            Self::PythonVenv => "Debian package python3-venv".into(),
            Self::CargoDeny => format!("cargo-deny {CARGO_DENY_VERSION}"),
            Self::Reuse => format!("reuse {REUSE_VERSION}"),
        }
    }
}

fn has_std(target: &str) -> bool {
    let directory = stdout_of(command("rustc", &format!("--print target-libdir --target {target}")));
    directory.is_some_and(|directory| Path::new(&directory).exists())
}

fn has_nightly_component(name: &str) -> bool {
    let installed = stdout_of(command("rustup", "component list --installed --toolchain nightly"));
    installed.is_some_and(|installed| installed.lines().any(|line| line.starts_with(name)))
}

fn is_on_path(program: &str) -> bool {
    let path = std::env::var_os("PATH").unwrap_or_default();
    std::env::split_paths(&path).any(|directory| directory.join(program).exists())
}

/// The path of our own cargo-deny.
pub fn cargo_deny_program() -> String {
    format!("{}/bin/cargo-deny", tool_directory("cargo-deny", CARGO_DENY_VERSION))
}

/// The path of our own reuse.
pub fn reuse_program() -> String {
    format!("{}/bin/reuse", tool_directory("reuse", REUSE_VERSION))
}

/// Where one version of a tool is installed: a directory of its own in the user's cache.
pub fn tool_directory(tool: &str, version: &str) -> String {
    let cache = std::env::var_os("XDG_CACHE_HOME").map(PathBuf::from);
    let cache = cache.or_else(|| Some(std::env::home_dir()?.join(".cache"))).unwrap_or_else(crate::run::target_dir);
    cache.join("kcoro-tools").join(format!("{tool}-{version}")).display().to_string()
}

/// Prints what each suite's tools are and fails if one is missing.
pub fn report_missing(suites: &[&Suite]) -> Result<(), String> {
    let needed = needed(suites);
    let missing: Vec<_> = needed.iter().filter(|tool| !tool.is_here()).collect();
    for tool in &needed {
        println!("{:8} {}", if missing.contains(&tool) { "MISSING" } else { "ok" }, tool.name());
    }
    if missing.is_empty() { Ok(()) } else { Err("install what is missing with `cargo xtask setup`".into()) }
}

/// Installs what is missing; says nothing when nothing is.
pub fn install_missing(suites: &[&Suite]) -> Result<(), String> {
    let missing: Vec<_> = needed(suites).into_iter().filter(|tool| !tool.is_here()).collect();
    for tool in &missing {
        println!("missing: {}", tool.name());
    }
    plan(&missing).carry_out()?;
    match missing.iter().find(|tool| !tool.is_here()) {
        Some(tool) => Err(format!("{} was installed but cannot be found", tool.name())),
        None => Ok(()),
    }
}

fn needed(suites: &[&Suite]) -> BTreeSet<Tool> {
    suites.iter().flat_map(|suite| suite.needs.iter().copied().flatten().copied()).collect()
}

fn plan(missing: &[Tool]) -> Plan {
    let mut plan = Plan::default();
    for tool in missing {
        match *tool {
            Tool::RustTarget(target) => plan.targets.push(target),
            Tool::RustComponent { name, .. } => plan.components.push(name),
            Tool::MinimumRust => plan.minimum_rust = Some(stated_minimum()),
            Tool::Nightly => plan.nightly = true,
            Tool::NightlyComponent(name) => plan.nightly_components.push(name),
            Tool::DebianProgram { package, .. } | Tool::DebianFile { package, .. } => {
                plan.packages.insert(package);
            }
            Tool::PythonVenv => {
                plan.packages.insert("python3-venv");
            }
            Tool::CargoDeny => plan.cargo_deny = Some(CARGO_DENY_VERSION),
            Tool::Reuse => plan.reuse = Some(REUSE_VERSION),
        }
    }
    plan
}
