// SPDX-License-Identifier: BSD-3-Clause
//! Actors: each message is handled once, comes back or goes to the hook; each actor stops once; supervisors keep to their
//! limits.

use alloc::string::ToString;
use alloc::sync::Arc;
use alloc::vec::Vec;
use core::sync::atomic::{AtomicU32, Ordering};
use core::time::Duration;

use kcoro_core::actor::{
    Actor, Address, AskError, Builder, Cause, Context, Reply, StopReason, Supervisor, WhatNext, spawn,
};
use kcoro_core::channel::{self, Overflow, Receiver, SendError, SendTimeoutError, bounded, rendezvous};
use kcoro_core::sched::{self, JoinError, yield_now};
use kcoro_core::time::{Instant, sleep};
use kcoro_core::wait::block_on;

use crate::Stage;
use crate::tools::{Drops, LONG, MS, parked, until};

/// What happened to the actors that share it.
#[derive(Clone, Default)]
struct Log(Arc<Counts>);

#[derive(Default)]
struct Counts {
    started: AtomicU32,
    stopped: AtomicU32,
    handled: AtomicU32,
    undelivered: AtomicU32,
}

impl Log {
    fn started(&self) -> u32 {
        self.0.started.load(Ordering::SeqCst)
    }

    fn stopped(&self) -> u32 {
        self.0.stopped.load(Ordering::SeqCst)
    }

    fn handled(&self) -> u32 {
        self.0.handled.load(Ordering::SeqCst)
    }

    fn undelivered(&self) -> u32 {
        self.0.undelivered.load(Ordering::SeqCst)
    }

    /// A builder that counts what is undelivered here.
    fn builder(&self, mailbox: channel::Builder<Do>) -> Builder<Do> {
        let log = self.clone();
        let counts = move |_, _| _ = log.0.undelivered.fetch_add(1, Ordering::SeqCst);
        Builder::new().mailbox(mailbox.on_undelivered(counts).build())
    }
}

/// What a [`Worker`] can be told.
enum Do {
    Count,
    Answer(Reply<u32>),
    Fail,
    Panic,
    Stop,
    /// Waits for this channel.
    Wait(Receiver<()>),
}

struct Worker {
    log: Log,
    sum: u32,
}

impl Worker {
    fn new(log: &Log) -> Self {
        Self { log: log.clone(), sum: 0 }
    }
}

impl Actor for Worker {
    type Message = Do;
    type Error = &'static str;

    fn on_start(&mut self, _: &Context<Do>) -> Result<(), Self::Error> {
        self.log.0.started.fetch_add(1, Ordering::SeqCst);
        Ok(())
    }

    fn handle(&mut self, message: Do, context: &Context<Do>) -> Result<(), Self::Error> {
        self.log.0.handled.fetch_add(1, Ordering::SeqCst);
        match message {
            Do::Count => self.sum += 1,
            Do::Answer(reply) => drop(reply.send(self.sum)),
            Do::Fail => return Err("failed"),
            Do::Panic => panic!("on purpose"),
            Do::Stop => context.stop(),
            Do::Wait(go) => drop(go.recv()),
        }
        Ok(())
    }

    fn on_stop(&mut self, _: &StopReason<Self::Error>) {
        self.log.0.stopped.fetch_add(1, Ordering::SeqCst);
    }
}

type Ended = StopReason<&'static str>;

pub(crate) fn messages_are_handled_in_order_and_asks_are_answered(stage: &Stage) {
    for capacity in [0, 1, 8] {
        let log = Log::default();
        let (worker, handle) = log.builder(channel::Builder::bounded(capacity)).spawn(Worker::new(&log)).unwrap();
        let count = stage.pick(4, 300);
        (0..count).for_each(|_| assert!(worker.tell(Do::Count).is_ok()));
        assert_eq!(worker.ask(Do::Answer).unwrap(), count);
        assert_eq!(worker.ask_timeout(Do::Answer, LONG).unwrap(), count);
        assert_eq!(block_on(worker.ask_async(Do::Answer)).unwrap().unwrap(), count);
        worker.drain();
        assert!(matches!(handle.join().unwrap(), Ended::Drained));
        assert_eq!((log.handled(), log.undelivered(), log.stopped()), (count + 3, 0, 1));
    }
}

