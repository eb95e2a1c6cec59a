// SPDX-License-Identifier: BSD-3-Clause
//! The linearizability checker on histories that are known to be good or bad.

use kcoro_tests::linear::models::channel::{Action, Bounded, Call, Form, Rendezvous, Return};
use kcoro_tests::linear::models::{join, lock};
use kcoro_tests::linear::{Checker, History, Model, Operation, Problem, check};

/// `(process, call, called at, returned at, result)`; a return at zero is none.
type Row<C, R> = (usize, C, u64, u64, R);

fn history<C: Clone, R: Clone>(rows: &[Row<C, R>]) -> History<C, R> {
    let operation = |(process, call, called_at, returned_at, result): &Row<C, R>| Operation {
        process: *process,
        object: 0,
        call: call.clone(),
        called_at: *called_at,
        returned: (*returned_at > 0).then(|| (*returned_at, result.clone())),
    };
    let names = (0..4).map(|process| format!("p{process}")).collect();
    History::new(names, rows.iter().map(operation).collect())
}

#[track_caller]
fn good<M: Model>(model: &M, rows: &[Row<M::Call, M::Return>]) {
    check(model, &history(rows)).unwrap();
}

/// It is wrong, and so many operations prove it.
#[track_caller]
fn bad<M: Model>(model: &M, rows: &[Row<M::Call, M::Return>], prove_it: usize) {
    match check(model, &history(rows)) {
        Err(Problem::Violation(violation)) => assert_eq!(violation.operations.len(), prove_it, "{violation}"),
        other => panic!("{other:?}"),
    }
}

fn send(value: u64) -> Call {
    Call::send(value, Form::Wait)
}

fn try_send(value: u64) -> Call {
    Call::send(value, Form::Try)
}

fn recv() -> Call {
    Call::recv(Form::Wait)
}

fn try_recv() -> Call {
    Call::recv(Form::Try)
}

fn close() -> Call {
    Call::new(Action::Close)
}

use Return::{Cancelled, Closed, Empty, Full, Received, Sent, WasOpen};

const ONE: Bounded = Bounded { capacity: 1 };
const TWO: Bounded = Bounded { capacity: 2 };

#[test]
fn what_a_queue_shows_passes() {
    good(&ONE, &[]);
    good(&TWO, &[(0, send(1), 1, 2, Sent), (0, send(2), 3, 4, Sent), (1, recv(), 5, 6, Received(1))]);
    // Full at the instant when the second is in: the order is not that of the calls.
    good(&ONE, &[(0, try_send(1), 1, 6, Full), (1, send(2), 2, 3, Sent), (2, recv(), 4, 5, Received(2))]);
    // The receive was called first and took the value of a send that never returned.
    good(&ONE, &[(0, recv(), 1, 4, Received(1)), (1, send(1), 2, 0, Sent)]);
    // A close lets what is in drain.
    good(&ONE, &[(0, send(1), 1, 2, Sent), (0, close(), 3, 4, WasOpen(true)), (1, recv(), 5, 6, Received(1))]);
}

#[test]
fn a_lost_value_is_found() {
    bad(&TWO, &[(0, send(1), 1, 2, Sent), (1, try_recv(), 3, 4, Empty)], 2);
    // Skipped: the first value is gone when the second comes.
    bad(&TWO, &[(0, send(1), 1, 2, Sent), (0, send(2), 3, 4, Sent), (1, recv(), 5, 6, Received(2))], 3);
}

#[test]
fn a_duplicate_is_found() {
    bad(&ONE, &[(0, send(1), 1, 2, Sent), (1, recv(), 3, 6, Received(1)), (2, recv(), 4, 7, Received(1))], 3);
}

#[test]
fn a_value_from_nowhere_and_one_from_the_future_are_found() {
    bad(&ONE, &[(0, recv(), 1, 2, Received(7))], 1);
    bad(&ONE, &[(0, recv(), 1, 2, Received(1)), (1, send(1), 3, 4, Sent)], 1);
}

#[test]
fn values_out_of_order_are_found() {
    let rows = [
        (0, send(1), 1, 2, Sent),
        (0, send(2), 3, 4, Sent),
        (1, recv(), 5, 6, Received(2)),
        (1, recv(), 7, 8, Received(1)),
    ];
    bad(&TWO, &rows, 3);
}

