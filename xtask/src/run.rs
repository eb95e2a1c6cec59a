// SPDX-License-Identifier: BSD-3-Clause
//! Child processes: each is echoed, its output goes to the suite's log, and what it proves is tallied.

use std::fs::File;
use std::io::{self, BufRead, BufReader, Write};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::mpsc::{self, RecvTimeoutError};
use std::thread;
use std::time::Instant;

/// The checkout that this xtask was built from.
pub fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("xtask lies in the workspace").to_owned()
}

/// Where cargo puts what it builds here.
pub fn target_dir() -> PathBuf {
    std::env::var_os("CARGO_TARGET_DIR").map_or_else(|| root().join("target"), PathBuf::from)
}

/// `program` with `arguments`, split at spaces, in the root of the checkout.
pub fn command(program: &str, arguments: &str) -> Command {
    let mut command = Command::new(program);
    command.args(arguments.split_whitespace()).current_dir(root());
    command
}

/// `cargo` with `arguments`, split at spaces.
pub fn cargo(arguments: &str) -> Command {
    command("cargo", arguments)
}

/// How a shell user would write `command`: what xtask sets in the environment, then the words.
pub fn shell_line(command: &Command) -> String {
    let set = command.get_envs().filter_map(|(name, value)| Some((name, value?)));
    let environment = set.map(|(name, value)| format!("{}={:?} ", name.display(), value.display().to_string()));
    let words = std::iter::once(command.get_program()).chain(command.get_args());
    let words: Vec<_> = words.map(|word| word.display().to_string()).collect();
    environment.collect::<String>() + &words.join(" ")
}

/// Runs `command` on this terminal, after echoing it.
pub fn interactive(command: &mut Command) -> Result<(), String> {
    let line = shell_line(command);
    println!("$ {line}");
    match command.status() {
        Ok(status) if status.success() => Ok(()),
        Ok(status) => Err(format!("`{line}` failed ({status})")),
        Err(error) => Err(format!("`{line}` did not start: {error}")),
    }
}

/// Whether `command` runs and succeeds; says nothing.
pub fn succeeds(mut command: Command) -> bool {
    command.output().is_ok_and(|output| output.status.success())
}

/// What `command` prints, without the final line end; `None` if it fails.
pub fn stdout_of(mut command: Command) -> Option<String> {
    let output = command.output().ok().filter(|output| output.status.success())?;
    Some(String::from_utf8_lossy(&output.stdout).trim_end().to_owned())
}

/// What the checks of one suite came to.
#[derive(Clone, Copy, Default)]
pub struct Tally {
    pub passed: usize,
    pub failed: usize,
    pub skipped: usize,
}

impl Tally {
    pub fn add(&mut self, other: Tally) {
        self.passed += other.passed;
        self.failed += other.failed;
        self.skipped += other.skipped;
    }
}

/// Of a command that failed at most so many lines are shown, from each program that it ran.
const EVIDENCE_LINES: usize = 60;

/// One run of one suite: where its output goes, when it is stopped, what it has come to so far.
///
/// A failure is noted and the suite goes on, so that one run shows all that is broken.
pub struct Session {
    pub long: bool,
    /// Whether its output is shown at once, beside going to the log.
    pub verbose: bool,
    pub log: File,
    /// When set, children run in process groups of their own, which are killed at that time: a hang must end.
    pub kill_at: Option<Instant>,
    pub tally: Tally,
    /// Why each skipped check was skipped.
    pub not_checked: Vec<String>,
    /// What failed: tests by name, all else by its message. The report repeats it at the end.
    pub failures: Vec<String>,
    /// What the commands that failed have printed, as far as it tells why.
    pub evidence: String,
}

impl Session {
    pub fn new(log: File) -> Self {
        Self {
            long: false,
            verbose: false,
            log,
            kill_at: None,
            tally: Tally::default(),
            not_checked: Vec::new(),
            failures: Vec::new(),
            evidence: String::new(),
        }
    }

    /// Runs a command that is one check: it passes if the command succeeds.
    pub fn check(&mut self, command: Command) {
        let line = shell_line(&command);
        match self.run(command) {
            Ok((status, _)) if status.success() => self.tally.passed += 1,
            Ok((status, output)) => {
                self.evidence += &evidence(&line, &output);
                self.fail(&format!("`{line}` failed ({status})"));
            }
            Err(error) => self.fail(&format!("`{line}` did not run: {error}")),
        }
    }

