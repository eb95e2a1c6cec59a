// SPDX-License-Identifier: BSD-3-Clause
//! Runs suites and reports: a line for each, a table, and one closing line. They run one after another, in CI in two lanes.

use std::fs::{self, File};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use crate::run::{Session, Shown, Tally, target_dir};
use crate::setup;
use crate::suites::{BESIDE, LEFT_BEHIND, Suite, TOTAL_BUDGET_S};

/// In CI a suite that takes this many times its budget is killed, so that a hang ends and names itself.
const KILL_FACTOR: u32 = 2;
/// How much of a failed suite's log is shown.
const LOG_TAIL_LINES: usize = 120;

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
    let finished = if options.ci { in_two_lanes(suites, options)? } else { in_a_row(suites, options, Output::AtOnce)? };
    Ok(if summarise(&finished, began.elapsed(), options) == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// When a suite's output is shown.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Output {
    AtOnce,
    /// Whole, when it has ended: that of two suites would be mixed otherwise.
    AtTheEnd,
}

fn in_a_row(suites: &[&'static Suite], options: Options, output: Output) -> Result<Vec<Finished>, String> {
    let run = |suite: &&'static Suite| {
        run_suite(suite, options, output).map_err(|error| format!("suite {}: {error}", suite.name))
    };
    suites.iter().map(run).collect()
}

/// Those that build in folders of their own beside the others. What is returned is in the order of `suites`.
fn in_two_lanes(suites: &[&'static Suite], options: Options) -> Result<Vec<Finished>, String> {
    let is_beside = |suite: &&'static Suite| BESIDE.contains(&suite.name);
    let (beside, main): (Vec<_>, Vec<_>) = suites.iter().copied().partition(is_beside);
    let (beside, main) = thread::scope(|threads| {
        let beside = threads.spawn(|| in_a_row(&beside, options, Output::AtTheEnd));
        let main = in_a_row(&main, options, Output::AtTheEnd);
        (beside.join().expect("a suite does not panic"), main)
    });
    let mut finished: Vec<_> = beside?.into_iter().chain(main?).collect();
    finished.sort_by_key(|done| suites.iter().position(|suite| suite.name == done.suite.name));
    Ok(finished)
}

fn run_suite(suite: &'static Suite, options: Options, output: Output) -> io::Result<Finished> {
    let (log_path, log) = open_log(suite)?;
    let lines = Arc::new(Mutex::new(String::new()));
    let shown = match output {
        _ if !options.verbose => Shown::Nothing,
        Output::AtOnce => Shown::AtOnce,
        Output::AtTheEnd => Shown::Later(lines.clone()),
    };
    match shown {
        Shown::Nothing => print!("{}", head(suite)),
        Shown::AtOnce => println!("{}", title(suite)),
        Shown::Later(_) => println!("({} begins)", suite.name),
    }
    io::stdout().flush()?;
    let started = Instant::now();
    let budget = Duration::from_secs(suite.budget_s);
    let kill_at = options.ci.then(|| started + budget * KILL_FACTOR);
    let mut session = Session { long: options.long, shown, kill_at, ..Session::new(log) };
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
    let Session { tally, not_checked, failures, shown, .. } = session;
    let done = Finished { suite, took, tally, not_checked, failures };
    let tail = tail(&done);
    match shown {
        Shown::Nothing => println!("{tail}"),
        Shown::AtOnce => println!("{}{tail}", head(suite)),
        Shown::Later(_) => {
            let lines = lines.lock().unwrap_or_else(PoisonError::into_inner);
            println!("{}\n{lines}{}{tail}", title(suite), head(suite));
        }
    }
    if done.tally.failed > 0 && !options.verbose {
        show_log_tail(&log_path)?;
    }
    Ok(done)
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

fn open_log(suite: &Suite) -> io::Result<(PathBuf, File)> {
    let directory = target_dir().join("xtask");
    fs::create_dir_all(&directory)?;
    let path = directory.join(format!("{}.log", suite.name));
    let file = File::create(&path)?;
    Ok((path, file))
}

fn show_log_tail(path: &Path) -> io::Result<()> {
    let text = fs::read_to_string(path)?;
    let lines: Vec<_> = text.lines().collect();
    for line in &lines[lines.len().saturating_sub(LOG_TAIL_LINES)..] {
        println!("    {line}");
    }
    println!("    (all of it: {})", path.display());
    Ok(())
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
