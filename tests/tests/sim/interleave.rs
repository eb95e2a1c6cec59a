// SPDX-License-Identifier: BSD-3-Clause
//! Builds with `--cfg kcoro_interleave`: seeds reach races inside of operations. Planted bugs must be found, by either
//! strategy and within few seeds, and what is right must survive.
#![cfg(kcoro_interleave)]

use std::sync::{Arc, Mutex};
use std::time::Duration;

use kcoro_sim::channel::{Sender, bounded, rendezvous};
use kcoro_sim::interleave::atomic::{AtomicBool, AtomicU64, Ordering};
use kcoro_sim::interleave::point;
use kcoro_sim::sched::{Builder, spawn, yield_now};
use kcoro_sim::scope::scope;
use kcoro_sim::{Failure, FailureKind, Outcome, Sim, Strategy};
use kcoro_tests::child;

const RANDOM: Strategy = Strategy::Random;
const PCT: Strategy = Strategy::Pct { depth: 3 };

fn run(strategy: Strategy, seed: u64, body: fn()) -> Result<Outcome<()>, Failure> {
    Sim::new().workers(2).strategy(strategy).run(seed, body)
}

/// `strategy` finds what is wrong with `body` within `seeds` seeds. The first failure.
#[track_caller]
fn found_within(strategy: Strategy, seeds: u64, body: fn()) -> Failure {
    let first = (0..seeds).find_map(|seed| run(strategy, seed, body).err());
    let first = first.unwrap_or_else(|| panic!("{strategy:?} finds nothing in {seeds} seeds"));
    // It is found again, by its seed and by its choices.
    let again = run(strategy, first.seed.unwrap(), body).unwrap_err();
    assert_eq!((again.trace_hash, again.trail.to_string()), (first.trace_hash, first.trail.to_string()));
    let replayed = Sim::new().workers(2).replay(&first.schedule, body).unwrap_err();
    assert_eq!((replayed.trace_hash, replayed.trail.to_string()), (first.trace_hash, first.trail.to_string()));
    first
}

/// No strategy finds anything wrong with `body`.
#[track_caller]
fn never_fails(body: fn()) {
    for strategy in [RANDOM, PCT] {
        for seed in 0..500 {
            run(strategy, seed, body).unwrap_or_else(|failure| panic!("{strategy:?}: {failure}"));
        }
    }
}

/// Runs `work` on two workers at once.
fn on_two_workers(work: impl Fn() + Clone + Send + 'static) {
    let handles = [0, 1].map(|worker| Builder::new().worker(worker).spawn(work.clone()).unwrap());
    handles.into_iter().for_each(|handle| handle.join().unwrap());
}

fn count_with(add_one: fn(&AtomicU64)) {
    let count = Arc::new(AtomicU64::new(0));
    let mine = count.clone();
    on_two_workers(move || add_one(&mine));
    assert_eq!(count.load(Ordering::Relaxed), 2);
}

#[test]
fn an_update_that_is_a_load_and_a_store_is_lost_under_some_seed() {
    let body = || count_with(|count| count.store(count.load(Ordering::SeqCst) + 1, Ordering::SeqCst));
    found_within(RANDOM, 300, body);
    // One delay in a run of some 300 points: about one seed in 700, whatever the points are.
    let first = found_within(PCT, 3000, body);
    let trail = first.trail.to_string();
    assert!(trail.contains("loses its turn before tests/tests/sim/interleave.rs:"), "{trail}");
}

#[test]
fn an_update_in_one_operation_is_never_lost() {
    never_fails(|| count_with(|count| _ = count.fetch_add(1, Ordering::Relaxed)));
}

#[test]
fn a_test_can_have_points_of_its_own() {
    found_within(RANDOM, 300, || {
        let count = Arc::new(std::sync::atomic::AtomicU64::new(0));
        let mine = count.clone();
        on_two_workers(move || {
            let before = mine.load(Ordering::SeqCst);
            point();
            mine.store(before + 1, Ordering::SeqCst);
        });
        assert_eq!(count.load(Ordering::SeqCst), 2);
    });
}

/// A lock for a moment, taken by `take`; two that hold it at once panic.
fn exclude_with(take: fn(&AtomicBool) -> bool) {
    let (taken, inside) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicU64::new(0)));
    on_two_workers(move || {
        while !take(&taken) {
            yield_now();
        }
        assert_eq!(inside.fetch_add(1, Ordering::SeqCst), 0, "two hold the lock");
        inside.fetch_sub(1, Ordering::SeqCst);
        taken.store(false, Ordering::SeqCst);
    });
}

