// SPDX-License-Identifier: BSD-3-Clause
//! Actors: each message is handled once, comes back or goes to the hook; each actor stops once; no ask waits in vain.

use alloc::string::ToString;
use alloc::sync::Arc;
use alloc::vec::Vec;
use core::sync::atomic::{AtomicU32, Ordering};

use kcoro_core::actor::{Actor, Address, AskError, Context, Reply, spawn};
use kcoro_core::channel::{self, Overflow, SendError, SendTimeoutError, bounded, rendezvous};
use kcoro_core::sched::{self, JoinError, yield_now};
use kcoro_core::time::sleep;
use kcoro_core::wait::block_on;

use crate::Stage;
use crate::tools::{Drops, LONG, MS, parked, until};
use crate::worker::{Do, Ended, Log, Worker};

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
            self.1.note_stop();
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
