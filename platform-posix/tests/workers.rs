// SPDX-License-Identifier: BSD-3-Clause
//! The worker half of the platform seam.
#![expect(unsafe_code, reason = "plays the core: makes worker entries")]

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc;

use kcoro_posix::Posix;
use kcoro_posix::platform::{ClockId, Platform, StartError, WorkerEntry, WorkerSpec};

/// An entry that runs `body`.
fn entry<F: FnOnce() + Send + 'static>(body: F) -> WorkerEntry {
    unsafe fn run<F: FnOnce()>(data: *const ()) {
        // SAFETY: `entry` leaked the box for this one call.
        unsafe { Box::from_raw(data.cast::<F>().cast_mut())() }
    }
    // SAFETY: `F: Send`, and `run` may be called once.
    unsafe { WorkerEntry::new(run::<F>, Box::into_raw(Box::new(body)).cast()) }
}

#[test]
fn a_worker_runs_its_entry_once_on_a_thread_of_its_name_and_join_waits_for_it() {
    let posix = Posix::new();
    let runs = Arc::new(AtomicUsize::new(0));
    for index in 0..4 {
        let runs = runs.clone();
        let body = entry(move || {
            assert_eq!(std::thread::current().name(), Some("kcoro-worker"));
            runs.fetch_add(1, Ordering::Relaxed);
        });
        posix.start_worker(&WorkerSpec::new(index, "kcoro-\0worker"), body).unwrap();
    }
    (0..4).for_each(|index| posix.join_worker(index));
    assert_eq!(runs.load(Ordering::Relaxed), 4);
}

#[test]
fn a_worker_is_woken_from_another_thread_and_after_its_index_is_used_again() {
    let posix = Arc::new(Posix::new());
    for _ in 0..10 {
        let (sender, parked) = mpsc::channel();
        let platform = posix.clone();
        let body = entry(move || {
            sender.send(()).unwrap();
            platform.park(3, None);
            // A token that is left over may end the next worker's first park, never be lost.
        });
        posix.start_worker(&WorkerSpec::new(3, "worker"), body).unwrap();
        parked.recv().unwrap();
        posix.wake(3);
        posix.join_worker(3);
    }
}

#[test]
fn an_index_that_is_too_large_is_a_typed_error() {
    let posix = Posix::new();
    let leaked = entry(|| unreachable!());
    assert!(matches!(posix.start_worker(&WorkerSpec::new(usize::MAX, "w"), leaked), Err(StartError::Unsupported(_))));
    assert!(matches!(posix.adopt_worker(usize::MAX), Err(StartError::Unsupported(_))));
}

#[test]
fn a_thread_can_be_adopted_more_than_once() {
    let posix = Posix::new();
    std::thread::spawn(move || {
        posix.adopt_worker(0).unwrap();
        posix.adopt_worker(0).unwrap();
        posix.wake(0);
        posix.park(0, None);
    })
    .join()
    .unwrap();
}

#[test]
fn the_clock_and_the_machine_are_described() {
    let posix = Posix::new();
    assert_eq!(posix.clock_id(), ClockId::SYSTEM_MONOTONIC);
    assert_eq!(posix.parallelism(), std::thread::available_parallelism().unwrap());
    assert!(posix.capabilities().unwinding && posix.capabilities().multi_worker);
    let before = std::time::Instant::now();
    let first_ns = posix.now_ns();
    let deadline_ns = first_ns + 1_000_000;
    posix.park(0, Some(deadline_ns));
    // std reads the same clock, so that the two must agree about how long that took at least.
    assert!(before.elapsed().as_nanos() >= 1_000_000);
}

#[cfg(target_os = "linux")]
#[test]
fn timers_of_workers_are_exact() {
    let posix = Posix::new();
    let (sender, slack_ns) = mpsc::channel();
    // SAFETY: only asks for a number of the calling thread.
    let body = entry(move || sender.send(unsafe { libc::prctl(libc::PR_GET_TIMERSLACK) }).unwrap());
    posix.start_worker(&WorkerSpec::new(0, "worker"), body).unwrap();
    posix.join_worker(0);
    assert_eq!(slack_ns.recv(), Ok(1));
}
