// SPDX-License-Identifier: BSD-3-Clause
//! Supervisors: who gets a new life, when, and how often.

use alloc::string::ToString;
use alloc::sync::Arc;
use core::sync::atomic::{AtomicU32, Ordering};
use core::time::Duration;

use kcoro_core::actor::{Address, Builder, Cause, StopReason, Supervisor, WhatNext};
use kcoro_core::channel::{self, rendezvous};
use kcoro_core::time::{Instant, sleep};

use crate::Stage;
use crate::tools::{LONG, MS, until};
use crate::worker::{Do, Log, Worker};

pub(crate) fn a_failed_actor_gets_a_new_life_with_the_same_mailbox(_: &Stage) {
    let log = Log::default();
    let mut tree = Supervisor::one_for_one();
    let own = log.clone();
    let worker = log.builder(channel::Builder::bounded(8)).name("worker").under(&mut tree, move || Worker::new(&own));
    let other_log = Log::default();
    let own = other_log.clone();
    let other = Builder::new().under(&mut tree, move || Worker::new(&own));
    for message in [Do::Count, Do::Fail, Do::Count, Do::Count] {
        assert!(worker.tell(message).is_ok());
    }
    let tree = tree.spawn().unwrap();
    assert_eq!(worker.ask(Do::Answer).unwrap(), 2, "a new state, and what came after the failure");
    assert_eq!(other.ask(Do::Answer).unwrap(), 0);
    tree.stop();
    assert!(matches!(tree.join().unwrap(), StopReason::Stopped));
    assert_eq!((log.started(), log.stopped(), log.handled(), log.undelivered()), (2, 2, 5, 0));
    assert_eq!((other_log.started(), other_log.stopped()), (1, 1), "the other was left alone");
}

pub(crate) fn a_drain_goes_on_in_the_next_life_and_a_stop_does_not(_: &Stage) {
    // How often it starts and stops, what it handles, what is undelivered. Stopped before its first life it has none.
    let ends = [(Address::drain as fn(&Address<Do>), (2, 2, 3, 0)), (Address::stop, (0, 0, 0, 3))];
    for (end, expected) in ends {
        let log = Log::default();
        let mut tree = Supervisor::one_for_one();
        let own = log.clone();
        let worker = log.builder(channel::Builder::bounded(8)).under(&mut tree, move || Worker::new(&own));
        [Do::Fail, Do::Count, Do::Count].into_iter().for_each(|message| assert!(worker.tell(message).is_ok()));
        end(&worker);
        assert!(matches!(tree.spawn().unwrap().join().unwrap(), StopReason::Drained));
        assert_eq!((log.started(), log.stopped(), log.handled(), log.undelivered()), expected);
    }
    let log = Log::default();
    let mut tree = Supervisor::one_for_one();
    let own = log.clone();
    drop(log.builder(channel::Builder::bounded(8)).under(&mut tree, move || Worker::new(&own)));
    assert!(matches!(tree.spawn().unwrap().join().unwrap(), StopReason::Drained));
    assert_eq!((log.started(), log.stopped()), (1, 1), "nobody could reach it, but it lived");
}

pub(crate) fn all_for_one_gives_all_a_new_life(_: &Stage) {
    let logs = [Log::default(), Log::default(), Log::default()];
    let mut tree = Supervisor::all_for_one();
    let [first, second, third] = logs.clone().map(|log| {
        let own = log.clone();
        log.builder(channel::Builder::bounded(8)).under(&mut tree, move || Worker::new(&own))
    });
    let tree = tree.spawn().unwrap();
    assert!(third.tell(Do::Stop).is_ok());
    until(|| third.is_closed() && logs[2].stopped() == 1);
    [&first, &second].iter().for_each(|actor| assert!(actor.tell(Do::Count).is_ok()));
    assert_eq!(first.ask(Do::Answer).unwrap(), 1);
    assert!(second.tell(Do::Fail).is_ok());
    until(|| logs[0].started() == 2 && logs[1].started() == 2);
    assert_eq!([&first, &second].map(|actor| actor.ask(Do::Answer).unwrap()), [0, 0]);
    assert_eq!(logs[2].started(), 1, "who ended for good stays ended");
    tree.drain();
    assert!(matches!(tree.join().unwrap(), StopReason::Drained));
    assert!(logs.iter().all(|log| log.started() == log.stopped() && log.undelivered() == 0));
}

pub(crate) fn too_many_failures_are_the_supervisors_own(_: &Stage) {
    let (log, heard) = (Log::default(), Arc::new(AtomicU32::new(0)));
    let hears = heard.clone();
    let mut tree = Supervisor::one_for_one().name("tree").restarts(2, LONG).on_failure(move |failed| {
        assert!(failed.child == "worker" && matches!(failed.cause, Cause::Error(why) if why == "failed"));
        let number = hears.fetch_add(1, Ordering::SeqCst);
        assert_eq!(failed.next == WhatNext::Escalate, number == 2);
    });
    let (own, neighbour) = (log.clone(), Log::default());
    let worker = log.builder(channel::Builder::bounded(8)).name("worker").under(&mut tree, move || Worker::new(&own));
    let own = neighbour.clone();
    let _neighbour = Builder::new().under(&mut tree, move || Worker::new(&own));
    let messages = [Do::Fail, Do::Fail, Do::Fail, Do::Count];
    messages.into_iter().for_each(|message| assert!(worker.tell(message).is_ok()));
    let StopReason::Failed(why) = tree.spawn().unwrap().join().unwrap() else { panic!("it did not give up") };
    assert_eq!(why.to_string(), "`tree` gave up after too many failures, the last of `worker`: failed");
    assert_eq!((log.started(), log.stopped(), log.undelivered(), heard.load(Ordering::SeqCst)), (3, 3, 1, 3));
    assert_eq!(neighbour.started(), neighbour.stopped());
    assert!(worker.is_closed());
}

