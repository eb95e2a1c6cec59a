// SPDX-License-Identifier: BSD-3-Clause
//! A coroutine that keeps its worker to itself is named, by the time that it has done so for a while.
#![cfg(all(target_os = "linux", not(miri)))]
#![expect(unsafe_code, reason = "asks for the time that a thread has had a core")]

use std::os::unix::net::UnixStream;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc;
use std::time::Duration;

use kcoro_posix::sched::{Builder, Runtime, yield_now};
use kcoro_posix::{Hog, Posix};

/// Short, for the tests wait until it is over.
const LIMIT: Duration = Duration::from_millis(20);

/// Ends when the test has been told.
fn compute_until(told: &AtomicBool) {
    while !told.load(Ordering::Acquire) {
        std::hint::spin_loop();
    }
}

/// For how long the calling thread has had a core since it began: while it had none, it was asked nothing.
fn on_a_core_for() -> Duration {
    let mut time = libc::timespec { tv_sec: 0, tv_nsec: 0 };
    // SAFETY: the pointer is to a `timespec`.
    let result = unsafe { libc::clock_gettime(libc::CLOCK_THREAD_CPUTIME_ID, &mut time) };
    assert_eq!(result, 0);
    Duration::new(time.tv_sec.try_into().unwrap(), time.tv_nsec.try_into().unwrap())
}

#[test]
fn who_computes_without_end_is_named_and_who_yields_is_not() {
    static NAMED: Mutex<Vec<Hog>> = Mutex::new(Vec::new());
    static TOLD: AtomicBool = AtomicBool::new(false);
    let posix = Posix::builder().on_hog(LIMIT, |hog| {
        NAMED.lock().unwrap().push(*hog);
        TOLD.store(true, Ordering::Release);
    });
    let runtime = Runtime::builder(posix.build()).workers(2).build().unwrap();
    let polite = || {
        let began = on_a_core_for();
        // Long enough that it would be named, if it were taken for a hog.
        while !TOLD.load(Ordering::Acquire) || on_a_core_for() - began < 10 * LIMIT {
            yield_now()
        }
    };
    runtime
        .run(move || {
            let hog = Builder::new().name("hog").worker(1).spawn(|| compute_until(&TOLD)).unwrap();
            let polite = Builder::new().name("polite").worker(0).spawn(polite).unwrap();
            hog.join().unwrap();
            polite.join().unwrap();
        })
        .unwrap();
    drop(runtime);
    let named = NAMED.lock().unwrap();
    assert_eq!(named.len(), 1, "each stint is told of once: {named:?}");
    assert_eq!((named[0].worker, named[0].name), (1, Some("hog")));
    assert!(named[0].ran_for >= LIMIT);
    let said = named[0].to_string();
    assert!(said.contains("hog, spawned at tests/tests/insight/hogs.rs:"), "{said}");
}

/// A call of the system that blocks the thread is no better, and goes on after each look.
#[test]
fn who_blocks_the_thread_is_named() {
    static TELL: Mutex<Option<mpsc::Sender<Hog>>> = Mutex::new(None);
    let (tell, told) = mpsc::channel();
    *TELL.lock().unwrap() = Some(tell);
    let posix = Posix::builder().on_hog(LIMIT, |hog| _ = TELL.lock().unwrap().as_ref().map(|tell| tell.send(*hog)));
    let runtime = Runtime::builder(posix.build()).workers(1).build().unwrap();
    let (mut ours, mut theirs) = UnixStream::pair().unwrap();
    let blocks = move || {
        let mut byte = [0];
        std::io::Read::read(&mut theirs, &mut byte).map(|count| (count, byte))
    };
    let blocked = runtime.builder().name("blocked").spawn(blocks).unwrap();
    let hog = told.recv().unwrap();
    assert_eq!((hog.worker, hog.name), (0, Some("blocked")));
    std::io::Write::write_all(&mut ours, b"!").unwrap();
    assert_eq!(blocked.join().unwrap().unwrap(), (1, *b"!"), "the call went on as if nothing had been");
}

#[test]
fn a_runtime_on_the_callers_own_thread_is_watched_too() {
    static TOLD: AtomicBool = AtomicBool::new(false);
    let posix = Posix::builder().on_hog(LIMIT, |hog| {
        assert_eq!(hog.name, Some("own"));
        TOLD.store(true, Ordering::Release);
    });
    let runtime = Runtime::builder(posix.build()).workers(1).build_local().unwrap();
    runtime.run(|| Builder::new().name("own").spawn(|| compute_until(&TOLD)).unwrap().join().unwrap()).unwrap();
}

/// The runtime is idle: nobody runs, so nobody is named, and its end does not wait for a look.
#[test]
fn an_hour_between_looks_delays_no_end() {
    let posix = Posix::builder().on_hog(Duration::from_secs(4 * 3600), |hog| panic!("{hog}"));
    let runtime = Runtime::builder(posix.build()).workers(2).build().unwrap();
    assert_eq!(runtime.run(|| 1).unwrap(), 1);
    drop(runtime);
}
