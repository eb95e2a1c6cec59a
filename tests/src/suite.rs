// SPDX-License-Identifier: BSD-3-Clause
//! What the runners of the scenario suite share.

use std::io::Write;
use std::sync::Once;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};

use kcoro_posix::sched::RuntimeBuilder;
use kcoro_scenarios::{Scenario, Stage};

/// The scenario of this name.
pub fn named(name: &str) -> &'static Scenario {
    quiet_panics();
    kcoro_scenarios::named(name).unwrap_or_else(|| panic!("the suite has no scenario {name}"))
}

/// Plays `scenario` once, on a runtime that `builder` makes for the stage's workers.
///
/// # Panics
///
/// When it fails, naming it.
pub fn play(scenario: &Scenario, stage: Stage, builder: RuntimeBuilder) {
    let builder = builder.workers(stage.workers());
    let builder = match scenario.limit() {
        Some(limit) => builder.limit(limit),
        None => builder,
    };
    let runtime = builder.build().expect("a runtime");
    if let Err(why) = runtime.run(|| (scenario.run)(&stage)) {
        panic!("{} failed on {} workers: {why}", scenario.name, stage.workers());
    }
    crate::end(runtime);
}

/// Panics that scenarios make "on purpose" leave no trace in the output; all others are printed as always.
fn quiet_panics() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        let usual = std::panic::take_hook();
        std::panic::set_hook(Box::new(move |panic| {
            if panic.payload_as_str() != Some("on purpose") {
                usual(panic);
            }
        }));
    });
}

/// Counts runs over the tests of a process, and says how many they were when the last of the suite has passed.
#[derive(Debug)]
pub struct Total {
    passed: AtomicUsize,
    runs: AtomicU64,
}

impl Total {
    /// Nothing so far.
    pub const fn new() -> Self {
        Self { passed: AtomicUsize::new(0), runs: AtomicU64::new(0) }
    }

    /// One scenario of `scenarios` has passed, after so many `runs`.
    pub fn add(&self, runs: u64, scenarios: usize) {
        let runs = runs + self.runs.fetch_add(runs, Ordering::SeqCst);
        if self.passed.fetch_add(1, Ordering::SeqCst) + 1 == scenarios {
            // Past the capture of the test harness, which shows nothing of tests that pass.
            let _ = writeln!(std::io::stderr(), "{scenarios} scenarios passed in {runs} runs");
        }
    }
}

impl Default for Total {
    fn default() -> Self {
        Self::new()
    }
}