pub(crate) fn an_escalation_gives_the_whole_branch_a_new_life(_: &Stage) {
    let (log, sibling) = (Log::default(), Log::default());
    let mut branch = Supervisor::one_for_one().name("branch").restarts(1, LONG);
    let own = log.clone();
    let worker = log.builder(channel::Builder::bounded(8)).name("worker").under(&mut branch, move || Worker::new(&own));
    let own = sibling.clone();
    let next = Builder::new().name("sibling").under(&mut branch, move || Worker::new(&own));
    let mut trunk = Supervisor::one_for_one().name("trunk").restarts(1, LONG);
    trunk.supervise(branch);
    let trunk = trunk.spawn().unwrap();
    assert_eq!(next.ask(Do::Answer).unwrap(), 0);
    (0..2).for_each(|_| assert!(worker.tell(Do::Fail).is_ok()));
    assert_eq!(worker.ask(Do::Answer).unwrap(), 0);
    assert_eq!(next.ask(Do::Answer).unwrap(), 0);
    // Two lives in the branch's first life, and one life of the sibling; then the branch began anew.
    assert_eq!((log.started(), sibling.started()), (3, 2));
    (0..2).for_each(|_| assert!(worker.tell(Do::Fail).is_ok()));
    let StopReason::Failed(why) = trunk.join().unwrap() else { panic!("it did not give up") };
    assert!(matches!(&why.cause, Cause::Escalated(below) if below.supervisor == "branch"), "{why}");
    assert!(log.started() == log.stopped() && sibling.started() == sibling.stopped());
}

pub(crate) fn restarts_wait_for_their_backoff(_: &Stage) {
    let log = Log::default();
    let mut tree = Supervisor::one_for_one().restarts(3, LONG).backoff(10 * MS, 15 * MS);
    let own = log.clone();
    let worker = log.builder(channel::Builder::bounded(8)).under(&mut tree, move || Worker::new(&own));
    let tree = tree.spawn().unwrap();
    let began = Instant::now().unwrap();
    for waits in [10, 25, 40u32] {
        assert!(worker.tell(Do::Fail).is_ok());
        assert_eq!(worker.ask(Do::Answer).unwrap(), 0);
        let passed = Instant::now().unwrap().duration_since(began).unwrap();
        assert!(passed >= MS * waits && passed < MS * (waits + 5), "{passed:?}");
    }
    // One that waits for its next life when the tree is stopped gets none.
    tree.stop();
    tree.join().unwrap();
    assert_eq!((log.started(), log.stopped()), (4, 4));
}

pub(crate) fn failures_outside_of_the_window_are_forgotten(_: &Stage) {
    let log = Log::default();
    let mut tree = Supervisor::one_for_one().restarts(1, Duration::from_secs(1));
    let own = log.clone();
    let worker = log.builder(channel::Builder::bounded(8)).under(&mut tree, move || Worker::new(&own));
    let mut tree = tree.spawn().unwrap();
    for _ in 0..4 {
        assert!(worker.tell(Do::Fail).is_ok());
        assert_eq!(worker.ask(Do::Answer).unwrap(), 0);
        sleep(Duration::from_secs(1)).unwrap();
    }
    assert!(tree.join_timeout(MS).is_err(), "it lives");
    (0..2).for_each(|_| assert!(worker.tell(Do::Fail).is_ok()));
    assert!(matches!(tree.join().unwrap(), StopReason::Failed(_)));
    assert_eq!((log.started(), log.stopped()), (6, 6));
}

pub(crate) fn a_panic_is_answered_like_an_error(_: &Stage) {
    let (log, births) = (Log::default(), Arc::new(AtomicU32::new(0)));
    let (own, counts) = (log.clone(), births.clone());
    let mut tree = Supervisor::one_for_one();
    let birth = move || {
        // Its second life is a stillbirth.
        if counts.fetch_add(1, Ordering::SeqCst) == 1 { panic!("on purpose") } else { Worker::new(&own) }
    };
    let worker = log.builder(channel::Builder::bounded(8)).under(&mut tree, birth);
    assert!(worker.tell(Do::Panic).is_ok());
    let tree = tree.spawn().unwrap();
    assert_eq!(worker.ask(Do::Answer).unwrap(), 0);
    tree.drain();
    assert!(matches!(tree.join().unwrap(), StopReason::Drained));
    assert_eq!((log.started(), log.stopped(), births.load(Ordering::SeqCst)), (2, 2, 3));
}

pub(crate) fn a_cancelled_supervisor_ends_with_all_its_children(_: &Stage) {
    let log = Log::default();
    let (mut trunk, mut branch) = (Supervisor::one_for_one(), Supervisor::all_for_one());
    let (one, two) = (log.clone(), log.clone());
    let first = log.builder(channel::Builder::bounded(8)).under(&mut trunk, move || Worker::new(&one));
    let second = log.builder(channel::Builder::bounded(8)).under(&mut branch, move || Worker::new(&two));
    trunk.supervise(branch);
    let trunk = trunk.spawn().unwrap();
    assert_eq!([&first, &second].map(|actor| actor.ask(Do::Answer).unwrap()), [0, 0]);
    let (_go, wait) = rendezvous();
    assert!(second.tell(Do::Wait(wait)).is_ok());
    until(|| log.handled() == 3);
    assert!(second.tell(Do::Count).is_ok());
    trunk.cancel();
    assert!(matches!(trunk.join().unwrap(), StopReason::Cancelled));
    assert_eq!((log.started(), log.stopped(), log.undelivered()), (2, 2, 1));
    assert!(first.is_closed() && second.is_closed());
}
