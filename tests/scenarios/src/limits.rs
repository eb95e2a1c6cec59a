// SPDX-License-Identifier: BSD-3-Clause
//! The limit of live coroutines: `try_spawn` says that it is reached, `spawn` waits, each end makes room.

use alloc::rc::Rc;
use alloc::vec::Vec;
use core::cell::{Cell, RefCell};

use kcoro_core::channel::{RecvError, bounded};
use kcoro_core::sched::{Builder, JoinError, SpawnError, spawn, spawn_local, try_spawn};
use kcoro_core::time::timeout;
use kcoro_core::wait::WaitError;

use crate::Stage;
use crate::tools::{Drops, LONG, MS, parked, until};

pub(crate) fn over_the_limit_try_spawn_is_refused_and_drops_the_closure(stage: &Stage) {
    let drops = Drops::new();
    let (_tx, rx) = bounded::<u8>(1);
    // This coroutine counts, too.
    let waits = |_| {
        let rx = rx.clone();
        try_spawn(move || rx.recv()).unwrap()
    };
    let waiting: Vec<_> = (0..7).map(waits).collect();
    let tries = stage.pick(5, 10_000);
    for _ in 0..tries {
        let value = drops.value();
        assert_eq!(try_spawn(move || drop(value)).unwrap_err(), SpawnError::Full { limit: 8 });
    }
    assert_eq!(drops.count(), tries as usize);
    rx.close();
    waiting.into_iter().for_each(|handle| assert_eq!(handle.join().unwrap(), Err(RecvError::Closed)));
    until(|| try_spawn(|| ()).is_ok());
}

pub(crate) fn spawns_that_wait_for_room_get_it_in_order(_: &Stage) {
    let (order, begun) = (Rc::new(RefCell::new(Vec::new())), Rc::new(Cell::new(0)));
    let ((release, released), (end, ended)) = (bounded::<()>(1), bounded::<()>(1));
    let spawns = |n| {
        let (order, begun, (go, may_go)) = (order.clone(), begun.clone(), bounded::<()>(1));
        let (released, ended) = (released.clone(), ended.clone());
        let body = move || {
            may_go.recv().unwrap();
            begun.set(begun.get() + 1);
            let child = spawn(move || released.recv().unwrap()).unwrap();
            order.borrow_mut().push(n);
            child.join().unwrap();
            // It keeps its own place, so that one comes free at a time.
            assert_eq!(ended.recv(), Err(RecvError::Closed));
        };
        (go, spawn_local(body).unwrap())
    };
    let takes_released = released.clone();
    let spawners = [0, 1, 2, 3].map(spawns);
    // The sixth place, and the last.
    let takes = spawn(move || takes_released.recv().unwrap()).unwrap();
    for (n, (go, _)) in spawners.iter().enumerate() {
        go.send(()).unwrap();
        // It is near, so it waits for room when this coroutine runs again.
        until(|| begun.get() > n);
    }
    assert!(order.borrow().is_empty());
    for n in 0..4 {
        release.send(()).unwrap();
        until(|| order.borrow().len() > n);
    }
    release.send(()).unwrap();
    drop(end);
    takes.join().unwrap();
    spawners.into_iter().for_each(|(_, handle)| handle.join().unwrap());
    assert_eq!(*order.borrow(), [0, 1, 2, 3]);
}

pub(crate) fn a_spawn_that_waits_for_room_can_be_cancelled_and_limited(_: &Stage) {
    let waits = parked(|| spawn(|| ()).map(drop));
    waits.cancel();
    assert_eq!(waits.join().unwrap(), Err(SpawnError::Wait(WaitError::Cancelled)));
    let (tx, rx) = bounded::<u8>(1);
    let mut takes = None;
    until(|| {
        let rx = rx.clone();
        takes = try_spawn(move || rx.recv()).ok();
        takes.is_some()
    });
    let limited = timeout(MS, || spawn(|| ()).map(drop));
    assert_eq!(limited.unwrap_err().0, Err(SpawnError::Wait(WaitError::Cancelled)));
    tx.send(1).unwrap();
    assert_eq!(takes.unwrap().join().unwrap(), Ok(1));
    assert_eq!(timeout(LONG, || spawn(|| 5).unwrap().join().unwrap()), Ok(5), "there is room again");
}

pub(crate) fn every_way_to_end_makes_room(stage: &Stage) {
    for round in 0..stage.pick(4, 200) {
        // The place of the one before is free soon after its join.
        let handle = Builder::new().near().spawn(|| 1).unwrap();
        assert_eq!(try_spawn(|| ()).unwrap_err(), SpawnError::Full { limit: 2 });
        if round % 2 == 0 {
            assert_eq!(handle.join().unwrap(), 1);
        } else {
            handle.cancel();
            assert!(matches!(handle.join(), Err(JoinError::Cancelled)));
        }
    }
}
