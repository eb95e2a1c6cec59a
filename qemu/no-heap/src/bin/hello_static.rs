// SPDX-License-Identifier: BSD-3-Clause
//! The smallest useful program: the scheduler, a timer and a channel, all of it in statics. The suite prints its size, and
//! fails when its code grows over 24 KiB.
#![no_std]
#![no_main]
#![expect(unsafe_code, reason = "vouches for how deep the slots' coroutines call")]

use core::time::Duration;

use kcoro_baremetal_aarch64::channel::StaticChannel;
use kcoro_baremetal_aarch64::sched::{Slot, StaticRuntime, spawn_static};
use kcoro_baremetal_aarch64::time::sleep;
use kcoro_baremetal_aarch64::{BareMetal, ExitCode, Machine, entry, say};

entry!(main);

static PLATFORM: BareMetal = BareMetal::new();
static RUNTIME: StaticRuntime<4> = StaticRuntime::new();
// SAFETY: neither coroutine calls anything that needs more than a few KiB.
static ROOT: Slot<16384> = unsafe { Slot::new_unguarded() };
// SAFETY: as above.
static SENSOR: Slot<16384> = unsafe { Slot::new_unguarded() };
static READINGS: StaticChannel<u32, 4> = StaticChannel::new();

fn main(_machine: &'static Machine) -> ExitCode {
    match RUNTIME.build_local(&PLATFORM).ok().and_then(|runtime| runtime.run_static(&ROOT, hello).ok()) {
        Some(385) => {
            say(format_args!("hello from a slot: the sum of ten squares is 385"));
            ExitCode::SUCCESS
        }
        _ => ExitCode::FAILURE,
    }
}

fn hello() -> u32 {
    let sensor = spawn_static(&SENSOR, || {
        (1..=10).for_each(|n| {
            let measured = sleep(Duration::from_micros(100)).is_ok();
            let _ = measured && READINGS.send(n * n).is_ok();
        });
        READINGS.close();
    });
    let sum = READINGS.iter().sum();
    let ended = sensor.is_ok_and(|sensor| sensor.join().is_ok());
    if ended { sum } else { 0 }
}
