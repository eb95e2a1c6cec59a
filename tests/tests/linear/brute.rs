// SPDX-License-Identifier: BSD-3-Clause
//! The linearizability checker against one that tries everything, on small random histories.

use kcoro_tests::linear::models::channel::{Action, Bounded, Call, Form, Rendezvous, Return};
use kcoro_tests::linear::models::lock;
use kcoro_tests::linear::{History, Model, Operation, OperationOf, Problem, check};
use kcoro_tests::random::Random;

const HISTORIES: u64 = 6_000;
/// Of each kind there are so many at least.
const OFTEN: u64 = 150;

/// Straight from the definition: any order of single operations and of pairs, without memory and without pruning, that
/// keeps the order of operations that do not overlap.
fn is_explained<M: Model>(model: &M, state: &M::State, left: &[OperationOf<M>]) -> bool {
    if left.iter().all(|operation| operation.returned.is_none()) {
        return true;
    }
    let without = |gone: &[usize]| {
        let kept = left.iter().enumerate().filter(|(index, _)| !gone.contains(index));
        kept.map(|(_, operation)| operation.clone()).collect::<Vec<_>>()
    };
    // Nothing that is left had returned when it was called.
    let may_come = |index: &usize| left.iter().all(|other| other.returned_at() > left[*index].called_at);
    let candidates: Vec<usize> = (0..left.len()).filter(may_come).collect();
    let alone = candidates
        .iter()
        .any(|one| model.apply(state, &left[*one]).is_some_and(|state| is_explained(model, &state, &without(&[*one]))));
    let pairs = candidates.iter().flat_map(|one| candidates.iter().map(move |other| (*one, *other)));
    alone
        || M::MOST_TOGETHER >= 2
            && pairs.filter(|(one, other)| one < other).any(|(one, other)| {
                let next = model.apply_together(state, &[&left[one], &left[other]]);
                next.is_some_and(|state| is_explained(model, &state, &without(&[one, other])))
            })
}

/// Operations at random times, with results that are often wrong.
fn random_history<C, R>(random: &mut Random, mut operation: impl FnMut(&mut Random, u64) -> (C, R)) -> History<C, R> {
    let one = |nth| {
        let (call, result) = operation(random, nth);
        // Stamps differ, as a counter's do: each operation has its own remainder.
        let called_at = 8 * (1 + random.below(10)) + nth;
        let returned_at = called_at + 8 * (1 + random.below(6));
        let returned = (random.below(6) > 0).then_some((returned_at, result));
        Operation { process: random.below(4) as usize, object: 0, call, called_at, returned }
    };
    let operations = (0..7).map(one).collect();
    let mut history = History::new((0..4).map(|process| format!("p{process}")).collect(), operations);
    // A process does one thing after the other.
    let mut free_at = [0; 4];
    history.operations.retain(|operation| {
        let is_free = free_at[operation.process] < operation.called_at;
        if is_free {
            free_at[operation.process] = operation.returned_at();
        }
        is_free
    });
    history
}

fn channel_operation(random: &mut Random, nth: u64) -> (Call, Return) {
    let form = [Form::Wait, Form::Try, Form::Timeout][random.below(3) as usize];
    let value = random.below(3);
    match random.below(8) {
        0 => (Call::new(Action::Close), Return::WasOpen(random.below(4) > 0)),
        1 => (Call::send(nth, form), [Return::Full, Return::Closed][random.below(2) as usize]),
        2..=3 => (Call::send(nth, form), Return::Sent),
        4 => (Call::recv(form), [Return::Empty, Return::Closed][random.below(2) as usize]),
        _ => (Call::recv(form), Return::Received(value)),
    }
}

fn lock_operation(random: &mut Random, _nth: u64) -> (lock::Call, lock::Return) {
    match random.below(5) {
        0 => (lock::Call::Lock(Form::Try), lock::Return::Busy),
        1 | 2 => (lock::Call::Unlock, lock::Return::Unlocked),
        _ => (lock::Call::Lock(Form::Wait), lock::Return::Locked),
    }
}

/// Both say the same of every history, and both answers occur often.
fn compare<M: Model>(model: &M, operation: impl FnMut(&mut Random, u64) -> (M::Call, M::Return) + Copy) {
    let mut wrong = 0;
    for seed in 0..HISTORIES {
        let history = random_history(&mut Random::new(seed), operation);
        let explained = is_explained(model, &model.initial(&history.operations), &history.operations);
        let checked = check(model, &history);
        assert_eq!(checked.is_ok(), explained, "seed {seed}: {history:?}: {checked:?}");
        if let Err(problem) = checked {
            wrong += 1;
            let Problem::Violation(violation) = problem else { panic!("{problem}") };
            assert!(
                !is_explained(model, &model.initial(&violation.operations), &violation.operations),
                "seed {seed}: {violation}"
            );
            assert!(violation.operations.len() <= history.operations.len());
        }
    }
    assert!((OFTEN..HISTORIES - OFTEN).contains(&wrong), "{wrong} of {HISTORIES} are wrong");
}

#[test]
fn a_queue_is_judged_as_by_trying_everything() {
    compare(&Bounded { capacity: 1 }, channel_operation);
    compare(&Bounded { capacity: 2 }, channel_operation);
}

#[test]
fn pairs_are_judged_as_by_trying_everything() {
    compare(&Rendezvous, channel_operation);
}

#[test]
fn a_lock_is_judged_as_by_trying_everything() {
    compare(&lock::Exclusive, lock_operation);
}

/// What a shortened history leaves out, does not make it wrong: it is a wrong history because the whole one is.
///
/// Checked the other way round: of right histories, every part that could have been left is right, too.
#[test]
fn what_may_be_left_out_of_a_right_history_leaves_it_right() {
    fn parts_stay_right<M: Model>(model: &M, operation: impl FnMut(&mut Random, u64) -> (M::Call, M::Return) + Copy) {
        let mut parts = 0;
        for seed in 0..HISTORIES {
            let history = random_history(&mut Random::new(seed), operation);
            if !is_explained(model, &model.initial(&history.operations), &history.operations) {
                continue;
            }
            for group in model.removable(&history.operations) {
                let kept = history.operations.iter().enumerate().filter(|(index, _)| !group.contains(index));
                let part: Vec<_> = kept.map(|(_, operation)| operation.clone()).collect();
                assert!(
                    is_explained(model, &model.initial(&part), &part),
                    "seed {seed}: {history:?} without {group:?}"
                );
                parts += 1;
            }
        }
        assert!(parts > OFTEN, "only {parts} parts");
    }
    parts_stay_right(&Bounded { capacity: 1 }, channel_operation);
    parts_stay_right(&Bounded { capacity: 2 }, channel_operation);
    parts_stay_right(&Rendezvous, channel_operation);
    parts_stay_right(&lock::Exclusive, lock_operation);
}
