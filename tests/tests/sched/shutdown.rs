// SPDX-License-Identifier: BSD-3-Clause
//! The end of a runtime: what ends, what is dropped, what is abandoned, and that nobody waits for ever.

use std::sync::mpsc;
use std::time::Duration;

use kcoro_posix::channel::{RecvError, bounded};
use kcoro_posix::sched::{JoinError, SpawnError, spawn, yield_now};
use kcoro_posix::time::{TimeError, sleep};
use kcoro_posix::wait::block_on;
use kcoro_tests::child::{aborts, passes};
use kcoro_tests::counted::{Drops, OnDrop};
use kcoro_tests::{Hog, LONG, builder, end, runtime, shut_down_elsewhere, until, until_parks};

#[test]
fn a_shutdown_with_nothing_left_is_clean() {
    for workers in [1, 2, 4] {
        let runtime = runtime(workers);
        runtime.run(|| (0..10).for_each(|_| spawn(yield_now).unwrap().join().unwrap())).unwrap();
        let report = runtime.shutdown(LONG);
        assert!(report.is_clean());
        assert_eq!(report.to_string(), "every coroutine has ended");
    }
}

#[test]
fn a_shutdown_cancels_what_is_parked_and_what_parks_later() {
    for workers in [1, 2] {
        let runtime = runtime(workers);
        let (_tx, rx) = bounded::<u8>(1);
        let parked: Vec<_> = (0..20).map(|_| rx.clone()).map(|rx| runtime.spawn(move || rx.recv()).unwrap()).collect();
        let sleeping = runtime.spawn(|| sleep(LONG)).unwrap();
        until_parks(&runtime, 21);
        // This one runs when the shutdown begins, and parks for the first time after it.
        let (go, going) = mpsc::channel();
        let (on, is_on) = mpsc::channel();
        let later = runtime.builder().worker(0).spawn(move || {
            on.send(()).unwrap();
            going.recv().unwrap();
            (rx.recv(), rx.recv())
        });
        let later = later.unwrap();
        is_on.recv().unwrap();
        let shutdown = shut_down_elsewhere(runtime);
        go.send(()).unwrap();
        shutdown.join().unwrap();
        assert_eq!(later.join().unwrap(), (Err(RecvError::Cancelled), Err(RecvError::Cancelled)));
        assert_eq!(sleeping.join().unwrap(), Err(TimeError::Cancelled));
        parked.into_iter().for_each(|handle| assert_eq!(handle.join().unwrap(), Err(RecvError::Cancelled)));
    }
}

#[test]
fn what_has_not_started_is_dropped_once_and_joins_say_shutdown() {
    for workers in [1, 2] {
        let runtime = runtime(workers);
        let drops = Drops::new();
        let hogs: Vec<_> = (0..workers).map(|worker| Hog::on(&runtime, worker)).collect();
        let handles: Vec<_> = (0..100)
            .map(|n| {
                let value = drops.value();
                let builder = if n % 2 == 0 { runtime.builder() } else { runtime.builder().worker(n % workers) };
                builder.spawn(move || drop(value)).unwrap()
            })
            .collect();
        let shutdown = shut_down_elsewhere(runtime);
        hogs.into_iter().for_each(Hog::release);
        for handle in handles {
            assert!(matches!(handle.join(), Err(JoinError::Shutdown)));
        }
        shutdown.join().unwrap();
        assert_eq!(drops.count(), 100);
    }
}

#[test]
fn a_report_names_what_ignores_its_cancel() {
    let test = "shutdown::a_report_names_what_ignores_its_cancel";
    passes(test, || {
        let runtime = runtime(2);
        let (_tx, rx) = bounded::<u8>(1);
        let stubborn = runtime.builder().name("stubborn").spawn(move || {
            // Each wait is cancelled; it tries again all the same.
            loop {
                let _ = rx.recv();
                yield_now();
            }
        });
        let stubborn: kcoro_posix::sched::JoinHandle<()> = stubborn.unwrap();
        let obedient = runtime.builder().name("obedient").spawn(|| sleep(LONG)).unwrap();
        until_parks(&runtime, 2);
        let report = runtime.shutdown(Duration::from_millis(20));
        assert_eq!(obedient.join().unwrap(), Err(TimeError::Cancelled));
        assert!(!report.is_clean());
        let named: Vec<_> = report.abandoned.iter().map(|one| (one.id, one.name, one.spawn_site.file())).collect();
        assert_eq!(named, [(stubborn.id(), Some("stubborn"), file!())]);
        assert_eq!(report.unparked, 0);
        assert!(report.to_string().starts_with("1 coroutines have not ended"), "{report}");
        assert!(!stubborn.is_finished());
    });
}

#[test]
fn nobody_waits_for_ever_for_an_abandoned_coroutine() {
    let test = "shutdown::nobody_waits_for_ever_for_an_abandoned_coroutine";
    passes(test, || {
        let runtime = runtime(2);
        let (_tx, rx) = bounded::<u8>(1);
        // One that parks again and again, and one that only yields.
        let parks = runtime.spawn(move || {
            loop {
                let _ = rx.recv();
                yield_now();
            }
        });
        let yields = runtime.builder().worker(1).spawn(|| {
            loop {
                yield_now();
            }
        });
        let parks: kcoro_posix::sched::JoinHandle<()> = parks.unwrap();
        let mut yields: kcoro_posix::sched::JoinHandle<()> = yields.unwrap();
        until_parks(&runtime, 1);
        until(|| runtime.stats().started == 2);
        let before = std::thread::spawn(move || parks.join());
        let awaited = std::thread::spawn(move || {
            let outcome = block_on(&mut yields).unwrap();
            (outcome, yields.join())
        });
        assert!(!runtime.shutdown(Duration::from_millis(20)).is_clean());
        assert!(matches!(before.join().unwrap(), Err(JoinError::Abandoned)));
        assert!(matches!(awaited.join().unwrap(), (Err(JoinError::Abandoned), Err(JoinError::Abandoned))));
    });
}

