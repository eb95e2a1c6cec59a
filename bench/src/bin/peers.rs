// SPDX-License-Identifier: BSD-3-Clause
//! The workloads of `hot` on tokio, with kanal's channels: what kcoro's figures are to be compared with.

use std::time::{Duration, Instant};

use tokio::runtime::{Builder, Runtime};
use tokio::task::yield_now;

const ROUNDS: usize = 9;

fn main() {
    let filter = std::env::args().nth(1).unwrap_or_default();
    for workers in [1, 2] {
        let runtime = runtime(workers);
        let measure = |name: &str, operations: usize, workload: &dyn Fn(&Runtime, usize) -> Duration| {
            if !name.contains(&filter) {
                return;
            }
            let mut times: Vec<f64> =
                (0..ROUNDS).map(|_| workload(&runtime, operations).as_secs_f64() * 1e9 / operations as f64).collect();
            times.sort_by(f64::total_cmp);
            let (least, median, most) = (times[0], times[ROUNDS / 2], times[ROUNDS - 1]);
            println!("{name:<32} workers {workers}: {median:9.1} ns  ({least:.1} to {most:.1})");
        };
        measure("yield, 1 coroutine", 2_000_000, &|rt, n| yields(rt, 1, n));
        measure("yield, 2 coroutines", 2_000_000, &|rt, n| yields(rt, 2, n));
        measure("yield, 1000 coroutines", 2_000_000, &|rt, n| yields(rt, 1000, n));
        measure("spawn then join all", 100_000, &spawn_then_join);
        measure("spawn and join one by one", 100_000, &spawn_join_one_by_one);
        measure("ping-pong, rendezvous", 200_000, &|rt, n| ping_pong(rt, 0, n));
        measure("bounded 64, 1 to 1", 1_000_000, &|rt, n| stream(rt, 64, n));
        measure("bounded 1024, 1 to 1", 1_000_000, &|rt, n| stream(rt, 1024, n));
        measure("skynet, per leaf", 100_000, &skynet);
    }
}

fn runtime(workers: usize) -> Runtime {
    let builder = if workers == 1 { Builder::new_current_thread().build() } else { multi_thread(workers) };
    builder.expect("a runtime")
}

fn multi_thread(workers: usize) -> std::io::Result<Runtime> {
    Builder::new_multi_thread().worker_threads(workers).build()
}

/// Runs on a worker, as kcoro's root does.
fn on_worker<F>(runtime: &Runtime, future: F) -> Duration
where
    F: Future<Output = Duration> + Send + 'static,
{
    runtime.block_on(async { tokio::spawn(future).await.expect("it ends") })
}

fn yields(runtime: &Runtime, coroutines: usize, n: usize) -> Duration {
    on_worker(runtime, async move {
        let start = Instant::now();
        let each = n / coroutines;
        let handles: Vec<_> = (0..coroutines)
            .map(|_| {
                tokio::spawn(async move {
                    for _ in 0..each {
                        yield_now().await;
                    }
                })
            })
            .collect();
        for handle in handles {
            handle.await.expect("it ends");
        }
        start.elapsed()
    })
}

fn spawn_then_join(runtime: &Runtime, n: usize) -> Duration {
    on_worker(runtime, async move {
        let start = Instant::now();
        let handles: Vec<_> = (0..n).map(|i| tokio::spawn(async move { i })).collect();
        let mut sum = 0;
        for handle in handles {
            sum += handle.await.expect("it ends");
        }
        assert_eq!(sum, n * (n - 1) / 2);
        start.elapsed()
    })
}

fn spawn_join_one_by_one(runtime: &Runtime, n: usize) -> Duration {
    on_worker(runtime, async move {
        let start = Instant::now();
        let mut sum = 0;
        for i in 0..n {
            sum += tokio::spawn(async move { i }).await.expect("it ends");
        }
        assert_eq!(sum, n * (n - 1) / 2);
        start.elapsed()
    })
}

fn ping_pong(runtime: &Runtime, capacity: usize, n: usize) -> Duration {
    on_worker(runtime, async move {
        let (ping_tx, ping_rx) = kanal::bounded_async::<usize>(capacity);
        let (pong_tx, pong_rx) = kanal::bounded_async::<usize>(capacity);
        let echo = tokio::spawn(async move {
            while let Ok(value) = ping_rx.recv().await {
                pong_tx.send(value).await.expect("open");
            }
        });
        let start = Instant::now();
        for i in 0..n {
            ping_tx.send(i).await.expect("open");
            assert_eq!(pong_rx.recv().await, Ok(i));
        }
        let elapsed = start.elapsed();
        drop(ping_tx);
        echo.await.expect("it ends");
        elapsed
    })
}

fn stream(runtime: &Runtime, capacity: usize, n: usize) -> Duration {
    on_worker(runtime, async move {
        let (tx, rx) = kanal::bounded_async::<usize>(capacity);
        let start = Instant::now();
        let producer = tokio::spawn(async move {
            for i in 0..n {
                tx.send(i).await.expect("open");
            }
        });
        let mut sum = 0;
        while let Ok(value) = rx.recv().await {
            sum += value;
        }
        assert_eq!(sum, n * (n - 1) / 2);
        producer.await.expect("it ends");
        start.elapsed()
    })
}

fn skynet(runtime: &Runtime, leaves: usize) -> Duration {
    fn node(first: usize, leaves: usize) -> std::pin::Pin<Box<dyn Future<Output = usize> + Send>> {
        Box::pin(async move {
            if leaves == 1 {
                return first;
            }
            let part = leaves / 10;
            let handles: Vec<_> = (0..10).map(|i| tokio::spawn(node(first + i * part, part))).collect();
            let mut sum = 0;
            for handle in handles {
                sum += handle.await.expect("it ends");
            }
            sum
        })
    }
    on_worker(runtime, async move {
        let start = Instant::now();
        assert_eq!(node(0, leaves).await, leaves * (leaves - 1) / 2);
        start.elapsed()
    })
}
