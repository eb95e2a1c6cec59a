// SPDX-License-Identifier: BSD-3-Clause
//! A subscriber that keeps records in rings until somebody drains them.
#![expect(unsafe_code, reason = "promises not to call kcoro; each ring has one reader")]

use alloc::vec::Vec;

use super::event::Record;
use super::hook::Subscriber;
use super::ring::Ring;
use crate::primitive::SpinLock;

/// A ring for each worker, and one for everyone else. What finds its ring full is dropped and counted.
pub struct Rings {
    workers: Vec<Ring>,
    /// Of threads that are no workers, and of workers beyond the number that was given.
    others: Ring,
    /// Taken by who drains.
    reader: SpinLock<()>,
}

impl Rings {
    /// For a runtime of `workers`; each ring holds `capacity` records.
    ///
    /// With no worker all records go into one ring, in the order in which they come: for a platform that runs its workers
    /// in turn, as a simulator does.
    pub fn new(workers: usize, capacity: usize) -> Self {
        let ring = |_| Ring::new(capacity);
        Self { workers: (0..workers).map(ring).collect(), others: Ring::new(capacity), reader: SpinLock::new(()) }
    }

    /// Takes all records that have been written, ring by ring, each in its order.
    pub fn drain(&self) -> Vec<Record> {
        let mut records = Vec::new();
        for ring in self.workers.iter().chain([&self.others]) {
            let count = ring.len();
            records.reserve(count);
            let _reader = self.reader.lock();
            // SAFETY: who drains holds the lock. There is room, so nothing is allocated under it.
            unsafe { ring.drain(count, |record| records.push(record)) };
        }
        records
    }

    /// How many records were dropped.
    pub fn dropped(&self) -> u64 {
        self.workers.iter().chain([&self.others]).map(Ring::dropped).sum()
    }
}

// SAFETY: a push copies a record, and gives up where it would have to wait.
unsafe impl Subscriber for Rings {
    fn note(&self, record: &Record) {
        let own = record.worker.and_then(|worker| self.workers.get(worker as usize));
        own.unwrap_or(&self.others).push(record);
    }
}

impl core::fmt::Debug for Rings {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_struct("Rings").field("workers", &self.workers.len()).field("dropped", &self.dropped()).finish()
    }
}
