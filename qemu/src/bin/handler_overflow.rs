// SPDX-License-Identifier: BSD-3-Clause
//! An interrupt handler that recurses for ever: its stack has a guard, too, and the report runs on the emergency stack.
#![no_std]
#![no_main]

use core::hint::black_box;

use kcoro_baremetal_aarch64::{Doorbell, ExitCode, Machine, current_core, entry, say};
// Its heap stays empty.
use kcoro_qemu as _;

entry!(main);

const BELL: Doorbell = Doorbell::new(14);

fn main(machine: &'static Machine) -> ExitCode {
    BELL.set_handler(|| _ = fall(0));
    machine.ring(current_core(), BELL);
    // It comes at once, or a moment later.
    while black_box(true) {
        core::hint::spin_loop();
    }
    say(format_args!("the handler has come back"));
    ExitCode::SUCCESS
}

fn fall(depth: u64) -> u64 {
    let frame = black_box([depth; 8]);
    if black_box(true) { fall(depth + 1) + frame[0] } else { depth }
}
