// SPDX-License-Identifier: BSD-3-Clause
//! The scenario suite on threads: a test for each scenario, on one, two and four workers.

use kcoro_scenarios::{Need, Size, Stage, rooms};
use kcoro_tests::{builder, suite};

const OFFERS: &[Need] = &[Need::Parallel, Need::QueueOrder, Need::Unwinding, Need::FpControl];

fn play(name: &str) {
    let scenario = suite::named(name);
    let stages = [1, 2, 4].map(|workers| Stage::new(workers, Size::Full, OFFERS));
    let fitting: Vec<_> = stages.into_iter().filter(|stage| stage.fits(scenario)).collect();
    assert!(!fitting.is_empty(), "no stage has what {name} needs");
    fitting.into_iter().for_each(|stage| suite::play(scenario, stage, builder()));
}

/// A test, unless threads cannot have what the scenario needs first.
macro_rules! scenario {
    ($room:ident $name:ident [StillTime $($_:tt)*]) => {};
    ($room:ident $name:ident [$($_:tt)*]) => {
        #[test]
        fn $name() {
            super::play(concat!(stringify!($room), "::", stringify!($name)));
        }
    };
}

kcoro_scenarios::suite!(rooms);