#[test]
fn a_lock_that_looks_before_it_takes_lets_two_in() {
    // Both must be held up at just the right points, which is too much for few changes of priority.
    found_within(RANDOM, 1000, || {
        exclude_with(|taken| {
            let is_free = !taken.load(Ordering::SeqCst);
            if is_free {
                taken.store(true, Ordering::SeqCst);
            }
            is_free
        });
    });
}

#[test]
fn a_lock_that_takes_in_one_operation_lets_one_in() {
    never_fails(|| exclude_with(|taken| !taken.swap(true, Ordering::SeqCst)));
}

/// One side tells the other that something is ready, which waits only if it looks before `announces_first` matters.
fn tell(announces_first: bool) {
    let [ready, waiting] = [false; 2].map(|_| Arc::new(AtomicBool::new(false)));
    let (tx, rx) = bounded(1);
    let theirs = (ready.clone(), waiting.clone());
    let teller = move || {
        theirs.0.store(true, Ordering::SeqCst);
        if theirs.1.load(Ordering::SeqCst) {
            // Fails if the listener saw that it is ready, and is gone.
            let _ = tx.send(());
        }
        // The channel stays open: only a message ends the wait.
        std::mem::forget(tx);
    };
    let teller = Builder::new().worker(0).spawn(teller).unwrap();
    let listener = move || {
        waiting.store(announces_first, Ordering::SeqCst);
        if !ready.load(Ordering::SeqCst) {
            waiting.store(true, Ordering::SeqCst);
            rx.recv().unwrap();
        }
    };
    Builder::new().worker(1).spawn(listener).unwrap().join().unwrap();
    teller.join().unwrap();
}

#[test]
fn a_wake_between_the_last_look_and_the_wait_is_lost_under_some_seed() {
    for (strategy, seeds) in [(RANDOM, 500), (PCT, 3000)] {
        let first = found_within(strategy, seeds, || tell(false));
        assert!(matches!(first.kind, FailureKind::Deadlock(_)), "{first}");
    }
}

#[test]
fn a_wait_that_is_announced_before_the_last_look_always_ends() {
    never_fails(|| tell(true));
}

#[test]
fn a_ready_coroutine_runs_although_thieves_take_what_was_offered_with_it() {
    // A worker counted what it could run, and slept when a thief had taken the one that was chosen.
    let sim = Sim::new().workers(3);
    sim.check(0..1000, || {
        scope(|s| {
            let (tx, rx) = rendezvous();
            for n in 0..4 {
                let tx = tx.clone();
                s.spawn(move || tx.send(n).unwrap()).unwrap();
            }
            drop(tx);
            assert_eq!(rx.iter().sum::<i32>(), 6);
        });
    });
}

/// A coroutine waits, without ever suspending, for another that it has spawned.
fn compute_until_relieved() {
    let relieved = Arc::new(AtomicBool::new(false));
    let flag = relieved.clone();
    let child = spawn(move || flag.store(true, Ordering::Relaxed)).unwrap();
    while !relieved.load(Ordering::Relaxed) {}
    child.join().unwrap();
}

#[test]
fn a_spawner_that_computes_is_relieved_of_what_it_has_spawned() {
    for workers in [2, 3] {
        for strategy in [RANDOM, PCT] {
            let sim = Sim::new().workers(workers).strategy(strategy).step_limit(20_000);
            sim.check(0..200, || {
                yield_now();
                compute_until_relieved();
            });
        }
    }
}

#[test]
fn a_loop_that_never_suspends_ends_at_the_step_limit() {
    let failure = Sim::new().workers(1).step_limit(20_000).run(0, compute_until_relieved).unwrap_err();
    assert!(matches!(failure.kind, FailureKind::StepLimit { .. }), "{failure}");
}

/// So many coroutines, the caller among them, each of which goes on without suspending until all have started.
fn all_at_once<const WORKERS: u64>() {
    let started = Arc::new(AtomicU64::new(0));
    let body = |started: Arc<AtomicU64>| {
        started.fetch_add(1, Ordering::Relaxed);
        while started.load(Ordering::Relaxed) < WORKERS {}
    };
    yield_now();
    let children = (1..WORKERS).map(|_| {
        let started = started.clone();
        spawn(move || body(started)).unwrap()
    });
    let children: Vec<_> = children.collect();
    body(started);
    children.into_iter().for_each(|child| child.join().unwrap());
}

