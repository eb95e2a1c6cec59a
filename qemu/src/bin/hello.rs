// SPDX-License-Identifier: BSD-3-Clause
//! Coroutines, channels and time on one core.
#![no_std]
#![no_main]

use core::time::Duration;

use kcoro_baremetal_aarch64::channel::{bounded, rendezvous};
use kcoro_baremetal_aarch64::sched::{Builder, Runtime, spawn};
use kcoro_baremetal_aarch64::scope::scope;
use kcoro_baremetal_aarch64::time::{Instant, sleep, timeout};
use kcoro_baremetal_aarch64::{BareMetal, ExitCode, Machine, entry, say};

entry!(main);

fn main(machine: &'static Machine) -> ExitCode {
    kcoro_qemu::start_heap(machine, 8 << 20);
    let runtime = Runtime::builder(BareMetal::new()).workers(1).build_local().expect("the core is free");
    runtime.run(hello).expect("no coroutine panics");
    let report = runtime.shutdown(Duration::from_secs(1));
    say(format_args!("nothing is left behind: {}", report.is_clean()));
    ExitCode::SUCCESS
}

fn hello() {
    say(format_args!("hello from a coroutine"));
    let (tx, rx) = bounded(4);
    let squares =
        Builder::new().name("squares").spawn(move || (1..=10u64).for_each(|n| tx.send(n * n).expect("a receiver")));
    say(format_args!("the sum of ten squares is {}", rx.iter().sum::<u64>()));
    squares.expect("a stack").join().expect("it returns");

    let mut numbers = [1, 2, 3];
    scope(|s| numbers.iter_mut().for_each(|n| _ = s.spawn(|| *n *= 10).expect("a stack")));
    say(format_args!("children that borrow made {numbers:?}"));

    let begun = Instant::now().expect("a coroutine has a clock");
    sleep(Duration::from_millis(20)).expect("nobody cancels");
    let slept = Instant::now().expect("as above").duration_since(begun).expect("the same clock");
    say(format_args!("a sleep is never short: {}", slept >= Duration::from_millis(20)));

    let (_tx, rx) = rendezvous::<u8>();
    let waited = timeout(Duration::from_millis(5), || rx.recv());
    say(format_args!("what never comes is not waited for: {}", waited.is_err()));
    let late = spawn(|| sleep(Duration::from_millis(1)).is_ok()).expect("a stack");
    say(format_args!("a handle joins a sleeper: {:?}", late.join().ok()));
}
