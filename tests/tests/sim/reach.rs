// SPDX-License-Identifier: BSD-3-Clause
//! What seeds reach beyond the order of suspensions: deadlines that race with work, and what comes between the two sides
//! of a hand-over.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use kcoro_sim::channel::{bounded, rendezvous};
use kcoro_sim::sched::{Builder, spawn, yield_now, yield_to};
use kcoro_sim::time::{Instant, sleep};
use kcoro_sim::{Sim, Strategy};

const MS: Duration = Duration::from_millis(1);

/// Whether a value that is sent after a few yields comes before a timeout.
fn a_value_comes_in_time() -> bool {
    let (tx, rx) = bounded(1);
    let slow = move || {
        (0..5).for_each(|_| yield_now());
        let _ = tx.send(());
    };
    spawn(slow).unwrap().detach();
    rx.recv_timeout(MS).is_ok()
}

#[test]
fn a_deadline_races_with_ready_work_only_if_the_clock_may_jump_early() {
    for strategy in [Strategy::Random, Strategy::Pct { depth: 3 }] {
        for workers in [1, 2] {
            let sim = Sim::new().workers(workers).strategy(strategy);
            let outcomes = |sim: &Sim| -> BTreeSet<bool> {
                (0..200).map(|seed| sim.run(seed, a_value_comes_in_time).unwrap().value).collect()
            };
            assert_eq!(outcomes(&sim), [true].into(), "{workers} workers, {strategy:?}");
            assert_eq!(outcomes(&sim.early_jumps(10)), [false, true].into(), "{workers} workers, {strategy:?}");
        }
    }
}

#[test]
fn an_early_jump_goes_to_a_deadline_and_ends_no_sleep_early() {
    Sim::new().workers(2).early_jumps(3).check(0..200, || {
        let start = Instant::now().unwrap();
        let since = move || Instant::now().unwrap().duration_since(start).unwrap();
        let sleepers = [3, 1, 7].map(|n| {
            spawn(move || {
                sleep(MS * n).unwrap();
                assert!(since() >= MS * n, "{:?} for {n}", since());
                (0..3).for_each(|_| yield_now());
            })
        });
        // Each may begin after a jump, and then sleeps longer than that.
        let sums = [0, 1, 3, 4, 7, 8, 10, 11];
        (0..10).for_each(|_| yield_now());
        assert!(sums.contains(&since().as_millis()), "{:?}", since());
        sleepers.into_iter().for_each(|sleeper| sleeper.unwrap().join().unwrap());
        assert!(since() >= MS * 7, "{:?}", since());
    });
}

#[test]
fn a_run_with_early_jumps_replays_from_its_seed_and_from_its_choices() {
    let sim = Sim::new().early_jumps(10);
    let body = || assert!(a_value_comes_in_time(), "too late");
    let (seed, failure) = (0..1000).find_map(|seed| Some((seed, sim.run(seed, body).err()?))).unwrap();
    let hashes = [sim.run(seed, body).unwrap_err(), sim.replay(&failure.schedule, body).unwrap_err()];
    assert!(hashes.iter().all(|again| again.trace_hash == failure.trace_hash));
}

/// What a watcher on another worker sees of two coroutines that hand over to each other.
fn seen_at_a_hand_over() -> u64 {
    let state = Arc::new(AtomicU64::new(0));
    let (seen, set) = (state.clone(), state.clone());
    let watch = move || {
        sleep(MS).unwrap();
        seen.load(Ordering::Relaxed)
    };
    let watcher = Builder::new().worker(1).spawn(watch).unwrap();
    let side = move || {
        let (other, (tx, rx)) = (set.clone(), bounded(1));
        let second = move || {
            rx.recv().unwrap();
            other.store(2, Ordering::Relaxed);
        };
        let second = Builder::new().near().spawn(second).unwrap();
        // Time passes when all wait.
        sleep(MS).unwrap();
        set.store(1, Ordering::Relaxed);
        tx.send(()).unwrap();
        assert!(yield_to(&second), "it is ready here");
        assert_eq!(set.load(Ordering::Relaxed), 2, "the one that was named went first");
        second.join().unwrap();
    };
    Builder::new().worker(0).spawn(side).unwrap().join().unwrap();
    watcher.join().unwrap()
}

#[test]
fn others_come_between_the_two_sides_of_a_hand_over() {
    let sim = Sim::new().workers(2);
    let seen: BTreeSet<_> = (0..200).map(|seed| sim.run(seed, seen_at_a_hand_over).unwrap().value).collect();
    assert_eq!(seen, [0, 1, 2].into());
}

#[test]
fn a_hand_over_goes_where_it_is_told_however_many_wait() {
    Sim::new().workers(1).check(0..100, || {
        let (tx, rx) = rendezvous::<()>();
        let crowd: Vec<_> = (0..20).map(|_| spawn(|| (0..3).for_each(|_| yield_now())).unwrap()).collect();
        let named = Builder::new().near().spawn(move || tx.send(())).unwrap();
        if yield_to(&named) {
            assert_eq!(rx.try_recv(), Ok(()), "it waits to send");
        } else {
            rx.recv().unwrap();
        }
        named.join().unwrap().unwrap();
        crowd.into_iter().for_each(|one| one.join().unwrap());
    });
}
