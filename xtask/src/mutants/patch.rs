// SPDX-License-Identifier: BSD-3-Clause
//! A mutant's file: a header of `Key: value` lines, then a unified diff. A line that starts with a space goes on with the
//! value before it.
//!
//! | key | value |
//! |---|---|
//! | `Bug` | what is wrong, and what that would do |
//! | `Build` | the arguments of `cargo test` that build the test |
//! | `Test` | the exact name of the test that kills it |
//! | `Death` | how it dies, one or more of `fails`, `aborts`, `hangs` |
//! | `Env` | `NAME=value` for the build and the run; may come more than once |
//! | `Limit-s` | how long the test may take before it counts as hanging; 60 if not said |

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use crate::run::{command, root};

/// Where the mutants are, in a checkout.
const DIRECTORY: &str = "tests/mutants";
const DEFAULT_LIMIT: Duration = Duration::from_secs(60);

/// How a mutant dies.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Death {
    /// The test fails.
    Fails,
    /// The test's process is ended by a signal.
    Aborts,
    /// The test does not end in its time.
    Hangs,
}

impl Death {
    pub fn word(self) -> &'static str {
        match self {
            Death::Fails => "fails",
            Death::Aborts => "aborts",
            Death::Hangs => "hangs",
        }
    }

    fn of(word: &str) -> Option<Death> {
        [Death::Fails, Death::Aborts, Death::Hangs].into_iter().find(|death| death.word() == word)
    }
}

/// What tells one named test from another: its environment, how it is built, its name.
pub type TestKey = (Vec<(String, String)>, String, String);

/// One committed bug, and how it is found.
#[derive(Clone, Debug)]
pub struct Mutant {
    pub name: String,
    pub build: String,
    pub test: String,
    pub deaths: Vec<Death>,
    pub environment: Vec<(String, String)>,
    pub limit: Duration,
}

/// All mutants of the checkout, by name.
pub fn all() -> Result<Vec<Mutant>, String> {
    let directory = root().join(DIRECTORY);
    let entries = fs::read_dir(&directory).map_err(|error| format!("{}: {error}", directory.display()))?;
    let paths = entries.flatten().map(|entry| entry.path());
    let mut paths: Vec<_> = paths.filter(|path| path.extension().is_some_and(|kind| kind == "patch")).collect();
    paths.sort();
    paths.iter().map(|path| read(path)).collect()
}

fn read(path: &Path) -> Result<Mutant, String> {
    let text = fs::read_to_string(path).map_err(|error| format!("{}: {error}", path.display()))?;
    let name = path.file_stem().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
    parse(&name, &text).map_err(|why| format!("{}: {why}", path.display()))
}

fn parse(name: &str, text: &str) -> Result<Mutant, String> {
    let fields = fields(text)?;
    let one = |key: &str| values(&fields, key).next().ok_or_else(|| format!("no `{key}:` in its header"));
    if one("Bug")?.is_empty() {
        return Err("`Bug:` says nothing".into());
    }
    let deaths = one("Death")?;
    let deaths = deaths.split([',', ' ']).filter(|word| !word.is_empty());
    let deaths: Option<Vec<_>> = deaths.map(Death::of).collect();
    let deaths = deaths.filter(|deaths| !deaths.is_empty()).ok_or("`Death:` is one or more of fails, aborts, hangs")?;
    let split = |pair: String| {
        let (name, value) = pair.split_once('=').ok_or("`Env:` is NAME=value")?;
        Ok::<_, String>((name.to_owned(), value.to_owned()))
    };
    let limit = values(&fields, "Limit-s").next().map(|seconds| seconds.parse().map(Duration::from_secs));
    Ok(Mutant {
        name: name.to_owned(),
        build: one("Build")?,
        test: one("Test")?,
        deaths,
        environment: values(&fields, "Env").map(split).collect::<Result<_, _>>()?,
        limit: limit.unwrap_or(Ok(DEFAULT_LIMIT)).map_err(|_| "`Limit-s:` is a number of seconds")?,
    })
}

fn values<'a>(fields: &'a [(String, String)], key: &'a str) -> impl Iterator<Item = String> + 'a {
    fields.iter().filter(move |(name, _)| name == key).map(|(_, value)| value.clone())
}

/// The header's lines, up to the diff.
fn fields(text: &str) -> Result<Vec<(String, String)>, String> {
    const KEYS: &[&str] = &["SPDX-License-Identifier", "Bug", "Build", "Test", "Death", "Env", "Limit-s"];
    let mut fields: Vec<(String, String)> = Vec::new();
    for line in text.lines().take_while(|line| !line.starts_with("--- ")).filter(|line| !line.is_empty()) {
        if let (Some(more), Some((_, value))) = (line.strip_prefix(' '), fields.last_mut()) {
            *value = format!("{value} {}", more.trim());
            continue;
        }
        let (key, value) = line.split_once(':').ok_or_else(|| format!("`{line}` is not `Key: value`"))?;
        if !KEYS.contains(&key) {
            return Err(format!("no key `{key}`; there are: {}", KEYS.join(", ")));
        }
        fields.push((key.to_owned(), value.trim().to_owned()));
    }
    Ok(fields)
}

impl Mutant {
    pub fn test_key(&self) -> TestKey {
        (self.environment.clone(), self.build.clone(), self.test.clone())
    }

    /// The patch, in a tree of the sources.
    pub fn path_in(&self, tree: &Path) -> PathBuf {
        tree.join(DIRECTORY).join(format!("{}.patch", self.name))
    }

