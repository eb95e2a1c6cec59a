// SPDX-License-Identifier: BSD-3-Clause
//! A coroutine that recurses for ever: its stack's guard ends it, and the message names it.
#![no_std]
#![no_main]

use core::hint::black_box;

use kcoro_baremetal_aarch64::sched::{Builder, Runtime};
use kcoro_baremetal_aarch64::{BareMetal, ExitCode, Machine, entry, say};

entry!(main);

fn main(machine: &'static Machine) -> ExitCode {
    kcoro_qemu::start_heap(machine, 8 << 20);
    let runtime = Runtime::builder(BareMetal::new()).workers(1).build_local().expect("the core is free");
    let depth = runtime.run(|| Builder::new().name("well").spawn(|| fall(0)).expect("a stack").join());
    say(format_args!("it came back: {}", depth.is_ok()));
    ExitCode::SUCCESS
}

fn fall(depth: u64) -> u64 {
    let frame = black_box([depth; 8]);
    if black_box(true) { fall(depth + 1) + frame[0] } else { depth }
}
