// SPDX-License-Identifier: BSD-3-Clause
//! The scenario suite in the simulator: a test for each scenario, under many seeds, on one to three workers.
//!
//! `KCORO_SEEDS=n` plays each under n seeds instead of 200; `KCORO_SEED=n` plays that one only.

use std::sync::atomic::{AtomicU64, Ordering};

use kcoro_scenarios::{Need, SCENARIOS, Size, Stage, rooms};
use kcoro_sim::Sim;
use kcoro_tests::suite::{self, Total};

const OFFERS: &[Need] = &[Need::StillTime, Need::Unwinding, Need::FpControl];
const SEEDS: u64 = 200;

fn stages() -> impl Iterator<Item = Stage> {
    // Miri plays them, too, and is slow.
    let workers: &[usize] = if cfg!(miri) { &[2] } else { &[1, 2, 3] };
    workers.iter().map(|&workers| Stage::new(workers, Size::Small, OFFERS))
}

fn seeds() -> u64 {
    let Ok(seeds) = std::env::var("KCORO_SEEDS") else { return SEEDS };
    match seeds.parse() {
        Ok(number @ 1..) => number,
        _ => panic!("KCORO_SEEDS is `{seeds}`, which is no number of seeds: a whole number from 1 on"),
    }
}

fn play(name: &str) {
    static TOTAL: Total = Total::new();
    let scenario = suite::named(name);
    let fitting: Vec<_> = stages().filter(|stage| stage.fits(scenario)).collect();
    assert!(!fitting.is_empty(), "no stage has what {name} needs");
    let runs = std::sync::Arc::new(AtomicU64::new(0));
    for stage in fitting {
        let count = runs.clone();
        let sim = Sim::new().workers(stage.workers());
        let sim = scenario.limit().map_or(sim.clone(), |limit| sim.limit(limit));
        sim.check(0..seeds(), move || {
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
