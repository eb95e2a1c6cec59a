// SPDX-License-Identifier: BSD-3-Clause
//! The draws that make a select fair: from a generator per worker and per thread, or the platform's choices.
#![expect(unsafe_code, reason = "asks the calling worker's scheduler")]

use crate::task::schedule::Place;
#[cfg(all(feature = "std", not(loom)))]
use crate::util::random::Random;

/// A number below `options`, which is not zero.
#[inline]
pub(crate) fn below(options: usize) -> usize {
    if options < 2 {
        return 0;
    }
    match Place::current() {
        Place::Coroutine(worker, _) | Place::Base(worker) => {
            // SAFETY: the calling worker is live, and nothing suspends here.
            let head = unsafe { worker.as_ref() };
            if head.random.is_seeded() {
                head.random.below(options)
            } else {
                // SAFETY: as above; the scheduler is the worker's own.
                unsafe { head.scheduler.choose(worker, options) }
            }
        }
        Place::Interrupt => 0,
        Place::Outside => below_outside(options),
    }
}

#[cfg(all(feature = "std", not(loom)))]
fn below_outside(options: usize) -> usize {
    use crate::primitive::atomic::{AtomicU64, Ordering};

    static THREADS: AtomicU64 = AtomicU64::new(0);
    std::thread_local! {
        static RANDOM: Random = const { Random::unseeded() };
    }
    RANDOM.with(|random| {
        if !random.is_seeded() {
            // Relaxed: only that each thread gets another number matters.
            let nth = THREADS.fetch_add(1, Ordering::Relaxed);
            random.seed(nth ^ crate::platform::system_clock::now_ns() << 16);
        }
        random.below(options)
    })
}

/// Nobody can wait here, and who only tries takes the arms as they are written. In a model nothing may be drawn at all.
#[cfg(not(all(feature = "std", not(loom))))]
fn below_outside(_options: usize) -> usize {
    0
}
