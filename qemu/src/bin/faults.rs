// SPDX-License-Identifier: BSD-3-Clause
//! The ends that a program comes to by its own fault. Which of them, it is told from outside.
#![no_std]
#![no_main]
#![expect(unsafe_code, reason = "does what must not be done")]

use core::arch::asm;
use core::hint::black_box;
use core::ptr;

use kcoro_baremetal_aarch64::channel::StaticChannel;
use kcoro_baremetal_aarch64::sched::{Builder, Runtime};
use kcoro_baremetal_aarch64::{BareMetal, Doorbell, ExitCode, Machine, current_core, entry, say};

entry!(main);

const BELL: Doorbell = Doorbell::new(5);
const UNHANDLED: Doorbell = Doorbell::new(6);

static EMPTY: StaticChannel<u8, 1> = StaticChannel::new();

fn main(machine: &'static Machine) -> ExitCode {
    kcoro_qemu::start_heap(machine, 8 << 20);
    let runtime = Runtime::builder(BareMetal::new()).workers(1).build_local().expect("the core is free");
    let body = move || commit(machine, machine.arguments());
    let ended = runtime.run(|| Builder::new().name("culprit").spawn(body).expect("a stack").join());
    say(format_args!("it came back: {}", ended.is_ok()));
    ExitCode::SUCCESS
}

fn commit(machine: &'static Machine, what: &str) {
    match what {
        "undefined" => undefined(),
        // SAFETY: there is none, here and below. Each of these ends the program.
        "breakpoint" => unsafe { asm!("brk #7") },
        // SAFETY: as above.
        "call" => unsafe { asm!("svc #0") },
        // SAFETY: as above.
        "stray_read" => _ = black_box(unsafe { black_box(0x70_0000_0000 as *const u8).read_volatile() }),
        // SAFETY: as above.
        "write_code" => unsafe { black_box(commit as *mut u8).write_volatile(0) },
        "execute_data" => execute_data(),
        "no_handler" => machine.ring(current_core(), UNHANDLED),
        "wait_in_handler" => ring(machine, || _ = EMPTY.recv().expect("a value, or a wait for it")),
        "panic_in_handler" => ring(machine, || panic!("out of hand")),
        "fault_in_handler" => ring(machine, undefined),
        other => panic!("no such fault: `{other}`"),
    }
    // An interrupt comes at once, or a moment later.
    while black_box(true) {
        core::hint::spin_loop();
    }
}

fn undefined() {
    // SAFETY: as above.
    unsafe { asm!("udf #0") };
}

fn execute_data() {
    const RETURN: u32 = 0xd65f_03c0;
    let data = black_box([RETURN; 4]);
    // SAFETY: see `commit`.
    let data: fn() = unsafe { core::mem::transmute(ptr::from_ref(&data)) };
    data();
}

fn ring(machine: &'static Machine, handler: fn()) {
    BELL.set_handler(handler);
    machine.ring(current_core(), BELL);
}