    /// Runs `cargo test` and counts its tests. No test at all is a failure: a filter that matches nothing proves nothing.
    pub fn tests(&mut self, command: Command) {
        let line = shell_line(&command);
        let (status, output) = match self.run(command) {
            Ok(ran) => ran,
            Err(error) => return self.fail(&format!("`{line}` did not run: {error}")),
        };
        let counted = count_tests(&output);
        self.tally.add(counted);
        self.failures.extend(failed_tests(&output).map(str::to_owned));
        if !status.success() || counted.failed > 0 {
            self.evidence += &evidence(&line, &output);
        }
        if !status.success() && counted.failed == 0 {
            self.fail(&format!("`{line}` failed ({status})"));
        } else if counted.passed + counted.failed == 0 {
            self.fail(&format!("`{line}` ran no test"));
        }
    }

    /// Runs commands as [`Session::tests`] does, all at the same time: for those that keep one core busy each.
    pub fn tests_side_by_side(&mut self, commands: Vec<Command>) -> io::Result<()> {
        let sides = commands.into_iter().map(|command| Ok((self.side()?, command))).collect::<io::Result<Vec<_>>>()?;
        let run_side = |(mut side, command): (Session, Command)| {
            side.tests(command);
            side
        };
        let sides: Vec<Session> = thread::scope(|threads| {
            let running: Vec<_> = sides.into_iter().map(|side| threads.spawn(|| run_side(side))).collect();
            running.into_iter().map(|side| side.join().expect("a session does not panic")).collect()
        });
        sides.into_iter().for_each(|side| self.take(side));
        Ok(())
    }

    /// Counts what `side` has come to as this session's.
    pub fn take(&mut self, side: Session) {
        self.tally.add(side.tally);
        self.not_checked.extend(side.not_checked);
        self.failures.extend(side.failures);
        self.evidence += &side.evidence;
    }

    /// A session for a part of this one's work, with the same log.
    pub fn side(&self) -> io::Result<Session> {
        let log = self.log.try_clone()?;
        Ok(Session { long: self.long, verbose: self.verbose, kill_at: self.kill_at, ..Session::new(log) })
    }

    /// Runs a command and gives its exit status and all that it printed.
    pub fn run(&mut self, command: Command) -> io::Result<(ExitStatus, String)> {
        self.run_with_input(command, Stdio::null())
    }

    /// The same for a command that reads `input`.
    pub fn run_with_input(&mut self, mut command: Command, input: Stdio) -> io::Result<(ExitStatus, String)> {
        self.say(&format!("$ {}", shell_line(&command)));
        let began = Instant::now();
        if self.kill_at.is_some() {
            command.process_group(0);
        }
        let (reader, writer) = io::pipe()?;
        let mut child = command.stdin(input).stdout(writer.try_clone()?).stderr(writer).spawn()?;
        // The command holds the write ends; the reader sees the end only when all of them are closed.
        drop(command);
        let watchdog = self.kill_at.map(|at| Watchdog::start(&child, at));
        let mut output = String::new();
        for line in BufReader::new(reader).split(b'\n') {
            let line = String::from_utf8_lossy(&line?).into_owned();
            self.say(&line);
            output += &line;
            output.push('\n');
        }
        let status = child.wait()?;
        if watchdog.is_some_and(Watchdog::stop) {
            self.say("killed: far over its budget, so it hangs or the budget is wrong");
        }
        self.say(&format!("({:.1} s)", began.elapsed().as_secs_f32()));
        Ok((status, output))
    }

    /// Notes that a check failed.
    pub fn fail(&mut self, message: &str) {
        self.tally.failed += 1;
        self.failures.push(message.to_owned());
        self.say(&format!("FAILED: {message}"));
    }

    /// Notes that a check was not made. The report repeats it: what was not checked must not look checked.
    pub fn skip(&mut self, message: &str) {
        self.tally.skipped += 1;
        self.say(&format!("not checked: {message}"));
        self.not_checked.push(message.to_owned());
    }

    /// Writes a line to the log.
    pub fn say(&mut self, line: &str) {
        // A full disk must not hide the result of a suite, so a failed write to the log is let go.
        let _ = writeln!(self.log, "{line}");
        if self.verbose {
            println!("{line}");
        }
    }
}

/// Sums the `test result:` lines of libtest.
fn count_tests(output: &str) -> Tally {
    let mut tally = Tally::default();
    for line in output.lines().filter(|line| line.starts_with("test result: ")) {
        tally.passed += number_before(line, " passed");
        tally.failed += number_before(line, " failed");
    }
    tally
}

/// The names in the lists with which libtest ends.
fn failed_tests(output: &str) -> impl Iterator<Item = &str> {
    let mut in_list = false;
    output.lines().filter_map(move |line| {
        in_list = line == "failures:" || (in_list && line.starts_with("    "));
        line.strip_prefix("    ").filter(|_| in_list)
    })
}

