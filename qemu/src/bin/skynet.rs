// SPDX-License-Identifier: BSD-3-Clause
//! A tree of coroutines, ten below each, whose thousands of leaves each send a number up; nobody places them, so the cores share
//! them out by stealing.
#![no_std]
#![no_main]

use core::sync::atomic::{AtomicUsize, Ordering};
use core::time::Duration;

use kcoro_baremetal_aarch64::channel::{Sender, bounded};
use kcoro_baremetal_aarch64::sched::{Runtime, spawn};
use kcoro_baremetal_aarch64::time::Instant;
use kcoro_baremetal_aarch64::{BareMetal, ExitCode, MAX_CORES, Machine, current_core, entry, say};

entry!(main);

/// A power of [`CHILDREN`], unless the program is told another.
const LEAVES: usize = 10_000;
const CHILDREN: u64 = 10;
/// A core that is slow to wake may come too late for one tree.
const MOST_ROUNDS: usize = 50;

/// How many leaves each core has run.
static LEAVES_OF: [AtomicUsize; MAX_CORES] = [const { AtomicUsize::new(0) }; MAX_CORES];

fn main(machine: &'static Machine) -> ExitCode {
    kcoro_qemu::start_heap(machine, 32 << 20);
    let (leaves, rounds) = (machine.argument("leaves").unwrap_or(LEAVES), machine.argument("rounds").unwrap_or(1));
    let runtime = Runtime::builder(BareMetal::new()).workers(machine.cores()).stack_size(8 * 1024);
    let runtime = runtime.build_local().expect("a core for each worker");
    let (played, right, took) = runtime.run(|| play(machine, leaves as u64, rounds)).expect("no coroutine panics");
    say(format_args!("{played} trees of {leaves} leaves in {} ms, all came to their sum: {right}", took.as_millis()));
    let mut total = 0;
    for core in 0..machine.cores() {
        let ran = leaves_of(core);
        say(format_args!("core {core} ran {ran} leaves"));
        total += ran;
    }
    say(format_args!("each core has run some: {}", (0..machine.cores()).all(|core| leaves_of(core) > 0)));
    say(format_args!("each leaf has run once: {}", total == played * leaves));
    say(format_args!("nothing is left behind: {}", runtime.shutdown(Duration::from_secs(1)).is_clean()));
    ExitCode::SUCCESS
}

fn leaves_of(core: usize) -> usize {
    LEAVES_OF[core].load(Ordering::Relaxed)
}

/// So many trees, and more until each core has taken part.
fn play(machine: &Machine, leaves: u64, rounds: usize) -> (usize, bool, Duration) {
    let begun = Instant::now().expect("a coroutine has a clock");
    let (mut played, mut right) = (0, true);
    while played < rounds || (played < MOST_ROUNDS && (0..machine.cores()).any(|core| leaves_of(core) == 0)) {
        let (tx, rx) = bounded(1);
        grow(tx, 0, leaves);
        right &= rx.recv() == Ok(leaves * (leaves - 1) / 2);
        played += 1;
    }
    (played, right, Instant::now().expect("as above").duration_since(begun).expect("the same clock"))
}

fn grow(parent: Sender<u64>, first: u64, leaves: u64) {
    if leaves == 1 {
        LEAVES_OF[current_core()].fetch_add(1, Ordering::Relaxed);
        return parent.send(first).expect("the parent waits for it");
    }
    let (tx, rx) = bounded(CHILDREN as usize);
    let below = leaves / CHILDREN;
    for child in 0..CHILDREN {
        let tx = tx.clone();
        spawn(move || grow(tx, first + child * below, below)).expect("a stack").detach();
    }
    drop(tx);
    parent.send(rx.iter().sum()).expect("the parent waits for it");
}
