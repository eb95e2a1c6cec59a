// SPDX-License-Identifier: BSD-3-Clause
//! A number goes back and forth between the cores of each pair of neighbours, who sleep while it is away; and coroutines that
//! nobody has placed are shared out by stealing.
#![no_std]
#![no_main]

extern crate alloc;

use alloc::vec::Vec;
use core::hint::black_box;
use core::sync::atomic::{AtomicUsize, Ordering};
use core::time::Duration;

use kcoro_baremetal_aarch64::channel::rendezvous;
use kcoro_baremetal_aarch64::sched::{Builder, JoinHandle, Runtime, spawn};
use kcoro_baremetal_aarch64::{BareMetal, ExitCode, MAX_CORES, Machine, current_core, entry, say};

entry!(main);

const ROUNDS: u64 = 300;
const JOBS: u64 = 64;

/// How many messages each core has received.
static RECEIVED: [AtomicUsize; MAX_CORES] = [const { AtomicUsize::new(0) }; MAX_CORES];
/// How many of the jobs each core has run.
static RUN: [AtomicUsize; MAX_CORES] = [const { AtomicUsize::new(0) }; MAX_CORES];

fn main(machine: &'static Machine) -> ExitCode {
    kcoro_qemu::start_heap(machine, 16 << 20);
    let runtime =
        Runtime::builder(BareMetal::new()).workers(machine.cores()).build_local().expect("a core for each worker");
    runtime.run(|| back_and_forth(machine)).expect("no coroutine panics");
    for (core, received) in RECEIVED.iter().enumerate().take(machine.cores()) {
        let received = received.load(Ordering::Relaxed);
        say(format_args!(
            "core {core} received {received} messages, woken by others: {}",
            machine.counts(core).wakes > 0
        ));
    }
    let sum = runtime.run(shared_out).expect("no coroutine panics");
    let run = RUN.iter().map(|run| run.load(Ordering::Relaxed));
    let busy = run.clone().filter(|run| *run > 0).count();
    say(format_args!("{} jobs came to {sum}, on more than one core: {}", run.sum::<usize>(), busy > 1));
    say(format_args!("nothing is left behind: {}", runtime.shutdown(Duration::from_secs(1)).is_clean()));
    ExitCode::SUCCESS
}

fn back_and_forth(machine: &'static Machine) {
    let cores = machine.cores();
    let pairs: Vec<JoinHandle<u64>> = (0..cores).map(|core| pair(core, (core + 1) % cores)).collect();
    let numbers: Vec<u64> = pairs.into_iter().map(|pair| pair.join().expect("it returns")).collect();
    say(format_args!("after {ROUNDS} rounds each pair has {numbers:?}"));
}

fn pair(near: usize, far: usize) -> JoinHandle<u64> {
    let ((there, arrived), (back, returned)) = (rendezvous::<u64>(), rendezvous::<u64>());
    let received = move || RECEIVED[current_core()].fetch_add(1, Ordering::Relaxed);
    let echo = move || {
        arrived.iter().for_each(|number| {
            received();
            back.send(number + 1).expect("the other waits for it");
        });
    };
    Builder::new().worker(far).spawn(echo).expect("a stack").detach();
    let play = move || {
        (0..ROUNDS).fold(0, |number, _| {
            there.send(number).expect("the other waits for it");
            let number = returned.recv().expect("the other sends it back");
            received();
            number
        })
    };
    Builder::new().worker(near).spawn(play).expect("a stack")
}

fn shared_out() -> u64 {
    let job = |n: u64| {
        let work = move || {
            RUN[current_core()].fetch_add(1, Ordering::Relaxed);
            (0..50_000).fold(n, |sum, step| black_box(sum ^ step).wrapping_mul(0x100_0000_01b3)) & 1 | n << 1
        };
        spawn(work).expect("a stack")
    };
    let jobs: Vec<_> = (0..JOBS).map(job).collect();
    jobs.into_iter().map(|job| job.join().expect("it returns") >> 1).sum()
}
