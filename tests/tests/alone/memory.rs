// SPDX-License-Identifier: BSD-3-Clause
//! Memory comes back: what stacks have used is returned when they lie idle.

use std::hint::black_box;
use std::time::Instant;

use kcoro_posix::channel::bounded;
use kcoro_tests::{LONG, end, runtime, until};

const COROUTINES: usize = 400;
const TOUCHED_BYTES: usize = 128 * 1024;

/// Resident memory of this process, in bytes.
fn resident_bytes() -> usize {
    let status = std::fs::read_to_string("/proc/self/status").expect("Linux has it");
    let line = status.lines().find(|line| line.starts_with("VmRSS:")).expect("it is listed");
    line.split_ascii_whitespace().nth(1).expect("a number").parse::<usize>().expect("a number") * 1024
}

#[inline(never)]
fn touch_the_stack() {
    let mut bytes = [0u8; TOUCHED_BYTES];
    bytes.iter_mut().step_by(1024).for_each(|byte| *byte = 1);
    black_box(&bytes);
}

#[test]
#[cfg(target_os = "linux")]
fn the_memory_of_idle_stacks_is_given_back() {
    super::alone("memory::the_memory_of_idle_stacks_is_given_back", || {
        let runtime = runtime(2);
        let before = resident_bytes();
        let (at_its_peak, handles) = runtime
            .run(|| {
                let (go, wait) = bounded::<()>(1);
                let spawn_one = || {
                    let wait = wait.clone();
                    let body = move || {
                        touch_the_stack();
                        let _ = wait.recv();
                    };
                    kcoro_posix::sched::spawn(body).expect("spawned")
                };
                let handles: Vec<_> = (0..COROUTINES).map(|_| spawn_one()).collect();
                // Each has used its stack when it waits.
                until(|| runtime.stats().parks >= COROUTINES as u64);
                let at_its_peak = resident_bytes();
                drop(go);
                (at_its_peak, handles)
            })
            .expect("it runs");
        handles.into_iter().for_each(|handle| handle.join().expect("it ends"));
        let used = COROUTINES * TOUCHED_BYTES;
        assert!(at_its_peak - before > used / 2, "{before} bytes before, {at_its_peak} at the peak");
        // Nothing runs any more: the workers give the memory back before they sleep for good.
        let idle_since = Instant::now();
        until(|| {
            let now = resident_bytes();
            assert!(idle_since.elapsed() < LONG, "{before} bytes before, still {now}");
            now < before + used / 10
        });
        end(runtime);
    });
}
