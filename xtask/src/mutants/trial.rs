// SPDX-License-Identifier: BSD-3-Clause
//! One build and one run of a named test, and what they say.

use std::fmt;
use std::path::PathBuf;
use std::process::Command;
use std::time::{Duration, Instant};

use super::patch::{Death, Mutant};
use super::tree::Tree;
use crate::run::{Session, cargo, evidence};

/// A build that takes this long hangs.
const BUILD_LIMIT: Duration = Duration::from_secs(900);

/// What became of a mutant.
#[derive(Debug)]
pub enum Verdict {
    Killed(Death),
    /// Its test passed all the same.
    Survived,
    /// Its test did not pass, but not in a way that the header names: maybe it is not the mutant that was seen.
    DiedOtherwise(Death),
    DoesNotBuild,
    /// Nothing was shown either way.
    Unproven(String),
}

impl Verdict {
    pub fn is_killed(&self) -> bool {
        matches!(self, Verdict::Killed(_))
    }

    pub fn is_survived(&self) -> bool {
        matches!(self, Verdict::Survived)
    }
}

impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Verdict::Killed(death) => write!(f, "killed ({})", death.word()),
            Verdict::Survived => f.write_str("SURVIVED"),
            Verdict::DiedOtherwise(death) => write!(f, "DIED OTHERWISE ({})", death.word()),
            Verdict::DoesNotBuild => f.write_str("DOES NOT BUILD"),
            Verdict::Unproven(why) => write!(f, "UNPROVEN: {why}"),
        }
    }
}

/// Builds the mutant's test in the tree as it is, and runs it. What that prints goes to the log; it is shown only if the
/// verdict is none that `is_expected`: among tests that ought to fail, the reader looks for the one that ought not.
pub fn run(session: &mut Session, tree: &Tree, mutant: &Mutant, is_expected: fn(&Verdict) -> bool) -> Verdict {
    let verbose = std::mem::replace(&mut session.verbose, false);
    let (verdict, output) = build_and_run(session, tree, mutant);
    session.verbose = verbose;
    if !is_expected(&verdict) {
        session.evidence += &evidence(&format!("{}: {verdict}", mutant.name), &output);
    }
    verdict
}

fn build_and_run(session: &mut Session, tree: &Tree, mutant: &Mutant) -> (Verdict, String) {
    match within(session, BUILD_LIMIT, test_command(tree, mutant, &["--no-run"])) {
        Ok((true, ..)) => {}
        Ok((false, _, output)) => return (Verdict::DoesNotBuild, output),
        Err(why) => return (Verdict::Unproven(why), String::new()),
    }
    let exactly = ["--", "--exact", &mutant.test];
    match within(session, mutant.limit, test_command(tree, mutant, &exactly)) {
        Ok((passed, in_time, output)) => (judge(mutant, passed, in_time, &output), output),
        Err(why) => (Verdict::Unproven(why), String::new()),
    }
}

fn judge(mutant: &Mutant, passed: bool, in_time: bool, output: &str) -> Verdict {
    let death = if !in_time {
        Death::Hangs
    } else if output.contains("test result: FAILED. 0 passed; 1 failed") {
        Death::Fails
    } else if passed && output.contains("test result: ok. 1 passed") {
        return Verdict::Survived;
    } else if !passed && output.contains("(signal: ") {
        Death::Aborts
    } else if passed {
        return Verdict::Unproven(format!("there is no test `{}`", mutant.test));
    } else {
        return Verdict::Unproven("the test did not run".into());
    };
    if mutant.deaths.contains(&death) { Verdict::Killed(death) } else { Verdict::DiedOtherwise(death) }
}

