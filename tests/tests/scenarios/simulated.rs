// SPDX-License-Identifier: BSD-3-Clause
//! The scenario suite in the simulator: a test for each scenario, under many seeds, on one to three workers. Where workers
//! are switched inside of operations, too, it is also played under strategies that look for rare orders.
//!
//! `KCORO_SEEDS=n` plays each under n seeds instead of 200, `KCORO_FIRST_SEED=n` begins with another one than 0;
//! `KCORO_SEED=n` plays that one only.

use std::ops::Range;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use kcoro_scenarios::{Need, SCENARIOS, Size, Stage, rooms};
use kcoro_sim::{Sim, Strategy};
use kcoro_tests::suite::{self, Total};

const OFFERS: &[Need] = &[Need::StillTime, Need::Unwinding, Need::FpControl];
const SEEDS: u64 = 200;
const STRATEGIES: &[Strategy] = if cfg!(kcoro_interleave) {
    &[Strategy::Random, Strategy::Pct { depth: 3 }, Strategy::Pct { depth: 12 }]
} else {
    &[Strategy::Random]
};

fn stages() -> impl Iterator<Item = Stage> {
    let workers: &[usize] = match () {
        // It is slow.
        () if cfg!(miri) => &[2],
        // One worker has nobody to lose its turn to.
        () if cfg!(kcoro_interleave) => &[2, 3],
        () => &[1, 2, 3],
    };
    workers.iter().map(|&workers| Stage::new(workers, Size::Small, OFFERS))
}

fn seeds() -> Range<u64> {
    let first = number("KCORO_FIRST_SEED", 0);
    let count = number("KCORO_SEEDS", SEEDS);
    assert!(count > 0, "KCORO_SEEDS is 0, and without a seed nothing is played");
    first..first + count
}

fn number(variable: &str, default: u64) -> u64 {
    let Ok(text) = std::env::var(variable) else { return default };
    text.parse().unwrap_or_else(|_| panic!("{variable} is `{text}`, which is no number"))
}

/// Says in which part of a test it has failed.
struct Part {
    workers: usize,
    strategy: Strategy,
}

impl Drop for Part {
    fn drop(&mut self) {
        if std::thread::panicking() {
            eprintln!("played by {} workers under {:?}", self.workers, self.strategy);
        }
    }
}

fn play(name: &str) {
    static TOTAL: Total = Total::new();
    let scenario = suite::named(name);
    let fitting: Vec<_> = stages().filter(|stage| stage.fits(scenario)).collect();
    assert!(!fitting.is_empty(), "no stage has what {name} needs");
    let runs = Arc::new(AtomicU64::new(0));
    for (stage, &strategy) in fitting.iter().flat_map(|stage| STRATEGIES.iter().map(move |one| (*stage, one))) {
        let count = runs.clone();
        let _part = Part { workers: stage.workers(), strategy };
        let sim = Sim::new().workers(stage.workers()).strategy(strategy);
        let sim = scenario.limit().map_or(sim.clone(), |limit| sim.limit(limit));
        sim.check(seeds(), move || {
            (scenario.run)(&stage);
            count.fetch_add(1, Ordering::Relaxed);
        });
    }
    let fits_somewhere = SCENARIOS.iter().filter(|scenario| stages().any(|stage| stage.fits(scenario)));
    TOTAL.add(runs.load(Ordering::Relaxed), fits_somewhere.count());
}

/// A test, unless a simulation cannot have what the scenario needs first.
macro_rules! scenario {
    ($room:ident $name:ident [Parallel $($_:tt)*]) => {};
    ($room:ident $name:ident [QueueOrder $($_:tt)*]) => {};
    ($room:ident $name:ident [$($_:tt)*]) => {
        #[test]
        fn $name() {
            super::play(concat!(stringify!($room), "::", stringify!($name)));
        }
    };
}

kcoro_scenarios::suite!(rooms);