/// What an actor handles of five messages that come while it is busy, and what its channel's hook gets of them.
pub(crate) fn any_channel_is_a_mailbox(_: &Stage) {
    let kinds: [(channel::Builder<Do>, u32); 4] = [
        (channel::Builder::unbounded(), 5),
        (channel::Builder::conflated(), 1),
        (channel::Builder::bounded(2).overflow(Overflow::DropOldest), 2),
        (channel::Builder::bounded(3).overflow(Overflow::DropLatest), 3),
    ];
    for (kind, kept) in kinds {
        let log = Log::default();
        let (worker, handle) = log.builder(kind).spawn(Worker::new(&log)).unwrap();
        let (go, wait) = rendezvous();
        assert!(worker.tell(Do::Wait(wait)).is_ok());
        until(|| log.handled() == 1);
        (0..5).for_each(|_| assert!(worker.tell(Do::Count).is_ok()));
        drop(go);
        worker.drain();
        handle.join().unwrap();
        assert_eq!((log.handled() - 1, log.undelivered(), log.stopped()), (kept, 5 - kept, 1));
    }
}

/// The actor is kept busy, so that its mailbox is full when it is told to end.
fn end_with_three_messages(end: impl FnOnce(&Address<Do>)) -> (Ended, Log) {
    let log = Log::default();
    let (worker, handle) = log.builder(channel::Builder::bounded(8)).spawn(Worker::new(&log)).unwrap();
    let (go, wait) = rendezvous();
    assert!(worker.tell(Do::Wait(wait)).is_ok());
    until(|| log.handled() == 1);
    (0..3).for_each(|_| assert!(worker.try_tell(Do::Count).is_ok()));
    end(&worker);
    assert!(matches!(worker.tell(Do::Count), Err(SendError::Closed(Do::Count))), "it takes no more");
    drop(go);
    (handle.join().unwrap(), log)
}

pub(crate) fn a_stop_finishes_the_message_in_hand_only(_: &Stage) {
    let (why, log) = end_with_three_messages(Address::stop);
    assert!(matches!(why, Ended::Stopped));
    assert_eq!((log.handled(), log.undelivered(), log.stopped()), (1, 3, 1));
}

pub(crate) fn a_drain_finishes_the_mailbox(_: &Stage) {
    let (why, log) = end_with_three_messages(Address::drain);
    assert!(matches!(why, Ended::Drained));
    assert_eq!((log.handled(), log.undelivered(), log.stopped()), (4, 0, 1));
    let (why, log) = end_with_three_messages(|worker| (worker.drain(), worker.stop(), worker.drain()).0);
    assert!(matches!(why, Ended::Stopped), "a stop is more than a drain");
    assert_eq!((log.handled(), log.undelivered()), (1, 3));
}

pub(crate) fn an_actor_that_nobody_can_reach_finishes_its_mailbox(_: &Stage) {
    let log = Log::default();
    let (worker, handle) = log.builder(channel::Builder::bounded(4)).spawn(Worker::new(&log)).unwrap();
    let other = worker.clone();
    drop(worker);
    (0..3).for_each(|_| assert!(other.tell(Do::Count).is_ok()));
    drop(other);
    assert!(matches!(handle.join().unwrap(), Ended::Drained));
    assert_eq!((log.handled(), log.stopped()), (3, 1));
}

pub(crate) fn an_error_ends_the_actor_and_what_is_left_goes_to_the_hook(_: &Stage) {
    let log = Log::default();
    let (worker, handle) = log.builder(channel::Builder::bounded(4)).spawn(Worker::new(&log)).unwrap();
    let asker = parked({
        let worker = worker.clone();
        let (go, wait) = bounded::<()>(1);
        let messages = [Do::Wait(wait), Do::Fail, Do::Count];
        messages.into_iter().for_each(|message| assert!(worker.tell(message).is_ok()));
        move || (drop(go), worker.ask(Do::Answer)).1
    });
    assert!(matches!(handle.join().unwrap(), Ended::Failed("failed")));
    assert!(asker.join().unwrap().unwrap_err().is_ended());
    assert_eq!((log.handled(), log.undelivered() >= 1, log.stopped()), (2, true, 1));
}

