// SPDX-License-Identifier: BSD-3-Clause
//! The simulator says of a deadlock who waits for what, and in which circle.

use kcoro_sim::channel::{bounded, rendezvous};
use kcoro_sim::sched::{Builder, JoinHandle, SpawnError, spawn, try_spawn};
use kcoro_sim::scope::scope;
use kcoro_sim::wait::block_on;
use kcoro_sim::{FailureKind, Sim, WaitGraph};

/// The deadlock that `body` ends in under every seed, with what is said of it.
fn deadlock(body: fn()) -> (WaitGraph, String) {
    let mut messages: Vec<_> = (0..20)
        .map(|seed| {
            let failure = Sim::new().workers(2).run(seed, body).unwrap_err();
            let message = failure.to_string();
            let FailureKind::Deadlock(graph) = failure.kind else { panic!("{message}") };
            (graph, message)
        })
        .collect();
    messages.swap_remove(0)
}

/// When a root ends, what is left is cancelled.
fn wait_for_ever() {
    let (_tx, rx) = rendezvous::<()>();
    let _ = rx.recv();
}

fn assert_says(message: &str, lines: &[&str]) {
    for line in lines {
        assert!(message.contains(line), "no `{line}` in\n{message}");
    }
}

#[test]
fn each_waits_for_something_that_is_named() {
    let (graph, message) = deadlock(|| {
        let (requests_tx, requests_rx) = rendezvous::<u8>();
        let (full_tx, _full_rx) = bounded::<u8>(1);
        full_tx.send(0).unwrap();
        let client = Builder::new().name("client").near().spawn(move || full_tx.send(1)).unwrap();
        let server = move || requests_rx.recv();
        Builder::new().name("server").near().spawn(server).unwrap().detach();
        let future = || block_on(std::future::pending::<()>());
        Builder::new().name("dreamer").near().spawn(future).unwrap().detach();
        let _ = client.join();
        drop(requests_tx);
    });
    assert!(graph.cycles().is_empty(), "{message}");
    assert_says(
        &message,
        &["deadlock: 4 coroutines", "`root`, spawned at ", "waits for the end of coroutine ", " `client`\n"],
    );
    let waits = |name: &str| message.lines().find(|line| line.contains(name)).unwrap().to_owned();
    assert!(waits("`client`, spawned at tests/tests/sim/deadlocks.rs:").contains("waits for room in channel "));
    assert!(waits("`server`, spawned at").contains("waits for a value from channel "), "{message}");
    assert!(waits("`dreamer`, spawned at").ends_with("waits for a future"), "{message}");
}

#[test]
fn the_same_channel_has_the_same_number_and_another_has_another() {
    let (_, message) = deadlock(|| {
        let (_one, shared) = rendezvous::<u8>();
        let (_two, alone) = rendezvous::<u8>();
        for (name, rx) in [("a", shared.clone()), ("b", shared), ("c", alone)] {
            Builder::new().name(name).near().spawn(move || rx.recv()).unwrap().detach();
        }
        let (_three, nobody) = rendezvous::<u8>();
        let _ = nobody.recv();
    });
    let channel = |name: &str| {
        let line = message.lines().find(|line| line.contains(name)).unwrap_or_else(|| panic!("no {name} in {message}"));
        line.rsplit_once("channel ").expect("it waits at a channel").1.to_owned()
    };
    let [a, b, c, root] = ["`a`", "`b`", "`c`", "`root`"].map(channel);
    assert_eq!(a, b, "{message}");
    let mut all = [a, c, root];
    all.sort();
    assert_eq!(all, ["1", "2", "3"], "{message}");
}

#[test]
fn coroutines_that_join_each_other_are_found_as_a_circle() {
    let (graph, message) = deadlock(|| {
        let (tx, rx) = bounded::<JoinHandle<()>>(1);
        let left = move || {
            let right = rx.recv().unwrap();
            right.join().unwrap();
        };
        let left = Builder::new().name("left").spawn(left).unwrap();
        let (left_tx, left_rx) = bounded::<JoinHandle<()>>(1);
        let right = move || left_rx.recv().unwrap().join().unwrap();
        let right = Builder::new().name("right").spawn(right).unwrap();
        left_tx.send(left).unwrap();
        tx.send(right).unwrap();
        wait_for_ever();
    });
    let cycles = graph.cycles();
    assert_eq!(cycles.len(), 1, "{message}");
    assert_eq!(cycles[0].len(), 2, "{message}");
    let around = message.lines().find(|line| line.starts_with("in a circle: ")).expect("a circle");
    assert_eq!(around.matches("`left`").count() + around.matches("`right`").count(), 3, "{around}");
}

#[test]
fn a_parent_that_waits_for_a_child_that_waits_for_it_is_a_circle() {
    let (graph, message) = deadlock(|| {
        let (tx, rx) = bounded::<JoinHandle<()>>(1);
        let parent = move || {
            scope(|s| {
                let own_end = rx.recv().unwrap();
                let child = move || own_end.join().unwrap();
                s.spawn_with(Builder::new().name("child"), child).unwrap();
            });
        };
        let parent = Builder::new().name("parent").spawn(parent).unwrap();
        tx.send(parent).unwrap();
        wait_for_ever();
    });
    assert_eq!(graph.cycles().len(), 1, "{message}");
    assert_says(&message, &["waits for the children of scope 1: ", " `child`\n", "in a circle: "]);
}

#[test]
fn a_message_is_the_same_in_every_run() {
    let body = || {
        let (_tx, rx) = rendezvous::<u8>();
        // Other addresses each time.
        std::mem::forget(vec![0u8; 1000]);
        let _ = rx.recv();
    };
    let messages = [0, 0].map(|seed| Sim::new().run(seed, body).unwrap_err().to_string());
    assert_eq!(messages[0], messages[1]);
    assert!(messages[0].ends_with("waits for a value from channel 1"), "{}", messages[0]);
}

#[test]
fn a_limit_of_live_coroutines_is_kept_and_who_waits_for_a_place_is_named() {
    // The root is one of them.
    let sim = Sim::new().workers(2).limit(2);
    let full = || {
        let (tx, rx) = bounded::<u8>(1);
        let takes_the_place = spawn(move || rx.recv()).unwrap();
        let refused = try_spawn(|| ()).map(drop);
        tx.send(1).unwrap();
        assert_eq!(takes_the_place.join().unwrap(), Ok(1));
        refused
    };
    let waits = || {
        let (_tx, rx) = bounded::<u8>(1);
        spawn(move || rx.recv()).unwrap().detach();
        let _ = spawn(|| ());
    };
    for seed in 0..20 {
        assert_eq!(sim.run(seed, full).unwrap().value, Err(SpawnError::Full { limit: 2 }));
        assert_eq!(Sim::new().run(seed, full).unwrap().value, Ok(()), "without a limit there is a place");
        let failure = sim.run(seed, waits).unwrap_err().to_string();
        assert_says(&failure, &["deadlock: 2 coroutines", "`root`, spawned at ", "waits for a place below the limit"]);
    }
}
