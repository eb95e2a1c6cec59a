// SPDX-License-Identifier: BSD-3-Clause
//! A failing seed is shrunk to a short schedule, which replays by itself.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use kcoro_sim::channel::{Receiver, Sender, bounded, rendezvous};
use kcoro_sim::sched::{Builder, spawn, yield_now};
use kcoro_sim::time::sleep;
use kcoro_sim::{FailureKind, Schedule, Sim, check};
use kcoro_tests::child;

/// What `check` says when it fails.
fn message_of(check: impl FnOnce()) -> String {
    *catch_unwind(AssertUnwindSafe(check)).expect_err("it fails").downcast::<String>().expect("a message")
}

/// The schedule that a message offers.
fn schedule_in(message: &str) -> Schedule {
    let lines: Vec<_> = message.lines().filter_map(|line| line.strip_prefix("KCORO_SCHEDULE=")).collect();
    assert_eq!(lines.len(), 1, "{message}");
    lines[0].parse().unwrap()
}

/// Eight coroutines make noise, and fail if the two who matter go on in the wrong order.
fn noisy_race() {
    let is_ready = Arc::new(AtomicBool::new(false));
    let noise: Vec<_> = (0..8).map(|_| spawn(|| (0..5).for_each(|_| yield_now())).unwrap()).collect();
    let set = is_ready.clone();
    let setter = Builder::new().name("setter").spawn(move || set.store(true, Ordering::Relaxed)).unwrap();
    let user = move || assert!(is_ready.load(Ordering::Relaxed), "used before it was ready");
    let user = Builder::new().name("user").spawn(user).unwrap();
    noise.into_iter().for_each(|one| one.join().unwrap());
    setter.join().unwrap();
    if user.join().is_err() {
        panic!("used too early");
    }
}

#[test]
fn a_failure_is_shrunk_to_the_choices_that_matter() {
    for workers in [1, 2, 3] {
        let sim = Sim::new().workers(workers);
        let message = message_of(|| sim.check(0..1000, noisy_race));
        let schedule = schedule_in(&message);
        assert!(schedule.len() <= 16, "{message}");
        let failure = sim.replay(&schedule, noisy_race).unwrap_err();
        assert!(failure.to_string().contains("used too early"), "{failure}");
        assert!(message.contains(&failure.trail.to_string()), "{message}");
        assert!(message.contains("`user`") && message.contains("`root`"), "{message}");
        // None of its choices can be spared.
        let choices: Vec<_> = schedule.choices().collect();
        for spared in (0..choices.len()).filter(|nth| choices[*nth] != 0) {
            let fewer = choices.iter().enumerate().map(|(nth, choice)| if nth == spared { 0 } else { *choice });
            assert!(sim.replay(&fewer.collect(), noisy_race).is_ok(), "without {spared}: {message}");
        }
    }
}

/// A fork lies in the channel, or somebody has it.
type Fork = (Sender<()>, Receiver<()>);

fn fork() -> Fork {
    let (lay, take) = bounded(1);
    lay.send(()).unwrap();
    (lay, take)
}

fn eat(first: Fork, second: Fork) -> impl FnOnce() {
    move || {
        first.1.recv().unwrap();
        yield_now();
        second.1.recv().unwrap();
        second.0.send(()).unwrap();
        first.0.send(()).unwrap();
    }
}

#[test]
fn a_deadlock_is_shrunk_to_a_deadlock_of_the_same_coroutines() {
    let sim = Sim::new().workers(2);
    let body = || {
        let (left, right) = (fork(), fork());
        let one = Builder::new().name("one").spawn(eat(left.clone(), right.clone())).unwrap();
        let other = Builder::new().name("other").spawn(eat(right, left)).unwrap();
        one.join().unwrap();
        other.join().unwrap();
    };
    let message = message_of(|| sim.check(0..1000, body));
    let schedule = schedule_in(&message);
    let failure = sim.replay(&schedule, body).unwrap_err();
    let FailureKind::Deadlock(graph) = &failure.kind else { panic!("{failure}") };
    assert_eq!(graph.coroutines.len(), 3, "root and both");
    assert!(schedule.len() <= 12, "{message}");
}

#[test]
fn shrinking_does_not_slip_to_another_failure() {
    /// Which of two coroutines comes first.
    fn first() -> u32 {
        let (tx, rx) = bounded(2);
        for n in [1, 2] {
            let tx = tx.clone();
            spawn(move || tx.send(n).unwrap()).unwrap().detach();
        }
        rx.recv().unwrap()
    }
    fn wait_for_ever() {
        let (_tx, rx) = rendezvous::<()>();
        let _ = rx.recv();
    }
    let panics = || panic!("first came {}", first());
    let hangs = || if first() == 1 { wait_for_ever() } else { panic!("first came 2") };
    for body in [panics, hangs] as [fn(); 2] {
        let sim = Sim::new().workers(2);
        let plain = sim.replay(&Schedule::default(), body).unwrap_err().kind.to_string();
        let failures = (0..100).map(|seed| sim.run(seed, body).unwrap_err());
        let failure = failures.into_iter().find(|failure| failure.kind.to_string() != plain).unwrap();
        let schedule = schedule_in(&message_of(|| sim.check(failure.seed, body)));
        assert_eq!(sim.replay(&schedule, body).unwrap_err().kind.to_string(), failure.kind.to_string());
    }
}

