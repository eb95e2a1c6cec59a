// SPDX-License-Identifier: BSD-3-Clause
//! The limit of live coroutines, and what happens when there is no memory for their stacks.
#![expect(unsafe_code, reason = "limits the address space of a child process")]

use std::sync::atomic::Ordering;

use kcoro_posix::channel::{RecvError, bounded};
use kcoro_posix::sched::{Builder, JoinError, RunError, Runtime, SpawnError, spawn, try_spawn, yield_now};
use kcoro_posix::stack::StackError;
use kcoro_tests::child::passes;
use kcoro_tests::counted::Drops;
use kcoro_tests::platform::{Stingy, Supply};
use kcoro_tests::{Hog, LONG, builder, end, runtime, until, until_parks};

#[test]
fn a_million_tries_over_the_limit_are_refused_and_drop_their_closures() {
    let runtime = builder().workers(1).limit(100).build().unwrap();
    runtime
        .run(|| {
            let drops = Drops::new();
            let (_tx, rx) = bounded::<u8>(1);
            let parked: Vec<_> = (0..99).map(|_| rx.clone()).map(|rx| try_spawn(move || rx.recv()).unwrap()).collect();
            for _ in 0..1_000_000 {
                let value = drops.value();
                let refused = try_spawn(move || drop(value)).unwrap_err();
                assert_eq!(refused, SpawnError::Full { limit: 100 });
            }
            assert_eq!(drops.count(), 1_000_000);
            rx.close();
            parked.into_iter().for_each(|handle| assert_eq!(handle.join().unwrap(), Err(RecvError::Closed)));
            until(|| try_spawn(|| ()).is_ok());
        })
        .unwrap();
    assert!(runtime.stats().spawned < 300, "a refused spawn counts as none");
    end(runtime);
}

#[test]
fn a_place_that_went_to_one_who_waited_is_taken() {
    let runtime = builder().workers(1).limit(2).build().unwrap();
    runtime
        .run(|| {
            let (tx, rx) = bounded::<u8>(1);
            spawn(yield_now).unwrap().detach();
            // Waits for the end of the first, and gets its place.
            let parked = spawn(move || rx.recv()).unwrap();
            assert_eq!(try_spawn(|| ()).unwrap_err(), SpawnError::Full { limit: 2 });
            tx.send(1).unwrap();
            assert_eq!(parked.join().unwrap(), Ok(1));
        })
        .unwrap();
    end(runtime);
}

#[test]
fn every_way_to_end_gives_the_place_back() {
    let runtime = builder().workers(1).limit(1).build().unwrap();
    for round in 0..300 {
        let hog = Hog::on(&runtime, 0);
        assert_eq!(runtime.try_spawn(|| ()).unwrap_err(), SpawnError::Full { limit: 1 });
        hog.release();
        match round % 3 {
            0 => runtime.spawn(|| ()).unwrap().join().unwrap(),
            1 => assert!(runtime.spawn(|| std::panic::resume_unwind(Box::new(()))).unwrap().join().is_err()),
            _ => {
                let handle = runtime.spawn(yield_now).unwrap();
                handle.cancel();
                let _ = handle.join();
            }
        }
    }
    end(runtime);
}

/// The owner waited for a place that only a drive by the owner could free.
#[test]
fn a_local_run_at_the_limit_is_refused() {
    let runtime = builder().workers(1).limit(2).build_local().unwrap();
    let (tx, rx) = bounded::<u8>(1);
    let parked = runtime.run(|| spawn(move || rx.recv()).unwrap()).unwrap();
    let more = runtime.spawn(|| 1).unwrap();
    assert!(matches!(runtime.run(|| ()), Err(RunError::Spawn(SpawnError::Full { limit: 2 }))));
    drop((tx, parked, more));
    assert!(runtime.shutdown(LONG).is_clean());
}

#[test]
fn no_memory_for_a_stack_fails_that_join_and_no_other() {
    for workers in [1, 2] {
        let supply = Supply::stacks(0);
        let runtime = Runtime::builder(Stingy::new(&supply)).workers(workers).build().unwrap();
        let drops = Drops::new();
        for _ in 0..10 {
            let value = drops.value();
            let refused = runtime.spawn(move || drop(value)).unwrap().join().unwrap_err();
            assert!(matches!(refused, JoinError::NoStack(StackError::OutOfMemory { os_code: libc::ENOMEM })));
        }
        assert_eq!(drops.count(), 10);
        let refused = runtime.run(|| ()).unwrap_err();
        assert!(matches!(refused, RunError::Spawn(SpawnError::Stack(StackError::OutOfMemory { .. }))), "{refused}");
        // One stack for each worker: two can be alive, and a third finds nothing while they are.
        supply.stacks.store(workers, Ordering::SeqCst);
        let (tx, rx) = bounded::<u8>(1);
        let receivers = (0..workers).map(|worker| (worker, rx.clone()));
        let parked: Vec<_> =
            receivers.map(|(worker, rx)| runtime.builder().worker(worker).spawn(move || rx.recv()).unwrap()).collect();
        until_parks(&runtime, workers as u64);
        for worker in 0..workers {
            let refused = runtime.builder().worker(worker).spawn(|| ()).unwrap().join().unwrap_err();
            assert!(matches!(refused, JoinError::NoStack(_)), "{refused}");
        }
        tx.close();
        parked.into_iter().for_each(|handle| assert_eq!(handle.join().unwrap(), Err(RecvError::Closed)));
        assert_eq!(runtime.run(|| 1).unwrap(), 1, "their stacks serve again");
        end(runtime);
    }
}

#[test]
fn an_address_space_that_is_used_up_fails_joins_and_not_the_process() {
    passes("limits::an_address_space_that_is_used_up_fails_joins_and_not_the_process", || {
        let runtime = runtime(1);
        let limit = libc::rlimit { rlim_cur: 600 << 20, rlim_max: 600 << 20 };
        // SAFETY: sets a limit of this process, which is a child made for that.
        assert_eq!(unsafe { libc::setrlimit(libc::RLIMIT_AS, &raw const limit) }, 0);
        let (tx, rx) = bounded::<u8>(1);
        let (refused, parked) = runtime
            .run(|| {
                let spawn_parked = |_| {
                    let rx = rx.clone();
                    Builder::new().stack_size(64 << 20).spawn(move || rx.recv()).unwrap()
                };
                let mut handles: Vec<_> = (0..32).map(spawn_parked).collect();
                until(|| handles.iter().filter(|handle| handle.is_finished()).count() >= 16);
                tx.close();
                let ends: Vec<_> = handles.iter_mut().map(|handle| handle.join_mut()).collect();
                let refused = ends.iter().filter(|end| matches!(end, Err(JoinError::NoStack(_)))).count();
                let parked = ends.iter().filter(|end| matches!(end, Ok(Err(RecvError::Closed)))).count();
                (refused, parked)
            })
            .unwrap();
        assert_eq!(refused + parked, 32);
        assert!(refused >= 16 && parked > 0, "{refused} refused, {parked} ran");
        end(runtime);
    });
}
