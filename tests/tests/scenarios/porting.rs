// SPDX-License-Identifier: BSD-3-Clause
//! The porting guide is true: its backend is the one that is compiled, and a real program runs on that.

use std::path::Path;
use std::time::Duration;

use kcoro_posix::Posix;
use kcoro_posix::channel::{RecvTimeoutError, SendTimeoutError, bounded, rendezvous};
use kcoro_posix::platform::{ClockId, GuardKind};
use kcoro_posix::sched::{BuildError, Builder, JoinError, Runtime, RuntimeBuilder, spawn, spawn_local, yield_now};
use kcoro_posix::scope::scope;
use kcoro_posix::time::{ClockMismatch, Elapsed, Instant, TimeError, interval, sleep, sleep_until, timeout};
use kcoro_tests::toy::Toy;

const LONG: Duration = Duration::from_secs(20);

fn toy() -> RuntimeBuilder {
    Runtime::builder(Toy::new())
}

/// Some of everything that rests on the platform.
fn workload() {
    let handles: Vec<_> = (0..200u64).map(|n| spawn(move || (yield_now(), n).1).unwrap()).collect();
    assert_eq!(handles.into_iter().map(|handle| handle.join().unwrap()).sum::<u64>(), 19_900);

    let (tx, rx) = bounded(3);
    let producer = spawn(move || (0..500u64).for_each(|n| tx.send(n).unwrap())).unwrap();
    assert_eq!(rx.iter().sum::<u64>(), 124_750);
    producer.join().unwrap();

    let begun = Instant::now().unwrap();
    assert_eq!(begun.clock(), Toy::CLOCK);
    let mut beat = interval(Duration::from_millis(1)).unwrap();
    (0..3).for_each(|_| _ = beat.tick().unwrap());
    let (_tx, rx) = rendezvous::<u8>();
    assert!(matches!(timeout(Duration::from_millis(1), || rx.recv()), Err(Elapsed(Err(_)))));
    assert!(Instant::now().unwrap().duration_since(begun).unwrap() >= Duration::from_millis(4));

    let mut numbers = vec![1, 2, 3, 4];
    scope(|s| numbers.iter_mut().for_each(|n| _ = s.spawn(|| *n *= 2).unwrap()));
    assert_eq!(numbers, [2, 4, 6, 8]);

    let local = std::rc::Rc::new(7);
    assert_eq!(*spawn_local(move || local).unwrap().join().unwrap(), 7);
    let large = Builder::new().stack_size(4 * 1024 * 1024).spawn(|| std::hint::black_box([1u8; 700_000])[0]).unwrap();
    assert_eq!(large.join().unwrap(), 1);
    assert!(matches!(spawn(|| panic!("caught")).unwrap().join(), Err(JoinError::Panicked(_))));
}

#[test]
fn the_guide_quotes_the_toy_that_is_compiled() {
    let house = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let text = |path: &str| std::fs::read_to_string(house.join(path)).unwrap();
    let (guide, toy) = (text("docs/PORTING.md"), text("tests/src/toy.rs"));
    let (_, compiled) = toy.split_once("\n\n").expect("a header and the code");
    let blocks = guide.split("```rust\n").skip(1).map(|rest| rest.split("```").next().unwrap());
    let quoted = blocks.max_by_key(|block| block.len()).expect("a block of code");
    assert!(quoted == compiled, "copy tests/src/toy.rs, from its first blank line on, into docs/PORTING.md");
}

#[test]
fn the_toy_runs_a_real_program() {
    for workers in [1, 3] {
        let runtime = toy().workers(workers).build().unwrap();
        assert_eq!(runtime.platform().guard_kind(), GuardKind::Canary);
        runtime.run(workload).unwrap();
        assert!(runtime.shutdown(LONG).is_clean());
    }
}

#[test]
fn the_toy_runs_it_on_the_callers_thread() {
    for workers in [1, 3] {
        let runtime = toy().workers(workers).build_local().unwrap();
        runtime.run(workload).unwrap();
        assert!(runtime.shutdown(LONG).is_clean());
    }
}

#[test]
fn the_toy_refuses_more_workers_than_it_has() {
    let refused = toy().workers(17).build().unwrap_err();
    assert!(matches!(refused, BuildError::Worker { index: 16, .. }), "{refused}");
}

#[test]
fn two_runtimes_on_two_platforms_exchange_values() {
    let on_posix = Runtime::builder(Posix::new()).workers(2).build().unwrap();
    let on_toy = toy().workers(2).build().unwrap();
    for capacity in [0, 1, 8] {
        let (question_tx, question_rx) = bounded::<u64>(capacity);
        let (answer_tx, answer_rx) = bounded(capacity);
        let (doubler, ids) = (on_posix.handle(), rendezvous());
        let doubled = doubler.spawn(move || {
            ids.0.send(Instant::now().unwrap().clock()).unwrap();
            question_rx.iter().for_each(|n| answer_tx.send(n * 2).unwrap());
        });
        let sum = on_toy.run(move || {
            assert_eq!(ids.1.recv(), Ok(ClockId::SYSTEM_MONOTONIC));
            let asker = spawn(move || (0..1000).for_each(|n| question_tx.send(n).unwrap())).unwrap();
            let sum = answer_rx.iter().sum::<u64>();
            asker.join().unwrap();
            sum
        });
        assert_eq!(sum.unwrap(), 999_000);
        doubled.unwrap().join().unwrap();
    }
    // A coroutine of the one waits for a root of the other, which borrows from it.
    let nested = on_toy.run(|| {
        let text = String::from("of the toy");
        on_posix.run(|| text.len()).unwrap()
    });
    assert_eq!(nested.unwrap(), 10);
}

#[test]
fn instants_of_two_clocks_do_not_mix() {
    let outside = Instant::now().unwrap();
    let runtime = toy().workers(1).build().unwrap();
    let inside = runtime.run(|| {
        let mismatch = ClockMismatch { left: Toy::CLOCK, right: ClockId::SYSTEM_MONOTONIC };
        assert_eq!(sleep_until(outside), Err(TimeError::Clock(mismatch)));
        let (tx, rx) = rendezvous::<u8>();
        assert_eq!(rx.recv_deadline(outside), Err(RecvTimeoutError::Clock(mismatch)));
        assert_eq!(tx.send_deadline(1, outside), Err(SendTimeoutError::Clock(1, mismatch)));
        let inside = Instant::now().unwrap();
        assert_eq!(inside.duration_since(outside), Err(mismatch));
        assert_eq!(inside.partial_cmp(&outside), None);
        assert_eq!(sleep(Duration::from_nanos(1)), Ok(()));
        inside
    });
    let back = ClockMismatch { left: ClockId::SYSTEM_MONOTONIC, right: Toy::CLOCK };
    assert_eq!(sleep_until(inside.unwrap()), Err(TimeError::Clock(back)));
}
