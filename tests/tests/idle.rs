// SPDX-License-Identifier: BSD-3-Clause
//! Nothing polls: what only waits costs nothing. Takes about twelve seconds, and is alone in its file because it measures
//! the whole process.
#![cfg(target_os = "linux")]
#![expect(unsafe_code, reason = "asks for the processor time of the process")]

use std::collections::BTreeMap;
use std::fs;
use std::sync::mpsc;
use std::time::Duration;

use kcoro_posix::channel::{RecvError, bounded};
use kcoro_posix::time::{TimeError, sleep};
use kcoro_tests::{end, runtime, until_parks};

const PARKED: u64 = 100_000;
const SETTLE: Duration = Duration::from_millis(500);
const WATCH: Duration = Duration::from_secs(10);
/// Most of it is this test's own reading of /proc.
const CPU_BUDGET: Duration = Duration::from_millis(3);

/// Lets time pass without a wake in between.
fn pause(duration: Duration) {
    let (_tx, rx) = mpsc::channel::<()>();
    assert!(rx.recv_timeout(duration).is_err());
}

/// How often each worker's thread has been switched to, by thread.
fn context_switches() -> BTreeMap<String, u64> {
    let threads = fs::read_dir("/proc/self/task").expect("this process").map(|entry| entry.expect("a thread").path());
    let statuses = threads.filter_map(|thread| fs::read_to_string(thread.join("status")).ok());
    let of_workers = statuses.filter_map(|status| {
        let field = |name: &str| status.lines().find_map(|line| line.strip_prefix(name)).map(str::trim);
        let name = field("Name:").filter(|name| name.starts_with("kcoro-"))?.to_owned();
        let count = |name: &str| field(name).and_then(|count| count.parse::<u64>().ok()).expect("a count");
        Some((name, count("voluntary_ctxt_switches:") + count("nonvoluntary_ctxt_switches:")))
    });
    of_workers.collect()
}

fn processor_time() -> Duration {
    let mut now = libc::timespec { tv_sec: 0, tv_nsec: 0 };
    // SAFETY: `now` is a valid timespec to write to.
    assert_eq!(unsafe { libc::clock_gettime(libc::CLOCK_PROCESS_CPUTIME_ID, &raw mut now) }, 0);
    Duration::new(now.tv_sec as u64, now.tv_nsec as u32)
}

#[test]
fn a_hundred_thousand_that_wait_cost_nothing() {
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
    let (switches, time) = (context_switches(), processor_time());
    assert_eq!(switches.len(), 2, "{switches:?}");
    pause(WATCH);
    let used = processor_time() - time;
    assert_eq!(context_switches(), switches);
    assert!(used < CPU_BUDGET, "{used:?} of processor time");
    tx.close();
    for (n, handle) in handles.into_iter().enumerate() {
        if n.is_multiple_of(2) {
            handle.cancel();
        }
        handle.join().expect("it ends");
    }
    end(runtime);
}
