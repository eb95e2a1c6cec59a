// SPDX-License-Identifier: BSD-3-Clause
//! What the simulator says of programs that fail.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use kcoro_sim::channel::{Receiver, Sender, bounded, rendezvous};
use kcoro_sim::sched::{Builder, spawn, yield_now};
use kcoro_sim::time::sleep;
use kcoro_sim::{FailureKind, Sim, check};

/// A fork lies in the channel, or somebody has it.
type Fork = (Sender<()>, Receiver<()>);

const NAMES: [&str; 3] = ["Aspasia", "Hypatia", "Diotima"];

/// Each takes the left fork first, then the right one.
fn dine() {
    let forks: [Fork; 3] = std::array::from_fn(|_| bounded(1));
    forks.iter().for_each(|(lay, _)| lay.send(()).unwrap());
    let dinners: Vec<_> = (0..3)
        .map(|seat| {
            let (left, right) = (forks[seat].clone(), forks[(seat + 1) % 3].clone());
            let dinner = move || {
                left.1.recv().unwrap();
                yield_now();
                right.1.recv().unwrap();
                right.0.send(()).unwrap();
                left.0.send(()).unwrap();
            };
            Builder::new().name(NAMES[seat]).spawn(dinner).unwrap()
        })
        .collect();
    dinners.into_iter().for_each(|dinner| dinner.join().unwrap());
}

#[test]
fn a_deadlock_is_found_and_names_who_waits() {
    for workers in [1, 2, 3] {
        let sim = Sim::new().workers(workers);
        let dine_under = |seed| sim.run(seed, dine);
        let results: Vec<_> = (0..100).map(dine_under).collect();
        assert!(results.iter().any(Result::is_ok), "some schedules let all of them eat");
        let failure = results.into_iter().find_map(Result::err).expect("a schedule in which each has one fork");
        let FailureKind::Deadlock(graph) = &failure.kind else { panic!("{failure}") };
        assert_eq!(graph.unlisted, 0);
        assert!(graph.cycles().is_empty(), "who could fill a channel is not known");
        let named = |name| graph.coroutines.iter().filter(|one| one.name == Some(name)).count();
        assert!(NAMES.iter().all(|name| named(name) == 1) && named("root") == 1, "{failure}");
        let message = failure.to_string();
        assert!(message.contains("deadlock: 4 coroutines") && message.contains("`Hypatia`, spawned at"), "{message}");
        assert!(message.contains("sim/failures.rs:"), "{message}");
        let again = dine_under(failure.seed.unwrap()).unwrap_err();
        assert_eq!((again.trace_hash, again.steps), (failure.trace_hash, failure.steps));
        assert_eq!(again.to_string(), message);
    }
}

#[test]
fn a_deadlock_comes_after_all_deadlines() {
    let failure = Sim::new().run(0, || {
        let (_tx, rx) = rendezvous::<()>();
        sleep(Duration::from_secs(5)).unwrap();
        rx.recv()
    });
    let failure = failure.unwrap_err();
    assert!(matches!(failure.kind, FailureKind::Deadlock(_)), "{failure}");
    assert_eq!(failure.virtual_time.as_secs(), 5);
}

#[test]
fn a_livelock_ends_at_the_step_limit_and_is_named() {
    let polite = || {
        let polite = || -> () {
            loop {
                yield_now()
            }
        };
        Builder::new().name("polite").spawn(polite).unwrap().join().unwrap();
    };
    let failure = Sim::new().step_limit(1000).run(3, polite).unwrap_err();
    assert!(matches!(failure.kind, FailureKind::StepLimit { limit: 1000, .. }), "{failure}");
    assert_eq!(failure.steps, 1000);
    let message = failure.to_string();
    assert!(message.contains("1000 steps") && message.contains("`root`"), "{message}");
    assert!(message.contains("1 that have not waited yet"), "{message}");
}

