// SPDX-License-Identifier: BSD-3-Clause
//! Models of the sleep protocol over the real slot, ring and injector.
//!
//! A worker takes one node and then runs it for ever (its thread ends), as a coroutine that computes. So each node needs
//! a worker of its own, and a node that lies visible while a worker sleeps is a deadlock, which loom reports.
#![expect(unsafe_code, reason = "queues nodes that outlive the queues")]

use core::ptr::NonNull;
use std::sync::Arc;
use std::vec::Vec;

use loom::sync::Notify;

use super::{CancelSleep, IdleSet, WORDS};
use crate::sched::injector::Injector;
use crate::sched::steal::{StealQueue, StealSlot};
use crate::util::test_node::{Node, Nodes, read};

/// Where the workers of a model look. Fewer places keep a model small.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Places {
    SlotAndRing,
    TwoSlots,
    SlotAndInjector,
}

/// What a worker is about to do when its model starts.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Start {
    Searching,
    FallingAsleep,
}

/// What a spawning worker owns.
struct Spawner {
    slot: StealSlot<Node>,
    ring: StealQueue<Node>,
}

struct Shared {
    places: Places,
    idle: IdleSet,
    wakes: [Notify; WORDS],
    spawner: Spawner,
    /// A second spawner, which has no ring.
    other_slot: StealSlot<Node>,
    injector: Injector<Node>,
    nodes: Nodes,
}

impl Shared {
    fn new(places: Places, sleepers: usize, nodes: usize) -> Arc<Self> {
        Arc::new(Self {
            places,
            idle: IdleSet::new(sleepers),
            wakes: core::array::from_fn(|_| Notify::new()),
            spawner: Spawner { slot: StealSlot::new(), ring: StealQueue::new() },
            other_slot: StealSlot::new(),
            injector: Injector::new(),
            nodes: Nodes::new(nodes),
        })
    }

    fn wake(&self, worker: Option<usize>) {
        if let Some(index) = worker {
            self.wakes[index].notify();
        }
    }

    /// As a worker spawns: what the slot held goes to the ring first, the slot comes last.
    fn spawn(&self, index: usize) {
        if let Some(older) = self.spawner.slot.take() {
            // SAFETY: only the thread that is the spawner calls this.
            unsafe { self.spawner.ring.push(older) }.unwrap();
        }
        assert!(self.spawner.slot.replace(self.nodes.fill(index)).is_none());
        self.wake(self.idle.worker_to_wake());
    }

    fn spawn_on_other(&self, index: usize) {
        assert!(self.other_slot.replace(self.nodes.fill(index)).is_none());
        self.wake(self.idle.worker_to_wake());
    }

    /// As a foreign thread spawns.
    fn inject(&self, index: usize) {
        // SAFETY: each node is queued once and outlives the queues.
        unsafe { self.injector.push(self.nodes.fill(index)) };
        self.wake(self.idle.worker_to_wake());
    }

    fn search(&self) -> Option<NonNull<Node>> {
        self.look(StealSlot::take, Injector::pop)
    }

    fn final_check(&self) -> Option<NonNull<Node>> {
        self.look(StealSlot::take_or_register, Injector::pop_or_register)
    }

    fn look(
        &self,
        take: fn(&StealSlot<Node>) -> Option<NonNull<Node>>,
        pop: fn(&Injector<Node>) -> Option<NonNull<Node>>,
    ) -> Option<NonNull<Node>> {
        let newest = take(&self.spawner.slot);
        newest.or_else(|| match self.places {
            Places::SlotAndRing => self.steal(),
            Places::TwoSlots => take(&self.other_slot),
            Places::SlotAndInjector => pop(&self.injector),
        })
    }

    fn steal(&self) -> Option<NonNull<Node>> {
        let mut out = [None];
        self.spawner.ring.steal_into(&mut out);
        out[0]
    }

    /// Worker `index` looks for one node, sleeping as often as it must.
    fn find_one(&self, index: usize, start: Start) -> usize {
        let mut searching = start == Start::Searching && self.idle.try_start_search();
        loop {
            if searching {
                if let Some(node) = self.search() {
                    self.wake(self.idle.found_work());
                    return read(node);
                }
                self.idle.end_search();
            }
            self.idle.set_sleeping(index);
            if let Some(node) = self.final_check() {
                match self.idle.cancel_sleep(index) {
                    CancelSleep::Cancelled => self.wake(self.idle.worker_to_wake()),
                    CancelSleep::AlreadyClaimed => self.wake(self.idle.found_work()),
                }
                return read(node);
            }
            self.wakes[index].wait();
            searching = self.idle.cancel_sleep(index) == CancelSleep::AlreadyClaimed;
        }
    }
}

