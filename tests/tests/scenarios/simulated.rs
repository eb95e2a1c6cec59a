// SPDX-License-Identifier: BSD-3-Clause
//! The scenario suite in the simulator: a test for each scenario, under many seeds, which are dealt out to one, two and
//! three workers. Where workers are switched inside of operations, too, it is also played under strategies that look for
//! rare orders.
//!
//! `KCORO_SEEDS=n` plays each under n seeds in all, `KCORO_FIRST_SEED=n` begins with another one than 0; `KCORO_SEED=n`
//! plays that one only.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use kcoro_scenarios::{Need, SCENARIOS, Size, Stage, rooms};
use kcoro_sim::{Sim, Strategy};
use kcoro_tests::seeds::{asked, share};
use kcoro_tests::suite::{self, Total};

const OFFERS: &[Need] = &[Need::StillTime, Need::Unwinding, Need::FpControl];
/// For each scenario. Optimised, it takes a quarter of the time, and schedules are the same in every build.
const SEEDS: u64 = if cfg!(debug_assertions) { 150 } else { 1_000 };
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
    static PREPARED: std::sync::Once = std::sync::Once::new();
    PREPARED.call_once(kcoro_scenarios::prepare);
    let scenario = suite::named(name);
    let fitting: Vec<_> = stages().filter(|stage| stage.fits(scenario)).collect();
    assert!(!fitting.is_empty(), "no stage has what {name} needs");
    let (seeds, runs) = (asked(SEEDS), Arc::new(AtomicU64::new(0)));
    let ways: Vec<_> = fitting.into_iter().flat_map(|stage| STRATEGIES.iter().map(move |one| (stage, *one))).collect();
    for (nth, (stage, strategy)) in ways.iter().copied().enumerate() {
        let count = runs.clone();
        let _part = Part { workers: stage.workers(), strategy };
        let sim = Sim::new().workers(stage.workers()).strategy(strategy);
        let sim = scenario.limit().map_or(sim.clone(), |limit| sim.limit(limit));
        sim.check(share(&seeds, nth, ways.len()), move || {
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
