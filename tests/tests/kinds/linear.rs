// SPDX-License-Identifier: BSD-3-Clause
//! Each kind is linearizable, in the simulator under every seed, and on real workers and threads. Bounded and rendezvous
//! channels have their checks in the tests of the checker itself.
//!
//! `KCORO_LINEAR_SEEDS=n` runs more seeds or histories.

use kcoro_posix::channel::{Builder, Overflow};
use kcoro_tests::linear::models::channel::{Action, Call, Form, Return};
use kcoro_tests::linear::models::overflowing::Overflowing;
use kcoro_tests::linear::programs::channel::Kcoro;
use kcoro_tests::linear::programs::{Processes, channel, check_real, check_simulated, count};
use kcoro_tests::linear::{Checker, History, Operation};

/// For each kind, or capacity of one.
const SEEDS: u64 = 900;
/// The same, for each sort of processes.
const HISTORIES: u64 = 150;

/// A model, and how to make what should do as it says.
type Kind = (Overflowing, fn() -> Builder<u64>);

const UNBOUNDED: &[Kind] = &[(Overflowing::UNBOUNDED, Builder::unbounded)];
const CONFLATED: &[Kind] = &[(Overflowing::CONFLATED, Builder::conflated)];
const DROPPING_OLDEST: &[Kind] = &[
    (dropping(1, Overflow::DropOldest), || Builder::bounded(1).overflow(Overflow::DropOldest)),
    (dropping(2, Overflow::DropOldest), || Builder::bounded(2).overflow(Overflow::DropOldest)),
    (dropping(3, Overflow::DropOldest), || Builder::bounded(3).overflow(Overflow::DropOldest)),
];
const DROPPING_LATEST: &[Kind] = &[
    (dropping(1, Overflow::DropLatest), || Builder::bounded(1).overflow(Overflow::DropLatest)),
    (dropping(2, Overflow::DropLatest), || Builder::bounded(2).overflow(Overflow::DropLatest)),
    (dropping(3, Overflow::DropLatest), || Builder::bounded(3).overflow(Overflow::DropLatest)),
];

const fn dropping(capacity: usize, overflow: Overflow) -> Overflowing {
    Overflowing { capacity, overflow }
}

fn simulated(kinds: &[Kind]) {
    for &(model, builder) in kinds {
        check_simulated(&model, SEEDS, move |setting| channel::run(setting, &Kcoro::built(builder())));
    }
}

fn on_threads(kinds: &[Kind]) {
    for &(model, builder) in kinds {
        for processes in [Processes::Coroutines, Processes::CoroutinesAndThreads] {
            let program = move |setting| channel::run(setting, &Kcoro::built(builder()));
            check_real(&model, count(HISTORIES), processes, program);
        }
    }
}

/// A test of each name under seeds, and another one on threads.
macro_rules! linearizable {
    ($($name:ident: $kinds:ident;)*) => {
        mod simulated {
            $(#[test] fn $name() { super::simulated(super::$kinds) })*
        }

        mod on_threads {
            $(#[test] fn $name() { super::on_threads(super::$kinds) })*
        }
    };
}

linearizable! {
    an_unbounded_channel_is_a_queue: UNBOUNDED;
    a_conflated_channel_holds_the_newest: CONFLATED;
    a_channel_that_drops_the_oldest_is_a_queue_of_the_newest: DROPPING_OLDEST;
    a_channel_that_drops_the_latest_is_a_queue_of_the_oldest: DROPPING_LATEST;
}

/// One after the other: what the model must not allow, or the checks above would check little.
#[test]
fn the_models_refuse_what_another_kind_would_do() {
    let send = |value| (Call::send(value, Form::Wait), Return::Sent);
    let recv = |value| (Call::recv(Form::Try), Return::Received(value));
    let empty = (Call::recv(Form::Try), Return::Empty);
    let full = (Call::send(9, Form::Try), Return::Full);
    let len = |len| (Call::new(Action::Len), Return::Len(len));
    let oldest = dropping(2, Overflow::DropOldest);
    let latest = dropping(2, Overflow::DropLatest);
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
