// SPDX-License-Identifier: BSD-3-Clause
//! Each kind is linearizable, in the simulator under every seed, and on real workers and threads. Bounded and rendezvous
//! channels have their checks beside those of locks.
//!
//! `KCORO_LINEAR_SEEDS=n` runs more seeds or histories.

use kcoro_posix::channel::{Builder, Overflow};
use kcoro_tests::linear::models::channel::{Action, Call, Form, Return};
use kcoro_tests::linear::models::overflowing::Overflowing;
use kcoro_tests::linear::programs::channel::Kcoro;
use kcoro_tests::linear::programs::{Processes, channel, check_real, check_simulated, count};
use kcoro_tests::linear::{Checker, History, Operation};

/// For each kind and each number of workers.
const SEEDS: u64 = 400;
/// For each kind, or capacity of one, and each sort of processes.
const HISTORIES: u64 = 400;

fn dropping(capacity: usize, overflow: Overflow) -> (Overflowing, impl Fn() -> Kcoro + Copy + Send + 'static) {
    let make = move || Kcoro::built(Builder::bounded(capacity).overflow(overflow));
    (Overflowing { capacity, overflow }, make)
}

fn check(model: &Overflowing, make: impl Fn() -> Kcoro + Copy + Send + 'static) {
    check_simulated(model, SEEDS, move |setting| channel::run(setting, &make()));
    for processes in [Processes::Coroutines, Processes::CoroutinesAndThreads] {
        check_real(model, count(HISTORIES), processes, move |setting| channel::run(setting, &make()));
    }
}

#[test]
fn an_unbounded_channel_is_a_queue() {
    check(&Overflowing::UNBOUNDED, || Kcoro::built(Builder::unbounded()));
}

#[test]
fn a_conflated_channel_holds_the_newest() {
    check(&Overflowing::CONFLATED, || Kcoro::built(Builder::conflated()));
}

#[test]
fn a_channel_that_drops_the_oldest_is_a_queue_of_the_newest() {
    for capacity in [1, 2, 3] {
        let (model, make) = dropping(capacity, Overflow::DropOldest);
        check(&model, make);
    }
}

#[test]
fn a_channel_that_drops_the_latest_is_a_queue_of_the_oldest() {
    for capacity in [1, 2, 3] {
        let (model, make) = dropping(capacity, Overflow::DropLatest);
        check(&model, make);
    }
}

/// One after the other: what the model must not allow, or the checks above would check little.
#[test]
fn the_models_refuse_what_another_kind_would_do() {
    let send = |value| (Call::send(value, Form::Wait), Return::Sent);
    let recv = |value| (Call::recv(Form::Try), Return::Received(value));
    let empty = (Call::recv(Form::Try), Return::Empty);
    let full = (Call::send(9, Form::Try), Return::Full);
    let len = |len| (Call::new(Action::Len), Return::Len(len));
    let oldest = dropping(2, Overflow::DropOldest).0;
    let latest = dropping(2, Overflow::DropLatest).0;
    type Case<'a> = (Overflowing, &'a [(Call, Return)], bool);
    let cases: &[Case<'_>] = &[
        (Overflowing::UNBOUNDED, &[send(1), send(2), send(3), recv(1), recv(2), recv(3), empty], true),
        (Overflowing::UNBOUNDED, &[send(1), send(2), recv(2)], false),
        (Overflowing::UNBOUNDED, &[send(1), full], false),
        (Overflowing::CONFLATED, &[send(1), send(2), len(1), recv(2), empty], true),
        (Overflowing::CONFLATED, &[send(1), send(2), recv(1)], false),
        (Overflowing::CONFLATED, &[send(1), send(2), len(2)], false),
        (oldest, &[send(1), send(2), send(3), len(2), recv(2), recv(3), empty], true),
        (oldest, &[send(1), send(2), send(3), recv(1)], false),
        (latest, &[send(1), send(2), send(3), len(2), recv(1), recv(2), empty], true),
        (latest, &[send(1), send(2), send(3), recv(1), recv(2), recv(3)], false),
        (latest, &[send(1), send(2), full], false),
    ];
    for (model, rows, is_right) in cases {
        let operation = |(nth, (call, result)): (usize, &(Call, Return))| {
            let called_at = 2 * nth as u64 + 1;
            Operation { process: 0, object: 0, call: *call, called_at, returned: Some((called_at + 1, *result)) }
        };
        let operations = rows.iter().enumerate().map(operation).collect();
        let history = History::new(vec!["only".to_owned()], operations);
        assert_eq!(Checker::new(model).check(&history).is_ok(), *is_right, "{model:?} {rows:?}");
    }
}