#[test]
fn work_for_all_wakes_all_that_sleep() {
    for strategy in [RANDOM, PCT] {
        let sim = Sim::new().strategy(strategy).step_limit(500_000);
        sim.clone().workers(3).check(0..150, all_at_once::<3>);
        sim.workers(4).check(0..150, all_at_once::<4>);
    }
}

/// Sends, without waiting, when it is dropped.
struct SendsAtTheEnd(Sender<u32>);

impl Drop for SendsAtTheEnd {
    fn drop(&mut self) {
        (0..3).for_each(|_| while self.0.try_send(1).is_err() {});
    }
}

#[test]
fn who_unwinds_gets_the_locks_that_others_hold() {
    let body = || {
        let (tx, rx) = bounded(9);
        // Takes the lock all the time, and waits under it.
        let receiver = Builder::new().worker(1).spawn(move || rx.iter().sum::<u32>()).unwrap();
        let others = tx.clone();
        let sender = Builder::new().worker(1).spawn(move || (0..3).for_each(|_| others.send(1).unwrap())).unwrap();
        let panics = Builder::new().worker(0).spawn(move || {
            let _dropped_while_unwinding = SendsAtTheEnd(tx);
            std::panic::resume_unwind(Box::new("expected"));
        });
        assert!(panics.unwrap().join().is_err());
        sender.join().unwrap();
        assert_eq!(receiver.join().unwrap(), 6);
    };
    for strategy in [RANDOM, PCT] {
        Sim::new().workers(2).strategy(strategy).check(0..500, body);
    }
}

#[test]
fn a_run_that_is_cut_short_in_the_midst_of_operations_says_who_was_left() {
    for steps in 10..200 {
        let sim = Sim::new().workers(3).step_limit(steps);
        let body = || {
            let (tx, rx) = bounded(1);
            let sender = spawn(move || (0..20).for_each(|n| tx.send(n).unwrap())).unwrap();
            assert_eq!(rx.iter().sum::<u32>(), 190);
            sender.join().unwrap();
        };
        match sim.run(steps, body) {
            Ok(outcome) => assert!(outcome.steps <= steps),
            Err(failure) => assert!(matches!(failure.kind, FailureKind::StepLimit { .. }), "{failure}"),
        }
    }
}

#[test]
fn a_seed_gives_the_same_run_in_every_process() {
    const HASHES: &str = "KCORO_TEST_HASHES";
    let hash = |strategy| {
        let sim = Sim::new().workers(3).strategy(strategy);
        sim.run(2026, compute_until_relieved).unwrap().trace_hash
    };
    let hashes = format!("{:x?}", [RANDOM, PCT].map(hash));
    if let Ok(of_parent) = std::env::var(HASHES) {
        return assert_eq!(hashes, of_parent);
    }
    let variables = &[(HASHES, hashes.as_str())];
    let (success, output) = child::with_variables("interleave::a_seed_gives_the_same_run_in_every_process", variables);
    assert!(success, "{output}");
}

#[test]
fn timers_and_ties_interleave_and_replay() {
    let body = || {
        let (tx, rx) = bounded(3);
        for n in 0..3u32 {
            let tx = tx.clone();
            let sleeper = move || {
                kcoro_sim::time::sleep(Duration::from_millis(5)).unwrap();
                tx.send(n).unwrap();
            };
            spawn(sleeper).unwrap().detach();
        }
        drop(tx);
        rx.iter().collect::<Vec<_>>()
    };
    let orders: std::collections::BTreeSet<_> = (0..200)
        .map(|seed| {
            let runs = [(); 2].map(|()| Sim::new().workers(3).run(seed, body).unwrap());
            assert_eq!(runs[0], runs[1]);
            runs[0].value.clone()
        })
        .collect();
    assert_eq!(orders.len(), 6, "every order of the three: {orders:?}");
}

#[test]
fn a_lock_of_the_standard_library_that_is_held_over_a_point_aborts_and_is_named_as_a_cause() {
    let case = "interleave::a_lock_of_the_standard_library_that_is_held_over_a_point_aborts_and_is_named_as_a_cause";
    let stderr = child::aborts(case, || {
        let body = || {
            let count = Arc::new(Mutex::new(0));
            on_two_workers(move || {
                let mut count = count.lock().unwrap();
                point();
                *count += 1;
            });
        };
        let sim = Sim::new().turn_time(Duration::from_millis(300));
        (0..300).for_each(|seed| _ = sim.run(seed, body));
    });
    if let Some(stderr) = stderr {
        assert!(stderr.contains("it blocks the thread (a lock of the standard library that another"), "{stderr}");
    }
}
