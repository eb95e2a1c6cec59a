// SPDX-License-Identifier: BSD-3-Clause
//! Where a behaviour is shown: on plain threads, in coroutines of real workers, in the simulator; the same body each time.

use std::fmt::Debug;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;
use std::time::Duration;

use kcoro_core::channel::{self, Receiver, Sender, bounded, rendezvous, unbounded};
use kcoro_core::sched::{self, Handle, JoinHandle, Runtime};
use kcoro_core::time::Instant;
use kcoro_sim::Sim;
use kcoro_tests::{end, runtime};

/// How many schedules a simulated run of a behaviour is played under.
const SEEDS: u64 = 10;

/// Longer than anything takes that is going to happen.
pub const LONG: Duration = Duration::from_secs(60);
/// As short as a limit can be that is seen to pass.
pub const SHORT: Duration = Duration::from_millis(1);

/// Who carries out the parts of a behaviour.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Place {
    Threads,
    Coroutines,
    /// Coroutines whose order a seed decides, again and again: nothing large.
    Simulated,
}

/// Shows `behaviour` on threads, on one worker and on two, and under seeds.
pub fn everywhere(behaviour: impl Fn(Place) + Copy + Send + Sync + 'static) {
    behaviour(Place::Threads);
    for workers in [1, 2] {
        let runtime = runtime(workers);
        runtime.run(move || behaviour(Place::Coroutines)).expect("coroutines behave");
        end(runtime);
        Sim::new().workers(workers).check(0..SEEDS, move || behaviour(Place::Simulated));
    }
}

impl Place {
    /// Starts a part.
    pub fn go<T: Send + 'static>(self, part: impl FnOnce() -> T + Send + 'static) -> Part<T> {
        match self {
            Self::Threads => Part::Thread(thread::spawn(part)),
            Self::Coroutines | Self::Simulated => Part::Coroutine(sched::spawn(part).expect("a runtime")),
        }
    }

    /// A receiver to which an instant comes after a while.
    pub fn after(self, duration: Duration) -> Receiver<Instant> {
        match self {
            Self::Threads => clock().after(duration),
            Self::Coroutines | Self::Simulated => channel::after(duration).expect("a runtime"),
        }
    }

    /// A receiver to which an instant comes after each period.
    pub fn tick(self, period: Duration) -> Receiver<Instant> {
        match self {
            Self::Threads => clock().tick(period),
            Self::Coroutines | Self::Simulated => channel::tick(period).expect("a runtime"),
        }
    }

    /// `few` where each schedule counts, else `many`.
    pub fn pick(self, few: u64, many: u64) -> u64 {
        if self == Self::Simulated { few } else { many }
    }

    /// Lets other parts go on.
    pub fn pause(self) {
        match self {
            Self::Threads => thread::yield_now(),
            Self::Coroutines | Self::Simulated => sched::yield_now(),
        }
    }

    /// Lets other parts go on until `is_so`.
    pub fn until(self, mut is_so: impl FnMut() -> bool) {
        while !is_so() {
            self.pause();
        }
    }
}

/// The runtime that keeps the time for threads.
fn clock() -> &'static Handle {
    static CLOCK: OnceLock<Runtime> = OnceLock::new();
    CLOCK.get_or_init(|| runtime(1)).handle()
}

/// A part of a behaviour that goes on by itself.
pub enum Part<T> {
    Thread(thread::JoinHandle<T>),
    Coroutine(JoinHandle<T>),
}

impl<T> Part<T> {
    /// What it comes to.
    #[track_caller]
    pub fn end(self) -> T {
        match self {
            Self::Thread(thread) => thread.join().expect("it does not panic"),
            Self::Coroutine(coroutine) => coroutine.join().expect("it does not panic"),
        }
    }
}

/// Kinds of channels that lose nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    Rendezvous,
    Bounded(usize),
    Unbounded,
}

impl Kind {
    pub const ALL: [Kind; 4] = [Kind::Rendezvous, Kind::Bounded(1), Kind::Bounded(7), Kind::Unbounded];
    /// Those in which a send can wait.
    pub const LIMITED: [Kind; 3] = [Kind::Rendezvous, Kind::Bounded(1), Kind::Bounded(7)];
    /// Those that hold a value for nobody yet.
    pub const BUFFERED: [Kind; 3] = [Kind::Bounded(1), Kind::Bounded(7), Kind::Unbounded];

    pub fn make<T>(self) -> (Sender<T>, Receiver<T>) {
        match self {
            Self::Rendezvous => rendezvous(),
            Self::Bounded(capacity) => bounded(capacity),
            Self::Unbounded => unbounded(),
        }
    }

    /// One in which the next send waits, and how many values were sent for that.
    pub fn full<T: Debug>(self, mut value: impl FnMut(usize) -> T) -> (Sender<T>, Receiver<T>, usize) {
        let (tx, rx) = self.make();
        let capacity = tx.capacity();
        (0..capacity).for_each(|n| tx.try_send(value(n)).expect("there is room"));
        (tx, rx, capacity)
    }
}

/// A number that one part writes and another reads; it orders nothing by itself.
#[derive(Debug, Default)]
pub struct Plain(AtomicU64);

impl Plain {
    pub fn set(&self, value: u64) {
        // Relaxed: that the channel orders it is what is shown.
        self.0.store(value, Ordering::Relaxed);
    }

    pub fn get(&self) -> u64 {
        // Relaxed: as above.
        self.0.load(Ordering::Relaxed)
    }
}
