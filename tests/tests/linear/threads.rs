// SPDX-License-Identifier: BSD-3-Clause
//! What kcoro's objects show on real workers and threads is linearizable: many short histories, as the machine happens to
//! schedule them.
//!
//! `KCORO_LINEAR_SEEDS=n` sets how many histories each object gets.

use kcoro_posix::sched::JoinHandle;
use kcoro_tests::linear::models::channel::{Bounded, Rendezvous};
use kcoro_tests::linear::models::join::Handle;
use kcoro_tests::linear::models::lock::Exclusive;
use kcoro_tests::linear::programs::channel::Kcoro;
use kcoro_tests::linear::programs::lock::{Claimed, Token};
use kcoro_tests::linear::programs::{Processes, channel, check_real, count, join, lock};

/// For each object.
const HISTORIES: u64 = 1_000;

#[test]
fn a_bounded_channel_is_a_queue_of_its_capacity() {
    check_real(&Bounded { capacity: 1 }, count(HISTORIES), Processes::Coroutines, |setting| {
        channel::run(setting, &Kcoro::new(1))
    });
    check_real(&Bounded { capacity: 2 }, count(HISTORIES), Processes::CoroutinesAndThreads, |setting| {
        channel::run(setting, &Kcoro::new(2))
    });
}

#[test]
fn each_send_of_a_rendezvous_overlaps_the_receive_of_its_value() {
    for processes in [Processes::Coroutines, Processes::CoroutinesAndThreads] {
        check_real(&Rendezvous, count(HISTORIES), processes, |setting| channel::run(setting, &Kcoro::new(0)));
    }
}

#[test]
fn a_lock_is_held_by_one() {
    check_real(&Exclusive, count(HISTORIES), Processes::Coroutines, |setting| lock::run(setting, &Token::new()));
    check_real(&Exclusive, count(HISTORIES), Processes::CoroutinesAndThreads, |setting| {
        lock::run(setting, &Claimed::default())
    });
}

#[test]
fn the_end_of_a_coroutine_comes_once_and_after_its_body() {
    for processes in [Processes::Coroutines, Processes::CoroutinesAndThreads] {
        check_real(&Handle, count(HISTORIES), processes, join::run::<JoinHandle<u64>>);
    }
}
