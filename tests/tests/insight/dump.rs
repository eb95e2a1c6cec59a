// SPDX-License-Identifier: BSD-3-Clause
//! What a dump says of each coroutine: who it is, what it does, what it waits for; and that looking changes nothing.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc;
use std::thread;
use std::time::{Duration, Instant};

use kcoro_posix::GuardedStack;
use kcoro_posix::channel::{Receiver, bounded, rendezvous};
use kcoro_posix::coroutine::{Coroutine, Yielder};
use kcoro_posix::sched::{
    Builder, CoroutineInfo, CoroutineState, Dump, Handle, MOST_FRAMES, WaitsFor, spawn, yield_now,
};
use kcoro_posix::scope::scope;
use kcoro_posix::time::sleep;
use kcoro_posix::wait::block_on;
use kcoro_tests::counted::OnDrop;
use kcoro_tests::{LONG, SHORT, builder, end, runtime};

/// A dump of `handle`'s runtime once `is_so` holds of it.
fn dump_when(handle: &Handle, is_so: impl Fn(&Dump) -> bool) -> Dump {
    let began = Instant::now();
    loop {
        let dump = handle.dump();
        if is_so(&dump) {
            return dump;
        }
        assert!(began.elapsed() < LONG, "it does not come to that:\n{dump}");
        thread::yield_now();
    }
}

fn is_parked(one: &CoroutineInfo) -> bool {
    matches!(one.state, CoroutineState::Parked { .. })
}

/// Whether exactly `count` coroutines exist, all of them parked.
fn all_parked(dump: &Dump, count: usize) -> bool {
    dump.unlisted == 0 && dump.coroutines.len() == count && dump.coroutines.iter().all(is_parked)
}

fn named<'a>(dump: &'a Dump, name: &str) -> &'a CoroutineInfo {
    dump.coroutines.iter().find(|one| one.name == Some(name)).unwrap_or_else(|| panic!("no {name} in {dump:?}"))
}

fn waits_for(dump: &Dump, name: &str) -> WaitsFor {
    match named(dump, name).state {
        CoroutineState::Parked { on, .. } => on,
        other => panic!("{name} is {other:?}"),
    }
}

#[test]
fn each_kind_of_wait_is_told_apart() {
    let runtime = runtime(2);
    let named_builder = |name| runtime.builder().name(name);
    let (tx, rx) = bounded::<u32>(1);
    let (never_tx, never_rx) = rendezvous::<u32>();
    let (full, empty) = (tx.id(), never_rx.id());
    let receiver = named_builder("receiver").spawn(move || never_rx.recv()).unwrap();
    let receiver_id = receiver.id();
    let joiner = named_builder("joiner").spawn(move || receiver.join().unwrap()).unwrap();
    let sender = named_builder("sender").spawn(move || (0..2).try_for_each(|v| tx.send(v))).unwrap();
    let sleeper = named_builder("sleeper").spawn(|| sleep(LONG)).unwrap();
    let futures = named_builder("futures").spawn(|| block_on(std::future::pending::<()>())).unwrap();
    let (go_tx, go) = rendezvous::<()>();
    let at_go = go.id();
    let parent = move || {
        scope(|s| {
            s.spawn_with(Builder::new().name("child"), move || go.recv()).unwrap();
        });
    };
    let parent = named_builder("parent").spawn(parent).unwrap();
    let dump = dump_when(&runtime, |dump| all_parked(dump, 7));

    assert_eq!(waits_for(&dump, "receiver"), WaitsFor::ToReceive(empty));
    assert_eq!(waits_for(&dump, "sender"), WaitsFor::ToSend(full));
    assert_eq!(waits_for(&dump, "joiner"), WaitsFor::Join(receiver_id));
    assert_eq!(waits_for(&dump, "sleeper"), WaitsFor::Sleep);
    assert_eq!(waits_for(&dump, "futures"), WaitsFor::BlockOn);
    assert_eq!(waits_for(&dump, "child"), WaitsFor::ToReceive(at_go));
    let child_scope = named(&dump, "child").scope.expect("it is a scope's child");
    assert_eq!(waits_for(&dump, "parent"), WaitsFor::Children(child_scope.id));
    assert_eq!(child_scope.parent, Some(parent.id()));
    assert_eq!(named(&dump, "parent").scope, None);

    drop((never_tx, go_tx, rx));
    assert!(joiner.join().unwrap().is_err());
    assert!(sender.join().unwrap().is_err());
    parent.join().unwrap();
    sleeper.cancel();
    futures.cancel();
    end(runtime);
}

