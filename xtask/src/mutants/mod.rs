// SPDX-License-Identifier: BSD-3-Clause
//! Mutants: committed patches in tests/mutants/, each a plausible bug, each killed by a test that it names.
//!
//! A run never touches the checkout. It copies the files that git knows or would add into a scratch tree under the
//! target directory, and there first runs each named test without a patch: a test that fails anyway kills nothing. Then,
//! one mutant after the other, it applies the patch, builds, runs the named test under a time limit, and puts the tree
//! back. What is built stays, so that a mutant costs what it changes.

mod patch;
mod sample;
mod tree;
mod trial;

use std::collections::BTreeSet;
use std::fs::{self, File};
use std::process::ExitCode;
use std::time::Instant;

use crate::run::{Session, cargo, root, shell_line, target_dir};
use patch::Mutant;
use tree::Tree;
use trial::Verdict;

/// How many mutants CI runs each time.
const SAMPLE: usize = 10;

/// What `cargo xtask mutants` is asked to run.
pub enum Wanted<'a> {
    All,
    Named(&'a [String]),
    /// So many, as the current commit decides.
    Sample(usize),
}

/// The suite: a sample, or all in a long run.
pub fn run_suite(session: &mut Session) {
    let wanted = if session.long { Wanted::All } else { Wanted::Sample(SAMPLE) };
    if let Err(why) = choose(&wanted).and_then(|chosen| try_all(session, &chosen, &|_| ())) {
        session.fail(&why);
    }
}

/// The suite that checks the patches themselves, without building anything.
pub fn check_patches(session: &mut Session) {
    let mutants = match patch::all() {
        Ok(mutants) => mutants,
        Err(why) => return session.fail(&why),
    };
    for mutant in mutants {
        match mutant.check_against(&root()) {
            Ok(()) => session.tally.passed += 1,
            Err(why) => session.fail(&format!("mutant {}: {why}", mutant.name)),
        }
    }
}

/// The command: reports each mutant as it comes, and fails unless all were killed.
pub fn run_command(wanted: &Wanted<'_>) -> Result<ExitCode, String> {
    let chosen = choose(wanted)?;
    let path = target_dir().join("xtask/mutants.log");
    fs::create_dir_all(path.with_file_name("")).map_err(|error| format!("{}: {error}", path.display()))?;
    let log = File::create(&path).map_err(|error| format!("{}: {error}", path.display()))?;
    let mut session = Session::new(log);
    try_all(&mut session, &chosen, &|line| println!("{line}"))?;
    println!("(what the tests said: {})", path.display());
    Ok(if session.tally.failed == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// The mutants that are wanted, in the order in which they build fastest.
fn choose(wanted: &Wanted<'_>) -> Result<Vec<Mutant>, String> {
    let mut mutants = patch::all()?;
    match wanted {
        Wanted::All => {}
        Wanted::Named(names) => {
            if let Some(unknown) = names.iter().find(|name| mutants.iter().all(|mutant| mutant.name != **name)) {
                let known: Vec<_> = mutants.iter().map(|mutant| mutant.name.as_str()).collect();
                return Err(format!("no mutant `{unknown}`; there are:\n  {}", known.join("\n  ")));
            }
            mutants.retain(|mutant| names.contains(&mutant.name));
        }
        Wanted::Sample(count) => mutants = sample::of_this_commit(mutants, *count)?,
    }
    mutants.sort_by(|a, b| (&a.environment, &a.build, &a.name).cmp(&(&b.environment, &b.build, &b.name)));
    Ok(mutants)
}

/// Runs `chosen` one after the other; `tell` is told what the log is told.
fn try_all(session: &mut Session, chosen: &[Mutant], tell: &dyn Fn(&str)) -> Result<(), String> {
    let say = |session: &mut Session, line: &str| {
        session.say(line);
        tell(line);
    };
    let names: Vec<_> = chosen.iter().map(|mutant| mutant.name.as_str()).collect();
    let again = shell_line(cargo("xtask mutants").args(&names));
    say(session, &format!("{} mutants; once more: {again}", chosen.len()));
    let began = Instant::now();
    let tree = Tree::make(&target_dir().join("mutants"))?;
    let broken = tests_that_fail_anyway(session, &tree, chosen)?;
    say(session, &format!("{:6.1} s  the named tests without a mutant", began.elapsed().as_secs_f32()));
    for mutant in chosen {
        let began = Instant::now();
        let verdict = if broken.contains(&mutant.test_key()) {
            Verdict::Unproven("its test does not pass without it".into())
        } else {
            try_one(session, &tree, mutant)?
        };
        let line = format!("{:6.1} s  {:44} {verdict}", began.elapsed().as_secs_f32(), mutant.name);
        tell(&line);
        note(session, &verdict, &line);
    }
    let killed = session.tally.passed;
    say(session, &format!("{killed} of {} killed in {:.0} s", chosen.len(), began.elapsed().as_secs_f32()));
    Ok(())
}

fn try_one(session: &mut Session, tree: &Tree, mutant: &Mutant) -> Result<Verdict, String> {
    tree.apply(mutant)?;
    let verdict = trial::run(session, tree, mutant, Verdict::is_killed);
    tree.restore()?;
    Ok(verdict)
}

fn note(session: &mut Session, verdict: &Verdict, line: &str) {
    if verdict.is_killed() {
        session.say(line);
        session.tally.passed += 1;
    } else {
        session.fail(line);
    }
}

/// Runs each named test once on the tree as it is.
fn tests_that_fail_anyway(
    session: &mut Session,
    tree: &Tree,
    chosen: &[Mutant],
) -> Result<BTreeSet<patch::TestKey>, String> {
    tree.restore()?;
    let mut seen = BTreeSet::new();
    let mut broken = BTreeSet::new();
    for mutant in chosen {
        if seen.insert(mutant.test_key()) && !trial::run(session, tree, mutant, Verdict::is_survived).is_survived() {
            broken.insert(mutant.test_key());
        }
    }
    Ok(broken)
}