/// What tells why `what` failed: the panics that libtest collects for each of its programs or, where there are none, as of
/// a compiler, the last lines.
pub fn evidence(what: &str, output: &str) -> String {
    let lines: Vec<_> = output.lines().collect();
    let mut shown: Vec<&str> = Vec::new();
    let mut from = 0;
    while let Some(start) = lines[from..].iter().position(|line| *line == "failures:").map(|at| from + at) {
        let end = lines[start..].iter().position(|line| line.starts_with("test result: "));
        let end = end.map_or(lines.len(), |length| start + length);
        shown.extend(&lines[start..end.min(start + EVIDENCE_LINES)]);
        from = end;
    }
    if shown.is_empty() {
        shown.extend(&lines[lines.len().saturating_sub(EVIDENCE_LINES)..]);
    }
    let shown = shown.into_iter().map(|line| format!("    {line}\n"));
    format!("  {what}:\n{}", shown.collect::<String>())
}

fn number_before(line: &str, word: &str) -> usize {
    let digits = line.split(word).next().and_then(|head| head.rsplit(' ').next());
    digits.and_then(|digits| digits.parse().ok()).unwrap_or(0)
}

/// Kills a child's process group at a set time, unless stopped before.
struct Watchdog {
    stop: mpsc::Sender<()>,
    thread: thread::JoinHandle<bool>,
}

impl Watchdog {
    fn start(child: &Child, at: Instant) -> Self {
        let group = child.id();
        let (stop, stopped) = mpsc::channel();
        let thread = thread::spawn(move || {
            let left = at.saturating_duration_since(Instant::now());
            let late = stopped.recv_timeout(left) == Err(RecvTimeoutError::Timeout);
            if late {
                let mut shell = command("sh", "-c");
                // The one spelling that the builtin of every shell takes for a group.
                shell.arg(format!("kill -9 -{group}"));
                succeeds(shell);
            }
            late
        });
        Self { stop, thread }
    }

    /// Returns whether it had to kill.
    fn stop(self) -> bool {
        // The send fails when the watchdog has already fired, which `join` then tells.
        let _ = self.stop.send(());
        self.thread.join().unwrap_or(false)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_command_that_hangs_is_killed_with_its_children_and_counts_as_failed() {
        let mut session = Session::new(File::create("/dev/null").unwrap());
        session.kill_at = Some(Instant::now());
        let mut shell = command("sh", "-c");
        // The child of the shell keeps the pipe open: were it to live, this test would not end.
        shell.arg("sleep 1000 & wait");
        session.check(shell);
        assert_eq!((session.tally.passed, session.tally.failed), (0, 1));
    }

    #[test]
    fn a_cargo_test_that_runs_no_test_counts_as_failed() {
        let mut session = Session::new(File::create("/dev/null").unwrap());
        session.tests(command("echo", "test result: ok. 0 passed; 0 failed"));
        assert_eq!((session.tally.passed, session.tally.failed), (0, 1));
    }

    #[test]
    fn counts_every_result_line_of_libtest() {
        let output = "running 2 tests\ntest result: ok. 2 passed; 0 failed; 0 ignored\n\
                      test result: FAILED. 10 passed; 3 failed; 0 ignored\n";
        let tally = count_tests(output);
        assert_eq!((tally.passed, tally.failed), (12, 3));
    }

    #[test]
    fn names_the_tests_that_failed_and_no_line_of_what_they_printed() {
        let output = "failures:\n\n---- a::b stdout ----\n    left: 1\n\nfailures:\n    a::b\n    c\n\ntest result: FAILED.\n    d";
        assert_eq!(failed_tests(output).collect::<Vec<_>>(), ["a::b", "c"]);
    }

    #[test]
    fn the_evidence_has_the_panics_of_each_program_and_the_end_of_what_is_no_test() {
        let passing = "test fine ... ok\n".repeat(1000);
        let failing = |name| format!("{passing}failures:\n\n---- {name} stdout ----\nwhy\n\ntest result: FAILED\n");
        let shown = evidence("tests", &(failing("a") + &passing + &failing("b") + &passing));
        assert!(shown.contains("---- a stdout ----\n    why") && shown.contains("---- b stdout ----\n    why"));
        assert!(!shown.contains("fine"), "{shown}");

        let compiler: String = (0..100).map(|line| format!("line {line}\n")).collect();
        let shown = evidence("check", &compiler);
        assert!(shown.starts_with("  check:\n    line 40\n") && shown.ends_with("line 99\n"), "{shown}");
    }

    #[test]
    fn a_line_without_the_word_counts_nothing() {
        assert_eq!(number_before("error: could not compile", " passed"), 0);
    }
}