#[test]
fn a_spawn_that_waits_for_room_and_a_join_in_another_runtime_are_named() {
    let other = runtime(1);
    let (tx, rx) = rendezvous::<()>();
    let away = other.builder().spawn(move || rx.recv()).unwrap();
    let away_id = away.id();
    let runtime = builder().workers(1).limit(2).build().unwrap();
    let joiner = runtime.builder().name("joiner").spawn(move || away.join().unwrap()).unwrap();
    let spawner = runtime.builder().name("spawner").spawn(|| spawn(|| ()).map(|handle| handle.detach())).unwrap();
    let dump = dump_when(&runtime, |dump| all_parked(dump, 2));
    assert_eq!(waits_for(&dump, "joiner"), WaitsFor::JoinElsewhere(away_id));
    assert_eq!(waits_for(&dump, "spawner"), WaitsFor::SpawnLimit);
    drop(tx);
    assert!(joiner.join().unwrap().is_err());
    assert!(spawner.join().unwrap().is_ok());
    end(runtime);
    end(other);
}

#[test]
fn the_child_of_a_threads_scope_has_no_parent() {
    let runtime = runtime(1);
    let (tx, rx) = rendezvous::<()>();
    scope(|s| {
        let _child = s.spawn_with(runtime.builder().name("child"), move || rx.recv()).unwrap();
        let dump = dump_when(&runtime, |dump| all_parked(dump, 1));
        assert_eq!(named(&dump, "child").scope.expect("it is a scope's child").parent, None);
        drop(tx);
    });
    end(runtime);
}

#[test]
fn running_ready_and_parked_are_told_apart_behind_a_hog() {
    let runtime = runtime(1);
    let (wake, woken) = bounded::<()>(1);
    let (hogging, has_worker) = mpsc::channel();
    let (release, released) = mpsc::channel();
    let waiter = runtime.builder().name("ready").spawn(move || woken.recv()).unwrap();
    let (tx, rx) = rendezvous::<()>();
    let parked = runtime.builder().name("parked").spawn(move || rx.recv()).unwrap();
    let body = move || {
        // A dump lists who has parked once.
        sleep(SHORT).unwrap();
        hogging.send(()).unwrap();
        released.recv().unwrap();
    };
    let hog = runtime.builder().name("hog").spawn(body).unwrap();
    dump_when(&runtime, |dump| dump.coroutines.iter().filter(|one| is_parked(one)).count() >= 2);
    has_worker.recv().unwrap();
    runtime.spawn(|| ()).unwrap().detach();
    wake.send(()).unwrap();

    let dump = runtime.dump();
    assert_eq!(named(&dump, "hog").state, CoroutineState::Running);
    assert_eq!(named(&dump, "ready").state, CoroutineState::Ready);
    assert!(is_parked(named(&dump, "parked")));
    assert_eq!(dump.unlisted, 1, "the one that could not start");
    assert!(dump.coroutines.is_sorted_by_key(|one| one.id));

    release.send(()).unwrap();
    hog.join().unwrap();
    assert!(waiter.join().unwrap().is_ok());
    drop(tx);
    assert!(parked.join().unwrap().is_err());
    end(runtime);
}

#[test]
fn a_coroutine_that_dumps_sees_itself_running() {
    let runtime = runtime(2);
    let handle = runtime.handle().clone();
    let state = runtime.run(move || {
        sleep(SHORT).unwrap();
        named(&handle.dump(), "root").state
    });
    assert_eq!(state.unwrap(), CoroutineState::Running);
    end(runtime);
}

#[test]
fn who_waits_longer_has_waited_longer_and_never_longer_than_it_exists() {
    let runtime = runtime(1);
    let began = Instant::now();
    let (tx, rx) = rendezvous::<()>();
    let first = runtime.builder().name("first").spawn(move || rx.recv()).unwrap();
    let waited = |dump: &Dump| match named(dump, "first").state {
        CoroutineState::Parked { waited, .. } => waited,
        other => panic!("{other:?}"),
    };
    let before = waited(&dump_when(&runtime, |dump| all_parked(dump, 1)));
    let later = dump_when(&runtime, |dump| waited(dump) >= before + Duration::from_millis(5));
    // The worker had looked at the clock before it ran the coroutine, but not before there was a runtime.
    assert!(waited(&later) <= began.elapsed() + Duration::from_secs(1), "{later:?}");
    drop(tx);
    assert!(first.join().unwrap().is_err());
    end(runtime);
}

