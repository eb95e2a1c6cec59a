// SPDX-License-Identifier: BSD-3-Clause
//! Scopes, beyond the plain ones: what a failure does to the others, how many children live at once, children that feed
//! channels, cancels that come at any point.

use alloc::string::ToString;
use alloc::sync::Arc;
use alloc::vec::Vec;
use core::sync::atomic::{AtomicU32, Ordering};

use kcoro_core::channel::{RecvError, SendError, TryRecvError, bounded};
use kcoro_core::sched::{Builder, SpawnError, spawn, yield_now};
use kcoro_core::scope::{Failure, Gathered, Quorum, gather, scope, try_scope};
use kcoro_core::time::{TimeError, sleep, timeout};
use kcoro_core::wait::WaitError;

use crate::Stage;
use crate::tools::{Drops, LONG, MS};

/// Waits for the end of the world, or for a cancel.
fn wait_for_the_cancel<T>() -> Result<T, &'static str> {
    assert_eq!(sleep(LONG), Err(TimeError::Cancelled));
    Err("cancelled")
}

fn errors<E: core::fmt::Display>(failures: &[Failure<E>]) -> Vec<alloc::string::String> {
    failures.iter().map(ToString::to_string).collect()
}

pub(crate) fn a_failure_in_a_supervised_scope_leaves_the_others_alone(_: &Stage) {
    let (go, gone) = bounded::<()>(1);
    let done = AtomicU32::new(0);
    let failed = try_scope(|s| {
        s.supervise();
        let waits = || gone.recv().map(|()| _ = done.fetch_add(1, Ordering::SeqCst)).map_err(|_| "cancelled");
        s.spawn(waits).map(drop).unwrap();
        for why in ["the first", "the second"] {
            let failed = s.spawn(move || Err::<(), _>(why)).unwrap();
            assert!(failed.join().unwrap().is_err());
        }
        go.send(()).unwrap();
        Ok(())
    });
    assert_eq!(errors(&failed.unwrap_err().into_failures().collect::<Vec<_>>()), ["the first", "the second"]);
    assert_eq!(done.into_inner(), 1);
}

pub(crate) fn a_failing_closure_cancels_what_it_supervised(_: &Stage) {
    let failed = try_scope(|s| -> Result<(), _> {
        s.supervise();
        let (started, has_started) = bounded(1);
        s.spawn(move || (started.send(()).unwrap(), wait_for_the_cancel::<()>()).1).map(drop).unwrap();
        has_started.recv().unwrap();
        Err("the closure")
    });
    assert_eq!(failed.unwrap_err().to_string(), "the closure (and 1 more)");
}

pub(crate) fn the_first_success_cancels_the_rest(_: &Stage) {
    for count in [1, 2] {
        let quorum = if count == 1 { Quorum::Any } else { Quorum::First(count) };
        let (started, has_started) = bounded(3);
        let got = gather(quorum, |s| {
            for n in 0..3 {
                let started = started.clone();
                let body = move || (started.send(()).unwrap(), wait_for_the_cancel::<usize>().map(|_| n)).1;
                s.spawn(body).unwrap();
            }
            (0..3).for_each(|_| has_started.recv().unwrap());
            s.spawn(|| Err("at once")).unwrap();
            (0..count).for_each(|n| s.spawn(move || Ok(10 + n)).unwrap());
            Ok(())
        });
        let Gathered { mut values, failures, .. } = got.unwrap();
        values.sort_unstable();
        assert!(values.into_iter().eq(10..10 + count));
        let cancelled = errors(&failures).into_iter().filter(|why| why == "cancelled").count();
        assert_eq!(cancelled, 3, "{failures:?}");
    }
}

pub(crate) fn gathered_values_stand_in_the_order_of_the_spawns(stage: &Stage) {
    let count = stage.pick(4, 100);
    let got = gather(Quorum::All, |s| {
        (0..count).for_each(|n| s.spawn(move || ((n..count).for_each(|_| yield_now()), Ok::<_, ()>(n)).1).unwrap());
        Ok(())
    });
    assert!(got.unwrap().values.into_iter().eq(0..count));
}

pub(crate) fn one_failure_is_the_end_of_all(_: &Stage) {
    let got = gather(Quorum::All, |s| {
        let (started, has_started) = bounded(1);
        s.spawn(move || (started.send(()).unwrap(), wait_for_the_cancel()).1).unwrap();
        has_started.recv().unwrap();
        s.spawn(|| Err("failed")).unwrap();
        Ok::<(), _>(())
    });
    let Gathered { values, failures, .. }: Gathered<u8, _> = got.unwrap_err();
    assert_eq!((values.len(), errors(&failures)), (0, ["failed", "cancelled"].map(ToString::to_string).to_vec()));
}