#[test]
fn a_body_that_waits_for_the_clock_to_move_needs_a_cost_of_steps() {
    let wait = || {
        let now = || kcoro_sim::time::Instant::now().unwrap();
        let start = now();
        while now().duration_since(start).unwrap() < Duration::from_micros(5) {
            yield_now();
        }
    };
    assert!(Sim::new().step_limit(1000).run(0, wait).is_err());
    let outcome = Sim::new().step_cost(Duration::from_nanos(100)).run(0, wait).unwrap();
    assert!(outcome.steps >= 50 && outcome.virtual_time >= Duration::from_micros(5), "{outcome:?}");
}

#[test]
fn a_panic_of_the_body_is_its_failure() {
    let failure = Sim::new().run(9, || panic!("boom")).unwrap_err();
    assert!(failure.to_string().starts_with("seed 9, after "), "{failure}");
    assert!(failure.to_string().contains("the coroutine panicked: boom"), "{failure}");
}

#[test]
fn a_panic_that_nobody_sees_fails_the_run_by_name() {
    let failure = Sim::new().run(0, || {
        Builder::new().name("forgotten").spawn(|| panic!("boom")).unwrap().detach();
        sleep(Duration::from_secs(1)).unwrap();
    });
    let failure = failure.unwrap_err();
    assert!(matches!(failure.kind, FailureKind::Unobserved(_)), "{failure}");
    assert!(failure.to_string().contains("`forgotten`, spawned at"), "{failure}");
}

#[test]
fn coroutines_that_are_left_are_cancelled_and_end() {
    struct Dropped(Arc<AtomicU64>);
    impl Drop for Dropped {
        fn drop(&mut self) {
            self.0.fetch_add(1, Ordering::Relaxed);
        }
    }
    let dropped = Arc::new(AtomicU64::new(0));
    for seed in 0..20 {
        let dropped = dropped.clone();
        let outcome = Sim::new().run(seed, move || {
            for _ in 0..5 {
                let dropped = Dropped(dropped.clone());
                let sleeper = move || {
                    assert!(sleep(Duration::from_secs(3600)).is_err());
                    drop(dropped);
                };
                spawn(sleeper).unwrap().detach();
            }
        });
        assert_eq!(outcome.unwrap().virtual_time, Duration::ZERO);
    }
    assert_eq!(dropped.load(Ordering::Relaxed), 100);
}

#[test]
fn one_that_will_not_be_cancelled_is_named() {
    let failure = Sim::new().step_limit(1000).run(0, || {
        let stubborn = || {
            loop {
                // Cancelled or not, it goes on.
                let _ = sleep(Duration::from_secs(1));
                yield_now();
            }
        };
        Builder::new().name("stubborn").spawn(stubborn).unwrap().detach();
        sleep(Duration::from_secs(2)).unwrap();
    });
    let message = failure.unwrap_err().to_string();
    assert!(message.contains("`stubborn`"), "{message}");
}

#[test]
fn checking_stops_at_the_first_seed_that_fails_and_says_how_to_replay_it() {
    let runs = Arc::new(AtomicU64::new(0));
    let counted = runs.clone();
    let checked = std::panic::catch_unwind(move || {
        Sim::new().shrink_runs(0).check(5..100, move || {
            // The first seed's runs are two.
            if counted.fetch_add(1, Ordering::Relaxed) == 3 {
                panic!("the third seed's");
            }
        });
    });
    let message = *checked.unwrap_err().downcast::<String>().unwrap();
    assert_eq!(runs.load(Ordering::Relaxed), 4);
    assert!(message.starts_with("seed 7, ") && message.contains("\nreplay it with KCORO_SEED=7\n"), "{message}");
}

#[test]
fn the_body_counts_as_spawned_where_the_check_is() {
    let stuck = || {
        let (_tx, rx) = rendezvous::<()>();
        let _ = rx.recv();
    };
    let (line, checked) = (line!(), std::panic::catch_unwind(|| check(0..1, stuck)));
    let message = *checked.unwrap_err().downcast::<String>().unwrap();
    assert!(message.contains(&format!("`root`, spawned at {}:{line}:", file!())), "{message}");
}