#[test]
fn what_was_abandoned_can_still_be_dumped() {
    kcoro_tests::child::passes("dump::what_was_abandoned_can_still_be_dumped", || {
        let runtime = runtime(1);
        let handle = runtime.handle().clone();
        let stubborn = || while sleep(LONG).is_err() {};
        runtime.builder().name("stubborn").spawn(stubborn).unwrap().detach();
        dump_when(&handle, |dump| all_parked(dump, 1));
        assert!(!runtime.shutdown(SHORT).is_clean());
        assert!(!named(&handle.dump(), "stubborn").spawn_site.file().is_empty());
    });
}

#[test]
fn a_backtrace_starts_where_the_coroutine_goes_on_and_ends_whatever_lies_on_its_stack() {
    let runtime = runtime(1);
    let (tx, rx) = rendezvous::<()>();
    let waiters: Vec<_> = (0..20)
        .map(|depth| {
            let rx = rx.clone();
            runtime.spawn(move || deep(&rx, depth)).unwrap()
        })
        .collect();
    // One that waits on a stack within: of that the dump knows no bounds, and shows where it goes on.
    let within = runtime.builder().name("within").spawn(move || {
        let stack = GuardedStack::new(64 << 10).unwrap();
        Coroutine::new(stack, move |_: &Yielder<(), ()>, ()| deep(&rx, 0)).resume(())
    });
    let dump = dump_when(&runtime, |dump| all_parked(dump, 21));
    for one in &dump.coroutines {
        assert!((1..=MOST_FRAMES).contains(&one.backtrace.len()), "{one:?}");
        let first = function_at(one.backtrace[0]);
        assert!(first.contains("leave_to"), "{first}");
    }
    assert_eq!(named(&dump, "within").backtrace.len(), 1);
    drop(tx);
    waiters.into_iter().for_each(|waiter| assert!(waiter.join().is_ok()));
    assert!(within.unwrap().join().is_ok());
    end(runtime);
}

fn deep(rx: &Receiver<()>, depth: u32) -> u32 {
    if depth == 0 {
        return u32::from(rx.recv().is_ok());
    }
    std::hint::black_box(deep(rx, std::hint::black_box(depth - 1))) + 1
}

fn function_at(address: usize) -> String {
    let mut names = String::new();
    backtrace::resolve(std::ptr::without_provenance_mut(address), |symbol| {
        names.extend(symbol.name().map(|name| name.to_string()));
    });
    names
}

/// Wakes of all kinds, from workers, timers and this thread, while others look at the same coroutines without a pause.
#[test]
fn no_wake_is_lost_to_a_look() {
    let runtime = runtime(2);
    let over = AtomicBool::new(false);
    thread::scope(|threads| {
        for _ in 0..2 {
            threads.spawn(|| {
                while !over.load(Ordering::Relaxed) {
                    assert!(runtime.dump().coroutines.len() < 100);
                }
            });
        }
        // Also when a join fails, or the threads would go on for ever.
        let _ends_them = OnDrop(|| over.store(true, Ordering::Relaxed));
        let pairs: Vec<_> = (0..16).map(|pair| runtime.spawn(move || ping_pong(pair, 300)).unwrap()).collect();
        pairs.into_iter().for_each(|mut pair| pair.join_timeout(LONG).expect("no wake is lost"));
    });
    end(runtime);
}

fn ping_pong(pair: u32, rounds: u32) {
    let ((ping, pinged), (pong, ponged)) = (rendezvous(), rendezvous());
    let echo = spawn(move || pinged.iter().for_each(|v| pong.send(v).unwrap())).unwrap();
    for round in 0..rounds {
        ping.send(round).unwrap();
        assert_eq!(ponged.recv(), Ok(round));
        match (pair + round) % 8 {
            0 => sleep(Duration::from_micros(10)).unwrap(),
            1 => spawn(yield_now).unwrap().join().unwrap(),
            2 => assert!(ponged.recv_timeout(Duration::from_micros(10)).is_err()),
            _ => {}
        }
    }
    drop(ping);
    echo.join().unwrap();
}
