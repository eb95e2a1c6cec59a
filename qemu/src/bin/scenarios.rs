// SPDX-License-Identifier: BSD-3-Clause
//! The scenario suite, one runtime for each, on all cores; and the portable program, whose result is one number everywhere.
#![no_std]
#![no_main]

use core::time::Duration;

use kcoro_baremetal_aarch64::sched::{LocalRuntime, Runtime};
use kcoro_baremetal_aarch64::{BareMetal, ExitCode, Machine, entry, say};
use kcoro_scenarios::{Need, SCENARIOS, Scenario, Size, Stage, portable};

entry!(main);

/// What is not here: time that stands still (the clock runs), and panics that can be caught (nothing unwinds).
const OFFERS: &[Need] = &[Need::Parallel, Need::QueueOrder, Need::FpControl];

/// A scenario sends values of many KiB, which builds without optimisation copy from frame to frame.
const STACK_BYTES: usize = 128 * 1024;

fn main(machine: &'static Machine) -> ExitCode {
    kcoro_qemu::start_heap(machine, 32 << 20);
    let stage = Stage::new(machine.cores(), Size::Small, OFFERS);
    let mut played = 0;
    for scenario in SCENARIOS {
        if stage.fits(scenario) {
            say(format_args!("{}", scenario.name));
            play(scenario, &stage);
            played += 1;
        } else {
            say(format_args!("not here: {} needs {:?}", scenario.name, scenario.needs));
        }
    }
    let runtime = runtime(machine.cores(), None);
    let number = runtime.run(|| portable::program(stage.workers())).expect("no coroutine panics");
    end(runtime);
    say(format_args!("{played} of {} scenarios", SCENARIOS.len()));
    say(format_args!("most have been played: {}", played > SCENARIOS.len() * 3 / 4));
    say(format_args!("the portable program comes to its number: {}", number == portable::HASH));
    ExitCode::SUCCESS
}

fn play(scenario: &'static Scenario, stage: &Stage) {
    let runtime = runtime(stage.workers(), scenario.limit());
    runtime.run(|| (scenario.run)(stage)).expect("the scenario returns");
    end(runtime);
}

fn runtime(workers: usize, limit: Option<usize>) -> LocalRuntime {
    let builder = Runtime::builder(BareMetal::new()).workers(workers).stack_size(STACK_BYTES);
    let builder = match limit {
        Some(limit) => builder.limit(limit),
        None => builder,
    };
    builder.build_local().expect("a core for each worker")
}

fn end(runtime: LocalRuntime) {
    assert!(runtime.shutdown(Duration::from_secs(10)).is_clean(), "it left coroutines behind");
}
