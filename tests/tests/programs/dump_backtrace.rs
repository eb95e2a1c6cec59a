// SPDX-License-Identifier: BSD-3-Clause
//! The backtraces of a dump are whole where the code keeps frame pointers. That they are harmless where it does not, the
//! suite `dump` shows, which is built like any program.
#![cfg(all(target_os = "linux", target_arch = "x86_64"))]

use std::path::Path;
use std::process::Command;

/// What the example `dump` of kcoro-posix prints when all of it is built with frame pointers.
fn dump_of_example() -> String {
    let target = Path::new(env!("CARGO_TARGET_TMPDIR")).join("frame-pointers");
    let run = Command::new(env!("CARGO"))
        .args(["run", "--manifest-path", concat!(env!("CARGO_MANIFEST_DIR"), "/../platform-posix/Cargo.toml")])
        .args(["--locked", "--features", "symbolize", "--example", "dump"])
        .env("CARGO_TARGET_DIR", target)
        // What this test was built with is not for it.
        .env_remove("CARGO_ENCODED_RUSTFLAGS")
        .env("RUSTFLAGS", "-Cforce-frame-pointers=yes")
        .output()
        .expect("cargo starts");
    assert!(run.status.success(), "{}", String::from_utf8_lossy(&run.stderr));
    String::from_utf8(run.stdout).expect("text")
}

/// The lines of the coroutine's entry, from its name to the last of its backtrace.
fn entry<'a>(dump: &'a str, name: &str) -> Vec<&'a str> {
    let mut lines = dump.lines().skip_while(|line| !line.contains(&format!("`{name}`")));
    let first = lines.next().unwrap_or_else(|| panic!("no {name} in:\n{dump}"));
    [first].into_iter().chain(lines.take_while(|line| line.trim_start().starts_with("at "))).collect()
}

#[test]
fn with_frame_pointers_a_backtrace_names_every_function_down_to_the_root() {
    let dump = dump_of_example();
    for name in ["he", "she"] {
        let entry = entry(&dump, name);
        let place = |part: &str| {
            let found = entry.iter().position(|line| line.contains(part));
            found.unwrap_or_else(|| panic!("no {part} in the entry of {name}:\n{dump}"))
        };
        assert!(place("dump::listens") < place("dump::waits_for_the_first_word"), "{dump}");
        assert!(place("dump::waits_for_the_first_word") < place("coroutine_main"), "{dump}");
        assert!(entry[place("dump::listens")].contains("examples/dump.rs:"), "{dump}");
        // Below the root of a coroutine there is only what the switch starts it with.
        assert!(entry.len() - place("coroutine_main") <= 2, "{dump}");
    }
    // The children stand below the coroutine whose scope they are in.
    let margin = |name| entry(&dump, name)[0].find("coroutine").unwrap_or(0);
    assert_eq!(margin("he"), margin("couple") + 2, "{dump}");
}
