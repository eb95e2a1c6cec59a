// SPDX-License-Identifier: BSD-3-Clause
//! Runs the workloads of bench/: each is one binary of that package.

use crate::run::{cargo, interactive, root};

/// Runs the named workloads, or all.
pub fn run_workloads(wanted: &[String]) -> Result<(), String> {
    let known = binaries("bench/src/bin");
    if let Some(unknown) = wanted.iter().find(|name| !known.contains(name)) {
        return Err(format!("no workload `{unknown}`; there are: {}", known.join(", ")));
    }
    let chosen = if wanted.is_empty() { &known } else { wanted };
    if chosen.is_empty() {
        return Err("bench/src/bin has no workload".into());
    }
    chosen
        .iter()
        .try_for_each(|name| interactive(&mut cargo(&format!("run --release --package kcoro-bench --bin {name}"))))
}

/// The names of the binaries or tests that cargo finds in a directory of the checkout, sorted: `NAME.rs` or
/// `NAME/main.rs`.
pub fn binaries(directory: &str) -> Vec<String> {
    let entries = std::fs::read_dir(root().join(directory)).into_iter().flatten().flatten();
    let sources = entries
        .map(|entry| entry.path())
        .filter(|path| path.join("main.rs").exists() || path.extension().is_some_and(|extension| extension == "rs"));
    let mut names: Vec<_> = sources.filter_map(|path| path.file_stem()?.to_str().map(str::to_owned)).collect();
    names.sort();
    names
}
