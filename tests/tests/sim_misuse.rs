// SPDX-License-Identifier: BSD-3-Clause
//! What the simulator says of tests that it cannot run, and of settings that make no sense.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use kcoro_posix::Posix;
use kcoro_sim::channel::rendezvous;
use kcoro_sim::sched::{BuildError, Builder, Runtime};
use kcoro_sim::time::sleep;
use kcoro_sim::{FailureKind, Sim, check};
use kcoro_tests::child;

fn with_seed(seed: &str, case: &str) -> (bool, String) {
    child::with_variables(case, &[("KCORO_SEED", seed)])
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
            assert_eq!(runs, 10);
            let (success, output) = with_seed("12345", "the_environment_picks_one_seed");
            assert!(success, "{output}");
            let (success, output) = with_seed("twelve", "the_environment_picks_one_seed");
            assert!(!success && output.contains("KCORO_SEED is `twelve`, which is not a seed"), "{output}");
        }
    }
}

#[test]
fn a_wake_from_another_thread_aborts_and_names_the_thread() {
    let stderr = child::aborts("a_wake_from_another_thread_aborts_and_names_the_thread", || {
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
        assert!(stderr.contains("thread `stranger`, which is not part of it, woke worker"), "{stderr}");
    }
}

#[test]
fn an_overflow_of_a_simulated_stack_is_reported_by_name() {
    fn fill(depth: u64) -> u64 {
        let frame = std::hint::black_box([depth; 64]);
        if frame[0] == u64::MAX { 0 } else { fill(depth + 1) + std::hint::black_box(frame)[63] }
    }
    let stderr = child::aborts("an_overflow_of_a_simulated_stack_is_reported_by_name", || {
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
