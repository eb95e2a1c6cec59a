// SPDX-License-Identifier: BSD-3-Clause
//! What the simulator says of tests that it cannot run, and of settings that make no sense.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use kcoro_posix::Posix;
use kcoro_sim::channel::rendezvous;
use kcoro_sim::sched::{BuildError, Builder, Runtime, spawn, yield_now};
use kcoro_sim::time::sleep;
use kcoro_sim::{FailureKind, Sim, check};
use kcoro_tests::child;

fn with_seed(seed: &str, case: &str) -> (bool, String) {
    child::with_variables(case, &[("KCORO_SEED", seed)])
}

/// What a body reads of the real world decides what it does, as the parity of its runs does here.
#[test]
fn a_body_that_depends_on_more_than_its_seed_is_told_so() {
    let runs = AtomicU64::new(0);
    let checked = std::panic::catch_unwind(|| {
        check(3..10, move || {
            if runs.fetch_add(1, Ordering::Relaxed) % 2 == 1 {
                yield_now();
                spawn(|| ()).unwrap().join().unwrap();
            }
        })
    });
    let message = *checked.unwrap_err().downcast::<String>().unwrap();
    assert!(
        message.starts_with("seed 3 was run twice") && message.contains("depends on more than its seed"),
        "{message}"
    );
}

#[test]
fn the_environment_picks_one_seed() {
    let runs = Arc::new(AtomicU64::new(0));
    let counted = runs.clone();
    check(0..10, move || _ = counted.fetch_add(1, Ordering::Relaxed));
    let runs = runs.load(Ordering::Relaxed);
    match std::env::var("KCORO_SEED") {
        Ok(_) => assert_eq!(runs, 1),
        Err(_) => {
            assert_eq!(runs, 11, "the first seed is run twice");
            let (success, output) = with_seed("12345", "misuse::the_environment_picks_one_seed");
            assert!(success, "{output}");
            let (success, output) = with_seed("twelve", "misuse::the_environment_picks_one_seed");
            assert!(!success && output.contains("KCORO_SEED is `twelve`, which is not a seed"), "{output}");
        }
    }
}

#[test]
fn a_wake_from_another_thread_aborts_and_names_the_thread() {
    let stderr = child::aborts("misuse::a_wake_from_another_thread_aborts_and_names_the_thread", || {
        let _ = Sim::new().workers(2).run(0, || {
            // One waits on each worker, so that one of them sleeps when the stranger comes.
            let senders = [0, 1].map(|worker| {
                let (tx, rx) = rendezvous::<()>();
                Builder::new().worker(worker).spawn(move || rx.recv()).unwrap().detach();
                tx
            });
            // Time passes when all wait.
            sleep(Duration::from_secs(1)).unwrap();
            let stranger = std::thread::Builder::new().name("stranger".into());
            stranger.spawn(move || senders.map(|tx| tx.send(()))).unwrap().join()
        });
    });
    if let Some(stderr) = stderr {
        assert!(stderr.contains("thread `stranger`, which is not part of it, made a coroutine ready"), "{stderr}");
    }
}

#[test]
fn a_wake_from_another_thread_is_no_part_of_a_run_though_nobody_sleeps() {
    let stderr = child::aborts("misuse::a_wake_from_another_thread_is_no_part_of_a_run_though_nobody_sleeps", || {
        let _ = Sim::new().workers(1).run(0, || {
            let (tx, rx) = rendezvous::<()>();
            Builder::new().near().spawn(move || rx.recv()).unwrap().detach();
            // Time passes when all wait. Then the only worker runs this, and so is awake.
            sleep(Duration::from_secs(1)).unwrap();
            let stranger = std::thread::Builder::new().name("stranger".into());
            stranger.spawn(move || tx.send(())).unwrap().join()
        });
    });
    if let Some(stderr) = stderr {
        assert!(stderr.contains("thread `stranger`, which is not part of it, made a coroutine ready"), "{stderr}");
    }
}

