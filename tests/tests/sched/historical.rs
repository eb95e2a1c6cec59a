// SPDX-License-Identifier: BSD-3-Clause
//! Bugs that software of this kind has had. Each test would catch its bug; the comment names it.
#![expect(unsafe_code, reason = "migration is an unsafe option")]

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU8, AtomicUsize, Ordering};
use std::sync::mpsc;
use std::time::{Duration, Instant};

use kcoro_posix::channel::{RecvError, bounded, rendezvous};
use kcoro_posix::sched::{Builder, CoroutineLocal, JoinError, Runtime, spawn, yield_now};
use kcoro_posix::scope::{scope, try_scope};
use kcoro_posix::time::sleep;
use kcoro_tests::counted::Drops;
use kcoro_tests::platform::{Stingy, Supply};
use kcoro_tests::{Hog, LONG, end, runtime, until, until_parks};

/// A wake that came between the decision to park and the park was lost.
#[test]
fn lost_wake_between_park_and_unpark() {
    for workers in [1, 2, 3] {
        let runtime = runtime(workers);
        let (tx, rx) = rendezvous::<u32>();
        let (back_tx, back_rx) = rendezvous::<u32>();
        let echo = runtime.spawn(move || rx.iter().for_each(|n| back_tx.send(n).unwrap())).unwrap();
        for n in 0..5000 {
            tx.send(n).unwrap();
            assert_eq!(back_rx.recv(), Ok(n));
        }
        drop(tx);
        echo.join().unwrap();
        end(runtime);
    }
}

/// The same, made certain: the wake comes in the middle of the park, which asks for the time when its wait has begun.
#[test]
fn a_wake_that_comes_in_the_middle_of_a_park_is_not_lost() {
    let supply = Supply::workers(usize::MAX);
    let runtime = Runtime::builder(Stingy::new(&supply)).workers(1).build().unwrap();
    let (tx, rx) = bounded(1);
    let (told_tx, told) = mpsc::channel();
    let receiver = move || {
        supply.when_asked_for_the_time(move || tx.try_send(7).unwrap());
        told_tx.send(rx.recv_timeout(LONG)).unwrap();
    };
    runtime.spawn(receiver).unwrap().detach();
    assert_eq!(told.recv_timeout(LONG).expect("it goes on"), Ok(7));
    end(runtime);
}

/// A thread-local "current coroutine" was read once and used again after a switch, on another thread.
#[test]
fn thread_local_current_cached_over_a_switch() {
    static OWN: CoroutineLocal<AtomicUsize> = CoroutineLocal::new(|| AtomicUsize::new(0));
    let runtime = runtime(2);
    for _ in 0..20 {
        let over = Arc::new(AtomicBool::new(false));
        let (started, moves) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
        let body = |n: usize| {
            let (over, started, moves) = (over.clone(), started.clone(), moves.clone());
            move || {
                OWN.with(|own| own.store(n, Ordering::SeqCst)).unwrap();
                started.fetch_add(1, Ordering::SeqCst);
                while !over.load(Ordering::SeqCst) {
                    // Nothing waits between the two: the child belongs to the worker of this thread.
                    let (here, near) = (std::thread::current().id(), Builder::new().near());
                    let child = near.spawn(|| std::thread::current().id()).unwrap();
                    yield_now();
                    moves.fetch_add(usize::from(std::thread::current().id() != here), Ordering::SeqCst);
                    assert_eq!(OWN.with(|own| own.load(Ordering::SeqCst)), Ok(n));
                    assert_eq!(child.join().unwrap(), here);
                    assert_eq!(OWN.with(|own| own.load(Ordering::SeqCst)), Ok(n));
                }
            }
        };
        // SAFETY: what the body keeps over its suspensions is `Send`.
        let spawn = |n| unsafe { runtime.builder().allow_migration() }.spawn(body(n)).unwrap();
        // One worker has all of them, until the other is free and takes half.
        let hog = Hog::on(&runtime, 1);
        let handles: Vec<_> = (0..8).map(spawn).collect();
        until(|| started.load(Ordering::SeqCst) == 8);
        hog.release();
        until(|| moves.load(Ordering::SeqCst) > 0);
        over.store(true, Ordering::SeqCst);
        handles.into_iter().for_each(|handle| handle.join().unwrap());
    }
    end(runtime);
}