/// The worker that could say so never comes to it.
#[test]
fn who_joins_what_a_hog_keeps_from_its_end_is_told() {
    let test = "shutdown::who_joins_what_a_hog_keeps_from_its_end_is_told";
    passes(test, || {
        let runtime = runtime(1);
        let (_tx, rx) = bounded::<u8>(1);
        let parked = runtime.spawn(move || rx.recv()).unwrap();
        until_parks(&runtime, 1);
        let hog = Hog::on(&runtime, 0);
        let joined = std::thread::spawn(move || parked.join());
        assert!(!runtime.shutdown(Duration::ZERO).is_clean());
        assert!(matches!(joined.join().unwrap(), Err(JoinError::Abandoned)));
        hog.release();
    });
}

#[test]
fn a_hog_that_ends_after_its_runtime_does_no_harm() {
    let test = "shutdown::a_hog_that_ends_after_its_runtime_does_no_harm";
    passes(test, || {
        let runtime = runtime(1);
        let hog = Hog::on(&runtime, 0);
        let report = runtime.shutdown(Duration::ZERO);
        assert_eq!((report.abandoned.len(), report.unparked), (0, 1));
        hog.release();
    });
}

#[test]
fn a_runtime_may_be_shut_down_or_dropped_inside_of_itself() {
    for how in [0, 1] {
        for workers in [1, 2] {
            let runtime = runtime(workers);
            let handle = runtime.handle().clone();
            let (tx, rx) = mpsc::channel();
            let tx_on_drop = tx.clone();
            let root = handle.spawn(move || {
                let parked = spawn(|| sleep(LONG)).unwrap();
                yield_now();
                if how == 0 {
                    assert!(runtime.shutdown(LONG).is_clean())
                } else {
                    drop(runtime)
                }
                assert_eq!(spawn(|| ()).unwrap_err(), SpawnError::Shutdown);
                // Not cancelled yet at its first wait, but no wait is in vain: the other was cancelled.
                let joined = parked.join().map_err(|why| why.to_string());
                tx.send(joined.is_ok() || joined.is_err()).unwrap();
                let _ended = OnDrop(move || tx_on_drop.send(true).unwrap());
            });
            root.unwrap().detach();
            assert!(rx.recv().unwrap() && rx.recv().unwrap());
            assert!(rx.recv().is_err(), "ended");
            assert_eq!(handle.spawn(|| ()).unwrap_err(), SpawnError::Shutdown);
        }
    }
}

#[test]
fn a_runtime_may_be_shut_down_inside_of_another() {
    let (outer, inner) = (runtime(1), runtime(2));
    let joined = outer.run(move || {
        let parked = inner.spawn(|| sleep(LONG)).unwrap();
        let other = spawn(|| 1).unwrap();
        until_parks(&inner, 1);
        end(inner);
        (parked.join().unwrap(), other.join().unwrap())
    });
    assert_eq!(joined.unwrap(), (Err(TimeError::Cancelled), 1));
    end(outer);
}

#[test]
fn a_local_runtime_drives_what_it_cancels_to_its_end() {
    for workers in [1, 2] {
        let runtime = builder().workers(workers).build_local().unwrap();
        let (_tx, rx) = bounded::<u8>(1);
        let parked = runtime.run(|| {
            let parked = spawn(move || rx.recv()).unwrap();
            yield_now();
            parked
        });
        assert!(runtime.shutdown(LONG).is_clean());
        assert_eq!(parked.unwrap().join().unwrap(), Err(RecvError::Cancelled));
    }
}

#[test]
fn a_local_runtime_that_cannot_end_aborts_by_name() {
    let stderr = aborts("shutdown::a_local_runtime_that_cannot_end_aborts_by_name", || {
        let runtime = builder().workers(1).build_local().unwrap();
        runtime
            .run(|| {
                let stubborn = kcoro_posix::sched::Builder::new().name("stubborn").spawn(|| {
                    loop {
                        let _ = sleep(LONG);
                        yield_now();
                    }
                });
                stubborn.map(|handle: kcoro_posix::sched::JoinHandle<()>| handle.detach()).unwrap();
                yield_now();
            })
            .unwrap();
        runtime.shutdown(Duration::from_millis(5));
    });
    if let Some(stderr) = stderr {
        assert!(stderr.contains("stubborn") && stderr.contains("cannot go on"), "{stderr}");
    }
}

#[test]
fn a_local_runtime_dropped_by_a_panic_ends_its_coroutines() {
    let (tx, rx) = mpsc::channel();
    let caught = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
        let runtime = builder().workers(1).build_local().unwrap();
        let body = move || {
            let _ended = OnDrop(move || tx.send(()).unwrap());
            let _ = sleep(LONG);
        };
        runtime.run(|| (spawn(body).unwrap().detach(), yield_now())).unwrap();
        std::panic::resume_unwind(Box::new(()));
    }));
    assert!(caught.is_err());
    assert_eq!(rx.try_recv(), Ok(()));
}