#[test]
fn a_coroutine_that_never_suspends_is_named() {
    let stderr = child::aborts("misuse::a_coroutine_that_never_suspends_is_named", || {
        let hog = || -> () {
            loop {
                std::hint::spin_loop();
            }
        };
        let spawn_hog = move || Builder::new().name("hog").spawn(hog).unwrap().join();
        let _ = Sim::new().turn_time(Duration::from_millis(300)).run(0, spawn_hog);
    });
    if let Some(stderr) = stderr {
        assert!(stderr.contains("`hog`, spawned at tests/tests/sim/misuse.rs:"), "{stderr}");
        assert!(stderr.contains("has not suspended for 300ms of real time: it runs on without"), "{stderr}");
    }
}

#[test]
fn a_coroutine_that_blocks_the_thread_is_named() {
    let stderr = child::aborts("misuse::a_coroutine_that_blocks_the_thread_is_named", || {
        let (_tx, rx) = std::sync::mpsc::channel::<()>();
        let sleeper = move || rx.recv();
        let spawn_sleeper = move || Builder::new().name("sleeper").worker(1).spawn(sleeper).unwrap().join();
        let _ = Sim::new().workers(2).turn_time(Duration::from_millis(300)).run(0, spawn_sleeper);
    });
    if let Some(stderr) = stderr {
        assert!(stderr.contains("`sleeper`, spawned at tests/tests/sim/misuse.rs:"), "{stderr}");
        assert!(
            stderr.contains(", on worker 1, has not suspended") && stderr.contains("blocks the thread"),
            "{stderr}"
        );
    }
}

#[test]
fn what_is_left_by_a_deadlock_does_not_count_as_a_turn() {
    child::passes("misuse::what_is_left_by_a_deadlock_does_not_count_as_a_turn", || {
        let limit = Duration::from_millis(300);
        let sim = Sim::new().turn_time(limit);
        let stuck = || {
            let (_tx, rx) = rendezvous::<()>();
            rx.recv()
        };
        assert!(sim.run(0, stuck).is_err());
        // The watchdog looks several times, at this run and at what is left of the other.
        let since = Instant::now();
        while since.elapsed() < 3 * limit {
            sim.run(0, yield_now).unwrap();
        }
    });
}

#[test]
fn an_overflow_of_a_simulated_stack_is_reported_by_name() {
    fn fill(depth: u64) -> u64 {
        let frame = std::hint::black_box([depth; 64]);
        if frame[0] == u64::MAX { 0 } else { fill(depth + 1) + std::hint::black_box(frame)[63] }
    }
    let stderr = child::aborts("misuse::an_overflow_of_a_simulated_stack_is_reported_by_name", || {
        let greedy = || Builder::new().name("greedy").spawn(|| fill(0)).unwrap().join();
        let _ = Sim::new().run(0, greedy);
    });
    if let Some(stderr) = stderr {
        assert!(stderr.contains("greedy") && stderr.contains("overflow"), "{stderr}");
    }
}

#[test]
fn a_simulation_inside_of_a_runtime_is_refused() {
    let refused = || matches!(Sim::new().run(0, || ()).unwrap_err().kind, FailureKind::InsideRuntime);
    assert!(Sim::new().run(0, refused).unwrap().value);
    let runtime = Runtime::builder(Posix::new()).workers(1).build().unwrap();
    assert!(runtime.run(refused).unwrap());
}

#[test]
fn impossible_numbers_of_workers_are_refused() {
    let kind = |workers| Sim::new().workers(workers).run(0, || ()).unwrap_err().kind;
    assert!(matches!(kind(0), FailureKind::Build(BuildError::NoWorkers)));
    assert!(matches!(kind(5000), FailureKind::Build(BuildError::TooManyWorkers { .. })));
}

#[test]
fn no_steps_at_all_are_too_few() {
    let failure = Sim::new().step_limit(0).run(0, || ()).unwrap_err();
    assert!(failure.to_string().contains("not done after 0 steps"), "{failure}");
}