/// The first frame of a new stack was off by eight bytes, so that aligned vector moves faulted.
#[test]
fn stack_eight_bytes_off_on_first_entry() {
    #[repr(align(16))]
    struct Aligned(#[expect(dead_code, reason = "only its address counts")] [u8; 16]);
    #[inline(never)]
    fn misalignment() -> usize {
        (&raw const *std::hint::black_box(&Aligned([1; 16]))).addr() % 16
    }
    let runtime = runtime(2);
    let handles: Vec<_> = (0..200)
        .map(|n| {
            let builder = runtime.builder().stack_size([16 << 10, 64 << 10, 256 << 10][n % 3]);
            builder.spawn(|| (misalignment(), format!("{:.3}", std::hint::black_box(1.5f64)))).unwrap()
        })
        .collect();
    handles.into_iter().for_each(|handle| assert_eq!(handle.join().unwrap(), (0, "1.500".to_owned())));
    end(runtime);
}

/// An unpark from a thread that was no worker put the coroutine nowhere.
#[test]
fn unpark_from_a_foreign_thread_going_to_no_scheduler() {
    let runtime = runtime(2);
    let (tx, rx) = bounded::<u32>(1);
    let parked: Vec<_> = (0..10).map(|_| rx.clone()).map(|rx| runtime.spawn(move || rx.recv()).unwrap()).collect();
    until_parks(&runtime, 10);
    std::thread::spawn(move || (0..10).for_each(|n| tx.send(n).unwrap())).join().unwrap();
    let mut got: Vec<_> = parked.into_iter().map(|handle| handle.join().unwrap().unwrap()).collect();
    got.sort_unstable();
    assert!(got.into_iter().eq(0..10));
    end(runtime);
}

/// With one worker the number of others to steal from was zero, and a victim was chosen modulo that.
#[test]
fn modulo_by_zero_with_one_worker() {
    let runtime = runtime(1);
    for _ in 0..20 {
        // Idle in between: the worker looks for work elsewhere, and there is no elsewhere.
        assert_eq!(runtime.spawn(|| 1).unwrap().join().unwrap(), 1);
        runtime.spawn(|| sleep(Duration::from_micros(50))).unwrap().join().unwrap().unwrap();
    }
    end(runtime);
}

/// A coroutine that had ended was still in a ready queue.
#[test]
fn ready_queue_use_after_free() {
    let runtime = runtime(3);
    let drops = Drops::new();
    for round in 0..300 {
        let (tx, rx) = bounded::<u8>(1);
        for _ in 0..10 {
            let (rx, value) = (rx.clone(), drops.value());
            let body = move || {
                let _value = value;
                let _ = rx.recv();
            };
            let handle = runtime.spawn(body).unwrap();
            // Woken by a cancel, a close and a value at once; nobody keeps a handle.
            if round % 2 == 0 {
                handle.cancel();
            }
        }
        let _ = tx.try_send(1);
        tx.close();
    }
    end(runtime);
    assert_eq!(drops.count(), 3000);
}

/// A cancel was looked for every 50 ms only.
#[test]
fn cancel_seen_only_every_fifty_milliseconds() {
    let runtime = runtime(2);
    let (_tx, rx) = bounded::<u8>(1);
    let began = Instant::now();
    for _ in 0..200 {
        let parks = runtime.stats().parks;
        let rx = rx.clone();
        let handle = runtime.spawn(move || rx.recv()).unwrap();
        until_parks(&runtime, parks + 1);
        handle.cancel();
        assert_eq!(handle.join().unwrap(), Err(RecvError::Cancelled));
    }
    assert!(began.elapsed() < Duration::from_secs(5), "200 cancels took {:?}", began.elapsed());
    end(runtime);
}

/// The cancel of a scope did not reach children that were parked in a channel's plain operations.
#[test]
fn scope_cancel_that_does_not_wake_children_parked_on_plain_operations() {
    let runtime = runtime(2);
    let failed = runtime.run(|| {
        let (_tx, rx) = bounded::<u8>(1);
        let (at_tx, at_rx) = bounded::<()>(1);
        try_scope(|s| -> Result<(), &str> {
            let rx = &rx;
            s.spawn(move || (at_tx.send(()), rx.recv().map_err(|_| "cancelled")).1).map(drop).unwrap();
            at_rx.recv().unwrap();
            Err("first")
        })
        .unwrap_err()
        .others
        .len()
    });
    assert_eq!(failed.unwrap(), 1);
    end(runtime);
}

/// A child that was cancelled before it ran for the first time never told its group that it had ended.
#[test]
fn cancel_before_first_run_hanging_the_group() {
    for workers in [1, 2] {
        let runtime = runtime(workers);
        let joined = runtime.run(|| {
            scope(|s| {
                let child = s.spawn_with(Builder::new().near(), || 1).unwrap();
                child.cancel();
                child.join().unwrap_err()
            })
        });
        assert!(matches!(joined.unwrap(), JoinError::Cancelled));
        end(runtime);
    }
}

/// "For ever" was turned into a 32-bit number of milliseconds and passed after 49.7 days, or at once.
#[test]
fn infinite_timeout_that_becomes_49_days() {
    let runtime = runtime(1);
    let past_u32 = Duration::from_millis(u64::from(u32::MAX));
    for timeout in [past_u32, past_u32 + Duration::from_millis(1), Duration::from_nanos(u64::MAX), Duration::MAX] {
        let (tx, rx) = bounded(1);
        let parks = runtime.stats().parks;
        let waits = runtime.spawn(move || rx.recv_timeout(timeout)).unwrap();
        let sleeps = runtime.spawn(move || sleep(timeout)).unwrap();
        until_parks(&runtime, parks + 2);
        assert_eq!(runtime.spawn(|| sleep(Duration::from_millis(2))).unwrap().join().unwrap(), Ok(()));
        assert!(!waits.is_finished() && !sleeps.is_finished());
        tx.send(1).unwrap();
        sleeps.cancel();
        assert_eq!(waits.join().unwrap(), Ok(1));
        assert!(sleeps.join().unwrap().is_err());
    }
    end(runtime);
}

/// RUSTSEC-2021-0093: one task was taken by its owner and by a thief.
#[test]
fn rustsec_2021_0093_task_stolen_and_popped() {
    let runtime = runtime(4);
    for _ in 0..10 {
        let ran: Arc<Vec<AtomicU8>> = Arc::new((0..2000).map(|_| AtomicU8::new(0)).collect());
        let seen = ran.clone();
        let spawner = runtime.spawn(move || {
            for n in 0..2000 {
                let ran = ran.clone();
                spawn(move || _ = ran[n].fetch_add(1, Ordering::SeqCst)).unwrap().detach();
            }
        });
        spawner.unwrap().join().unwrap();
        until(|| runtime.stats().ended == runtime.stats().spawned);
        assert!(seen.iter().all(|count| count.load(Ordering::SeqCst) == 1));
    }
    end(runtime);
}

/// tokio#4941: the newest coroutine lay in a slot that nobody could steal from, while its spawner blocked.
#[test]
fn tokio_4941_slot_that_nobody_can_steal() {
    let runtime = runtime(2);
    let (tx, rx) = mpsc::channel();
    let blocks = move || {
        let child = spawn(move || tx.send(5).unwrap()).unwrap();
        let got = rx.recv().unwrap();
        child.join().unwrap();
        got
    };
    assert_eq!(runtime.spawn(blocks).unwrap().join().unwrap(), 5);
    end(runtime);
}

/// The same after many children that were joined at once, which make it look as if nobody needed to be woken.
#[test]
fn tokio_4941_after_a_run_of_children_that_needed_no_help() {
    let runtime = runtime(2);
    let blocks = || {
        for _ in 0..5000 {
            spawn(yield_now).unwrap().join().unwrap();
        }
        let (tx, rx) = mpsc::channel();
        let child = spawn(move || tx.send(5).unwrap()).unwrap();
        // Blocks the thread: only another worker can run the child.
        let got = rx.recv_timeout(LONG).unwrap();
        child.join().unwrap();
        got
    };
    for _ in 0..20 {
        assert_eq!(runtime.spawn(blocks).unwrap().join().unwrap(), 5);
    }
    end(runtime);
}