/// Runs `command` for at most `limit`: whether it succeeded, whether it ended in time, and what it printed.
fn within(session: &mut Session, limit: Duration, command: Command) -> Result<(bool, bool, String), String> {
    let ends = Instant::now() + limit;
    let of_suite = session.kill_at;
    session.kill_at = Some(of_suite.map_or(ends, |at| at.min(ends)));
    let ran = session.run(command);
    session.kill_at = of_suite;
    if of_suite.is_some_and(|at| at <= Instant::now()) {
        return Err("the suite's time is up".into());
    }
    let (status, output) = ran.map_err(|error| format!("cargo did not start: {error}"))?;
    Ok((status.success(), Instant::now() < ends, output))
}

/// `cargo test` for the mutant's test. What the caller has set for builds of the checkout does not count here.
fn test_command(tree: &Tree, mutant: &Mutant, arguments: &[&str]) -> Command {
    let mut command = cargo(&format!("test --quiet {}", mutant.build));
    command.args(arguments).current_dir(&tree.path);
    command.env_remove("RUSTFLAGS").env_remove("CARGO_ENCODED_RUSTFLAGS").env_remove("KCORO_SEED");
    // Nobody debugs a mutant, and most tests end in a moment: what costs is to compile. A model of loom is the exception.
    let level = if mutant.environment.is_empty() { "0" } else { "1" };
    command.env("CARGO_PROFILE_TEST_OPT_LEVEL", level).env("CARGO_PROFILE_TEST_DEBUG", "false");
    command.env("CARGO_INCREMENTAL", "1");
    command.env("CARGO_TARGET_DIR", build_directory(tree, mutant));
    command.envs(mutant.environment.iter().map(|(name, value)| (name, value)));
    command
}

/// One for each set of flags, or one would throw away what the other has built.
fn build_directory(tree: &Tree, mutant: &Mutant) -> PathBuf {
    let flags = mutant.environment.iter().find(|(name, _)| name == "RUSTFLAGS").map(|(_, flags)| flags.as_str());
    let words = flags.unwrap_or("plain").split(|c: char| !c.is_ascii_alphanumeric()).filter(|word| !word.is_empty());
    tree.build.join(words.collect::<Vec<_>>().join("-"))
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::{Death, Mutant, Verdict, judge};

    fn verdict(deaths: &[Death], passed: bool, in_time: bool, output: &str) -> Verdict {
        let mutant = Mutant {
            name: String::new(),
            build: String::new(),
            test: "t".into(),
            deaths: deaths.to_vec(),
            environment: Vec::new(),
            limit: Duration::ZERO,
        };
        judge(&mutant, passed, in_time, output)
    }

    #[test]
    fn only_a_death_that_the_header_names_counts() {
        let failed = "test result: FAILED. 0 passed; 1 failed; 0 ignored";
        assert!(matches!(verdict(&[Death::Fails], false, true, failed), Verdict::Killed(Death::Fails)));
        assert!(matches!(verdict(&[Death::Hangs], false, true, failed), Verdict::DiedOtherwise(Death::Fails)));
        assert!(matches!(verdict(&[Death::Fails], false, false, ""), Verdict::DiedOtherwise(Death::Hangs)));
        assert!(matches!(verdict(&[Death::Hangs], false, false, ""), Verdict::Killed(Death::Hangs)));
        let aborted = "process didn't exit successfully: `x` (signal: 6, SIGABRT: process abort signal)";
        assert!(matches!(verdict(&[Death::Aborts], false, true, aborted), Verdict::Killed(Death::Aborts)));
        assert!(matches!(verdict(&[Death::Fails], false, true, aborted), Verdict::DiedOtherwise(Death::Aborts)));
    }

    #[test]
    fn a_test_that_passes_or_is_not_there_kills_nothing() {
        let deaths = [Death::Fails, Death::Aborts, Death::Hangs];
        assert!(matches!(verdict(&deaths, true, true, "test result: ok. 1 passed; 0 failed"), Verdict::Survived));
        assert!(matches!(verdict(&deaths, true, true, "test result: ok. 0 passed; 0 failed"), Verdict::Unproven(_)));
        assert!(matches!(verdict(&deaths, false, true, "error: no such package"), Verdict::Unproven(_)));
    }
}
