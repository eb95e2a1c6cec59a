// SPDX-License-Identifier: BSD-3-Clause
//! A coroutine's life: it is spawned, runs once, and its output goes to whoever holds its handle.

use alloc::rc::Rc;
use alloc::string::ToString;
use alloc::vec::Vec;
use core::cell::Cell;
use core::panic::Location;
use core::time::Duration;

use kcoro_core::channel::{bounded, rendezvous};
use kcoro_core::sched::{Builder, JoinError, JoinHandle, TryJoinError, spawn, spawn_local, yield_now};
use kcoro_core::wait::block_on;

use crate::Stage;
use crate::tools::{Drops, MS, parked, until};

pub(crate) fn every_spawned_coroutine_runs_once_and_its_output_arrives(stage: &Stage) {
    let count = stage.pick(20, 1000);
    let drops = Drops::new();
    let spawned = (0..count).map(|n| {
        let runs = drops.value();
        spawn(move || {
            yield_now();
            drop(runs);
            n
        })
    });
    let handles: Vec<_> = spawned.map(Result::unwrap).collect();
    // From the last to the first: some have ended when they are joined, others are still to run.
    assert!(handles.into_iter().rev().map(|handle| handle.join().unwrap()).eq((0..count).rev()));
    assert_eq!(drops.count(), count as usize);
}

pub(crate) fn a_detached_coroutine_runs_to_its_end(stage: &Stage) {
    let (tx, rx) = bounded(1);
    let count = stage.pick(10, 500);
    for n in 0..count {
        let tx = tx.clone();
        let handle = spawn(move || (yield_now(), tx.send(n).unwrap()).1).unwrap();
        if n % 2 == 0 { handle.detach() } else { drop(handle) }
    }
    drop(tx);
    assert_eq!(rx.iter().sum::<u32>(), count * (count - 1) / 2);
}

/// How many leaves a tree of coroutines of this depth has.
fn leaves(depth: u32) -> u32 {
    match depth.checked_sub(1) {
        None => 1,
        Some(depth) => {
            let halves = [(), ()].map(|()| spawn(move || leaves(depth)).unwrap());
            halves.map(|half| half.join().unwrap()).iter().sum()
        }
    }
}

pub(crate) fn coroutines_spawn_coroutines(stage: &Stage) {
    let depth = stage.pick(3, 9);
    assert_eq!(leaves(depth), 1 << depth);
}

pub(crate) fn local_coroutines_share_what_is_not_send(stage: &Stage) {
    let (count, shared) = (stage.pick(4, 100), Rc::new(Cell::new(0)));
    let add = |n| {
        let shared = shared.clone();
        let body = move || {
            yield_now();
            // Nobody comes in between: there is no suspension, and all of them are on one worker.
            shared.set(shared.get() + n);
            shared
        };
        spawn_local(body).unwrap()
    };
    let handles: Vec<JoinHandle<Rc<Cell<u32>>>> = (0..count).map(add).collect();
    handles.into_iter().for_each(|handle| assert!(Rc::ptr_eq(&handle.join().unwrap(), &shared)));
    assert_eq!((shared.get(), Rc::strong_count(&shared)), (count * (count - 1) / 2, 1));
}

pub(crate) fn many_coroutines_live_at_once(stage: &Stage) {
    let count = stage.pick(50, 10_000);
    let (arrive_tx, arrive_rx) = bounded(16);
    let (go_tx, go_rx) = rendezvous::<u32>();
    let waits = |n: u32| {
        let (arrive, go) = (arrive_tx.clone(), go_rx.clone());
        Builder::new().stack_size(16 * 1024).spawn(move || {
            arrive.send(n).unwrap();
            go.recv().unwrap() + n
        })
    };
    let handles: Vec<_> = (0..count).map(|n| waits(n).unwrap()).collect();
    assert_eq!(arrive_rx.iter().take(count as usize).count(), count as usize, "all have started, and none has ended");
    assert!(handles.iter().all(|handle| !handle.is_finished()));
    (0..count).for_each(|_| go_tx.send(1).unwrap());
    let sum: u64 = handles.into_iter().map(|handle| u64::from(handle.join().unwrap())).sum();
    assert_eq!(sum, u64::from(count) * u64::from(count + 1) / 2);
}

