// SPDX-License-Identifier: BSD-3-Clause
//! Runs suites and reports: a line for each, a table, and one closing line. They run one after another, in CI in two lanes.

use std::fs::{self, File};
use std::io::{self, Write};
use std::path::PathBuf;
use std::process::ExitCode;
use std::thread;
use std::time::{Duration, Instant};

use crate::run::{Session, Tally, target_dir};
use crate::setup;
use crate::suites::{BESIDE, LEFT_BEHIND, Suite, TOTAL_BUDGET_S};

/// In CI a suite that takes this many times its budget is killed, so that a hang ends and names itself.
const KILL_FACTOR: u32 = 2;

#[derive(Clone, Copy)]
pub struct Options {
    pub long: bool,
    pub verbose: bool,
    /// Holds suites to their budgets, and removes what each has built.
    pub ci: bool,
}

struct Finished {
    suite: &'static Suite,
    took: Duration,
    tally: Tally,
    not_checked: Vec<String>,
    failures: Vec<String>,
}

/// Runs `suites`, after installing what they need; the exit code tells whether all checks passed.
pub fn run_suites(suites: &[&'static Suite], options: Options) -> Result<ExitCode, String> {
    setup::install_missing(suites)?;
    let began = Instant::now();
    let finished = if options.ci { in_two_lanes(suites, options)? } else { in_a_row(suites, options)? };
    Ok(if summarise(&finished, began.elapsed(), options) == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

fn in_a_row(suites: &[&'static Suite], options: Options) -> Result<Vec<Finished>, String> {
    let run =
        |suite: &&'static Suite| run_suite(suite, options).map_err(|error| format!("suite {}: {error}", suite.name));
    suites.iter().map(run).collect()
}

/// Those that build in folders of their own beside the others. What is returned is in the order of `suites`.
fn in_two_lanes(suites: &[&'static Suite], options: Options) -> Result<Vec<Finished>, String> {
    let is_beside = |suite: &&'static Suite| BESIDE.contains(&suite.name);
    let (beside, main): (Vec<_>, Vec<_>) = suites.iter().copied().partition(is_beside);
    let (beside, main) = thread::scope(|threads| {
        let beside = threads.spawn(|| in_a_row(&beside, options));
        let main = in_a_row(&main, options);
        (beside.join().expect("a suite does not panic"), main)
    });
    let mut finished: Vec<_> = beside?.into_iter().chain(main?).collect();
    finished.sort_by_key(|done| suites.iter().position(|suite| suite.name == done.suite.name));
    Ok(finished)
}

fn run_suite(suite: &'static Suite, options: Options) -> io::Result<Finished> {
    let log = open_log(suite)?;
    match options {
        // Two lines for a suite: what another prints may come between them.
        Options { ci: true, .. } => println!("({} begins)", suite.name),
        Options { verbose: true, .. } => println!("{}", title(suite)),
        Options { verbose: false, .. } => print!("{}", head(suite)),
    }
    io::stdout().flush()?;
    let started = Instant::now();
    let budget = Duration::from_secs(suite.budget_s);
    let kill_at = options.ci.then(|| started + budget * KILL_FACTOR);
    let mut session = Session { long: options.long, verbose: options.verbose, kill_at, ..Session::new(log) };
    (suite.run)(&mut session);
    let Tally { passed, failed, skipped } = session.tally;
    if passed + failed + skipped == 0 {
        session.fail("the suite checked nothing");
    }
    let took = started.elapsed();
    if options.ci {
        if took > budget {
            session.fail(&format!("over budget: make it faster or, with a reason, raise budget_s of {}", suite.name));
        }
        sweep(suite)?;
    }
    let Session { tally, not_checked, failures, evidence, .. } = session;
    let done = Finished { suite, took, tally, not_checked, failures };
    let line = if options.ci || options.verbose { head(suite) + &tail(&done) } else { tail(&done) };
    // In one write, for another suite may print at the same time.
    println!("{line}{}", if done.tally.failed > 0 { why(&done, &evidence) } else { String::new() });
    Ok(done)
}

/// What failed, and what was printed then.
fn why(done: &Finished, evidence: &str) -> String {
    let failures: String = done.failures.iter().map(|failure| format!("\n  failed: {failure}")).collect();
    format!("{failures}\n{evidence}  (all of it: {})", log_path(done.suite).display())
}

fn title(suite: &Suite) -> String {
    format!("== {}: {}", suite.name, suite.what)
}

/// Removes what only `suite` needed: machines of CI have small disks.
fn sweep(suite: &Suite) -> io::Result<()> {
    for (_, folder) in LEFT_BEHIND.iter().filter(|(name, _)| *name == suite.name) {
        match fs::remove_dir_all(target_dir().join(folder)) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            _ => {}
        }
    }
    Ok(())
}

fn open_log(suite: &Suite) -> io::Result<File> {
    fs::create_dir_all(target_dir().join("xtask"))?;
    File::create(log_path(suite))
}

fn log_path(suite: &Suite) -> PathBuf {
    target_dir().join("xtask").join(format!("{}.log", suite.name))
}

fn head(suite: &Suite) -> String {
    format!("{:13}", suite.name)
}

fn tail(done: &Finished) -> String {
    let Tally { passed, failed, skipped } = done.tally;
    let verdict = if failed == 0 { "ok" } else { "FAILED" };
    let skipped = if skipped == 0 { String::new() } else { format!(", not checked: {}", done.not_checked.join("; ")) };
    let (took_s, budget_s) = (done.took.as_secs_f32(), done.suite.budget_s);
    format!("{verdict:7}{took_s:6.1} s of {budget_s:3} s  {passed} ok, {failed} failed{skipped}")
}

/// Prints the table and the closing line; returns how many checks failed.
fn summarise(finished: &[Finished], took: Duration, options: Options) -> usize {
    let mut total = Tally::default();
    println!();
    for done in finished {
        total.add(done.tally);
        println!("{}{}", head(done.suite), tail(done));
    }
    let over_budget = options.ci && took > Duration::from_secs(TOTAL_BUDGET_S);
    println!("{:20}{:6.1} s of {TOTAL_BUDGET_S:3} s\n", "all", took.as_secs_f32());
    if over_budget {
        println!("over budget: make the longest of them faster");
        total.failed += 1;
    }
    for done in finished {
        done.failures.iter().for_each(|failure| println!("failed in {}: {failure}", done.suite.name));
    }
    let Tally { passed, failed, skipped } = total;
    let skipped = if skipped == 0 { String::new() } else { format!(", {skipped} skipped") };
    println!("{passed} passed, {failed} failed{skipped}");
    failed
}