#[test]
fn more_than_the_capacity_is_found() {
    bad(&ONE, &[(0, send(1), 1, 2, Sent), (1, send(2), 3, 4, Sent)], 2);
    // And less: full with room for one more.
    bad(&TWO, &[(0, send(1), 1, 2, Sent), (0, try_send(2), 3, 4, Full)], 2);
}

#[test]
fn a_closed_channel_that_forgets_what_is_in_or_takes_more_is_found() {
    bad(&ONE, &[(0, send(1), 1, 2, Sent), (0, close(), 3, 4, WasOpen(true)), (1, recv(), 5, 6, Closed)], 3);
    bad(&ONE, &[(0, close(), 1, 2, WasOpen(true)), (1, send(1), 3, 4, Sent)], 2);
    bad(&ONE, &[(0, close(), 1, 2, WasOpen(true)), (1, try_recv(), 3, 4, Empty)], 2);
    bad(&ONE, &[(0, close(), 1, 2, WasOpen(true)), (1, close(), 3, 4, WasOpen(true))], 2);
    bad(&ONE, &[(0, recv(), 1, 2, Closed)], 1);
}

#[test]
fn a_failed_send_that_sent_nevertheless_is_found() {
    let (timed_out, full) = (Call::send(2, Form::Timeout), [(0, send(1), 1, 2, Sent)]);
    let after = [(0, timed_out, 3, 4, Full), (1, recv(), 5, 6, Received(1)), (1, recv(), 7, 8, Received(2))];
    bad(&ONE, &[&full[..], &after[..]].concat(), 4);
}

#[test]
fn cancels_count_from_their_request_to_the_end_of_the_process() {
    let cancel = Call::new(Action::Cancel(0));
    let late = Call { cancelled_before: true, ..recv() };
    good(&ONE, &[(0, recv(), 1, 4, Cancelled), (1, cancel, 2, 3, Return::Requested)]);
    good(&ONE, &[(1, cancel, 1, 2, Return::Requested), (0, late, 3, 4, Cancelled)]);
    bad(&ONE, &[(0, recv(), 1, 2, Cancelled), (1, cancel, 3, 4, Return::Requested)], 1);
    // It goes on as if nothing had happened.
    let ignored = [(1, send(1), 1, 2, Sent), (1, cancel, 3, 4, Return::Requested), (0, late, 5, 6, Received(1))];
    bad(&ONE, &ignored, 3);
}

#[test]
fn the_two_of_a_rendezvous_overlap() {
    good(&Rendezvous, &[(0, send(1), 1, 3, Sent), (1, recv(), 2, 4, Received(1))]);
    good(&Rendezvous, &[(0, try_send(1), 2, 3, Sent), (1, recv(), 1, 4, Received(1))]);
    good(&Rendezvous, &[(0, send(1), 1, 0, Sent), (1, try_recv(), 2, 3, Received(1))]);
    // The send returned before any receive was called: a buffer.
    bad(&Rendezvous, &[(0, send(1), 1, 2, Sent), (1, recv(), 3, 4, Received(1))], 1);
    // Neither waits.
    bad(&Rendezvous, &[(0, try_send(1), 1, 3, Sent), (1, try_recv(), 2, 4, Received(1))], 2);
    // One receive cannot meet two sends.
    bad(&Rendezvous, &[(0, send(1), 1, 4, Sent), (1, send(2), 2, 5, Sent), (2, recv(), 3, 6, Received(1))], 3);
    bad(&Rendezvous, &[(2, close(), 1, 2, WasOpen(true)), (0, send(1), 3, 5, Sent), (1, recv(), 4, 6, Received(1))], 3);
}

#[test]
fn a_lock_with_two_holders_is_found() {
    use lock::{Call::*, Return::*};
    let wait = Lock(Form::Wait);
    good(&lock::Exclusive, &[(0, wait, 1, 2, Locked), (1, wait, 3, 6, Locked), (0, Unlock, 4, 5, Unlocked)]);
    good(&lock::Exclusive, &[(0, wait, 1, 0, Locked), (1, Lock(Form::Try), 2, 3, Busy)]);
    bad(&lock::Exclusive, &[(0, wait, 1, 2, Locked), (1, wait, 3, 5, Locked), (0, Unlock, 6, 7, Unlocked)], 2);
    bad(&lock::Exclusive, &[(0, Lock(Form::Try), 1, 2, Busy)], 1);
    bad(&lock::Exclusive, &[(0, wait, 1, 2, Locked), (1, Unlock, 3, 4, Unlocked)], 2);
}