pub(crate) fn a_join_that_is_too_early_can_be_tried_again(_: &Stage) {
    let (tx, rx) = bounded(1);
    let mut handle = parked(move || rx.recv().unwrap());
    assert!(matches!(handle.try_join(), Err(TryJoinError::NotYet)));
    assert!(matches!(handle.join_timeout(Duration::ZERO), Err(TryJoinError::NotYet)));
    assert!(matches!(handle.join_timeout(MS), Err(TryJoinError::NotYet)));
    assert!(!handle.is_finished());
    tx.send(4).unwrap();
    assert_eq!(handle.join_timeout(Duration::MAX).unwrap(), 4);
    let mut ended = spawn(|| 5).unwrap();
    until(|| ended.is_finished());
    assert_eq!(ended.try_join().unwrap(), 5);
}

pub(crate) fn an_output_is_taken_once(_: &Stage) {
    let mut handle = spawn(|| 7).unwrap();
    assert_eq!(handle.join_mut().unwrap(), 7);
    assert!(matches!(handle.join_mut(), Err(JoinError::AlreadyTaken)));
    assert!(matches!(handle.try_join(), Err(TryJoinError::Failed(JoinError::AlreadyTaken))));
}

pub(crate) fn an_output_that_nobody_takes_is_dropped_once(_: &Stage) {
    let drops = Drops::new();
    let make = |yields: u32| {
        let value = drops.value();
        spawn(move || ((0..yields).for_each(|_| yield_now()), value).1).unwrap()
    };
    drop(make(3));
    until(|| drops.count() == 1);
    let ended = make(0);
    until(|| ended.is_finished());
    assert_eq!(drops.count(), 1, "the handle has it");
    drop(ended);
    assert_eq!(drops.count(), 2);
    let mut taken = make(1);
    drop(taken.join_mut().unwrap());
    drop(taken);
    assert_eq!(drops.count(), 3);
}

pub(crate) fn a_coroutine_cannot_join_itself(_: &Stage) {
    let (tx, rx) = bounded::<JoinHandle<()>>(1);
    let (said_tx, said_rx) = bounded(1);
    let joins = move || {
        let refused = matches!(rx.recv().unwrap().join(), Err(JoinError::Itself));
        said_tx.send(refused).unwrap();
    };
    tx.send(spawn(joins).unwrap()).unwrap();
    assert_eq!(said_rx.recv(), Ok(true));
}

pub(crate) fn names_numbers_and_spawn_sites_are_told(_: &Stage) {
    let (here, handle) = (Location::caller(), Builder::new().name("a name").spawn(|| ()).unwrap());
    let there = handle.spawn_site();
    assert_eq!((handle.name(), there.file(), there.line()), (Some("a name"), here.file(), line!() - 2));
    let mut others: Vec<_> = (0..10).map(|_| spawn(|| ()).unwrap()).collect();
    assert_eq!(others[0].name(), None);
    others.push(handle);
    let mut ids: Vec<_> = others.iter().map(JoinHandle::id).collect();
    ids.sort_unstable();
    ids.dedup();
    assert_eq!(ids.len(), others.len());
    others.into_iter().for_each(|handle| handle.join().unwrap());
}

pub(crate) fn a_handle_can_be_awaited(stage: &Stage) {
    let count = stage.pick(5, 100);
    let handles: Vec<_> = (0..count).map(|n| spawn(move || (yield_now(), n).1).unwrap()).collect();
    let sum = block_on(async {
        let mut sum = 0;
        for handle in handles {
            sum += handle.await.unwrap();
        }
        sum
    });
    assert_eq!(sum, Ok(count * (count - 1) / 2));
}

pub(crate) fn a_panic_arrives_at_the_join(_: &Stage) {
    let panicked = spawn(|| panic!("on purpose")).unwrap().join().unwrap_err();
    assert_eq!(panicked.to_string(), "the coroutine panicked: on purpose");
    assert_eq!(panicked.into_panic().unwrap().message(), Some("on purpose"));
    let drops = Drops::new();
    let value = drops.value();
    let body = move || {
        let _value = &value;
        panic!("on purpose");
    };
    assert!(matches!(spawn(body).unwrap().join(), Err(JoinError::Panicked(_))));
    assert_eq!(drops.count(), 1);
}
