// SPDX-License-Identifier: BSD-3-Clause
//! Time without a tick: sleepers cost an interrupt for each deadline at most, and an idle core none at all.
#![no_std]
#![no_main]

extern crate alloc;

use alloc::vec::Vec;
use core::time::Duration;

use kcoro_baremetal_aarch64::sched::{Builder, Runtime};
use kcoro_baremetal_aarch64::time::{Instant, sleep, sleep_until};
use kcoro_baremetal_aarch64::{BareMetal, CoreCounts, ExitCode, Machine, entry, say};

entry!(main);

const SLEEPERS: usize = 60;
/// A deadline that is far away is looked at again on the way there, as the wheel of timers has levels.
const DETOURS: usize = 3;
const IDLE: Duration = Duration::from_millis(200);

fn main(machine: &'static Machine) -> ExitCode {
    kcoro_qemu::start_heap(machine, 16 << 20);
    let runtime = Runtime::builder(BareMetal::new()).workers(machine.cores()).stack_size(8 * 1024);
    let runtime = runtime.build_local().expect("a core for each worker");
    runtime.run(many_sleepers).expect("no coroutine panics");
    let timers = total(machine, |counts| counts.timer);
    say(format_args!("for {SLEEPERS} sleepers timers have ended {timers} sleeps of cores"));
    say(format_args!("at most one for each, and some: {}", (1..=SLEEPERS + DETOURS).contains(&timers)));
    let (sleeps, timers, wakes) = runtime.run(|| idle(machine)).expect("no coroutine panics");
    say(format_args!(
        "idle for {} ms: {sleeps} sleeps, {timers} ended by timers, {wakes} by other cores",
        IDLE.as_millis()
    ));
    say(format_args!(
        "no more than a long sleep takes: {}",
        sleeps <= 1 + DETOURS && (1..=1 + DETOURS).contains(&timers) && wakes == 0
    ));
    say(format_args!("nothing is left behind: {}", runtime.shutdown(Duration::from_secs(1)).is_clean()));
    ExitCode::SUCCESS
}

fn total(machine: &Machine, of: fn(&CoreCounts) -> usize) -> usize {
    (0..machine.cores()).map(|core| of(&machine.counts(core))).sum()
}

/// All on the worker of the caller, whose timer is the only one that is needed.
fn many_sleepers() {
    let begun = Instant::now().expect("a coroutine has a clock");
    let sleeper = |n: usize| {
        let due = begun.saturating_add(Duration::from_micros(50_000 + n as u64 * 1_000 % 40_000));
        let body = move || {
            sleep_until(due).expect("nobody cancels");
            Instant::now().expect("as above") >= due
        };
        Builder::new().worker(0).spawn(body).expect("a stack")
    };
    let sleepers: Vec<_> = (0..SLEEPERS).map(sleeper).collect();
    let in_time = sleepers.into_iter().all(|sleeper| sleeper.join().expect("it returns"));
    say(format_args!("nobody was early: {in_time}"));
}

/// What one long sleep costs on all cores together: sleeps that have ended, interrupts by timers and by other cores. The timer of
/// the sleeper is the one, and there is nothing else.
fn idle(machine: &Machine) -> (usize, usize, usize) {
    // What the other cores had to finish is finished by then.
    sleep(Duration::from_millis(50)).expect("nobody cancels");
    let counts = || {
        let of = |of: fn(&CoreCounts) -> usize| total(machine, of);
        [of(|counts| counts.sleeps), of(|counts| counts.timer), of(|counts| counts.wakes)]
    };
    let before = counts();
    sleep(IDLE).expect("nobody cancels");
    let after = counts();
    (after[0] - before[0], after[1] - before[1], after[2] - before[2])
}
