// SPDX-License-Identifier: BSD-3-Clause
//! Which worker runs what: what has started stays, what has not is taken by whoever is free.
#![expect(unsafe_code, reason = "migration is an unsafe option")]

use alloc::sync::Arc;
use alloc::vec::Vec;
use core::sync::atomic::{AtomicU32, Ordering};
use core::time::Duration;

use kcoro_core::channel::{bounded, rendezvous};
use kcoro_core::sched::{Builder, SpawnError, spawn, spawn_local, yield_now};
use kcoro_core::time::sleep;

use crate::Stage;
use crate::tools::{Drops, Here, here};

/// Whether a coroutine finds itself on one worker only, over suspensions of every kind.
fn stays(rounds: u32) -> bool {
    let start = here();
    let stays = |_| {
        yield_now();
        let yielded = here();
        let (tx, rx) = rendezvous();
        let child = spawn(move || tx.send(()).unwrap()).unwrap();
        rx.recv().unwrap();
        let received = here();
        child.join().unwrap();
        let joined = here();
        sleep(Duration::from_micros(1)).unwrap();
        [yielded, received, joined, here()].iter().all(|there| *there == start)
    };
    (0..rounds).all(stays)
}

pub(crate) fn a_coroutine_stays_where_it_started(stage: &Stage) {
    let rounds = stage.pick(2, 20);
    let handles: Vec<_> = (0..stage.pick(4, 16)).map(|_| spawn(move || stays(rounds)).unwrap()).collect();
    assert!(stays(rounds));
    assert!(handles.into_iter().all(|handle| handle.join().unwrap()));
}

pub(crate) fn near_and_local_coroutines_run_on_their_spawners_worker(stage: &Stage) {
    let count = stage.pick(4, 50);
    let check = move || {
        let near: Vec<_> = (0..count).map(|_| Builder::new().near().spawn(here).unwrap()).collect();
        let local: Vec<_> = (0..count).map(|_| spawn_local(|| (yield_now(), here()).1).unwrap()).collect();
        near.into_iter().chain(local).all(|handle| handle.join().unwrap() == here())
    };
    let spawners: Vec<_> =
        (0..stage.workers()).map(|worker| Builder::new().worker(worker).spawn(check).unwrap()).collect();
    assert!(spawners.into_iter().all(|spawner| spawner.join().unwrap()));
}

pub(crate) fn a_coroutine_starts_on_the_worker_that_is_named(stage: &Stage) {
    let on = |worker: usize| Builder::new().worker(worker).spawn(here).unwrap();
    let handles: Vec<_> = (0..3 * stage.workers()).map(|n| on(n % stage.workers())).collect();
    let places: Vec<Here> = handles.into_iter().map(|handle| handle.join().unwrap()).collect();
    for (index, place) in places.iter().enumerate() {
        let same = places.iter().enumerate().filter(|(_, other)| *other == place);
        assert!(same.map(|(other, _)| other % stage.workers()).all(|other| other == index % stage.workers()));
        assert!(places[index % stage.workers()] == *place);
    }
}

pub(crate) fn a_worker_that_is_not_there_is_refused(stage: &Stage) {
    let (drops, workers) = (Drops::new(), stage.workers());
    for index in [workers, workers + 1, usize::MAX] {
        let value = drops.value();
        let refused = Builder::new().worker(index).spawn(move || drop(value)).unwrap_err();
        assert_eq!(refused, SpawnError::NoWorker { index, workers });
    }
    assert_eq!(drops.count(), 3);
}

pub(crate) fn what_a_busy_worker_has_spawned_is_run_by_others(stage: &Stage) {
    let count = stage.pick(2, 8);
    for _ in 0..stage.pick(1, 20) {
        let (own, ran) = (here(), Arc::new(AtomicU32::new(0)));
        let child = |_| {
            let ran = ran.clone();
            spawn(move || (here(), ran.fetch_add(1, Ordering::SeqCst)).0).unwrap()
        };
        let children: Vec<_> = (0..count).map(child).collect();
        // Computes and never suspends: only another worker can run them.
        while ran.load(Ordering::SeqCst) < count {
            core::hint::spin_loop();
        }
        assert!(children.into_iter().all(|child| child.join().unwrap() != own));
    }
}

pub(crate) fn workers_exchange_values_over_channels(stage: &Stage) {
    let (count, workers) = (stage.pick(10, 2000), stage.workers());
    // A ring: each worker passes on to the next what it gets, and adds one.
    let links: Vec<_> = (0..=workers).map(|n| bounded::<u32>(n % 3)).collect();
    let (senders, mut receivers): (Vec<_>, Vec<_>) = links.into_iter().unzip();
    let last = receivers.pop().unwrap();
    let mut senders = senders.into_iter();
    let first = senders.next().unwrap();
    for (worker, (rx, tx)) in receivers.into_iter().zip(senders).enumerate() {
        let body = move || rx.iter().for_each(|n| tx.send(n + 1).unwrap());
        Builder::new().worker(worker).spawn(body).unwrap().detach();
    }
    let feeder = spawn(move || (0..count).for_each(|n| first.send(n).unwrap())).unwrap();
    assert!(last.iter().eq((0..count).map(|n| n + workers as u32)));
    feeder.join().unwrap();
}

pub(crate) fn migrating_coroutines_all_end(stage: &Stage) {
    let (count, rounds) = (stage.pick(8, 200), stage.pick(4, 50));
    let (tx, rx) = bounded(3);
    let spawned = (0..count).map(|n| {
        let tx = tx.clone();
        let body = move || {
            (0..rounds).for_each(|_| yield_now());
            tx.send(n).unwrap();
        };
        // SAFETY: what the body keeps over its suspensions is `Send`, and no reference to a thread-local is among it.
        unsafe { Builder::new().allow_migration() }.spawn(body).unwrap()
    });
    let handles: Vec<_> = spawned.collect();
    drop(tx);
    assert_eq!(rx.iter().sum::<u32>(), count * (count - 1) / 2);
    handles.into_iter().for_each(|handle| handle.join().unwrap());
}