/// Explores all schedules with up to `preemptions` preemptions, or what `LOOM_MAX_PREEMPTIONS` says.
fn check(preemptions: usize, model: impl Fn() + Send + Sync + 'static) {
    let mut builder = loom::model::Builder::new();
    builder.preemption_bound = builder.preemption_bound.or(Some(preemptions));
    builder.check(model);
}

/// Starts workers that find one node each, runs `push`, and checks that each node was found once.
fn each_worker_finds_one(places: Places, starts: &[Start], push: impl FnOnce(&Arc<Shared>)) {
    let workers = starts.len();
    let shared = Shared::new(places, workers, workers);
    let start_worker = |(index, start): (usize, &Start)| {
        let (shared, start) = (shared.clone(), *start);
        loom::thread::spawn(move || shared.find_one(index, start))
    };
    let threads: Vec<_> = starts.iter().enumerate().map(start_worker).collect();
    push(&shared);
    let mut found: Vec<_> = threads.into_iter().map(|thread| thread.join().unwrap()).collect();
    found.sort_unstable();
    assert!(found.iter().copied().eq(0..workers), "{found:?}");
}

#[test]
fn one_spawn_reaches_one_sleeper() {
    check(2, || each_worker_finds_one(Places::SlotAndRing, &[Start::Searching], |shared| shared.spawn(0)));
}

#[test]
fn two_spawns_reach_two_sleepers_through_slot_and_ring() {
    check(2, || {
        each_worker_finds_one(Places::SlotAndRing, &[Start::Searching, Start::FallingAsleep], |shared| {
            shared.spawn(0);
            shared.spawn(1);
        })
    });
}

fn two_pushers_reach(starts: &[Start]) {
    each_worker_finds_one(Places::TwoSlots, starts, |shared| {
        let pusher = {
            let shared = shared.clone();
            loom::thread::spawn(move || shared.spawn_on_other(1))
        };
        shared.spawn(0);
        pusher.join().unwrap();
    });
}

#[test]
fn two_pushers_reach_two_sleepers() {
    check(2, || two_pushers_reach(&[Start::FallingAsleep, Start::FallingAsleep]));
}

/// The search before the sleep adds to what two preemptions allow: they take minutes.
#[test]
fn two_pushers_reach_a_searcher_and_a_sleeper() {
    check(1, || two_pushers_reach(&[Start::Searching, Start::FallingAsleep]));
}

#[test]
fn two_pushers_reach_one_sleeper_twice() {
    check(2, || {
        let shared = Shared::new(Places::SlotAndInjector, 1, 2);
        let pusher = {
            let shared = shared.clone();
            loom::thread::spawn(move || shared.inject(1))
        };
        let worker = {
            let shared = shared.clone();
            loom::thread::spawn(move || shared.find_one(0, Start::Searching) + shared.find_one(0, Start::Searching))
        };
        shared.spawn(0);
        pusher.join().unwrap();
        assert_eq!(worker.join().unwrap(), 1);
    });
}

/// Worker 0 counts as searching and does `search_ends`, while worker 1 falls asleep and a pusher spawns: unless worker 1
/// sees the node in its final check, somebody wakes it.
fn worker_1_sleeps_over_no_node(search_ends: fn(&Shared)) {
    check(4, move || {
        let shared = Shared::new(Places::TwoSlots, 2, 1);
        assert!(shared.idle.try_start_search());
        let searcher = {
            let shared = shared.clone();
            loom::thread::spawn(move || search_ends(&shared))
        };
        let sleeper = {
            let shared = shared.clone();
            loom::thread::spawn(move || {
                shared.idle.set_sleeping(1);
                if shared.spawner.slot.take_or_register().is_none() {
                    shared.wakes[1].wait();
                }
            })
        };
        shared.spawn(0);
        searcher.join().unwrap();
        sleeper.join().unwrap();
    });
}

#[test]
fn a_searcher_that_found_other_work_passes_the_duty_on() {
    worker_1_sleeps_over_no_node(|shared| shared.wake(shared.idle.found_work()));
}

#[test]
fn a_final_check_that_found_other_work_passes_the_duty_on() {
    worker_1_sleeps_over_no_node(|shared| {
        shared.idle.end_search();
        shared.idle.set_sleeping(0);
        match shared.idle.cancel_sleep(0) {
            CancelSleep::Cancelled => shared.wake(shared.idle.worker_to_wake()),
            CancelSleep::AlreadyClaimed => shared.wake(shared.idle.found_work()),
        }
    });
}
