// SPDX-License-Identifier: BSD-3-Clause
//! Scopes: children borrow, none outlives its scope, no failure is lost.

use alloc::string::{String, ToString};
use alloc::vec::Vec;
use core::sync::atomic::{AtomicU32, Ordering};
use core::time::Duration;

use kcoro_core::channel::{Receiver, RecvError, bounded, rendezvous};
use kcoro_core::sched::{Builder, JoinError, spawn, yield_now};
use kcoro_core::scope::{Failure, scope, try_scope};
use kcoro_core::time::{TimeError, sleep, timeout};

use crate::Stage;
use crate::tools::{Drops, LONG, MS, until};

pub(crate) fn children_on_all_workers_borrow_from_their_parents_frame(stage: &Stage) {
    for _ in 0..stage.pick(1, 50) {
        let mut cells = [0; 12];
        let total = AtomicU32::new(0);
        let sum: u32 = scope(|s| {
            let handles = cells.iter_mut().zip(0..).map(|(cell, n)| {
                let total = &total;
                let body = move || {
                    yield_now();
                    *cell = n;
                    total.fetch_add(n, Ordering::SeqCst);
                    n
                };
                s.spawn_with(Builder::new().worker(n as usize % stage.workers()), body).unwrap()
            });
            let handles: Vec<_> = handles.collect();
            handles.into_iter().map(|handle| handle.join().unwrap()).sum()
        });
        assert_eq!((sum, total.into_inner()), (66, 66));
        assert!(cells.into_iter().eq(0..12));
    }
}

pub(crate) fn a_scope_waits_for_children_that_nobody_joins(stage: &Stage) {
    let (count, ended) = (stage.pick(4, 50), AtomicU32::new(0));
    scope(|s| {
        for n in 0..count {
            let body = || {
                (0..5).for_each(|_| yield_now());
                ended.fetch_add(1, Ordering::SeqCst);
            };
            let child = s.spawn(body).unwrap();
            // Dropped or forgotten: the scope waits all the same.
            if n % 2 == 0 { drop(child) } else { core::mem::forget(child) }
        }
    });
    assert_eq!(ended.into_inner(), count);
}

pub(crate) fn nested_scopes_end_from_the_inside_out(_: &Stage) {
    let (tx, rx) = bounded(8);
    let tx = &tx;
    scope(|outer| {
        let child = move || {
            scope(|inner| {
                let grandchild = move || {
                    (0..5).for_each(|_| yield_now());
                    tx.send("grandchild").unwrap();
                };
                inner.spawn(grandchild).map(drop).unwrap();
            });
            tx.send("child").unwrap();
        };
        outer.spawn(child).map(drop).unwrap();
    });
    tx.send("parent").unwrap();
    assert!(rx.try_iter().eq(["grandchild", "child", "parent"]));
}

/// Sums `numbers` by halves, each half in a scope of its own.
fn sum(numbers: &[u64]) -> u64 {
    match numbers {
        [] => 0,
        [one] => *one,
        more => {
            let (left, right) = more.split_at(more.len() / 2);
            scope(|s| {
                let left = s.spawn(|| sum(left)).unwrap();
                sum(right) + left.join().unwrap()
            })
        }
    }
}

pub(crate) fn scopes_nest_deeply(stage: &Stage) {
    let numbers: Vec<u64> = (0..u64::from(stage.pick(9, 500))).collect();
    assert_eq!(sum(&numbers), numbers.iter().sum());
}

/// A scope in a child of a scope in a child, `depth` times.
fn nest(depth: u32, count: &AtomicU32) {
    if depth > 0 {
        scope(|s| s.spawn(|| nest(depth - 1, count)).map(drop).unwrap());
        count.fetch_add(1, Ordering::SeqCst);
    }
}

pub(crate) fn each_of_a_chain_of_scopes_waits_for_the_next(stage: &Stage) {
    let (depth, count) = (stage.pick(5, 200), AtomicU32::new(0));
    nest(depth, &count);
    assert_eq!(count.into_inner(), depth);
}

pub(crate) fn children_spawn_siblings(_: &Stage) {
    let count = AtomicU32::new(0);
    scope(|s| {
        for _ in 0..3 {
            let body = || {
                let siblings = (0..3).map(|_| s.spawn(|| count.fetch_add(1, Ordering::SeqCst)).map(drop));
                siblings.for_each(Result::unwrap);
            };
            s.spawn(body).map(drop).unwrap();
        }
    });
    assert_eq!(count.into_inner(), 9);
}

pub(crate) fn all_failures_are_gathered_and_siblings_are_cancelled(_: &Stage) {
    let (_tx, rx) = bounded::<u8>(1);
    let (full_tx, _full_rx) = rendezvous::<u8>();
    let (start_tx, started) = bounded::<()>(8);
    let failed = try_scope(|s| -> Result<(), String> {
        let (rx, full_tx, start_tx) = (&rx, &full_tx, &start_tx);
        let receiver = move || (start_tx.send(()), rx.recv().map(drop).map_err(|why| why.to_string())).1;
        s.spawn(receiver).map(drop).unwrap();
        let sender = move || (start_tx.send(()), full_tx.send(1).map_err(|why| why.to_string())).1;
        s.spawn(sender).map(drop).unwrap();
        (0..2).for_each(|_| started.recv().unwrap());
        s.spawn(|| Err::<(), _>("the first".to_string())).map(drop).unwrap();
        Ok(())
    });
    let failed = failed.unwrap_err();
    assert!(matches!(&failed.first, Failure::Error(why) if why == "the first"));
    let others: Vec<_> = failed.others.iter().map(ToString::to_string).collect();
    assert_eq!(others, ["the coroutine has been cancelled"; 2]);
    assert_eq!(failed.to_string(), "the first (and 2 more)");
}

