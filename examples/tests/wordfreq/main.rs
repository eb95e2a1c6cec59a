// SPDX-License-Identifier: BSD-3-Clause
//! What `wordfreq` promises, seen from outside: the built program, real trees, real signals.

mod naive;

use std::collections::BTreeSet;
use std::fs::{self, File};
use std::io::{self, BufRead, BufReader, Read};
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::Path;
use std::process::{Command, Output, Stdio};

use serde_json::{Value, json};
use tempfile::TempDir;

use crate::naive::{naive_count, tree_of_text};

#[test]
fn counts_as_a_single_thread_would_with_any_number_of_workers() {
    let tree = tree_of_text();
    let expected = naive_count(tree.path());
    for workers in ["1", "2", "8"] {
        assert_eq!(count(tree.path(), &["--workers", workers, "--top", "1000000"]), expected, "{workers} workers");
    }
}

#[test]
fn the_simulator_counts_the_same_under_any_seed_and_repeats_itself() {
    let tree = tree_of_text();
    let expected = naive_count(tree.path());
    let mut hashes = BTreeSet::new();
    for (seed, workers) in [("0", "1"), ("1", "2"), ("2", "2"), ("3", "3"), ("18446744073709551615", "2")] {
        let arguments = ["--sim", seed, "--workers", workers, "--top", "1000000"];
        let mut counted = count(tree.path(), &arguments);
        assert_eq!(counted, count(tree.path(), &arguments), "seed {seed} did not repeat itself");
        let sim = counted.as_object_mut().unwrap().remove("sim").unwrap();
        assert_eq!(counted, expected, "seed {seed} on {workers} workers");
        assert_eq!(sim["seed"].to_string(), seed);
        hashes.insert(sim["trace_hash"].as_u64().unwrap());
    }
    assert_eq!(hashes.len(), 5, "each seed takes a way of its own");
    let report = run(wordfreq(tree.path(), &["--sim", "7"]));
    let report = String::from_utf8(report.stdout).unwrap();
    let says = |words: &str| assert!(report.contains(words), "no `{words}` in {report}");
    ["of virtual time", "seed 7 on 2 simulated workers", "trace hash 0x"].into_iter().for_each(says);
}

#[test]
fn a_word_across_any_number_of_chunks_counts_once() {
    let tree = TempDir::new().unwrap();
    let word = "x".repeat(1_000_000);
    fs::write(tree.path().join("f"), format!("{word} {word}\n")).unwrap();
    assert_eq!(
        count(tree.path(), &[]),
        json!({"files": 1, "unreadable": 0, "words": 2, "distinct": 1, "top": [[word, 2]]})
    );
}

#[test]
fn equally_frequent_words_come_in_the_order_of_the_alphabet() {
    let tree = TempDir::new().unwrap();
    fs::write(tree.path().join("f"), "pear fig apple fig apple zoo").unwrap();
    assert_eq!(count(tree.path(), &["--top", "3"])["top"], json!([["apple", 2], ["fig", 2], ["pear", 1]]));
}

#[test]
fn an_empty_tree_has_no_words() {
    let tree = TempDir::new().unwrap();
    let nothing = json!({"files": 0, "unreadable": 0, "words": 0, "distinct": 0, "top": []});
    assert_eq!(count(tree.path(), &[]), nothing);
}

#[test]
fn links_are_followed() {
    let tree = TempDir::new().unwrap();
    let at = |name: &str| tree.path().join(name);
    fs::create_dir(at("directory")).unwrap();
    fs::write(at("directory/file"), "word").unwrap();
    symlink("directory", at("to-directory")).unwrap();
    symlink("directory/file", at("to-file")).unwrap();
    assert_eq!(count(tree.path(), &[])["top"], json!([["word", 3]]));
}

#[test]
fn many_files_do_not_use_up_the_descriptors() {
    let tree = TempDir::new().unwrap();
    for number in 0..1000 {
        fs::write(tree.path().join(number.to_string()), "word").unwrap();
    }
    let program = wordfreq(tree.path(), &["--json"]);
    let mut limited = Command::new("sh");
    limited.args(["-c", "ulimit -n 100; exec \"$@\"", "sh"]).arg(program.get_program()).args(program.get_args());
    let output = run(limited);
    assert_eq!(String::from_utf8(output.stderr).unwrap(), "");
    let counted: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(counted["files"], 1000);
}

#[test]
fn what_cannot_be_read_is_named_and_counted_and_the_rest_goes_on() {
    let tree = TempDir::new().unwrap();
    let at = |name: &str| tree.path().join(name);
    fs::create_dir(at("directory")).unwrap();
    fs::write(at("directory/readable"), "word").unwrap();
    symlink("nowhere", at("dangling")).unwrap();
    symlink("..", at("directory/loop")).unwrap();
    assert!(Command::new("mkfifo").arg(at("pipe")).status().unwrap().success());
    fs::write(at("locked"), "word").unwrap();
    fs::set_permissions(at("locked"), fs::Permissions::from_mode(0o000)).unwrap();
    // Who may do everything may read this, too.
    let may_read_all = File::open(at("locked")).is_ok();

    let output = run(wordfreq(tree.path(), &["--json"]));
    assert_eq!(output.status.code(), Some(0));
    let counted: Value = serde_json::from_slice(&output.stdout).unwrap();
    let (files, unreadable) = if may_read_all { (2, 3) } else { (1, 4) };
    assert_eq!((&counted["files"], &counted["unreadable"]), (&json!(files), &json!(unreadable)));
    assert_eq!(counted["top"], json!([["word", files]]));
    let errors = String::from_utf8(output.stderr).unwrap();
    assert_eq!(errors.lines().count(), unreadable, "{errors}");
    for name in ["dangling", "loop", "pipe"] {
        assert!(errors.lines().any(|line| line.starts_with("unreadable: ") && line.contains(name)), "{name}: {errors}");
    }
}

