// SPDX-License-Identifier: BSD-3-Clause
//! Rules of the house that no compiler checks, for every file that git would commit.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

/// The kinds of file that state their licence themselves; REUSE.toml speaks for the others.
const HEADED: &[&str] = &["rs", "toml", "sh", "yml", "yaml", "S", "ld", "run", "patch"];

/// Where library code is. A library leaves the standard streams to its user.
const LIBRARIES: &[&str] =
    &["kcoro-core/src", "platform-posix/src", "platform-baremetal-aarch64/src", "platform-sim", "kcoro-ipc/src"];

/// What must not stand in a library. `eprintln!(` holds the first of them.
const FORBIDDEN_IN_LIBRARIES: &[&str] = &["println!(", "print!(", "dbg!("];

/// What must not stand in a source, split here so that this file does not hold it either.
const FORBIDDEN: &[(&str, &str, &str)] = &[
    ("static ", "mut ", "use a cell from `primitive`"),
    ("#[ign", "ore", "a test runs, or it is not there"),
    ("todo", "!(", "write it, or leave the function out"),
    ("unimple", "mented!(", "write it, or leave the function out"),
    ("allow(dead", "_code", "delete what nothing uses"),
];

#[test]
fn every_file_states_its_licence_at_the_top() {
    let files = files();
    let headed = files.iter().filter(|path| HEADED.contains(&kind(path)));
    let bare: Vec<_> = headed.filter(|path| !has_licence_line(&text(path))).collect();
    assert!(bare.is_empty(), "no licence line among the first three lines of {bare:#?}");
}

#[test]
fn no_source_holds_what_the_style_forbids() {
    let files = files();
    let sources = files.iter().filter(|path| kind(path) == "rs");
    let found: Vec<_> = sources.flat_map(|path| forbidden_in(path, &text(path))).collect();
    assert!(found.is_empty(), "\n{}", found.join("\n"));
}

#[test]
fn the_first_command_of_the_readme_names_a_binary_that_exists() {
    let readme = text(Path::new("README.md"));
    let command = first_cargo_command(&readme).expect("a line that starts with `cargo` or `$ cargo`");
    let source = binary_source(command).unwrap_or_else(|| panic!("cannot tell what `{command}` runs"));
    assert!(source.iter().any(|path| house().join(path).exists()), "`{command}` needs one of {source:?}");
}

fn house() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

fn text(path: &Path) -> String {
    fs::read_to_string(house().join(path)).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

fn kind(path: &Path) -> &str {
    let name = path.extension().or(path.file_name());
    name.and_then(|name| name.to_str()).unwrap_or_default()
}

/// Committed files and new ones that are not ignored, relative to the root of the checkout.
fn files() -> Vec<PathBuf> {
    let mut git = Command::new("git");
    git.args(["ls-files", "-z", "--cached", "--others", "--exclude-standard"]).current_dir(house());
    let output = git.output().expect("git runs");
    assert!(output.status.success(), "not a git checkout: {}", String::from_utf8_lossy(&output.stderr));
    let names = String::from_utf8(output.stdout).expect("names in UTF-8");
    let files: Vec<_> = names.split_terminator('\0').map(PathBuf::from).collect();
    // A deleted file is listed until its deletion is committed.
    files.into_iter().filter(|path| house().join(path).exists()).collect()
}

fn has_licence_line(text: &str) -> bool {
    // Split, so that the licence checker does not take it for a statement about this file.
    let statement = concat!("SPDX-License", "-Identifier: BSD-3-Clause");
    text.lines().take(3).any(|line| line.contains(statement))
}

fn forbidden_in(path: &Path, text: &str) -> Vec<String> {
    let everywhere = FORBIDDEN.iter().map(|(head, tail, instead)| (format!("{head}{tail}"), *instead));
    let is_library = LIBRARIES.iter().any(|library| path.starts_with(library));
    let in_libraries = FORBIDDEN_IN_LIBRARIES.iter().map(|word| (word.to_string(), "a library does not print"));
    let rules: Vec<_> = everywhere.chain(in_libraries.filter(|_| is_library)).collect();
    // A comment may name anything, and `&'static mut` is a type.
    let code = text.lines().map(|line| line.split("//").next().unwrap_or_default().replace("'static", "'_"));
    let found = code.enumerate().flat_map(|(index, code)| {
        let broken = rules.iter().filter(move |(word, _)| code.contains(word.as_str()));
        broken.map(move |(word, instead)| format!("{}:{}: `{word}`: {instead}", path.display(), index + 1))
    });
    found.collect()
}

fn first_cargo_command(readme: &str) -> Option<&str> {
    readme.lines().map(|line| line.trim_start_matches("$ ")).find(|line| line.starts_with("cargo "))
}

/// Where the source of what `command` runs may be; `None` for a command that this test does not know.
fn binary_source(command: &str) -> Option<Vec<String>> {
    let words: Vec<_> = command.split_whitespace().collect();
    let after = |flag: &str| Some(*words.get(words.iter().position(|word| *word == flag)? + 1)?);
    if words[1] == "xtask" {
        return Some(vec!["xtask/src/main.rs".into()]);
    }
    if let Some(name) = after("--example") {
        return Some(vec![format!("examples/examples/{name}.rs")]);
    }
    let name = after("--bin")?;
    let directory = if command.contains("kcoro-bench") { "bench" } else { "examples" };
    Some(vec![format!("{directory}/src/bin/{name}.rs"), format!("{directory}/src/bin/{name}/main.rs")])
}

/// The guards themselves, on texts made up for them.
mod planted {
    use super::*;

    #[test]
    fn a_licence_line_counts_only_at_the_top() {
        let line = concat!("// SPDX-License", "-Identifier: BSD-3-Clause");
        assert!(has_licence_line(&format!("#!/bin/sh\n{line}\n")));
        assert!(!has_licence_line(&format!("\n\n\n{line}\n")));
    }

    #[test]
    fn each_forbidden_word_is_found_in_code_and_not_in_comments() {
        for (head, tail, _) in FORBIDDEN {
            assert_eq!(forbidden_in(Path::new("x.rs"), &format!("fn f() {{}}\n{head}{tail}")).len(), 1);
            assert!(forbidden_in(Path::new("x.rs"), &format!("// {head}{tail}")).is_empty());
        }
    }

    #[test]
    fn a_reference_that_lives_for_ever_is_not_a_mutable_static() {
        assert!(forbidden_in(Path::new("x.rs"), "fn f(memory: &'static mut [u8]) {}").is_empty());
    }

    #[test]
    fn printing_is_found_in_libraries_only() {
        let code = "fn f() { println!(\"x\"); }";
        assert!(!forbidden_in(Path::new("kcoro-core/src/x.rs"), code).is_empty());
        assert!(forbidden_in(Path::new("examples/src/bin/x.rs"), code).is_empty());
    }

    #[test]
    fn a_readme_that_runs_a_missing_example_is_caught() {
        let command = first_cargo_command("# t\n```\n$ cargo run -p kcoro-examples --bin no_such\n```").unwrap();
        assert!(binary_source(command).unwrap().iter().all(|path| !house().join(path).exists()));
        assert_eq!(binary_source("cargo frobnicate"), None);
    }
}
