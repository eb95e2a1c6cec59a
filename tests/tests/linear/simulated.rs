// SPDX-License-Identifier: BSD-3-Clause
//! What kcoro's objects show in the simulator is linearizable, under every seed, dealt out to one, two and three workers.
//!
//! `KCORO_LINEAR_SEEDS=n` runs more seeds, `KCORO_SEED=n` one.

use std::collections::BTreeMap;

use kcoro_sim::Sim;
use kcoro_sim::sched::JoinHandle;
use kcoro_tests::linear::models::channel::{Bounded, Rendezvous};
use kcoro_tests::linear::models::join::Handle;
use kcoro_tests::linear::models::lock::Exclusive;
use kcoro_tests::linear::programs::channel::Kcoro;
use kcoro_tests::linear::programs::lock::{Claimed, Token};
use kcoro_tests::linear::programs::{Setting, channel, check_simulated, join, lock};

/// For each object.
const SEEDS: u64 = 1_200;

#[test]
fn a_bounded_channel_is_a_queue_of_its_capacity() {
    check_simulated(&Bounded { capacity: 1 }, SEEDS, |setting| channel::run(setting, &Kcoro::new(1)));
    check_simulated(&Bounded { capacity: 2 }, SEEDS, |setting| channel::run(setting, &Kcoro::new(2)));
    check_simulated(&Bounded { capacity: 5 }, SEEDS, |setting| channel::run(setting, &Kcoro::new(5)));
}

#[test]
fn each_send_of_a_rendezvous_overlaps_the_receive_of_its_value() {
    check_simulated(&Rendezvous, SEEDS, |setting| channel::run(setting, &Kcoro::new(0)));
}

#[test]
fn a_token_in_a_channel_of_one_is_held_by_one() {
    check_simulated(&Exclusive, SEEDS, |setting| lock::run(setting, &Token::new()));
}

#[test]
fn a_flag_whose_waiters_are_woken_one_by_one_is_held_by_one() {
    check_simulated(&Exclusive, SEEDS, |setting| lock::run(setting, &Claimed::default()));
}

#[test]
fn the_end_of_a_coroutine_comes_once_and_after_its_body() {
    check_simulated(&Handle, SEEDS, join::run::<JoinHandle<u64>>);
}

/// Else the checks above would check little.
#[test]
fn the_programs_show_every_result() {
    let mut results = BTreeMap::<String, u32>::new();
    let mut count = |result: &dyn std::fmt::Debug| {
        let name = format!("{result:?}");
        *results.entry(name.split('(').next().unwrap_or_default().to_owned()).or_default() += 1;
    };
    for seed in 0..200 {
        let setting = Setting::simulated(seed, 2);
        let run = |capacity| Sim::new().run(seed, move || channel::run(setting, &Kcoro::new(capacity))).unwrap().value;
        let channels = [run(0), run(2)];
        channels
            .iter()
            .flat_map(|history| &history.operations)
            .filter_map(|one| one.result())
            .for_each(|one| count(one));
        let ends = Sim::new().run(seed, move || join::run::<JoinHandle<u64>>(setting)).unwrap().value;
        ends.operations.iter().filter_map(|one| one.result()).for_each(|one| count(one));
    }
    let channel = ["Sent", "Received", "Full", "Empty", "Closed", "Cancelled", "WasOpen", "Len", "Requested"];
    for name in channel.iter().chain(&["Started", "Finished", "Joined", "NeverRan", "NotYet", "AlreadyTaken"]) {
        assert!(results.get(*name).is_some_and(|times| *times >= 10), "{name}: {results:?}");
    }
}
