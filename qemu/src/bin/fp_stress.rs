// SPDX-License-Identifier: BSD-3-Clause
//! Sums of floating-point numbers that are suspended between any two steps, while handlers and other coroutines overwrite all
//! vector registers. A bit that is lost anywhere changes a sum.
#![no_std]
#![no_main]
#![expect(unsafe_code, reason = "overwrites all vector registers, and says so to the compiler")]

extern crate alloc;

use alloc::vec::Vec;
use core::arch::asm;
use core::hint::black_box;
use core::sync::atomic::{AtomicUsize, Ordering};
use core::time::Duration;

use kcoro_baremetal_aarch64::sched::{Builder, Runtime, yield_now};
use kcoro_baremetal_aarch64::{BareMetal, Doorbell, ExitCode, Machine, current_core, entry, say};

entry!(main);

const SUMS_PER_CORE: usize = 3;
const STEPS: u32 = 1500;
const BELL: Doorbell = Doorbell::new(3);

static RUNG: AtomicUsize = AtomicUsize::new(0);

fn main(machine: &'static Machine) -> ExitCode {
    kcoro_qemu::start_heap(machine, 8 << 20);
    BELL.set_handler(|| {
        scribble();
        RUNG.fetch_add(1, Ordering::Relaxed);
    });
    let runtime =
        Runtime::builder(BareMetal::new()).workers(machine.cores()).build_local().expect("a core for each worker");
    let same = runtime.run(|| {
        let place =
            |n: usize| Builder::new().worker(n % machine.cores()).spawn(move || (n, sum(n, || disturb(machine))));
        let sums: Vec<_> = (0..SUMS_PER_CORE * machine.cores()).map(|n| place(n).expect("a stack")).collect();
        sums.into_iter().map(|sum| sum.join().expect("it returns")).all(|(n, disturbed)| disturbed == sum(n, || {}))
    });
    say(format_args!("all sums are what they are undisturbed: {}", same.expect("no coroutine panics")));
    say(format_args!("handlers have disturbed them: {}", RUNG.load(Ordering::Relaxed) > 100));
    say(format_args!("nothing is left behind: {}", runtime.shutdown(Duration::from_secs(1)).is_clean()));
    ExitCode::SUCCESS
}

/// Several series at once, so that many registers hold something when it is disturbed.
fn sum(seed: usize, disturb: impl Fn()) -> u64 {
    let mut sums = [1.0f64, 0.5, 0.25, 0.125, 3.0, 5.0, 7.0, 11.0].map(|start| start + seed as f64 / 7.0);
    for step in 1..=STEPS {
        for (place, sum) in sums.iter_mut().enumerate() {
            *sum += 1.0 / (*sum + f64::from(black_box(step)) + place as f64);
        }
        disturb();
    }
    sums.iter().fold(0, |hash: u64, sum| hash.rotate_left(7) ^ sum.to_bits())
}

fn disturb(machine: &Machine) {
    scribble();
    machine.ring(current_core(), BELL);
    yield_now();
}

/// Overwrites all vector registers, and the status of what was computed.
#[inline(never)]
fn scribble() {
    macro_rules! all {
        ($($register:tt)*) => {
            // SAFETY: declares what it changes; rounding mode and the like stay.
            unsafe {
                asm!(
                    $(concat!("movi ", $register, ".16b, #0xa5"),)*
                    "msr fpsr, {}",
                    in(reg) 0x1fu64,
                    $(out($register) _,)*
                    options(nomem, nostack),
                )
            }
        };
    }
    all!("v0" "v1" "v2" "v3" "v4" "v5" "v6" "v7" "v8" "v9" "v10" "v11" "v12" "v13" "v14" "v15");
    all!("v16" "v17" "v18" "v19" "v20" "v21" "v22" "v23" "v24" "v25" "v26" "v27" "v28" "v29" "v30" "v31");
}
