// SPDX-License-Identifier: BSD-3-Clause
//! Simulated runs of one body over seeds, numbers of workers and strategies.

use kcoro_sim::{Sim, Strategy};

use crate::seeds::{asked, share};

/// How many seeds there are in all, unless `KCORO_SEEDS` says otherwise.
const SEEDS: u64 = 900;

/// One worker has nobody to lose its turn to.
const WORKERS: &[usize] = if cfg!(kcoro_interleave) { &[2, 3] } else { &[1, 2, 3] };

const STRATEGIES: [Strategy; 3] = [Strategy::Random, Strategy::Pct { depth: 3 }, Strategy::Pct { depth: 12 }];

/// Runs `body` under seeds that are dealt out to each number of workers with each strategy.
#[track_caller]
pub fn everywhere(body: impl Fn() + Copy + Send + Sync + 'static) {
    let seeds = asked(SEEDS);
    let ways: Vec<_> = WORKERS.iter().flat_map(|workers| STRATEGIES.map(|strategy| (*workers, strategy))).collect();
    for (nth, (workers, strategy)) in ways.iter().copied().enumerate() {
        // Else a failure that is reported would not say under what it failed.
        let reached = Reached { workers, strategy };
        Sim::new().workers(workers).strategy(strategy).check(share(&seeds, nth, ways.len()), body);
        std::mem::forget(reached);
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
