// SPDX-License-Identifier: BSD-3-Clause
//! The scenario suite on the toy backend of docs/PORTING.md: what a new platform has to show.

use kcoro_posix::sched::Runtime;
use kcoro_scenarios::{Need, Size, Stage, rooms};
use kcoro_tests::suite;
use kcoro_tests::toy::Toy;

const OFFERS: &[Need] = &[Need::Parallel, Need::QueueOrder, Need::Unwinding, Need::FpControl];

fn play(name: &str) {
    let scenario = suite::named(name);
    // Miri plays them, too, and is slow.
    let workers: &[usize] = if cfg!(miri) { &[2] } else { &[1, 3] };
    let stages = workers.iter().map(|&workers| Stage::new(workers, Size::Small, OFFERS));
    let fitting: Vec<_> = stages.filter(|stage| stage.fits(scenario)).collect();
    assert!(!fitting.is_empty(), "no stage has what {name} needs");
    fitting.into_iter().for_each(|stage| suite::play(scenario, stage, Runtime::builder(Toy::new())));
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
