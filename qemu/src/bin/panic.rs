// SPDX-License-Identifier: BSD-3-Clause
//! A coroutine that panics: there is no unwinding, so the program ends and says whose fault it was.
#![no_std]
#![no_main]

use kcoro_baremetal_aarch64::sched::{Builder, Runtime};
use kcoro_baremetal_aarch64::{BareMetal, ExitCode, Machine, entry, say};

entry!(main);

fn main(machine: &'static Machine) -> ExitCode {
    kcoro_qemu::start_heap(machine, 8 << 20);
    let runtime = Runtime::builder(BareMetal::new()).workers(1).build_local().expect("the core is free");
    let ended =
        runtime.run(|| Builder::new().name("fragile").spawn(|| panic!("out of order")).expect("a stack").join());
    say(format_args!("it came back: {}", ended.is_ok()));
    ExitCode::SUCCESS
}