#[test]
fn a_livelock_is_shrunk_too() {
    let never = || {
        let (_tx, rx) = rendezvous::<()>();
        while rx.try_recv().is_err() {
            yield_now();
        }
    };
    let message = message_of(|| Sim::new().step_limit(500).check(0..1, never));
    assert_eq!(schedule_in(&message), Schedule::default(), "{message}");
    assert!(message.contains("not done after 500 steps") && message.contains(" times"), "{message}");
}

#[test]
fn jumps_of_the_clock_are_among_the_last_decisions() {
    let message = message_of(|| {
        check(0..1, || {
            sleep(Duration::from_secs(3)).unwrap();
            panic!("late");
        });
    });
    assert!(message.contains("  3s: the clock has jumped here\n  3s: worker "), "{message}");
}

#[test]
fn a_body_that_depends_on_more_than_the_seed_is_told_so() {
    let runs = AtomicU64::new(0);
    let message = message_of(|| {
        check(0..10, move || assert_ne!(runs.fetch_add(1, Ordering::Relaxed), 4));
    });
    assert!(message.starts_with("seed 3, "), "{message}");
    assert!(message.contains("did not fail in this way again"), "{message}");
    assert!(!message.contains("KCORO_SCHEDULE"), "{message}");
}

#[test]
fn the_number_of_runs_that_shrinking_takes_is_limited() {
    let runs = Arc::new(AtomicU64::new(0));
    for (limit, expected) in [(0, 1), (1, 2), (7, 8)] {
        let counted = runs.clone();
        let body = move || {
            counted.fetch_add(1, Ordering::Relaxed);
            noisy_race();
        };
        runs.store(0, Ordering::Relaxed);
        let sim = Sim::new().workers(2);
        let seed = (0..1000).find(|seed| sim.run(*seed, noisy_race).is_err()).unwrap();
        let message = message_of(|| sim.shrink_runs(limit).check([seed], body));
        assert_eq!(runs.load(Ordering::Relaxed), expected, "{message}");
        schedule_in(&message);
    }
}

#[test]
fn shrinking_reports_no_more_panics() {
    let ended = child::in_child("shrink::shrinking_reports_no_more_panics", || {
        let body = || {
            spawn(|| (0..5).for_each(|_| yield_now())).unwrap().join().unwrap();
            panic!("in any case");
        };
        let message = message_of(|| check(0..1, body));
        assert!(message.contains("runs that fails in the same way"), "{message}");
        panic!("and loud again");
    });
    if let Some(ended) = ended {
        // One by the body under its seed, one by the check, one afterwards.
        assert_eq!(ended.stderr.matches("in any case").count(), 2, "{}", ended.stderr);
        assert_eq!(ended.stderr.matches("and loud again").count(), 1, "{}", ended.stderr);
    }
}

#[test]
fn a_schedule_in_the_environment_replays_bit_for_bit() {
    let sim = Sim::new().workers(2);
    if std::env::var_os("KCORO_SCHEDULE").is_some() {
        return sim.check(0..1000, noisy_race);
    }
    let schedule = schedule_in(&message_of(|| sim.check(0..1000, noisy_race)));
    let replay = |schedule: &str| {
        child::with_variables(
            "shrink::a_schedule_in_the_environment_replays_bit_for_bit",
            &[("KCORO_SCHEDULE", schedule)],
        )
    };
    let failure = sim.replay(&schedule, noisy_race).unwrap_err();
    let (success, output) = replay(&schedule.to_string());
    let decisions = format!("its last decisions (trace hash {:#018x}):\n{}", failure.trace_hash, failure.trail);
    assert!(!success && output.contains(&format!("{failure}\n{decisions}")), "{output}");
    let (success, output) = replay("plain");
    assert!(success, "{output}");
}

#[test]
fn a_schedule_that_makes_no_sense_is_named() {
    if std::env::var_os("KCORO_SCHEDULE").is_some() {
        return check(0..1, yield_now);
    }
    let refused = |variables: &[_], why: &str| {
        let (success, output) = child::with_variables("shrink::a_schedule_that_makes_no_sense_is_named", variables);
        assert!(!success && output.contains(why), "{output}");
    };
    refused(&[("KCORO_SCHEDULE", "1:1,huh")], "KCORO_SCHEDULE is `1:1,huh`, which is not a schedule: `huh` is not");
    refused(&[("KCORO_SCHEDULE", "")], "KCORO_SCHEDULE is ``, which is not a schedule");
    refused(&[("KCORO_SCHEDULE", "0:77")], "the schedule in KCORO_SCHEDULE does not fit");
    refused(&[("KCORO_SCHEDULE", "100000:1")], "the schedule in KCORO_SCHEDULE does not fit");
    refused(&[("KCORO_SCHEDULE", "plain"), ("KCORO_SEED", "1")], "both KCORO_SEED and KCORO_SCHEDULE are set");
}