pub(crate) fn too_few_successes_come_back_with_the_failures(_: &Stage) {
    let got = gather(Quorum::First(3), |s| {
        s.spawn(|| Ok(1)).unwrap();
        s.spawn(|| Err("failed")).unwrap();
        s.spawn(|| Ok(1)).unwrap();
        Ok(())
    });
    let got = got.unwrap_err();
    assert_eq!((&*got.values, got.to_string().as_str()), (&[1, 1][..], "2 succeeded, 1 failed, first: failed"));
    let nobody = |quorum| gather(quorum, |_| Ok::<_, ()>(())).map(|got: Gathered<(), _>| got.values.len()).is_ok();
    assert_eq!([Quorum::All, Quorum::Any, Quorum::First(0)].map(nobody), [true, false, true]);
    let unwanted = gather(Quorum::First(0), |s| {
        s.spawn(wait_for_the_cancel::<()>).unwrap();
        Ok(())
    });
    assert!(unwanted.unwrap().values.is_empty());
    let closure = gather(Quorum::Any, |s| (s.spawn(|| Ok(5)).unwrap(), Err("the closure")).1).unwrap_err();
    assert!(errors(&closure.failures).iter().any(|why| why == "the closure"));
}

pub(crate) fn no_more_children_live_at_once_than_the_limit(stage: &Stage) {
    let (count, limit) = (stage.pick(6, 60), 2);
    let (living, most, total) = (AtomicU32::new(0), AtomicU32::new(0), AtomicU32::new(0));
    scope(|s| {
        s.limit(limit as usize);
        for _ in 0..count {
            let child = || {
                most.fetch_max(living.fetch_add(1, Ordering::SeqCst) + 1, Ordering::SeqCst);
                (0..3).for_each(|_| yield_now());
                living.fetch_sub(1, Ordering::SeqCst);
                total.fetch_add(1, Ordering::SeqCst);
            };
            s.spawn(child).map(drop).unwrap();
        }
    });
    assert_eq!(total.into_inner(), count);
    assert!(most.into_inner() <= limit);
}

pub(crate) fn at_the_limit_a_spawn_is_refused_or_waits_and_can_be_cancelled(_: &Stage) {
    let (_tx, rx) = bounded::<()>(1);
    scope(|s| {
        // Zero counts as one.
        s.limit(0);
        let holder = s.spawn(|| rx.recv()).unwrap();
        assert_eq!(s.try_spawn(|| ()).unwrap_err(), SpawnError::Full { limit: 1 });
        let drops = Drops::new();
        let value = drops.value();
        let late = timeout(MS, || s.spawn(move || drop(value)).map(drop));
        assert_eq!(late.unwrap_err().0, Err(SpawnError::Wait(WaitError::Cancelled)));
        assert_eq!(drops.count(), 1);
        // More room lets in who waits, and an end makes room.
        s.limit(2);
        let second = s.try_spawn(|| rx.recv()).unwrap();
        assert_eq!(s.try_spawn(|| ()).unwrap_err(), SpawnError::Full { limit: 2 });
        holder.cancel();
        let third = s.spawn(|| 3).unwrap();
        assert_eq!(third.join().unwrap(), 3);
        second.cancel();
    });
}

pub(crate) fn who_waits_for_a_place_gets_it_in_order(_: &Stage) {
    let ((tx, rx), order) = (bounded::<()>(1), bounded(8));
    scope(|s| {
        s.limit(1);
        s.spawn(|| rx.recv()).map(drop).unwrap();
        // Children of another scope, which has no limit, spawn into this one.
        scope(|spawners| {
            for n in 0..3 {
                let (here, parked) = bounded(1);
                let order = &order.0;
                let body = move || {
                    here.send(()).unwrap();
                    s.spawn(move || order.send(n).unwrap()).map(drop).unwrap();
                };
                spawners.spawn_with(Builder::new().near(), body).map(drop).unwrap();
                // It shares our worker, so it waits for its place when we come to run.
                parked.recv().unwrap();
            }
            tx.send(()).unwrap();
        });
    });
    assert!(order.1.try_iter().eq(0..3));
}

pub(crate) fn a_failed_spawn_gives_its_place_back(stage: &Stage) {
    scope(|s| {
        s.limit(1);
        let nowhere = Builder::new().worker(stage.workers());
        assert!(matches!(s.spawn_with(nowhere, || ()), Err(SpawnError::NoWorker { .. })));
        assert_eq!(s.try_spawn(|| 1).unwrap().join().unwrap(), 1);
    });
}

pub(crate) fn a_producer_feeds_its_channel_and_ends_with_it(stage: &Stage) {
    let count = stage.pick(5, 500);
    let (numbers, sent) = ((0..count).collect::<Vec<_>>(), AtomicU32::new(0));
    let sum: u32 = scope(|s| {
        let numbers = s.produce(2, |tx| numbers.iter().for_each(|n| tx.send(n).unwrap())).unwrap();
        let squares = s.produce(0, move |tx| numbers.iter().for_each(|n| tx.send(n * n).unwrap())).unwrap();
        squares.iter().sum()
    });
    assert_eq!(sum, (0..count).map(|n| n * n).sum());
    // One that would go on for ever ends when nobody receives any more.
    let first = scope(|s| {
        let endless = s.produce(1, |tx| {
            let unsent = (7..).find_map(|n| tx.send(n).map_err(SendError::into_inner).err());
            sent.store(unsent.unwrap(), Ordering::SeqCst);
        });
        let endless = endless.unwrap();
        (endless.recv(), endless.recv())
    });
    assert_eq!(first, (Ok(7), Ok(8)));
    assert!(sent.into_inner() >= 9, "the value that was not sent came back");
}