pub(crate) fn an_ask_of_a_dead_actor_is_an_error_at_once(_: &Stage) {
    let log = Log::default();
    let (worker, handle) = spawn(Worker::new(&log)).unwrap();
    worker.stop();
    handle.join().unwrap();
    let refused = worker.ask_timeout(Do::Answer, LONG).unwrap_err();
    assert!(matches!(refused, AskError::NotTold(SendTimeoutError::Closed(Do::Answer(_)))));
    assert_eq!(refused.to_string(), "the actor has ended");
    assert!(block_on(worker.ask_async(Do::Answer)).unwrap().unwrap_err().is_ended());
    assert!(worker.is_closed());
}

/// Puts its replies aside.
#[derive(Default)]
struct Silent {
    aside: Vec<Reply<u32>>,
    came_back: Arc<AtomicU32>,
}

enum Tell {
    PutAside(Reply<u32>),
    Forget,
    AnswerLate,
}

impl Actor for Silent {
    type Message = Tell;
    type Error = &'static str;

    fn handle(&mut self, message: Tell, _: &Context<Tell>) -> Result<(), Self::Error> {
        match message {
            Tell::PutAside(reply) => self.aside.push(reply),
            Tell::Forget => self.aside.clear(),
            Tell::AnswerLate => {
                let late = self.aside.drain(..).filter(|reply| !reply.is_wanted());
                let came_back = late.map(|reply| reply.send(4)).filter(|sent| *sent == Err(4)).count();
                self.came_back.fetch_add(came_back as u32, Ordering::SeqCst);
            }
        }
        Ok(())
    }
}

pub(crate) fn an_ask_that_is_not_answered_ends_all_the_same(_: &Stage) {
    let (silent, handle) = spawn(Silent::default()).unwrap();
    let asks = || {
        let silent = silent.clone();
        parked(move || silent.ask(Tell::PutAside))
    };
    let forgotten = [asks(), asks()];
    assert!(silent.tell(Tell::Forget).is_ok());
    forgotten.into_iter().for_each(|ask| assert!(matches!(ask.join().unwrap(), Err(AskError::NoReply))));
    let cancelled = asks();
    cancelled.cancel();
    assert!(matches!(cancelled.join().unwrap(), Err(AskError::Cancelled)));
    let last = asks();
    silent.drain();
    handle.join().unwrap();
    assert!(matches!(last.join().unwrap(), Err(AskError::Ended)));
}

pub(crate) fn an_answer_that_nobody_waits_for_comes_back(_: &Stage) {
    let actor = Silent::default();
    let came_back = actor.came_back.clone();
    let (silent, handle) = spawn(actor).unwrap();
    assert!(matches!(silent.ask_timeout(Tell::PutAside, MS), Err(AskError::TimedOut)));
    assert!(silent.tell(Tell::AnswerLate).is_ok());
    silent.drain();
    handle.join().unwrap();
    assert_eq!(came_back.load(Ordering::SeqCst), 1);
}

/// Takes its time to answer.
struct Slow(Arc<AtomicU32>);

impl Actor for Slow {
    type Message = Reply<()>;
    type Error = &'static str;

    fn handle(&mut self, reply: Reply<()>, _: &Context<Reply<()>>) -> Result<(), Self::Error> {
        sleep(MS).map_err(|_| "cancelled")?;
        self.0.fetch_add(u32::from(reply.send(()).is_ok()), Ordering::SeqCst);
        Ok(())
    }
}

pub(crate) fn an_answer_that_races_with_its_deadline_arrives_or_comes_back(_: &Stage) {
    let accepted = Arc::new(AtomicU32::new(0));
    let (slow, handle) = spawn(Slow(accepted.clone())).unwrap();
    let answered = slow.ask_timeout(|reply| reply, MS);
    slow.drain();
    handle.join().unwrap();
    assert_eq!(u32::from(answered.is_ok()), accepted.load(Ordering::SeqCst));
}

pub(crate) fn a_cancelled_actor_stops_once_and_its_waits_end(_: &Stage) {
    let log = Log::default();
    let (worker, handle) = log.builder(channel::Builder::bounded(4)).spawn(Worker::new(&log)).unwrap();
    let (_go, wait) = rendezvous();
    assert!(worker.tell(Do::Wait(wait)).is_ok());
    until(|| log.handled() == 1);
    assert!(worker.try_tell(Do::Count).is_ok());
    handle.cancel();
    assert!(matches!(handle.join().unwrap(), Ended::Cancelled));
    assert_eq!((log.handled(), log.undelivered(), log.stopped()), (1, 1, 1));
}

