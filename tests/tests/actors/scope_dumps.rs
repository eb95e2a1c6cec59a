// SPDX-License-Identifier: BSD-3-Clause
//! Scopes as dumps show them, and limits that threads wait at.

use kcoro_posix::channel::bounded;
use kcoro_posix::sched::{WaitsFor, spawn};
use kcoro_posix::scope::scope;
use kcoro_tests::{end, runtime, until};

#[test]
fn the_names_of_scopes_are_seen_in_dumps_and_in_the_tree() {
    let runtime = runtime(1);
    let handle = runtime.handle().clone();
    runtime
        .run(move || {
            let (tx, rx) = bounded::<()>(1);
            let parent = spawn(move || {
                scope(|s| {
                    let child = || {
                        scope(|below| {
                            below.name("parsers");
                            below.spawn(|| rx.recv()).map(drop).unwrap();
                        });
                    };
                    s.spawn(child).map(drop).unwrap();
                    s.name("too late for the first");
                })
            });
            let parent = parent.unwrap();
            let parked = || handle.dump().coroutines.iter().filter(|one| one.scope.is_some()).count() == 2;
            until(parked);
            let dump = handle.dump();
            let named = |name| move |one: &&kcoro_posix::sched::CoroutineInfo| one.scope.unwrap().name == name;
            let in_scopes = || dump.coroutines.iter().filter(|one| one.scope.is_some());
            let (child, grandchild) =
                (in_scopes().find(named(None)).unwrap(), in_scopes().find(named(Some("parsers"))).unwrap());
            assert_eq!(child.scope.unwrap().parent, Some(parent.id()));
            assert_eq!(grandchild.scope.unwrap().parent, Some(child.id));
            assert!(dump.to_string().contains(", in scope `parsers` 0x"), "{dump}");
            drop(tx);
            parent.join().unwrap();
        })
        .unwrap();
    end(runtime);
}

/// A thread that waits for a place in its scope is seen by nobody's dump, and gets it all the same.
#[test]
fn a_thread_waits_for_a_place_in_its_scope() {
    let runtime = runtime(2);
    let (tx, rx) = bounded::<u32>(1);
    let sum: u32 = scope(|s| {
        s.limit(1);
        let first = s.spawn_with(runtime.builder(), || rx.recv().unwrap()).unwrap();
        let waits = || s.spawn_with(runtime.builder(), || 1).unwrap().join().unwrap();
        std::thread::scope(|threads| {
            let second = threads.spawn(waits);
            tx.send(2).unwrap();
            second.join().unwrap() + first.join().unwrap()
        })
    });
    assert_eq!(sum, 3);
    end(runtime);
}

/// A wait for a place is no wait for anything else.
#[test]
fn a_wait_for_a_place_is_seen_in_dumps() {
    let runtime = runtime(1);
    let handle = runtime.handle().clone();
    runtime
        .run(move || {
            let (tx, rx) = bounded::<()>(1);
            let parent = spawn(move || {
                scope(|s| {
                    s.limit(1);
                    let rx = &rx;
                    (0..2).for_each(|_| drop(s.spawn(move || rx.recv()).unwrap()));
                })
            });
            let parent = parent.unwrap();
            let waits_for_a_place = || {
                let dump = handle.dump();
                dump.coroutines.iter().any(|one| match one.state {
                    kcoro_posix::sched::CoroutineState::Parked { on, .. } => on == WaitsFor::SpawnLimit,
                    _ => false,
                })
            };
            until(waits_for_a_place);
            drop(tx);
            parent.join().unwrap();
        })
        .unwrap();
    end(runtime);
}
