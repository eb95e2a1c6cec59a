// SPDX-License-Identifier: BSD-3-Clause
//! The simulator's promise: a seed decides the schedule, all of it and nothing else.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use kcoro_sim::channel::{bounded, rendezvous};
use kcoro_sim::sched::{Builder, spawn, yield_now};
use kcoro_sim::time::sleep;
use kcoro_sim::{Outcome, Schedule, Sim};
use kcoro_tests::child;

/// The hash of [`everything`] under seed 2026 on three workers: equal in every process, in debug and in release builds,
/// on every machine. It changes when the scheduler's own decisions or the order of the trace do; then take the new one
/// from the failure's message, after both kinds of build say the same.
const HASH_OF_2026: u64 = 0x4993_f7ec_96f7_3a6f;

/// A bit of all: channels that wait on either side, sleeps that tie, yields, stealing, and an order as the result.
fn everything() -> Vec<u32> {
    let (order_tx, order_rx) = bounded(3);
    let (token_tx, token_rx) = rendezvous();
    let mut handles = Vec::new();
    for n in 0..6u32 {
        let (order_tx, token_rx) = (order_tx.clone(), token_rx.clone());
        handles.push(spawn(move || {
            yield_now();
            sleep(Duration::from_millis(u64::from(n % 2))).unwrap();
            let token: u32 = token_rx.recv().unwrap();
            order_tx.send(n * 10 + token).unwrap();
        }));
    }
    drop(order_tx);
    handles.push(spawn(move || (0..6).for_each(|token| token_tx.send(token).unwrap())));
    let order = order_rx.iter().collect();
    handles.into_iter().for_each(|handle| handle.unwrap().join().unwrap());
    order
}

fn run(seed: u64) -> Outcome<Vec<u32>> {
    Sim::new().workers(3).run(seed, everything).unwrap()
}

#[test]
fn a_seed_gives_the_same_run_every_time() {
    for seed in 0..50 {
        assert_eq!(run(seed), run(seed));
    }
}

#[test]
fn the_choices_of_a_run_give_the_same_run_without_its_seed() {
    let fails = || -> Vec<u32> { panic!("after {:?}", everything()) };
    for seed in 0..50 {
        let sim = Sim::new().workers(3);
        let failure = sim.run(seed, fails).unwrap_err();
        assert!(!failure.schedule.is_empty());
        let again = sim.replay(&failure.schedule, fails).unwrap_err();
        assert_eq!(
            (again.trace_hash, again.steps, again.virtual_time),
            (failure.trace_hash, failure.steps, failure.virtual_time)
        );
        assert_eq!(again.kind.to_string(), failure.kind.to_string());
        assert_eq!((again.schedule, again.seed), (failure.schedule, None));
    }
}

#[test]
fn a_run_without_choices_is_fair() {
    // Each waits in a loop of yields for what the other does.
    let polite = || {
        let turn = Arc::new(AtomicU64::new(0));
        let handles = [0, 1].map(|me| {
            let turn = turn.clone();
            let body = move || {
                for _ in 0..3 {
                    while turn.load(Ordering::Relaxed) % 2 != me {
                        yield_now();
                    }
                    turn.fetch_add(1, Ordering::Relaxed);
                }
            };
            Builder::new().worker(me as usize).spawn(body).unwrap()
        });
        handles.into_iter().for_each(|handle| handle.join().unwrap());
    };
    let outcome = Sim::new().workers(2).replay(&Schedule::default(), polite).unwrap();
    assert!(outcome.steps < 2000, "{outcome:?}");
}

#[test]
fn a_seed_gives_the_same_run_in_every_build_and_on_every_machine() {
    let hash = run(2026).trace_hash;
    assert_eq!(hash, HASH_OF_2026, "the hash is now {hash:#x}");
}

#[test]
fn a_seed_gives_the_same_run_in_every_process() {
    child::passes("schedule::a_seed_gives_the_same_run_in_every_process", || {
        // As much else as possible is different here: addresses, and what ran before.
        let _padding = vec![0u8; std::process::id() as usize % 10_000];
        run(u64::from(std::process::id()));
        assert_eq!(run(2026).trace_hash, HASH_OF_2026);
    });
}

#[test]
fn seeds_give_different_runs() {
    let runs: Vec<_> = (0..100).map(run).collect();
    let hashes: BTreeSet<_> = runs.iter().map(|run| run.trace_hash).collect();
    assert_eq!(hashes.len(), 100);
    let orders: BTreeSet<_> = runs.iter().map(|run| &run.value).collect();
    assert!(orders.len() > 50, "only {} orders", orders.len());
}

#[test]
fn seeds_decide_ties_of_deadlines() {
    let race = || {
        let (tx, rx) = bounded(2);
        for name in ["left", "right"] {
            let tx = tx.clone();
            spawn(move || (sleep(Duration::from_millis(1)), tx.send(name))).unwrap().detach();
        }
        rx.recv().unwrap()
    };
    for workers in [1, 2] {
        let firsts: BTreeSet<_> =
            (0..50).map(|seed| Sim::new().workers(workers).run(seed, race).unwrap().value).collect();
        assert_eq!(firsts, ["left", "right"].into(), "{workers} workers");
    }
}

#[test]
fn coroutines_of_one_worker_interleave_too() {
    let orders: BTreeSet<_> = (0..100).map(|seed| Sim::new().workers(1).run(seed, everything).unwrap().value).collect();
    assert!(orders.len() > 50, "only {} orders", orders.len());
}

#[test]
fn every_worker_gets_work() {
    const WORKERS: usize = 4;
    let sim = Sim::new().workers(WORKERS);
    let used: BTreeSet<u64> = (0..50)
        .flat_map(|seed| {
            let on_which = || {
                // The number of a coroutine tells which worker spawned it.
                let stamps = (0..8).map(|_| spawn(|| spawn(|| ()).unwrap().id() % (WORKERS as u64 + 1)).unwrap());
                let stamps: Vec<_> = stamps.collect();
                stamps.into_iter().map(|stamp| stamp.join().unwrap()).collect::<Vec<_>>()
            };
            sim.run(seed, on_which).unwrap().value
        })
        .collect();
    assert_eq!(used, (1..=WORKERS as u64).collect());
}

/// Three coroutines count to 5 each, with a wait between the look and the write.
fn racy_counter() -> u64 {
    let counter = Arc::new(AtomicU64::new(0));
    let handles: Vec<_> = (0..3)
        .map(|_| {
            let counter = counter.clone();
            spawn(move || {
                for _ in 0..5 {
                    let seen = counter.load(Ordering::Relaxed);
                    yield_now();
                    counter.store(seen + 1, Ordering::Relaxed);
                }
            })
        })
        .collect();
    handles.into_iter().for_each(|handle| handle.unwrap().join().unwrap());
    counter.load(Ordering::Relaxed)
}

#[test]
fn a_lost_update_is_found_and_its_seed_replays() {
    for workers in [1, 2] {
        let sim = Sim::new().workers(workers);
        let losing = (0..100).map(|seed| sim.run(seed, racy_counter).unwrap()).enumerate();
        let (seed, found) = losing.into_iter().find(|(_, run)| run.value < 15).expect("a seed that loses an update");
        assert_eq!(sim.run(seed as u64, racy_counter).unwrap(), found);
    }
}
