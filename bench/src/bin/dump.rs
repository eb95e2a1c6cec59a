// SPDX-License-Identifier: BSD-3-Clause
//! What a dump costs by the number of parked coroutines, and what it costs those that go on: round trips of a pair on the
//! same worker while dumps are made one after the other, and while none is.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use kcoro_posix::Posix;
use kcoro_posix::channel::rendezvous;
use kcoro_posix::sched::{Handle, Runtime};

const ROUNDS: usize = 5;
const ROUND_TRIPS: u32 = 200_000;

fn main() {
    for parked in [1_000, 10_000, 100_000] {
        let runtime = Runtime::builder(Posix::new()).workers(1).build().expect("a runtime");
        let (tx, rx) = rendezvous::<()>();
        for _ in 0..parked {
            let rx = rx.clone();
            runtime.spawn(move || rx.recv().is_ok()).expect("spawned").detach();
        }
        while runtime.dump().coroutines.len() < parked {
            std::thread::yield_now();
        }
        let least = (0..ROUNDS).map(|_| time(|| runtime.dump())).min().expect("rounds");
        let alone = round_trip_ns(&runtime);
        let over = AtomicBool::new(false);
        let (dumps, beside) = std::thread::scope(|threads| {
            let dumper = threads.spawn(|| {
                let mut dumps = 0;
                while !over.load(Ordering::Relaxed) {
                    drop(runtime.dump());
                    dumps += 1;
                }
                dumps
            });
            let beside = round_trip_ns(&runtime);
            over.store(true, Ordering::Relaxed);
            (dumper.join().expect("it ends"), beside)
        });
        let each_ns = least.as_nanos() / parked as u128;
        println!(
            "{parked:>7} parked: dump {least:9.1?}, {each_ns:4} ns each; round trip {alone:5.0} ns, during {dumps} dumps \
             {beside:5.0} ns"
        );
        drop(tx);
    }
}

fn time<T>(work: impl FnOnce() -> T) -> Duration {
    let began = Instant::now();
    std::hint::black_box(work());
    began.elapsed()
}

fn round_trip_ns(runtime: &Handle) -> f64 {
    let ((ping, pinged), (pong, ponged)) = (rendezvous(), rendezvous());
    let echo = runtime.spawn(move || pinged.iter().for_each(|v| pong.send(v).expect("open"))).expect("spawned");
    let pair = runtime.spawn(move || {
        let began = Instant::now();
        for round in 0..ROUND_TRIPS {
            ping.send(round).expect("open");
            assert_eq!(ponged.recv(), Ok(round));
        }
        began.elapsed()
    });
    let elapsed = pair.expect("spawned").join().expect("it ends");
    echo.join().expect("it ends");
    elapsed.as_secs_f64() * 1e9 / f64::from(ROUND_TRIPS)
}
