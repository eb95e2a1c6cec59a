// SPDX-License-Identifier: BSD-3-Clause
//! Parking of workers: one parker per worker index, in a table that only grows.
//!
//! A lookup is two loads and no lock, so that a wake stays cheap and can come from a signal handler. Only the first
//! touch of a range of indices allocates; starting or adopting a worker does that ahead of every wake.
#![expect(unsafe_code, reason = "hands out references into buckets that are freed only with the table")]

#[cfg(any(not(target_os = "linux"), test))]
mod condvar;
#[cfg(all(target_os = "linux", not(loom)))]
mod futex;
mod token;

use core::ptr;
use core::sync::atomic::{AtomicPtr, Ordering};

#[cfg(any(not(target_os = "linux"), loom))]
use condvar::CondvarParker as SystemParker;
#[cfg(all(target_os = "linux", not(loom)))]
use futex::FutexParker as SystemParker;

/// Bucket `b` holds `FIRST_BUCKET << b` parkers, so that a parker never moves when the table grows.
const FIRST_BUCKET: usize = 32;
const BUCKETS: usize = 12;

/// Indices from here on cannot be workers.
pub(crate) const MAX_WORKERS: usize = FIRST_BUCKET * ((1 << BUCKETS) - 1);

/// Alone on its cache lines: a wake of one worker must not slow its neighbour down.
#[repr(align(128))]
struct Parker(SystemParker);

/// The parkers of all workers of one platform value.
pub(crate) struct Parkers {
    /// Null, or the first of the bucket's parkers, boxed. Goes from null to its one value once.
    buckets: [AtomicPtr<Parker>; BUCKETS],
}

impl Parkers {
    pub(crate) fn new() -> Self {
        Self { buckets: [const { AtomicPtr::new(ptr::null_mut()) }; BUCKETS] }
    }

    /// Makes sure that no later `park` or `wake` of worker `index` allocates.
    pub(crate) fn prepare(&self, index: usize) {
        self.parker(index);
    }

    /// See [`Platform::park`](kcoro_core::platform::Platform::park).
    pub(crate) fn park(&self, index: usize, deadline_ns: Option<u64>) {
        self.parker(index).park(deadline_ns);
    }

    /// See [`Platform::wake`](kcoro_core::platform::Platform::wake).
    pub(crate) fn wake(&self, index: usize) {
        self.parker(index).wake();
    }

    fn parker(&self, index: usize) -> &SystemParker {
        let (bucket, offset) = locate(index);
        // Acquire: pairs with the Release that published the bucket, so that its parkers are initialised.
        let mut parkers = self.buckets[bucket].load(Ordering::Acquire);
        if parkers.is_null() {
            parkers = self.fill(bucket);
        }
        // SAFETY: a bucket that is not null points to `FIRST_BUCKET << bucket` parkers, which `locate` keeps `offset`
        // below, and is freed only when the table is dropped, which `&self` excludes.
        unsafe { &(*parkers.add(offset)).0 }
    }

    #[cold]
    fn fill(&self, bucket: usize) -> *mut Parker {
        let parkers: Box<[Parker]> = (0..FIRST_BUCKET << bucket).map(|_| Parker(SystemParker::new())).collect();
        let new = Box::into_raw(parkers).cast::<Parker>();
        // Release on success publishes the parkers; Acquire on failure sees those of whoever was faster.
        match self.buckets[bucket].compare_exchange(ptr::null_mut(), new, Ordering::AcqRel, Ordering::Acquire) {
            Ok(_) => new,
            Err(faster) => {
                // SAFETY: `new` was not published, so this is its only owner.
                unsafe { free_bucket(new, bucket) };
                faster
            }
        }
    }
}

impl Drop for Parkers {
    fn drop(&mut self) {
        for (bucket, parkers) in self.buckets.iter_mut().enumerate() {
            let parkers = *parkers.get_mut();
            if !parkers.is_null() {
                // SAFETY: `&mut self`: no reference into the bucket is left.
                unsafe { free_bucket(parkers, bucket) };
            }
        }
    }
}

/// # Safety
///
/// `parkers` came from `fill` for `bucket` and no one uses it any more.
unsafe fn free_bucket(parkers: *mut Parker, bucket: usize) {
    let parkers = ptr::slice_from_raw_parts_mut(parkers, FIRST_BUCKET << bucket);
    // SAFETY: `fill` made it as a box of this many, and the caller gives it up.
    drop(unsafe { Box::from_raw(parkers) });
}

/// The bucket of `index` and the place within it.
fn locate(index: usize) -> (usize, usize) {
    assert!(index < MAX_WORKERS, "worker index {index} is out of range: at most {MAX_WORKERS} workers");
    let shifted = index + FIRST_BUCKET;
    let bucket = shifted.ilog2() - FIRST_BUCKET.ilog2();
    (bucket as usize, shifted - (FIRST_BUCKET << bucket))
}

#[cfg(all(test, not(loom)))]
mod tests;