pub(crate) fn an_error_of_a_producer_is_its_scopes(_: &Stage) {
    let failed = try_scope(|s| {
        let numbers = s.produce(1, |tx| (tx.send(1).unwrap(), Err("dry")).1).unwrap();
        assert_eq!(numbers.recv(), Ok(1));
        s.spawn(wait_for_the_cancel::<()>).map(drop).unwrap();
        Ok(numbers.recv())
    });
    assert!(matches!(failed.unwrap_err().first, Failure::Error("dry")));
}

pub(crate) fn a_panic_of_a_producer_is_its_scopes(_: &Stage) {
    let failed = try_scope(|s| {
        let numbers = s.produce(1, |tx| if tx.send(1).is_ok() { panic!("on purpose") } else { Ok(()) }).unwrap();
        assert_eq!((numbers.recv(), numbers.recv()), (Ok(1), Err(RecvError::Closed)));
        Ok::<_, &str>(())
    });
    assert!(matches!(failed.unwrap_err().first, Failure::Panicked(_)));
    let got = gather(Quorum::Any, |s| {
        s.spawn(|| panic!("on purpose")).unwrap();
        s.spawn(|| Ok::<_, ()>(6)).unwrap();
        Ok(())
    });
    assert_eq!(got.unwrap().values, [6]);
}

/// The parent of a tree of scopes is cancelled, or runs out of time, wherever it has come to: what was started ends, and
/// what was lent is whole.
pub(crate) fn a_cancel_at_any_point_ends_the_whole_tree(stage: &Stage) {
    for point in 0..stage.pick(6, 40) {
        let (started, made) = (Arc::new(AtomicU32::new(0)), Arc::new(AtomicU32::new(0)));
        let (counts, makes, drops) = (started.clone(), made.clone(), Drops::new());
        let values = drops.clone();
        let tree = move || {
            let mut lent = [0; 3];
            scope(|s| {
                for cell in &mut lent {
                    makes.fetch_add(1, Ordering::SeqCst);
                    let (counts, value) = (&counts, values.value());
                    let child = move || {
                        let _value = value;
                        counts.fetch_add(1, Ordering::SeqCst);
                        // A scope below, which ends with the cancel that comes down.
                        scope(|below| below.spawn(|| sleep(LONG)).map(drop)).unwrap();
                        *cell += 1;
                    };
                    s.spawn(child).map(drop).unwrap();
                    yield_now();
                }
                let _ = sleep(LONG);
            });
            lent.iter().sum::<u32>()
        };
        let tree = match point % 2 {
            0 => spawn(tree).unwrap(),
            _ => spawn(move || timeout(MS, tree).unwrap_err().0).unwrap(),
        };
        (0..point).for_each(|_| yield_now());
        if point % 2 == 0 {
            tree.cancel();
        }
        match tree.join() {
            Ok(ended) => assert_eq!(ended, started.load(Ordering::SeqCst)),
            Err(why) => assert_eq!(why.to_string(), "the coroutine was cancelled before its first run"),
        }
        assert_eq!(drops.count(), made.load(Ordering::SeqCst) as usize);
    }
}

/// A child cancels the scope that it is itself in, and ends like the others.
pub(crate) fn a_child_can_cancel_its_own_scope(_: &Stage) {
    let (_tx, rx) = bounded::<()>(1);
    let own = scope(|s| {
        let (rx, own) = (&rx, rx.clone());
        s.spawn(move || assert_eq!(own.recv(), Err(RecvError::Cancelled))).map(drop).unwrap();
        s.spawn(move || (s.cancel(), rx.recv()).1).unwrap().join().unwrap()
    });
    assert_eq!(own, Err(RecvError::Cancelled));
    assert_eq!(rx.try_recv(), Err(TryRecvError::Empty));
}

/// Whoever waits for a place is served when the scope is cancelled, because those who have places then end.
pub(crate) fn a_cancelled_scope_keeps_nobody_waiting_for_a_place(_: &Stage) {
    let (_tx, rx) = bounded::<()>(1);
    scope(|s| {
        s.limit(2);
        s.spawn(|| rx.recv()).map(drop).unwrap();
        // It shares our worker, so it runs when we wait for a place.
        s.spawn_with(Builder::new().near(), || (s.cancel(), rx.recv()).1).map(drop).unwrap();
        let late = s.spawn(|| rx.recv()).unwrap();
        assert!(!matches!(late.join(), Ok(Ok(()))), "it was cancelled, too");
    });
}