#[test]
fn ctrl_c_ends_it_with_what_it_has() {
    const SMALL_FILES: u64 = 2000;
    let tree = TempDir::new().unwrap();
    for number in 0..SMALL_FILES {
        fs::write(tree.path().join(number.to_string()), "word ").unwrap();
    }
    // Reading this one takes minutes: the signal comes before its end, and nothing else ends the run in time.
    File::create(tree.path().join("endless")).unwrap().set_len(1 << 40).unwrap();
    // Its mention on stderr shows that the count is under way.
    symlink("nowhere", tree.path().join("dangling")).unwrap();

    let mut running = wordfreq(tree.path(), &["--json", "--workers", "2"]);
    let mut running = running.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let mut errors = BufReader::new(running.stderr.take().unwrap());
    let mut line = String::new();
    errors.read_line(&mut line).unwrap();
    assert!(line.contains("dangling"), "{line}");
    assert!(Command::new("kill").args(["-INT", &running.id().to_string()]).status().unwrap().success());

    let output = running.wait_with_output().unwrap();
    assert_eq!(output.status.code(), Some(130), "{}", output.status);
    let counted: Value = serde_json::from_slice(&output.stdout).unwrap();
    let files = counted["files"].as_u64().unwrap();
    assert!(files <= SMALL_FILES, "{files} files, the endless one among them");
    assert!(counted["words"].as_u64().unwrap() <= SMALL_FILES);
    let mut rest = String::new();
    errors.read_to_string(&mut rest).unwrap();
    assert_eq!(rest, "interrupted: these are the counts so far\n");
}

#[test]
fn wrong_arguments_end_it_with_code_2_and_say_what_is_wrong() {
    let tree = TempDir::new().unwrap();
    let missing = tree.path().join("missing");
    let wrong: [(&Path, &[&str], &str); 7] = [
        (tree.path(), &["--sim", "soon"], "invalid value 'soon' for '--sim <SEED>'"),
        (tree.path(), &["--sim=-1"], "--sim"),
        (tree.path(), &["--sim", "1", "--workers", "60000"], "60000 workers are too many"),
        (tree.path(), &["--workers", "0"], "--workers"),
        (tree.path(), &["--workers", "60000"], "60000 workers are too many"),
        (tree.path(), &["--top", "-1"], "-1"),
        (&missing, &[], "No such file or directory"),
    ];
    for (path, arguments, says) in wrong {
        let output = run(wordfreq(path, arguments));
        let errors = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(2), "{arguments:?}: {errors}");
        assert!(errors.contains(says), "{errors}");
        assert!(output.stdout.is_empty());
    }
}

#[test]
fn a_pipe_gets_the_report_and_no_progress_bar() {
    let tree = tree_of_text();
    let output = run(wordfreq(tree.path(), &["--workers", "2", "--top", "1"]));
    assert_eq!(String::from_utf8(output.stderr).unwrap(), "");
    let report = String::from_utf8(output.stdout).unwrap();
    assert!(!report.contains(['\u{1b}', '\r']), "{report:?}");
    let lines: Vec<_> = report.lines().collect();
    assert_eq!(lines.len(), 4, "{report}");
    assert!(lines[3].contains(" coroutines on 2 workers: "), "{report}");
}

#[test]
fn a_reader_that_has_seen_enough_is_no_error() {
    let tree = tree_of_text();
    let (reader, writer) = io::pipe().unwrap();
    drop(reader);
    assert!(wordfreq(tree.path(), &["--top", "1000000"]).stdout(writer).status().unwrap().success());
}

#[test]
fn without_a_path_it_reads_its_own_source() {
    let mut own = Command::new(env!("CARGO_BIN_EXE_wordfreq"));
    own.args(["--json", "--top", "1000000"]).current_dir("/");
    let output = run(own);
    let counted: Value = serde_json::from_slice(&output.stdout).unwrap();
    let words = counted["top"].as_array().unwrap();
    assert!(words.iter().any(|word| word[0] == "coroutine"));
}

/// `wordfreq ARGUMENTS PATH`.
fn wordfreq(path: &Path, arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_wordfreq"));
    command.args(arguments).arg(path).stdin(Stdio::null());
    command
}

fn run(mut command: Command) -> Output {
    command.output().unwrap()
}

/// What it prints as JSON; it must succeed and have nothing to complain about.
fn count(path: &Path, arguments: &[&str]) -> Value {
    let output = run(wordfreq(path, &[arguments, &["--json"]].concat()));
    assert_eq!((output.status.code(), &*output.stderr), (Some(0), &b""[..]));
    let text = String::from_utf8(output.stdout).unwrap();
    assert_eq!(text.lines().count(), 1, "one object on one line");
    serde_json::from_str(&text).unwrap()
}
