// SPDX-License-Identifier: BSD-3-Clause
//! One ring of records: one writer at a time, one reader, neither waits for the other.
//!
//! ```text
//!            read                write
//!  | free     | record | record   | free     |     both only grow; a slot is `count % slots.len()`
//! ```
#![expect(unsafe_code, reason = "slots that belong to the writer or to the reader")]

use alloc::boxed::Box;
use core::mem::MaybeUninit;

use super::event::Record;
use crate::primitive::UnsafeCell;
use crate::primitive::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};

/// See the [module](self).
pub(super) struct Ring {
    slots: Box<[UnsafeCell<MaybeUninit<Record>>]>,
    /// How many records were written. Stored by who has `writing`.
    written: AtomicUsize,
    /// How many of them were read. Stored by the reader.
    read: AtomicUsize,
    writing: AtomicBool,
    dropped: AtomicU64,
}

// SAFETY: a slot is touched by the writer before it counts as written, and by the reader until it counts as read.
unsafe impl Send for Ring {}
// SAFETY: as above.
unsafe impl Sync for Ring {}

impl Ring {
    pub(super) fn new(capacity: usize) -> Self {
        Self {
            slots: (0..capacity.max(1)).map(|_| UnsafeCell::new(MaybeUninit::uninit())).collect(),
            written: AtomicUsize::new(0),
            read: AtomicUsize::new(0),
            writing: AtomicBool::new(false),
            dropped: AtomicU64::new(0),
        }
    }

    /// Writes `record`; drops and counts it if there is no room, or if another is writing (an interrupt has cut in).
    pub(super) fn push(&self, record: &Record) {
        // Acquire and, below, Release: one writer goes after the other.
        if self.writing.swap(true, Ordering::Acquire) {
            self.dropped.fetch_add(1, Ordering::Relaxed);
            return;
        }
        let written = self.written.load(Ordering::Relaxed);
        // Acquire: what was in the slot has been read.
        if written.wrapping_sub(self.read.load(Ordering::Acquire)) < self.slots.len() {
            // SAFETY: the slot is free, and we are the only writer.
            self.slots[written % self.slots.len()].with_mut(|slot| unsafe { (*slot).write(*record) });
            // Release: the record is there before it counts.
            self.written.store(written.wrapping_add(1), Ordering::Release);
        } else {
            self.dropped.fetch_add(1, Ordering::Relaxed);
        }
        self.writing.store(false, Ordering::Release);
    }

    /// How many records wait to be read.
    pub(super) fn len(&self) -> usize {
        self.written.load(Ordering::Relaxed).wrapping_sub(self.read.load(Ordering::Relaxed))
    }

    /// Hands up to `most` of the records that have been written to `take`, oldest first.
    ///
    /// # Safety
    ///
    /// One reader at a time.
    pub(super) unsafe fn drain(&self, most: usize, mut take: impl FnMut(Record)) {
        let read = self.read.load(Ordering::Relaxed);
        // Acquire: the records are there.
        let written = self.written.load(Ordering::Acquire);
        let count = written.wrapping_sub(read).min(most);
        for nth in (0..count).map(|nth| read.wrapping_add(nth)) {
            // SAFETY: it has been written, and the writer leaves it alone until it counts as read.
            take(self.slots[nth % self.slots.len()].with(|slot| unsafe { (*slot).assume_init() }));
        }
        // Release: the records were read before their slots are free.
        self.read.store(read.wrapping_add(count), Ordering::Release);
    }

    pub(super) fn dropped(&self) -> u64 {
        self.dropped.load(Ordering::Relaxed)
    }
}

#[cfg(all(test, loom))]
mod loom_tests {
    use loom::sync::Arc;
    use loom::thread;

    use super::{Record, Ring};
    use crate::trace::Event;

    fn record(at_ns: u64) -> Record {
        Record { at_ns, worker: None, event: Event::WorkerIdle }
    }

    #[test]
    fn each_record_is_read_once_in_order_or_counted_as_dropped() {
        loom::model(|| {
            let ring = Arc::new(Ring::new(1));
            let writer = {
                let ring = ring.clone();
                thread::spawn(move || (1..3).for_each(|at_ns| ring.push(&record(at_ns))))
            };
            let mut read = std::vec::Vec::new();
            // SAFETY: one reader.
            (0..2).for_each(|_| unsafe { ring.drain(9, |record| read.push(record.at_ns)) });
            writer.join().unwrap();
            // SAFETY: as above.
            unsafe { ring.drain(9, |record| read.push(record.at_ns)) };
            assert!(read.is_sorted(), "{read:?}");
            assert_eq!(read.len() as u64 + ring.dropped(), 2);
        });
    }

    #[test]
    fn of_two_writers_at_once_one_is_counted_as_dropped() {
        loom::model(|| {
            let ring = Arc::new(Ring::new(2));
            let writer = {
                let ring = ring.clone();
                thread::spawn(move || ring.push(&record(1)))
            };
            ring.push(&record(2));
            writer.join().unwrap();
            let mut read = 0;
            // SAFETY: one reader.
            unsafe { ring.drain(9, |_| read += 1) };
            assert_eq!(read + ring.dropped(), 2);
        });
    }
}
