// SPDX-License-Identifier: BSD-3-Clause
//! Nothing polls: what only waits costs nothing. Takes about twelve seconds.
#![cfg(target_os = "linux")]

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::sync::mpsc;
use std::time::Duration;

use kcoro_posix::channel::{RecvError, bounded};
use kcoro_posix::time::{TimeError, sleep};
use kcoro_tests::{end, runtime, until_parks};

const PARKED: u64 = 100_000;
const SETTLE: Duration = Duration::from_millis(500);
const WATCH: Duration = Duration::from_secs(10);
/// Of both workers together.
const CPU_BUDGET: Duration = Duration::from_millis(1);

/// Lets time pass without a wake in between.
fn pause(duration: Duration) {
    let (_tx, rx) = mpsc::channel::<()>();
    assert!(rx.recv_timeout(duration).is_err());
}

/// What a worker's thread has used of the processor.
#[derive(Debug, PartialEq, Eq)]
struct Used {
    context_switches: u64,
    time: Duration,
}

/// Of each worker's thread, by its name. Not of this thread, which uses the processor to ask.
fn used_by_workers() -> BTreeMap<String, Used> {
    let threads = fs::read_dir("/proc/self/task").expect("this process").map(|entry| entry.expect("a thread").path());
    threads.filter_map(|thread| used_by_worker(&thread)).collect()
}

/// `None` for a thread that is no worker.
fn used_by_worker(thread: &Path) -> Option<(String, Used)> {
    let status = fs::read_to_string(thread.join("status")).ok()?;
    let field = |name: &str| status.lines().find_map(|line| line.strip_prefix(name)).map(str::trim);
    let name = field("Name:").filter(|name| name.starts_with("kcoro-"))?.to_owned();
    let count = |name: &str| field(name).and_then(|count| count.parse::<u64>().ok()).expect("a count");
    let context_switches = count("voluntary_ctxt_switches:") + count("nonvoluntary_ctxt_switches:");
    // Time on the processor in nanoseconds is the first of its numbers.
    let schedule = fs::read_to_string(thread.join("schedstat")).expect("a kernel that counts");
    let time_ns = schedule.split_ascii_whitespace().next().and_then(|time| time.parse().ok()).expect("a time");
    Some((name, Used { context_switches, time: Duration::from_nanos(time_ns) }))
}

#[test]
fn a_hundred_thousand_that_wait_cost_nothing() {
    super::alone("idle::a_hundred_thousand_that_wait_cost_nothing", || {
        let runtime = runtime(2);
        let (tx, rx) = bounded::<u8>(1);
        let wait = |n: u64| {
            let rx = rx.clone();
            let builder = runtime.builder().stack_size(16 * 1024);
            let body = move || {
                if n.is_multiple_of(2) {
                    assert_eq!(sleep(Duration::from_secs(3600 + n)), Err(TimeError::Cancelled));
                } else {
                    assert_eq!(rx.recv(), Err(RecvError::Closed));
                }
            };
            builder.spawn(body).expect("a coroutine")
        };
        let handles: Vec<_> = (0..PARKED).map(wait).collect();
        until_parks(&runtime, PARKED);
        pause(SETTLE);
        let before = used_by_workers();
        assert_eq!(before.len(), 2, "{before:?}");
        pause(WATCH);
        let after = used_by_workers();
        let time = |used: &BTreeMap<String, Used>| used.values().map(|worker| worker.time).sum::<Duration>();
        let switches = |used: &BTreeMap<String, Used>| used.values().map(|worker| worker.context_switches).sum::<u64>();
        assert!(time(&before) > Duration::ZERO, "the kernel does not count: {before:?}");
        assert_eq!(switches(&after), switches(&before), "{before:?}, {after:?}");
        assert!(time(&after) - time(&before) < CPU_BUDGET, "{before:?}, {after:?}");
        eprintln!("{:?} of processor time in {WATCH:?}", time(&after) - time(&before));
        tx.close();
        for (n, handle) in handles.into_iter().enumerate() {
            if n.is_multiple_of(2) {
                handle.cancel();
            }
            handle.join().expect("it ends");
        }
        end(runtime);
    });
}