pub(crate) fn a_failure_of_the_closure_cancels_the_children(_: &Stage) {
    let drops = Drops::new();
    let failed = try_scope(|s| -> Result<u8, &str> {
        let value = drops.value();
        let waits = move || {
            let _value = value;
            assert_eq!(sleep(LONG), Err(TimeError::Cancelled));
            Ok(())
        };
        s.spawn(waits).map(drop).unwrap();
        Err("closure")
    });
    let failed = failed.unwrap_err();
    assert!(matches!(failed.first, Failure::Error("closure")));
    let uncancelled = failed.others.iter().filter(|other| matches!(other, Failure::Panicked(_)));
    assert_eq!((uncancelled.count(), drops.count()), (0, 1), "it ended at its cancel, or never ran");
    let fine = try_scope(|s| -> Result<u8, &str> { s.spawn(|| Ok(3)).unwrap().join().unwrap().map_err(|_| "failed") });
    assert_eq!(fine.unwrap(), 3);
}

pub(crate) fn a_cancelled_parent_passes_it_on_to_its_children(_: &Stage) {
    let (_tx, rx) = bounded::<u8>(1);
    let (start_tx, started) = bounded::<()>(8);
    let body = move || {
        let ends = AtomicU32::new(0);
        scope(|s| {
            let child = |rx: Receiver<u8>| {
                let (ends, start_tx) = (&ends, start_tx.clone());
                let body = move || {
                    start_tx.send(()).unwrap();
                    assert_eq!(rx.recv(), Err(RecvError::Cancelled));
                    ends.fetch_add(1, Ordering::SeqCst);
                };
                s.spawn(body).map(drop).unwrap();
            };
            (0..3).for_each(|_| child(rx.clone()));
        });
        ends.into_inner()
    };
    let parent = spawn(body).unwrap();
    (0..3).for_each(|_| started.recv().unwrap());
    parent.cancel();
    assert_eq!(parent.join().unwrap(), 3);
}

pub(crate) fn a_parent_out_of_time_cancels_its_children(_: &Stage) {
    let child = timeout(MS, || scope(|s| s.spawn(|| sleep(LONG)).map(core::mem::forget)));
    child.unwrap_err().0.unwrap();
}

pub(crate) fn a_scope_that_is_cancelled_before_its_children_ran_ends(_: &Stage) {
    let ran = AtomicU32::new(0);
    scope(|s| {
        let near = || s.spawn_with(Builder::new().near(), || ran.fetch_add(1, Ordering::SeqCst)).unwrap();
        let handles = [near(), near(), near()];
        s.cancel();
        assert!(handles.into_iter().all(|handle| matches!(handle.join(), Err(JoinError::Cancelled))));
        assert!(matches!(near().join(), Err(JoinError::Cancelled)), "those to come, too");
    });
    assert_eq!(ran.into_inner(), 0);
}

pub(crate) fn one_child_is_cancelled_alone(_: &Stage) {
    let (tx, rx) = bounded::<u8>(1);
    scope(|s| {
        let own = rx.clone();
        let mut child = s.spawn(move || own.recv()).unwrap();
        let other = s.spawn(|| rx.recv()).unwrap();
        assert!(child.join_timeout(Duration::from_micros(50)).is_err(), "nothing has been sent");
        child.cancel();
        match child.join() {
            Ok(received) => assert_eq!(received, Err(RecvError::Cancelled)),
            Err(why) => assert!(matches!(why, JoinError::Cancelled)),
        }
        assert!(!other.is_finished());
        tx.send(4).unwrap();
        assert_eq!(other.join().unwrap(), Ok(4));
    });
}

pub(crate) fn a_panic_of_a_child_is_the_failure_of_its_scope(_: &Stage) {
    let failed = try_scope(|s| -> Result<(), &str> {
        s.spawn(|| panic!("on purpose"))
            .map(|handle: kcoro_core::scope::ScopedJoinHandle<'_, Result<(), _>>| drop(handle))
            .unwrap();
        s.spawn(|| sleep(LONG).map_err(|_| "cancelled")).map(drop).unwrap();
        Ok(())
    });
    let failed = failed.unwrap_err();
    assert!(matches!(&failed.first, Failure::Panicked(panicked) if panicked.message() == Some("on purpose")));
    let closure = try_scope(|_| -> Result<(), &str> { panic!("on purpose") });
    assert!(matches!(closure.unwrap_err().first, Failure::Panicked(_)));
    let joined: Result<(), _> = scope(|s| s.spawn(|| panic!("on purpose")).unwrap().join());
    assert!(matches!(joined, Err(JoinError::Panicked(_))), "whoever joins takes the panic up");
    let count = AtomicU32::new(0);
    scope(|s| {
        let child = s.spawn(|| count.fetch_add(1, Ordering::SeqCst)).unwrap();
        until(|| child.is_finished());
    });
    assert_eq!(count.into_inner(), 1);
}
