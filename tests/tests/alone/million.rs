// SPDX-License-Identifier: BSD-3-Clause
//! A million guarded coroutines alive and parked at once, within the kernel's stock limit of mappings. A hundred thousand
//! in a build that is not optimised.
#![cfg(target_os = "linux")]

use std::fs;
use std::time::Instant;

use kcoro_posix::channel::{RecvError, bounded};
use kcoro_posix::platform::GuardKind;
use kcoro_posix::sched::JoinHandle;
use kcoro_tests::{end, runtime, until_parks};

const COROUTINES: u64 = if cfg!(debug_assertions) { 100_000 } else { 1_000_000 };
const STACK_BYTES: usize = 16 * 1024;
/// Of address space, with guard and colour: what a stack of the smallest class takes, rounded up.
const STACK_RESERVED_BYTES: u64 = 64 * 1024;
/// What a parked coroutine touches at least, with what belongs to it: header, handle, page of stack, page tables.
const BYTES_EACH: u64 = 8 * 1024;

fn kilobytes(path: &str, field: &str) -> u64 {
    let text = fs::read_to_string(path).expect("a file of /proc");
    let line = text.lines().find_map(|line| line.strip_prefix(field)).expect("the field");
    line.trim_start_matches(':').trim().trim_end_matches(" kB").trim().parse().expect("a number")
}

fn resident_bytes() -> u64 {
    (kilobytes("/proc/self/status", "VmRSS") + kilobytes("/proc/self/status", "VmPTE")) * 1024
}

#[test]
fn a_million_parked_coroutines() {
    super::alone("million::a_million_parked_coroutines", || {
        let available = kilobytes("/proc/meminfo", "MemAvailable") * 1024;
        assert!(available > COROUTINES * BYTES_EACH, "{available} bytes are too few for this test");
        const { assert!(COROUTINES * STACK_RESERVED_BYTES < 1 << 46, "address space") };
        let began = Instant::now();
        let runtime = runtime(2);
        assert_eq!(runtime.platform().guard_kind(), GuardKind::Page);
        let before = resident_bytes();
        let (tx, rx) = bounded::<u8>(1);
        let spawn = |n: u64| {
            let rx = rx.clone();
            let body = move || {
                assert_eq!(rx.recv(), Err(RecvError::Closed));
                n
            };
            runtime.builder().stack_size(STACK_BYTES).spawn(body).expect("a coroutine")
        };
        let handles: Vec<JoinHandle<u64>> = (0..COROUTINES).map(spawn).collect();
        until_parks(&runtime, COROUTINES);
        let stats = runtime.stats();
        assert_eq!((stats.spawned, stats.started, stats.ended), (COROUTINES, COROUTINES, 0), "all alive at once");
        let each = (resident_bytes() - before) / COROUTINES;
        let mappings = fs::read_to_string("/proc/self/maps").expect("its mappings").lines().count();
        tx.close();
        let sum: u64 = handles.into_iter().map(|handle| handle.join().expect("it ends")).sum();
        assert_eq!(sum, COROUTINES * (COROUTINES - 1) / 2);
        end(runtime);
        eprintln!("{COROUTINES} coroutines: {each} bytes each, {mappings} mappings, {:?}", began.elapsed());
        assert!(mappings < 1000, "{mappings} mappings");
    });
}
