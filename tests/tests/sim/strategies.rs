// SPDX-License-Identifier: BSD-3-Clause
//! The strategies of a simulation: what they decide, and that they can be counted on.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};

use kcoro_sim::sched::{Builder, spawn, yield_now};
use kcoro_sim::{Sim, Strategy};
use kcoro_tests::child;

const PCT: Strategy = Strategy::Pct { depth: 3 };

/// Who has run: three coroutines on three workers, which yield more rarely than it takes to be put last.
fn who_ran() -> Vec<usize> {
    let log = Arc::new(Mutex::new(Vec::new()));
    let handles = [0, 1, 2].map(|worker| {
        let log = log.clone();
        let body = move || {
            for _ in 0..20 {
                log.lock().unwrap().push(worker);
                yield_now();
            }
        };
        Builder::new().worker(worker).spawn(body).unwrap()
    });
    handles.into_iter().for_each(|handle| handle.join().unwrap());
    let log = log.lock().unwrap();
    log.clone()
}

fn most_switches(strategy: Strategy) -> usize {
    let switches = |seed| {
        let ran = Sim::new().workers(3).strategy(strategy).run(seed, who_ran).unwrap().value;
        ran.windows(2).filter(|pair| pair[0] != pair[1]).count()
    };
    (0..200).map(switches).max().unwrap()
}

#[test]
fn priorities_change_at_so_many_moments_and_no_more() {
    // The root starts three, one after the other, which come in when it waits or when one of higher priority is woken.
    let of_depth_1 = most_switches(Strategy::Pct { depth: 1 });
    assert!(of_depth_1 <= 5, "{of_depth_1}");
    let of_depth_4 = most_switches(Strategy::Pct { depth: 4 });
    assert!((of_depth_1 + 1..=of_depth_1 + 2 * 3).contains(&of_depth_4), "{of_depth_4}");
    let of_random = most_switches(Strategy::Random);
    assert!(of_random > 2 * of_depth_4, "{of_random}");
}

/// One does not expect to be held up between the two yields.
fn lost_update() {
    let count = Arc::new(AtomicU64::new(0));
    let handles = [0, 1].map(|worker| {
        let count = count.clone();
        let body = move || {
            for _ in 0..10 {
                yield_now();
            }
            let before = count.load(Ordering::Relaxed);
            yield_now();
            count.store(before + 1, Ordering::Relaxed);
        };
        Builder::new().worker(worker).spawn(body).unwrap()
    });
    handles.into_iter().for_each(|handle| handle.join().unwrap());
    assert_eq!(count.load(Ordering::Relaxed), 2, "an update was lost");
}

#[test]
fn one_delay_at_the_right_moment_is_found_and_replays() {
    let sim = Sim::new().strategy(PCT);
    let failure = (0..1000).find_map(|seed| sim.run(seed, lost_update).err()).expect("found by some seed");
    assert!(failure.kind.to_string().contains("an update was lost"), "{failure}");
    let by_seed = sim.run(failure.seed.unwrap(), lost_update).unwrap_err();
    assert_eq!(by_seed.trace_hash, failure.trace_hash);
    // The choices say it all: whoever made them is not needed.
    let by_choices = Sim::new().replay(&failure.schedule, lost_update).unwrap_err();
    assert_eq!(by_choices.trace_hash, failure.trace_hash);
}

#[test]
fn a_seed_in_the_environment_is_replayed_under_the_strategy() {
    let sim = Sim::new().strategy(PCT).shrink_runs(0);
    if std::env::var_os("KCORO_SEED").is_some() {
        return sim.check([], lost_update);
    }
    let failure = (0..1000).find_map(|seed| sim.run(seed, lost_update).err()).expect("found by some seed");
    let (seed, steps) = (failure.seed.unwrap(), failure.steps);
    let name = "strategies::a_seed_in_the_environment_is_replayed_under_the_strategy";
    let (success, output) = child::with_variables(name, &[("KCORO_SEED", &seed.to_string())]);
    assert!(!success && output.contains(&format!("seed {seed}, after {steps} steps")), "{output}");
}

#[test]
fn a_loop_of_yields_ends_under_every_strategy() {
    for strategy in [Strategy::Random, Strategy::Pct { depth: 1 }, PCT] {
        Sim::new().workers(2).step_limit(100_000).strategy(strategy).check(0..200, || {
            let flag = Arc::new(AtomicU64::new(0));
            let raised = flag.clone();
            let raiser = Builder::new().worker(1).spawn(move || raised.store(1, Ordering::Relaxed)).unwrap();
            let waiter = Builder::new().worker(0).spawn(move || {
                while flag.load(Ordering::Relaxed) == 0 {
                    yield_now();
                }
            });
            waiter.unwrap().join().unwrap();
            raiser.join().unwrap();
        });
    }
}

#[test]
fn a_depth_of_zero_counts_as_one_and_a_single_worker_is_enough() {
    let value = |depth, workers| {
        let sim = Sim::new().workers(workers).strategy(Strategy::Pct { depth });
        sim.run(7, || spawn(|| 6 * 7).unwrap().join().unwrap()).unwrap()
    };
    assert_eq!(value(0, 3), value(1, 3));
    assert_eq!(value(5, 1).value, 42);
}