pub(crate) fn an_actor_that_never_ran_gives_its_messages_back(_: &Stage) {
    let log = Log::default();
    let drops = Drops::new();
    struct Never(#[expect(dead_code, reason = "its drop is counted")] crate::tools::Counted, Log);
    impl Actor for Never {
        type Message = Do;
        type Error = &'static str;

        fn handle(&mut self, _: Do, _: &Context<Do>) -> Result<(), Self::Error> {
            Ok(())
        }

        fn on_stop(&mut self, _: &Ended) {
            self.1.0.stopped.fetch_add(1, Ordering::SeqCst);
        }
    }
    let (never, handle) = log.builder(channel::Builder::bounded(4)).spawn(Never(drops.value(), log.clone())).unwrap();
    let told = u32::from(never.try_tell(Do::Count).is_ok());
    handle.cancel();
    match handle.join() {
        Err(why) => {
            assert!(matches!(why, JoinError::Cancelled));
            assert_eq!((log.undelivered(), log.stopped()), (told, 0));
        }
        Ok(why) => {
            assert!(matches!(why, Ended::Cancelled));
            assert_eq!(log.stopped(), 1);
        }
    }
    assert_eq!(drops.count(), 1);
    assert!(never.is_closed());
}

pub(crate) fn an_actor_can_stop_itself_and_knows_its_address(_: &Stage) {
    struct Relay;
    impl Actor for Relay {
        type Message = u32;
        type Error = &'static str;

        fn handle(&mut self, left: u32, context: &Context<u32>) -> Result<(), Self::Error> {
            match left.checked_sub(1) {
                None => context.stop(),
                Some(left) => context.address().ok_or("nobody has it")?.try_tell(left).map_err(|_| "no room")?,
            }
            Ok(())
        }
    }
    let (relay, handle) = spawn(Relay).unwrap();
    assert_eq!(relay.tell(3), Ok(()));
    assert!(matches!(handle.join().unwrap(), Ended::Stopped));
    assert_eq!(relay.tell(3), Err(SendError::Closed(3)));
}

pub(crate) fn a_panic_stops_the_actor_once_and_arrives_at_the_join(_: &Stage) {
    let log = Log::default();
    let (worker, handle) = log.builder(channel::Builder::bounded(4)).spawn(Worker::new(&log)).unwrap();
    let asker = parked(move || (worker.tell(Do::Panic).is_ok(), worker.ask(Do::Answer)));
    assert!(matches!(handle.join(), Err(JoinError::Panicked(_))));
    assert!(asker.join().unwrap().1.unwrap_err().is_ended());
    assert_eq!((log.handled(), log.stopped()), (1, 1));
}

/// Messages told are handled or undelivered, whatever ends the actor, and it stops as often as it starts.
pub(crate) fn messages_told_are_handled_or_undelivered_whoever_wins(stage: &Stage) {
    for round in 0..stage.pick(4, 60) {
        let (log, told) = (Log::default(), Arc::new(AtomicU32::new(0)));
        let capacity = round as usize % 3;
        let (worker, handle) = log.builder(channel::Builder::bounded(capacity)).spawn(Worker::new(&log)).unwrap();
        let tellers = [(); 2].map(|()| {
            let (worker, told) = (worker.clone(), told.clone());
            let tells = move || {
                while worker.tell(Do::Count).is_ok() {
                    told.fetch_add(1, Ordering::SeqCst);
                    yield_now();
                }
                worker.ask(Do::Answer).is_err()
            };
            sched::spawn(tells).unwrap()
        });
        (0..round).for_each(|_| yield_now());
        let extra = match round % 4 {
            0 => (worker.stop(), 0).1,
            1 => u32::from(worker.tell(Do::Stop).is_ok()),
            2 => u32::from(worker.tell(Do::Fail).is_ok()),
            _ => (handle.cancel(), 0).1,
        };
        tellers.into_iter().for_each(|teller| assert!(teller.join().unwrap()));
        let never_ran = handle.join().is_err();
        let told = told.load(Ordering::SeqCst) + extra;
        assert_eq!(told, log.handled() + log.undelivered(), "round {round}");
        assert_eq!((log.started(), log.stopped()), (u32::from(!never_ran), u32::from(!never_ran)));
    }
}

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
