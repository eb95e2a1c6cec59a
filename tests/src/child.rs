// SPDX-License-Identifier: BSD-3-Clause
//! Cases that end their process, leak its threads or change its limits: each runs in a child process, which is this
//! program again.
#![expect(unsafe_code, reason = "kills a child that hangs")]

use std::os::unix::process::ExitStatusExt;
use std::process::{Command, Stdio};
use std::sync::mpsc;
use std::time::Duration;

const CASE: &str = "KCORO_TEST_CASE";
/// What the child writes first. Without it a case whose test has another name by now would pass, and no case run.
const BEGUN: &str = "the case has begun\n";
const PATIENCE: Duration = Duration::from_secs(120);

/// How a child process ended.
#[derive(Debug)]
pub struct Ended {
    /// The signal that killed it.
    pub signal: Option<i32>,
    /// Whether it exited with success.
    pub success: bool,
    /// What it wrote to standard error.
    pub stderr: String,
}

/// Runs `case` of the test named `test`, with its modules, in a child process. In the child it returns `None`: return from
/// the test.
pub fn in_child(test: &str, case: impl FnOnce()) -> Option<Ended> {
    if std::env::var(CASE).as_deref() == Ok(test) {
        eprint!("{BEGUN}");
        case();
        return None;
    }
    let this = std::env::current_exe().expect("this program has a path");
    let child = Command::new(this)
        .args(["--exact", test, "--nocapture", "--test-threads=1"])
        .env(CASE, test)
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .expect("the child starts");
    let pid = libc::pid_t::try_from(child.id()).expect("a process id");
    let (ended, has_ended) = mpsc::channel();
    let waiter = std::thread::spawn(move || ended.send(child.wait_with_output().expect("its output")));
    let Ok(output) = has_ended.recv_timeout(PATIENCE) else {
        // SAFETY: no memory is involved; the child has not been waited for, so the id is still its own.
        unsafe { libc::kill(pid, libc::SIGKILL) };
        panic!("the child of {test} hung");
    };
    let _ = waiter.join();
    let stderr = String::from_utf8_lossy(&output.stderr);
    let (before, stderr) = stderr.split_once(BEGUN).unwrap_or_else(|| panic!("{test} is no test here: {stderr}"));
    let stderr = [before, stderr].concat();
    Some(Ended { signal: output.status.signal(), success: output.status.success(), stderr })
}

/// As [`in_child`], for a case that must abort; returns what it wrote to standard error.
pub fn aborts(test: &str, case: impl FnOnce()) -> Option<String> {
    let ended = in_child(test, case)?;
    assert_eq!(ended.signal, Some(libc::SIGABRT), "not aborted: {ended:?}");
    Some(ended.stderr)
}

/// As [`in_child`], for a case that must pass.
pub fn passes(test: &str, case: impl FnOnce()) {
    if let Some(ended) = in_child(test, case) {
        assert!(ended.success, "{ended:?}");
    }
}

/// Runs the test named `test`, with its modules, of this program once more, with these environment variables; whether it
/// passed, and what it wrote.
pub fn with_variables(test: &str, variables: &[(&str, &str)]) -> (bool, String) {
    let mut this = Command::new(std::env::current_exe().expect("this program has a path"));
    this.args(["--exact", test, "--nocapture"]).envs(variables.iter().copied());
    let output = this.output().expect("the child starts");
    let text = [output.stdout, output.stderr].concat();
    let text = String::from_utf8_lossy(&text).into_owned();
    assert!(text.contains("running 1 test\n"), "{test} is no test here: {text}");
    (output.status.success(), text)
}
