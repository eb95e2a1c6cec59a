// SPDX-License-Identifier: BSD-3-Clause
//! Ends of actors that take a thread, a shutdown, a panic in the wrong place or a lack of stacks.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, mpsc};

use kcoro_posix::actor::{Actor, Address, Builder, Cause, Context, Reply, StopReason, Supervisor, WhatNext};
use kcoro_posix::channel::{Receiver, bounded, rendezvous};
use kcoro_posix::sched::{JoinError, Runtime};
use kcoro_tests::platform::{Stingy, Supply};
use kcoro_tests::{Hog, builder, end, runtime, until};

use crate::quiet_panic;

/// Says what it stops by, and panics where it is told to.
struct Witness {
    stops: mpsc::Sender<String>,
    panics_in_stop: bool,
}

enum Message {
    Ping(Reply<&'static str>),
    Wait(Receiver<()>),
    Panic,
}

impl Actor for Witness {
    type Message = Message;
    type Error = String;

    fn handle(&mut self, message: Message, _: &Context<Message>) -> Result<(), String> {
        match message {
            Message::Ping(reply) => drop(reply.send("pong")),
            Message::Wait(go) => go.recv().map_err(|why| why.to_string())?,
            Message::Panic => quiet_panic(),
        }
        Ok(())
    }

