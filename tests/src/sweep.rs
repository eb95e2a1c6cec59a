// SPDX-License-Identifier: BSD-3-Clause
//! Simulated runs of one body over seeds, numbers of workers and strategies.

use kcoro_sim::{Sim, Strategy};

/// How many seeds each combination gets, unless `KCORO_SEEDS` says otherwise.
const SEEDS: u64 = 100;

/// One worker has nobody to lose its turn to.
const WORKERS: &[usize] = if cfg!(kcoro_interleave) { &[2, 3] } else { &[1, 2, 3] };

const STRATEGIES: [Strategy; 3] = [Strategy::Random, Strategy::Pct { depth: 3 }, Strategy::Pct { depth: 12 }];

/// Runs `body` under the first seeds, everywhere; `KCORO_TEST_FIRST_SEED` says which is the first.
#[track_caller]
pub fn everywhere(body: impl Fn() + Copy + Send + Sync + 'static) {
    let first = from_environment("KCORO_TEST_FIRST_SEED", 0);
    let seeds = first..first + from_environment("KCORO_SEEDS", SEEDS);
    for &workers in WORKERS {
        for strategy in STRATEGIES {
            // Else a failure that is reported would not say under what it failed.
            let reached = Reached { workers, strategy };
            Sim::new().workers(workers).strategy(strategy).check(seeds.clone(), body);
            std::mem::forget(reached);
        }
    }
}

fn from_environment(name: &str, default: u64) -> u64 {
    match std::env::var(name) {
        Ok(text) => text.parse().unwrap_or_else(|_| panic!("{name} is `{text}`, which is no number")),
        Err(_) => default,
    }
}

/// Says where a sweep has stopped.
struct Reached {
    workers: usize,
    strategy: Strategy,
}

impl Drop for Reached {
    fn drop(&mut self) {
        eprintln!("the sweep stopped at {} workers under {:?}", self.workers, self.strategy);
    }
}
