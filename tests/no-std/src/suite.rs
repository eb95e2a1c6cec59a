// SPDX-License-Identifier: BSD-3-Clause
//! The scenario suite without std: one worker, no unwinding, time that stands still until all wait.

use core::fmt::Arguments;
use core::sync::atomic::{AtomicUsize, Ordering};
use core::time::Duration;

use kcoro_core::sched::Runtime;
use kcoro_scenarios::{Need, SCENARIOS, Scenario, Size, Stage};

use crate::one_core::OneCore;

const STAGE: Stage = Stage::new(1, Size::Small, &[Need::QueueOrder, Need::StillTime, Need::FpControl]);

static NOW_PLAYING: AtomicUsize = AtomicUsize::new(usize::MAX);

/// The name of the scenario that is played, for who reports a panic.
#[cfg_attr(feature = "std", expect(dead_code, reason = "a panic that is unwound names itself"))]
pub fn now_playing() -> &'static str {
    SCENARIOS.get(NOW_PLAYING.load(Ordering::Relaxed)).map_or("the program", |scenario| scenario.name)
}

/// Plays what one core can, and tells how much that was.
pub fn play_all(say: impl Fn(Arguments<'_>)) {
    let mut played = 0;
    for (index, scenario) in SCENARIOS.iter().enumerate().filter(|(_, scenario)| STAGE.fits(scenario)) {
        NOW_PLAYING.store(index, Ordering::Relaxed);
        play(scenario);
        played += 1;
    }
    NOW_PLAYING.store(usize::MAX, Ordering::Relaxed);
    say(format_args!("{played} of {} scenarios", SCENARIOS.len()));
}

fn play(scenario: &Scenario) {
    let builder = Runtime::builder(OneCore::default()).workers(1);
    let builder = match scenario.limit() {
        Some(limit) => builder.limit(limit),
        None => builder,
    };
    let runtime = builder.build_local().expect("one worker needs no thread");
    runtime.run(|| (scenario.run)(&STAGE)).expect("the scenario returns");
    assert!(runtime.shutdown(Duration::from_secs(1)).is_clean(), "it left coroutines behind");
}