    fn on_stop(&mut self, why: &StopReason<String>) {
        self.stops.send(why.to_string()).unwrap();
        if self.panics_in_stop {
            quiet_panic();
        }
    }
}

fn witness() -> (Witness, mpsc::Receiver<String>) {
    let (stops, stopped) = mpsc::channel();
    (Witness { stops, panics_in_stop: false }, stopped)
}

#[test]
fn threads_tell_ask_and_stop() {
    let runtime = runtime(2);
    let (witness, stopped) = witness();
    let (address, handle) = Builder::new().spawn_on(&runtime, witness).unwrap();
    assert_eq!(address.ask(Message::Ping).unwrap(), "pong");
    assert_eq!(address.ask_timeout(Message::Ping, kcoro_tests::LONG).unwrap(), "pong");
    handle.stop();
    assert!(matches!(handle.join().unwrap(), StopReason::Stopped));
    assert!(stopped.iter().eq(["stopped"]));
    end(runtime);
}

/// One waits for messages, one waits in its handler, one has not run yet.
#[test]
fn a_shutdown_stops_each_actor_that_lives_once() {
    let runtime = runtime(1);
    let (idle, idle_stopped) = witness();
    let (idle, _handle) = Builder::new().spawn_on(&runtime, idle).unwrap();
    assert_eq!(idle.ask(Message::Ping).unwrap(), "pong");
    let (busy, busy_stopped) = witness();
    let (busy, _handle) = Builder::new().spawn_on(&runtime, busy).unwrap();
    let (_go, wait) = rendezvous();
    assert!(busy.tell(Message::Wait(wait)).is_ok());
    until(|| runtime.dump().coroutines.len() == 2 && busy.is_empty());
    let hog = Hog::on(&runtime, 0);
    let (unborn, unborn_stopped) = witness();
    let (unborn, unborn_handle) = Builder::new().spawn_on(&runtime, unborn).unwrap();
    let told = Message::Wait(bounded(1).1);
    assert!(unborn.tell(told).is_ok());
    let ended = kcoro_tests::shut_down_elsewhere(runtime);
    hog.release();
    ended.join().unwrap();
    assert!(idle_stopped.iter().eq(["cancelled"]));
    assert!(busy_stopped.iter().eq(["failed: the coroutine has been cancelled"]));
    assert!(matches!(unborn_handle.join(), Err(JoinError::Shutdown)));
    assert_eq!(unborn_stopped.iter().count(), 0, "it never started, so it does not stop");
    assert!(idle.is_closed() && busy.is_closed() && unborn.is_closed());
}

#[test]
fn a_panic_in_on_stop_is_the_actors_own_unless_it_had_failed_before() {
    let runtime = runtime(1);
    for (message, expected) in [(None, "stopped"), (Some(Message::Panic), "panicked: on purpose")] {
        let (mut witness, stopped) = witness();
        witness.panics_in_stop = true;
        let (address, handle) = Builder::new().spawn_on(&runtime, witness).unwrap();
        match message {
            Some(message) => assert!(address.tell(message).is_ok()),
            None => address.stop(),
        }
        assert!(matches!(handle.join(), Err(JoinError::Panicked(_))));
        assert!(stopped.iter().eq([expected]));
    }
    end(runtime);
}

#[test]
fn a_panic_of_a_detached_actor_is_reported() {
    let reported = Arc::new(AtomicUsize::new(0));
    let counts = reported.clone();
    let hook = move |_: &kcoro_posix::sched::UnobservedPanic<'_>| _ = counts.fetch_add(1, Ordering::SeqCst);
    let runtime = builder().workers(1).on_unobserved_panic(hook).build().unwrap();
    let (witness, stopped) = witness();
    let (address, handle) = Builder::new().spawn_on(&runtime, witness).unwrap();
    handle.detach();
    assert!(address.tell(Message::Panic).is_ok());
    assert!(stopped.iter().eq(["panicked: on purpose"]));
    end(runtime);
    assert_eq!(reported.load(Ordering::SeqCst), 1);
}

/// The hook for undelivered messages, and the drops of messages, are the user's code.
#[test]
fn a_panic_in_the_hook_keeps_no_other_message_from_it() {
    let runtime = runtime(1);
    let seen = Arc::new(AtomicUsize::new(0));
    let sees = seen.clone();
    let hook = move |_, _| {
        sees.fetch_add(1, Ordering::SeqCst);
        quiet_panic()
    };
    let mailbox = kcoro_posix::channel::Builder::bounded(8).on_undelivered(hook);
    let (witness, _stopped) = witness();
    let hog = Hog::on(&runtime, 0);
    let (address, handle) = Builder::new().mailbox(mailbox.build()).spawn_on(&runtime, witness).unwrap();
    (0..3).for_each(|_| assert!(address.tell(Message::Panic).is_ok()));
    address.stop();
    hog.release();
    assert!(matches!(handle.join().unwrap(), StopReason::Stopped));
    assert_eq!(seen.load(Ordering::SeqCst), 3);
    end(runtime);
}

#[test]
fn actors_and_their_supervisors_are_named_in_dumps() {
    let runtime = runtime(1);
    let mut tree = Supervisor::one_for_one().name("tree");
    let (witness, _stopped) = mpsc::channel();
    let birth = move || Witness { stops: witness.clone(), panics_in_stop: false };
    let address: Address<Message> = Builder::new().name("witness").under(&mut tree, birth);
    assert_eq!(address.name(), Some("witness"));
    let tree = tree.spawn_on(&runtime).unwrap();
    assert_eq!(address.ask(Message::Ping).unwrap(), "pong");
    until(|| runtime.dump().to_string().contains("`witness` waits for a value from channel"));
    let dump = runtime.dump();
    let named = |name| dump.coroutines.iter().find(|one| one.name == Some(name)).unwrap();
    let scope = named("witness").scope.unwrap();
    assert_eq!((scope.name, scope.parent), (Some("tree"), Some(named("tree").id)));
    tree.stop();
    tree.join().unwrap();
    end(runtime);
}

/// The first life has no stack. That is a failure like another.
#[test]
fn an_actor_without_a_stack_gets_another_life() {
    let supply = Supply::stacks(1);
    let runtime = Runtime::builder(Stingy::new(&supply)).workers(1).build().unwrap();
    let (witness, stopped) = mpsc::channel();
    let birth = move || Witness { stops: witness.clone(), panics_in_stop: false };
    let supplies = supply.clone();
    let mut tree = Supervisor::one_for_one().on_failure(move |failed| {
        assert!(matches!(failed.cause, Cause::NeverRan(JoinError::NoStack(_))), "{}", failed.cause);
        assert_eq!(failed.next, WhatNext::Restart(std::time::Duration::ZERO));
        supplies.stacks.store(1, Ordering::SeqCst);
    });
    let address = Builder::new().under(&mut tree, birth);
    let tree = tree.spawn_on(&runtime).unwrap();
    assert_eq!(address.ask(Message::Ping).unwrap(), "pong");
    tree.stop();
    assert!(matches!(tree.join().unwrap(), StopReason::Stopped));
    assert!(stopped.iter().eq(["stopped"]));
    end(runtime);
}