    /// Checks, without building, that the patch applies to `tree`, a checkout, and that its test is there.
    pub fn check_against(&self, tree: &Path) -> Result<(), String> {
        let mut git = command("git", "apply --check");
        git.arg(self.path_in(tree)).current_dir(tree);
        let output = git.output().map_err(|error| format!("git did not start: {error}"))?;
        if !output.status.success() {
            return Err(format!("does not apply: {}", String::from_utf8_lossy(&output.stderr).trim_end()));
        }
        let function = format!("fn {}(", self.test.rsplit("::").next().unwrap_or_default());
        let mut sources = Vec::new();
        collect_sources(&self.sources_of_test(tree)?, &mut sources);
        let found = sources.iter().any(|path| fs::read_to_string(path).is_ok_and(|text| text.contains(&function)));
        if found { Ok(()) } else { Err(format!("no test `{}` where `{}` builds", self.test, self.build)) }
    }

    /// The file or the directory that holds the test's source.
    fn sources_of_test(&self, tree: &Path) -> Result<PathBuf, String> {
        let words: Vec<_> = self.build.split_whitespace().collect();
        let after = |flag: &str| Some(*words.get(words.iter().position(|word| *word == flag)? + 1)?);
        let package = after("--package").ok_or("`Build:` names no --package")?;
        let home = home_of(package, tree).ok_or_else(|| format!("there is no package `{package}`"))?;
        let Some(test) = after("--test") else { return Ok(home.join("src")) };
        let folder = home.join(format!("tests/{test}"));
        let path: Vec<_> = self.test.split("::").collect();
        Ok(match path[..] {
            _ if !folder.is_dir() => folder.with_extension("rs"),
            // `platform::room::scenario`: a runner makes its tests of a list.
            [_, room, _] => home.join(format!("scenarios/src/{room}.rs")),
            [module, _] => folder.join(format!("{module}.rs")),
            _ => folder.join("main.rs"),
        })
    }
}

/// The directory of a package of the workspace.
fn home_of(package: &str, tree: &Path) -> Option<PathBuf> {
    let name = format!("name = \"{package}\"");
    let homes = fs::read_dir(tree).ok()?.flatten().map(|entry| entry.path());
    homes.into_iter().find(|home| {
        let manifest = fs::read_to_string(home.join("Cargo.toml"));
        manifest.is_ok_and(|text| text.lines().any(|line| line == name))
    })
}

/// Appends `path` if it is a file, else all Rust sources below it.
fn collect_sources(path: &Path, found: &mut Vec<PathBuf>) {
    if path.extension().is_some_and(|kind| kind == "rs") {
        return found.push(path.to_owned());
    }
    for entry in fs::read_dir(path).into_iter().flatten().flatten() {
        collect_sources(&entry.path(), found);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HEADER: &str = "Bug: it is\n  wrong\nBuild: --package p --test t\nTest: a::b\nDeath: fails, hangs\n\
                          Env: RUSTFLAGS=--cfg loom\nLimit-s: 7\n";

    #[test]
    fn a_header_says_what_to_run_and_how_it_dies() {
        let mutant = parse("n", &format!("{HEADER}\n--- a/x\n+++ b/x\nnot: parsed\n")).unwrap();
        assert_eq!((mutant.build.as_str(), mutant.test.as_str()), ("--package p --test t", "a::b"));
        assert_eq!(mutant.deaths, [Death::Fails, Death::Hangs]);
        assert_eq!(mutant.environment, [("RUSTFLAGS".to_owned(), "--cfg loom".to_owned())]);
        assert_eq!(mutant.limit, Duration::from_secs(7));
    }

    #[test]
    fn what_is_missing_or_misspelt_is_named() {
        for (from, to, named) in [
            ("Bug: it is\n  wrong\n", "", "Bug"),
            ("Test: a::b\n", "", "Test"),
            ("Build:", "Built:", "Built"),
            ("fails, hangs", "", "Death"),
            ("fails, hangs", "fails, sulks", "Death"),
            ("=", " ", "Env"),
            ("7", "soon", "Limit-s"),
        ] {
            let why = parse("n", &HEADER.replace(from, to)).unwrap_err();
            assert!(why.contains(named), "{why}");
        }
    }

    #[test]
    fn a_patch_that_does_not_apply_or_names_no_test_is_found() {
        let own =
            parse("n", "Bug: b\nBuild: --package xtask --bin xtask\nTest: no::such_test_anywhere\nDeath: fails\n");
        let own = own.unwrap();
        assert!(own.check_against(&root()).unwrap_err().contains("does not apply"), "there is no such file");
        let sources = own.sources_of_test(&root()).unwrap();
        assert_eq!(sources, root().join("xtask/src"));
        let (folders, home) = (root().join("tests/tests"), root().join("tests"));
        for (test, sources) in [
            ("runtime::one", folders.join("switch/runtime.rs")),
            ("posix::turns::one", home.join("scenarios/src/turns.rs")),
            ("one", folders.join("switch/main.rs")),
        ] {
            let one = Mutant { build: "--package kcoro-tests --test switch".into(), test: test.into(), ..own.clone() };
            assert_eq!(one.sources_of_test(&root()).unwrap(), sources);
        }
        let elsewhere = Mutant { build: "--package nobody".into(), ..own };
        assert!(elsewhere.sources_of_test(&root()).unwrap_err().contains("nobody"));
    }
}