#[test]
fn an_end_that_is_seen_too_early_twice_or_not_at_all_is_found() {
    use join::{Call::*, Ending, Return::*};
    let (start, output) = ((0, Start, 1, 3, Started), Ending::Output(5));
    let finish = (0, Finish(output), 4, 0, Started);
    good(&join::Handle, &[start, (1, IsFinished, 2, 6, Finished(true)), finish]);
    good(
        &join::Handle,
        &[start, finish, (1, IsFinished, 5, 6, Finished(false)), (1, Join(Form::Wait), 7, 8, Joined(output))],
    );
    good(&join::Handle, &[(1, Cancel, 1, 2, Requested), (1, Join(Form::Wait), 3, 4, NeverRan)]);
    bad(&join::Handle, &[start, (1, IsFinished, 2, 3, Finished(true)), finish], 2);
    bad(&join::Handle, &[start, finish, (1, Join(Form::Wait), 5, 6, Joined(Ending::Output(6)))], 3);
    bad(&join::Handle, &[start, finish, (1, Join(Form::Wait), 5, 6, Joined(Ending::Panic))], 3);
    let twice = [(1, Join(Form::Try), 5, 6, Joined(output)), (1, Join(Form::Try), 7, 8, Joined(output))];
    bad(&join::Handle, &[&[start, finish][..], &twice[..]].concat(), 4);
    let back = [(1, IsFinished, 5, 6, Finished(true)), (2, IsFinished, 7, 8, Finished(false))];
    bad(&join::Handle, &[&[start, finish][..], &back[..]].concat(), 4);
    // It runs although it was cancelled before.
    bad(&join::Handle, &[(1, Cancel, 1, 2, Requested), (0, Start, 3, 4, Started)], 2);
}

#[test]
fn objects_are_checked_one_by_one() {
    let mut both = history(&[(0, send(1), 1, 2, Sent), (1, send(2), 3, 4, Sent)]);
    check(&ONE, &both).unwrap_err();
    both.operations[1].object = 1;
    check(&ONE, &both).unwrap();
}

#[test]
fn a_search_that_is_too_long_says_so() {
    let rows: Vec<_> = (0..12).map(|n| (0, send(n), n + 1, 100 + n, Sent)).collect();
    let full = Bounded { capacity: 11 };
    match Checker::new(&full).limit(500).check(&history(&rows)) {
        Err(problem @ Problem::Undecided { object: 0, operations: 12, limit: 500 }) => {
            assert!(problem.to_string().contains("undecided: 12 operations"), "{problem}");
        }
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_thousand_operations_that_hardly_overlap_are_no_trouble() {
    let pair = |n: u64| [(0, send(n), 4 * n + 1, 4 * n + 3, Sent), (1, recv(), 4 * n + 2, 4 * n + 4, Received(n))];
    let rows: Vec<_> = (0..500).flat_map(pair).collect();
    let checker = Checker::new(&ONE).limit(5_000);
    checker.check(&history(&rows)).unwrap();
    Checker::new(&Rendezvous).limit(5_000).check(&history(&rows)).unwrap();
}

#[test]
fn a_violation_is_a_short_timeline() {
    let rows = [
        (0, send(1), 1, 2, Sent),
        (1, recv(), 3, 4, Received(1)),
        (1, try_recv(), 5, 6, Empty),
        (0, send(2), 7, 8, Sent),
        (2, recv(), 9, 12, Received(3)),
        (1, recv(), 10, 11, Received(2)),
        (0, send(3), 13, 14, Sent),
    ];
    let expected = "\
not linearizable: object 0; 1 of its 7 operations prove it:
        p2
     9  ┌ recv()
    12  └ Received(3)
the longest explanation: then the object is Buffered { buffer: [], switches: Switches { closed: false, cancelled: 0 } }, \
                    and nothing that is left can come next";
    assert_eq!(check(&ONE, &history(&rows)).unwrap_err().to_string(), expected);
    let overlapping = [(0, send(1), 1, 4, Sent), (1, recv(), 2, 5, Received(1)), (2, recv(), 3, 6, Received(1))];
    let expected = "
        p0             p1             p2
     1  ┌ send(1)
     2  │              ┌ recv()
     3  │              │              ┌ recv()
     4  └ Sent         │              │
     5                 └ Received(1)  │
     6                                └ Received(1)
the longest explanation: send(1); recv();";
    let message = check(&ONE, &history(&overlapping)).unwrap_err().to_string();
    assert!(message.contains(expected), "{message}");
}
