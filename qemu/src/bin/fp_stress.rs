// SPDX-License-Identifier: BSD-3-Clause
//! Floating point that is disturbed. Sums that are suspended between any two steps, while handlers and other coroutines overwrite
//! all vector registers: a bit that is lost anywhere changes a sum. And canaries in all vector registers and in the control and
//! status words, over an interrupt that comes just then.
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
use kcoro_baremetal_aarch64::{BareMetal, Doorbell, ExitCode, MAX_CORES, Machine, current_core, entry, say};

entry!(main);

const SUMS_PER_CORE: usize = 3;
/// How often sums are disturbed in all, unless the program is told otherwise.
const SWITCHES: usize = 20_000;
const BELL: Doorbell = Doorbell::new(3);

const CANARIES: usize = 200;
const ROUND_TO_ZERO: u64 = 0xc0_0000;

/// How often a sum has given its core away, and how often the handler has run.
static SWITCHED: AtomicUsize = AtomicUsize::new(0);
static RUNG: AtomicUsize = AtomicUsize::new(0);
/// The same for each core.
static HERE: [AtomicUsize; MAX_CORES] = [const { AtomicUsize::new(0) }; MAX_CORES];

fn main(machine: &'static Machine) -> ExitCode {
    kcoro_qemu::start_heap(machine, 8 << 20);
    BELL.set_handler(|| {
        scribble();
        RUNG.fetch_add(1, Ordering::Relaxed);
        HERE[current_core()].fetch_add(1, Ordering::Relaxed);
    });
    let runtime =
        Runtime::builder(BareMetal::new()).workers(machine.cores()).build_local().expect("a core for each worker");
    let wanted = machine.argument("switches").unwrap_or(SWITCHES);
    let count = SUMS_PER_CORE * machine.cores();
    let steps = wanted.div_ceil(count) as u32;
    let same = runtime.run(|| {
        let disturbed = move |n| (n, sum(n, steps, || disturb(machine)));
        let place = |n: usize| Builder::new().worker(n % machine.cores()).spawn(move || disturbed(n));
        let sums: Vec<_> = (0..count).map(|n| place(n).expect("a stack")).collect();
        let sums = sums.into_iter().map(|sum| sum.join().expect("it returns"));
        sums.fold(true, |same, (n, disturbed)| same & (disturbed == sum(n, steps, || {})))
    });
    let (switched, rung) = (SWITCHED.load(Ordering::Relaxed), RUNG.load(Ordering::Relaxed));
    say(format_args!("all sums are what they are undisturbed: {}", same.expect("no coroutine panics")));
    let lost = runtime.run(|| canaries(machine)).expect("no coroutine panics");
    say(format_args!("bits that canaries have lost in an interrupt: {lost:#x}"));
    say(format_args!("{switched} switches, {rung} interrupts"));
    say(format_args!("at least as many switches as asked for: {}", switched >= wanted));
    say(format_args!("handlers have disturbed each of them: {}", rung >= switched));
    say(format_args!("nothing is left behind: {}", runtime.shutdown(Duration::from_secs(1)).is_clean()));
    ExitCode::SUCCESS
}

/// Several series at once, so that many registers hold something when it is disturbed.
fn sum(seed: usize, steps: u32, disturb: impl Fn()) -> u64 {
    let mut sums = [1.0f64, 0.5, 0.25, 0.125, 3.0, 5.0, 7.0, 11.0].map(|start| start + seed as f64 / 7.0);
    for step in 1..=steps {
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
    SWITCHED.fetch_add(1, Ordering::Relaxed);
    yield_now();
}

/// On each core in turn. The bits that were other ones after an interrupt than before it, in any register.
fn canaries(machine: &'static Machine) -> u64 {
    let place =
        |core| Builder::new().worker(core).spawn(move || (0..CANARIES).fold(0, |lost, _| lost | canary(machine)));
    let cores: Vec<_> = (0..machine.cores()).map(|core| place(core).expect("a stack")).collect();
    cores.into_iter().map(|core| core.join().expect("it returns")).fold(0, |all, lost| all | lost)
}

/// Rings at its own core while interrupts are masked, fills the registers, and lets the interrupt in.
fn canary(machine: &Machine) -> u64 {
    macro_rules! canary {
        ($($number:tt)*) => {{
            let lost: u64;
            // SAFETY: declares what it changes; interrupts and the control word are in the end as they were, which is the
            // default.
            unsafe {
                asm!("msr DAIFSet, #2");
                machine.ring(current_core(), BELL);
                asm!(
                    $(concat!("movi v", $number, ".16b, #(", $number, " + 1)"),)*
                    "msr fpsr, {fpsr}",
                    "msr fpcr, {fpcr}",
                    "msr DAIFClr, #2",
                    "isb",
                    // The handler has counted one more when the interrupt has come.
                    "2: ldr {now}, [{count}]",
                    "cmp {now}, {before}",
                    "b.eq 2b",
                    "mrs {now}, fpsr",
                    "eor {lost}, {now}, {fpsr}",
                    "mrs {now}, fpcr",
                    "msr fpcr, xzr",
                    "eor {now}, {now}, {fpcr}",
                    "orr {lost}, {lost}, {now}",
                    "mov {expected}, xzr",
                    $(
                        "add {expected}, {expected}, {step}",
                        concat!("umov {now}, v", $number, ".d[0]"),
                        "eor {now}, {now}, {expected}",
                        "orr {lost}, {lost}, {now}",
                        concat!("umov {now}, v", $number, ".d[1]"),
                        "eor {now}, {now}, {expected}",
                        "orr {lost}, {lost}, {now}",
                    )*
                    fpsr = in(reg) 0x15u64,
                    fpcr = in(reg) ROUND_TO_ZERO,
                    count = in(reg) HERE[current_core()].as_ptr(),
                    before = in(reg) HERE[current_core()].load(Ordering::Relaxed),
                    step = in(reg) 0x0101_0101_0101_0101u64,
                    now = out(reg) _,
                    expected = out(reg) _,
                    lost = out(reg) lost,
                    out("v0") _, out("v1") _, out("v2") _, out("v3") _, out("v4") _, out("v5") _, out("v6") _, out("v7") _,
                    out("v8") _, out("v9") _, out("v10") _, out("v11") _, out("v12") _, out("v13") _, out("v14") _,
                    out("v15") _, out("v16") _, out("v17") _, out("v18") _, out("v19") _, out("v20") _, out("v21") _,
                    out("v22") _, out("v23") _, out("v24") _, out("v25") _, out("v26") _, out("v27") _, out("v28") _,
                    out("v29") _, out("v30") _, out("v31") _,
                    options(nostack),
                );
            }
            lost
        }};
    }
    canary!(0 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20 21 22 23 24 25 26 27 28 29 30 31)
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
