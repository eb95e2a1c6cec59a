// SPDX-License-Identifier: BSD-3-Clause
//! The order of the crates in DESIGN, section 2: a crate of the house uses lower ones only.

use std::fs;
use std::path::{Path, PathBuf};

/// What each crate of the house may use of the house; those above all platforms may use anything but each other.
const CRATES: &[(&str, &[&str])] = &[
    ("kcoro-core", &[]),
    ("kcoro-posix", &["kcoro-core"]),
    ("kcoro-baremetal-aarch64", &["kcoro-core"]),
    // The simulator takes its stacks, and the report of their overflow, from the system it runs on.
    ("kcoro-sim", &["kcoro-core", "kcoro-posix", "kcoro-sim-macros"]),
    ("kcoro-sim-macros", &[]),
    ("kcoro-ipc", &["kcoro-core", "kcoro-posix"]),
    ("kcoro-examples", PLATFORMS),
    // Written once for every platform, so it knows none.
    ("kcoro-scenarios", &["kcoro-core"]),
    ("kcoro-tests", TESTS),
    ("kcoro-qemu", TESTS),
    ("kcoro-qemu-no-heap", TESTS),
    ("kcoro-bench", PLATFORMS),
    ("xtask", &[]),
];

const PLATFORMS: &[&str] = &["kcoro-core", "kcoro-posix", "kcoro-baremetal-aarch64", "kcoro-sim", "kcoro-ipc"];
/// As above, and the scenarios that they run.
const TESTS: &[&str] =
    &["kcoro-core", "kcoro-posix", "kcoro-baremetal-aarch64", "kcoro-sim", "kcoro-ipc", "kcoro-scenarios"];

#[test]
fn no_crate_uses_a_higher_one() {
    let workspace = manifest(&house());
    let members = workspace["workspace"]["members"].as_array().expect("a list of members");
    let directories = members.iter().map(|member| house().join(member.as_str().expect("a path")));
    let problems: Vec<_> = directories.flat_map(|directory| problems_in_manifest(&manifest(&directory))).collect();
    assert!(problems.is_empty(), "\n{}", problems.join("\n"));
}

fn house() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

fn manifest(directory: &Path) -> toml::Table {
    fs::read_to_string(directory.join("Cargo.toml")).unwrap().parse().unwrap()
}

fn problems_in_manifest(manifest: &toml::Table) -> Vec<String> {
    let name = manifest["package"]["name"].as_str().expect("a name");
    let Some((_, allowed)) = CRATES.iter().find(|(known, _)| *known == name) else {
        return vec![format!("crate `{name}` has no place: add it to DESIGN and to this test")];
    };
    let mut used = Vec::new();
    collect_dependencies(manifest, &mut used);
    let wrong = used.iter().filter(|used| used.starts_with("kcoro") && !allowed.contains(&used.as_str()));
    wrong.map(|wrong| format!("{name} may not depend on {wrong}")).collect()
}

/// The names in every table of dependencies, those of single targets included.
fn collect_dependencies(table: &toml::Table, names: &mut Vec<String>) {
    for (key, value) in table {
        let Some(inner) = value.as_table() else { continue };
        if key.ends_with("dependencies") {
            names.extend(inner.keys().cloned());
        } else {
            collect_dependencies(inner, names);
        }
    }
}

/// The guard itself, on manifests made up for it.
mod planted {
    use super::*;

    #[test]
    fn a_crate_without_a_place_is_told_to_take_one() {
        let stranger = "[package]\nname = \"kcoro-new\"".parse().unwrap();
        assert!(problems_in_manifest(&stranger)[0].contains("DESIGN"));
    }

    #[test]
    fn a_dependency_on_a_higher_crate_is_found_in_every_table() {
        for table in ["dependencies", "dev-dependencies", "target.'cfg(unix)'.dependencies"] {
            let text = format!("[package]\nname = \"kcoro-core\"\n[{table}]\nkcoro-posix = \"1\"\nlibc = \"0.2\"");
            assert_eq!(problems_in_manifest(&text.parse().unwrap()), ["kcoro-core may not depend on kcoro-posix"]);
        }
    }
}
