// SPDX-License-Identifier: BSD-3-Clause
//! `#[kcoro_sim::test]`, used as a test of a user would use it.

use std::collections::BTreeSet;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use kcoro_sim::channel::{RecvError, bounded};
use kcoro_sim::sched::{Builder, SpawnError, spawn, yield_now};
use kcoro_sim::time::Instant;
use kcoro_tests::child;

#[kcoro_sim::test(seeds = 1000, workers = 3)]
fn a_body_may_return_a_result() -> Result<(), RecvError> {
    let (tx, rx) = bounded(1);
    spawn(move || tx.send("hello")).unwrap().detach();
    assert_eq!(rx.recv()?, "hello");
    Ok(())
}

/// How often the body of the next test has run. Only that test writes it.
static RUNS: AtomicUsize = AtomicUsize::new(0);

#[kcoro_sim::test]
fn without_settings_there_are_a_hundred_seeds() {
    // The runs come one after the other, the first seed's twice, and one more than expected fails.
    assert!(RUNS.fetch_add(1, Ordering::Relaxed) < 101);
    let body = RUNS.load(Ordering::Relaxed);
    assert_ne!(body, 0, "a name in the body means what it means outside");
}

#[kcoro_sim::test(seeds = 0..200, workers = 4, step_limit = 10_000, step_cost = Duration::from_nanos(10))]
fn settings_are_those_of_the_simulator() {
    let start = Instant::now().unwrap();
    while Instant::now().unwrap().duration_since(start).unwrap() < Duration::from_nanos(50) {
        yield_now();
    }
    Builder::new().worker(3).spawn(|| ()).unwrap().join().unwrap();
    let refused = Builder::new().worker(4).spawn(|| ()).unwrap_err();
    assert_eq!(refused, SpawnError::NoWorker { index: 4, workers: 4 });
}

#[kcoro_sim::test(seeds = 7..=9,)]
#[should_panic(expected = "seed 7, after ")]
fn other_attributes_stay_in_force() {
    panic!("at once");
}

#[kcoro_sim::test(seeds = 3..5, shrink_runs = 0)]
#[should_panic(expected = "the test returned an error: \"no luck\"")]
fn an_error_fails_the_test() -> Result<(), &'static str> {
    yield_now();
    Err("no luck")
}

/// What came first in the runs of the next test.
static FIRSTS: Mutex<BTreeSet<u32>> = Mutex::new(BTreeSet::new());

#[kcoro_sim::test(seeds = 50)]
fn seeds_differ() {
    let (tx, rx) = bounded(2);
    for n in [1, 2] {
        let tx = tx.clone();
        spawn(move || tx.send(n)).unwrap().detach();
    }
    let mut firsts = FIRSTS.lock().unwrap();
    firsts.insert(rx.recv().unwrap());
    static RUNS: AtomicUsize = AtomicUsize::new(0);
    let is_last = RUNS.fetch_add(1, Ordering::Relaxed) == 50;
    assert!(!is_last || firsts.len() == 2, "{firsts:?}");
}

/// Fails under its fifth seed, but only in the child process of the next test.
#[kcoro_sim::test(seeds = 4..9)]
fn planted() {
    if std::env::var_os("KCORO_PLANTED").is_some() {
        panic!("planted");
    }
}

#[test]
fn a_failure_names_the_seed_and_the_line_of_the_test() {
    let (success, output) = child::with_variables("attribute::planted", &[("KCORO_PLANTED", "1")]);
    assert!(!success && output.contains("replay it with KCORO_SEED=4\n"), "{output}");
    let line = include_str!("attribute.rs").lines().position(|line| line == "fn planted() {").unwrap() + 1;
    assert!(output.contains(&format!("panicked at {}:{line}:", file!())), "{output}");
    let (success, output) = child::with_variables("attribute::planted", &[("KCORO_PLANTED", "1"), ("KCORO_SEED", "8")]);
    assert!(!success && output.contains("replay it with KCORO_SEED=8\n"), "{output}");
}
