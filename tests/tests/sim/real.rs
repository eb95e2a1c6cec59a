// SPDX-License-Identifier: BSD-3-Clause
//! A simulated coroutine that touches the real world is named. Miri and the sanitizers watch these calls themselves.
#![cfg(not(any(miri, kcoro_asan, kcoro_tsan)))]

use std::panic::Location;
use std::time::{Duration, Instant};

use kcoro_sim::sched::{Builder, spawn};
use kcoro_sim::{FailureKind, Real, Sim};

/// What the run says that a coroutine `culprit`, which does this, has touched.
#[track_caller]
fn touched(allowed: &[Real], act: fn()) -> Option<Real> {
    let sim = allowed.iter().fold(Sim::new(), |sim, real| sim.allow_real(*real));
    let site = Location::caller();
    let body = move || Builder::new().name("culprit").spawn_site(site).spawn(act).unwrap().join().unwrap();
    match sim.run(0, body) {
        Ok(_) => None,
        Err(failure) => {
            let FailureKind::Real(touched) = &failure.kind else { panic!("{failure}") };
            assert_eq!((touched.by.name.as_deref(), touched.by.spawn_site), (Some("culprit"), site));
            let said = failure.to_string();
            assert!(said.contains("`culprit`, spawned at tests/tests/sim/real.rs:"), "{said}");
            assert!(said.contains(&format!("Sim::allow_real(Real::{:?})", touched.what)), "{said}");
            Some(touched.what)
        }
    }
}

#[track_caller]
fn is_seen_unless_allowed(real: Real, act: fn()) {
    assert_eq!(touched(&[], act), Some(real));
    assert_eq!(touched(&[real], act), None);
}

#[test]
fn who_reads_a_real_clock_is_named() {
    is_seen_unless_allowed(Real::Clock, || _ = Instant::now());
    is_seen_unless_allowed(Real::Clock, || _ = std::time::SystemTime::now());
}

#[test]
#[expect(clippy::disallowed_methods, reason = "a sleep that blocks the thread is what is looked for")]
fn who_sleeps_in_real_time_is_named() {
    is_seen_unless_allowed(Real::Sleep, || std::thread::sleep(Duration::from_nanos(1)));
}

#[test]
fn who_starts_a_real_thread_is_named() {
    is_seen_unless_allowed(Real::Thread, || std::thread::spawn(|| ()).join().unwrap());
}

#[test]
fn who_makes_a_real_socket_is_named() {
    is_seen_unless_allowed(Real::Socket, || _ = std::net::UdpSocket::bind("127.0.0.1:0").unwrap());
    is_seen_unless_allowed(Real::Socket, || _ = std::os::unix::net::UnixStream::pair().unwrap());
}

#[test]
fn who_opens_a_real_file_is_named() {
    is_seen_unless_allowed(Real::File, || _ = std::fs::read("/dev/null").unwrap());
}

#[test]
fn the_first_of_several_counts_and_what_is_allowed_does_not() {
    let both = || {
        _ = Instant::now();
        _ = std::fs::read("/dev/null").unwrap();
    };
    assert_eq!(touched(&[], both), Some(Real::Clock));
    assert_eq!(touched(&[Real::Clock], both), Some(Real::File));
    assert_eq!(touched(&[Real::Clock, Real::File], both), None);
}

/// How the run ends does not matter: a deadlock may be a wait for a thread.
#[test]
fn a_run_that_touched_the_real_world_says_so_even_if_it_gets_stuck() {
    let stuck = || {
        let (tx, rx) = kcoro_sim::channel::rendezvous::<()>();
        drop(std::thread::spawn(|| ()).join());
        _ = rx.recv();
        drop(tx);
    };
    assert_eq!(touched(&[], stuck), Some(Real::Thread));
    let failure = Sim::new().allow_real(Real::Thread).run(0, stuck).unwrap_err();
    assert!(matches!(failure.kind, FailureKind::Deadlock(_)), "{failure}");
}

#[test]
fn what_touches_the_real_world_outside_of_coroutines_is_no_part_of_a_run() {
    let before = Instant::now();
    let outcome =
        Sim::new().workers(3).run(0, || (0..100).map(|_| spawn(|| ()).unwrap()).for_each(|it| it.join().unwrap()));
    outcome.unwrap();
    _ = before.elapsed();
    // A panic's message reads files when it comes with a backtrace, and is no act of the body's.
    let failure = Sim::new().run(0, || panic!("as it should")).map(|it| it.value).unwrap_err();
    assert!(matches!(failure.kind, FailureKind::Body(_)), "{failure}");
}

#[kcoro_sim::test(seeds = 3, allow_real = Real::Clock)]
fn a_test_may_be_allowed_to() {
    _ = Instant::now();
}

#[kcoro_sim::test(seeds = 3)]
#[should_panic(expected = "read a real clock, which no seed decides")]
fn a_test_that_is_not_fails() {
    _ = Instant::now();
}
