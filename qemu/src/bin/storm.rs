// SPDX-License-Identifier: BSD-3-Clause
//! Interrupts while coroutines work: each core rings its neighbour's doorbell, whose handler sends into the channel and releases
//! the semaphore that the interrupted coroutine may be in the middle of. Each wake is accounted for.
#![no_std]
#![no_main]

extern crate alloc;

use alloc::vec::Vec;
use core::sync::atomic::{AtomicUsize, Ordering};
use core::time::Duration;

use kcoro_baremetal_aarch64::channel::StaticChannel;
use kcoro_baremetal_aarch64::sched::{Builder, JoinHandle, Runtime, yield_now};
use kcoro_baremetal_aarch64::sync::Semaphore;
use kcoro_baremetal_aarch64::time::{TimeError, sleep};
use kcoro_baremetal_aarch64::wait::CannotWait;
use kcoro_baremetal_aarch64::{BareMetal, Doorbell, ExitCode, MAX_CORES, Machine, current_core, entry, say};

entry!(main);

/// How often the handler runs on each core, at least.
const RINGS: usize = 200;
const BELL: Doorbell = Doorbell::new(0);

/// A channel for each core, so that the cores keep each other waiting little: an emulator may stop the one that holds a lock.
static VALUES: [StaticChannel<usize, 16>; MAX_CORES] = [const { StaticChannel::new() }; MAX_CORES];
/// For all.
static PERMITS: Semaphore = Semaphore::new(0);

static RUNG: [Count; MAX_CORES] = [const { Count::new() }; MAX_CORES];
static SENT: Count = Count::new();
static SENT_BY_HANDLERS: Count = Count::new();
static SENT_SUM: Count = Count::new();
static RECEIVED: Count = Count::new();
static RECEIVED_SUM: Count = Count::new();
static RELEASED: Count = Count::new();
static ACQUIRED: Count = Count::new();
static REFUSED_TO_WAIT: Count = Count::new();

struct Count(AtomicUsize);

impl Count {
    const fn new() -> Self {
        Self(AtomicUsize::new(0))
    }

    fn add(&self, count: usize) -> usize {
        self.0.fetch_add(count, Ordering::Relaxed)
    }

    fn get(&self) -> usize {
        self.0.load(Ordering::Relaxed)
    }
}

fn main(machine: &'static Machine) -> ExitCode {
    kcoro_qemu::start_heap(machine, 16 << 20);
    let cores = machine.cores();
    let runtime = Runtime::builder(BareMetal::new()).workers(cores).build_local().expect("a core for each worker");
    BELL.set_handler(on_bell);
    runtime.run(|| storm(machine)).expect("no coroutine panics");
    let handled = RUNG[..cores].iter().all(|rung| rung.get() >= RINGS);
    say(format_args!("the handler ran {RINGS} times on each core, or more often: {handled}"));
    say(format_args!("handlers were refused a wait each time: {}", REFUSED_TO_WAIT.get() == total_rung()));
    let values = (SENT.get(), SENT_SUM.get()) == (RECEIVED.get(), RECEIVED_SUM.get());
    say(format_args!("each value sent was received once: {values}"));
    say(format_args!("some were sent by handlers: {}", SENT_BY_HANDLERS.get() > 0));
    say(format_args!("each permit released was acquired once: {}", RELEASED.get() == ACQUIRED.get()));
    say(format_args!("nothing is left behind: {}", runtime.shutdown(Duration::from_secs(1)).is_clean()));
    ExitCode::SUCCESS
}

/// Runs with interrupts masked, in the middle of whatever the core does.
fn on_bell() {
    RUNG[current_core()].add(1);
    if sleep(Duration::from_nanos(1)) == Err(TimeError::CannotWait(CannotWait::InInterrupt)) {
        REFUSED_TO_WAIT.add(1);
    }
    if send(1) {
        SENT_BY_HANDLERS.add(1);
    }
    PERMITS.release(1);
    RELEASED.add(1);
}

/// Sends `value` into the core's channel if there is room.
fn send(value: usize) -> bool {
    let sent = VALUES[current_core()].try_send(value).is_ok();
    if sent {
        SENT.add(1);
        SENT_SUM.add(value);
    }
    sent
}

fn storm(machine: &'static Machine) {
    let on_each = |work: fn(&'static Machine)| -> Vec<JoinHandle<()>> {
        let place = |core| Builder::new().worker(core).spawn(move || work(machine)).expect("a stack");
        (0..machine.cores()).map(place).collect()
    };
    let (receivers, holders, ringers) = (on_each(receive), on_each(hold), on_each(ring));
    join(ringers);
    // All have been rung, but a bell may still be on its way: who rings it has returned, so it is not for long.
    while RELEASED.get() < total_rung() || ACQUIRED.get() < RELEASED.get() {
        yield_now();
    }
    VALUES.iter().for_each(|values| _ = values.close());
    PERMITS.close();
    join(receivers);
    join(holders);
}

fn join(handles: Vec<JoinHandle<()>>) {
    handles.into_iter().for_each(|handle| handle.join().expect("it returns"));
}

fn total_rung() -> usize {
    RUNG.iter().map(Count::get).sum()
}

fn receive(_: &'static Machine) {
    while let Ok(value) = VALUES[current_core()].recv() {
        received(value);
    }
}

fn received(value: usize) {
    RECEIVED.add(1);
    RECEIVED_SUM.add(value);
}

fn hold(_: &'static Machine) {
    while let Ok(permit) = PERMITS.acquire(1) {
        permit.forget();
        ACQUIRED.add(1);
    }
}

/// Rings at the next core, and takes the locks that the handler on this one wants.
fn ring(machine: &'static Machine) {
    let next = (current_core() + 1) % machine.cores();
    while RUNG[next].get() < RINGS {
        let rung = RUNG[next].get();
        machine.ring(next, BELL);
        while RUNG[next].get() == rung {
            (2..12).for_each(|value| _ = send(value));
            VALUES[current_core()].try_iter().take(8).for_each(received);
            yield_now();
        }
    }
}
