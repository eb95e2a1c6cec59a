// SPDX-License-Identifier: BSD-3-Clause
//! Models of workers that end coroutines and fall asleep while somebody closes the runtime. A closer that is told nothing is
//! a deadlock, which loom reports.

use std::sync::Arc;
use std::vec::Vec;

use loom::sync::Notify;
use loom::sync::atomic::{Ordering, fence};
use loom::thread;

use super::{Ends, MadeUp};
use crate::primitive::spin::MOST_IN_A_MODEL;
use crate::sched::counter::Counter;
use crate::sched::phase::{Phase, PhaseWord};
use crate::wait::Limit;

struct Worker {
    ended: Counter,
    wake: Notify,
}

/// A runtime each of whose workers runs one last coroutine.
struct Runtime {
    phase: PhaseWord,
    ends: Ends,
    workers: Vec<Worker>,
}

impl Runtime {
    fn new(workers: usize) -> Arc<Self> {
        let workers = (0..workers).map(|_| Worker { ended: Counter::new(), wake: Notify::new() }).collect();
        Arc::new(Self { phase: PhaseWord::new(), ends: Ends::new(), workers })
    }

    fn live_count(&self) -> u64 {
        let ended: u64 = self.workers.iter().map(|worker| worker.ended.get()).sum();
        self.workers.len() as u64 - ended
    }

    fn tell(&self) {
        self.ends.tell(|| self.live_count());
    }

    /// As a worker ends a coroutine and then sleeps, until it has been woken by the close.
    fn work(&self, index: usize) {
        let Worker { ended, wake } = &self.workers[index];
        let made_up = MadeUp::new();
        ended.bump();
        if self.phase.get() != Phase::Open {
            self.tell();
        }
        loop {
            wake.wait();
            if made_up.is_due(&self.phase) {
                return self.tell();
            }
        }
    }

    /// As a shutdown that has all the time in the world.
    fn close(&self) {
        self.phase.advance(Phase::Closing);
        fence(Ordering::SeqCst);
        self.workers.iter().for_each(|worker| worker.wake.notify());
        self.ends.wait(|| self.live_count(), Limit::Never);
        assert_eq!(self.live_count(), 0, "it waits for the last");
    }
}

fn closer_hears_of_the_last_of(workers: usize) {
    let runtime = Runtime::new(workers);
    let start = |index| {
        let runtime = runtime.clone();
        thread::spawn(move || runtime.work(index))
    };
    let threads: Vec<_> = (0..workers).map(start).collect();
    runtime.close();
    threads.into_iter().for_each(|thread| thread.join().unwrap());
}

#[test]
fn a_closer_hears_of_an_end_that_did_not_see_the_close() {
    loom::model(|| closer_hears_of_the_last_of(1));
}

#[test]
fn a_closer_hears_of_the_last_of_two_that_see_neither_the_close_nor_each_other() {
    MOST_IN_A_MODEL.set(3);
    let mut builder = loom::model::Builder::new();
    builder.preemption_bound = builder.preemption_bound.or(Some(2));
    builder.check(|| closer_hears_of_the_last_of(2));
}
