// SPDX-License-Identifier: BSD-3-Clause
//! Which workers sleep and how many search, so that work wakes exactly as many as it needs.
//!
//! # Protocol
//!
//! Every place where work can be stolen has a *meeting point*, a location that both sides change by a
//! read-modify-write: the [`StealSlot`](super::steal::StealSlot) of the worker that owns a slot and a ring, and the lock
//! of the [`Injector`](super::injector::Injector).
//!
//! - Whoever makes work stealable (a spawner, or a thief that keeps what it does not run) first does everything else,
//!   then changes the meeting point (`StealSlot::replace`, or the injector's push), then asks
//!   [`IdleSet::worker_to_wake`] and wakes that worker.
//! - A worker that finds nothing calls [`IdleSet::end_search`] if it was searching, then [`IdleSet::set_sleeping`], and
//!   then makes its *final check*: at each place it first changes the meeting point (`take_or_register`,
//!   `pop_or_register`) and then looks. Found nothing: it parks. Found something: it calls [`IdleSet::cancel_sleep`],
//!   and then `found_work` if it was claimed, else `worker_to_wake`.
//! - A worker that wakes calls `cancel_sleep` first. If it was claimed, it is searching.
//! - A searching worker that has found work of any kind calls [`IdleSet::found_work`] before it runs it.
//!
//! # Why no wake is lost
//!
//! *Meeting.* A pusher changes a meeting point, step p; a worker W, its bit set, changes it in its final check, step w.
//! All changes of one location have one order. If w is after p, W acquires p and sees the work. If w is before p, all
//! that W did before w happened before p, and what the pusher loads after p is at least as new: W's bit, and that W no
//! longer counts as searching. So a plain load is enough for the pusher.
//!
//! *The pusher reads `searching` = 0.* Each worker whose bit it sees set can be claimed, and it claims one. Each whose
//! bit it sees clear will, by the above, have its w after p, and see the work before it sleeps.
//!
//! *The pusher reads `searching` > 0 and leaves the work to the searchers.* Let d be the first decrement to 0 that comes
//! after the value it read. Then no w that d happened before is itself before p, or the pusher would have read d.
//! - d was made by `found_work` (or by a claim that was withdrawn): it is followed by a read-modify-write of every word
//!   of bits. A worker that set its bit before that is seen, and one such is woken. A worker that sets its bit later
//!   acquires d, so its w is after p.
//! - d was made by `end_search`: the same worker's `set_sleeping` changes every word, and its final check comes after d,
//!   so its w is after p. If it finds other work first, `worker_to_wake` sees the bits set before its change of the
//!   words; the workers that set theirs later acquired d.
//!
//! A worker that is woken this way began to count as searching after d, so the same holds for it, and so on until the
//! work is taken or everyone is awake.
//!
//! `searching` itself needs no ordering: the argument uses only the order of its own changes, and the bits and meeting
//! points carry what must be seen.

use crate::primitive::atomic::{AtomicU64, AtomicUsize, Ordering};
use crate::util::cache_padded::CachePadded;

/// Bits used of each word. One under loom, so that small models have workers in different words.
const BITS_PER_WORD: usize = if cfg!(loom) { 1 } else { 64 };
const WORDS: usize = if cfg!(loom) { 2 } else { 16 };

/// The most workers that one set can hold.
pub(crate) const MAX_WORKERS: usize = WORDS * BITS_PER_WORD;

/// How [`IdleSet::cancel_sleep`] ended.
#[must_use = "a claimed worker counts as searching, and others rely on it"]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum CancelSleep {
    /// The worker took its own bit back. It does not count as searching.
    Cancelled,
    /// Somebody claimed the worker, and sends or has sent it a wake. It counts as searching.
    AlreadyClaimed,
}

/// The sleeping and searching workers of one runtime. See the module for the protocol.
pub(crate) struct IdleSet {
    /// Workers that look for work to steal, including those that are claimed and not yet awake.
    searching: CachePadded<AtomicUsize>,
    /// One bit per worker: it sleeps, or is in its final check, and nobody has claimed it.
    sleeping: CachePadded<[AtomicU64; WORDS]>,
    workers: usize,
}

impl IdleSet {
    /// A set in which all of `workers` are awake and none searches. Panics if there are more than [`MAX_WORKERS`].
    #[cfg(not(loom))]
    pub(crate) const fn new(workers: usize) -> Self {
        assert!(workers <= MAX_WORKERS, "too many workers");
        Self {
            searching: CachePadded::new(AtomicUsize::new(0)),
            sleeping: CachePadded::new([const { AtomicU64::new(0) }; WORDS]),
            workers,
        }
    }

    #[cfg(loom)]
    pub(crate) fn new(workers: usize) -> Self {
        assert!(workers <= MAX_WORKERS, "too many workers");
        Self {
            searching: CachePadded::new(AtomicUsize::new(0)),
            sleeping: CachePadded::new(core::array::from_fn(|_| AtomicU64::new(0))),
            workers,
        }
    }

    /// The worker that the caller, having made work stealable, must wake; `None` when nobody sleeps, or when a searching
    /// worker will find the work. The worker returned counts as searching already, so that the next pusher wakes no
    /// second one.
    #[must_use = "the claimed worker must be woken"]
    #[inline]
    pub(crate) fn worker_to_wake(&self) -> Option<usize> {
        // Relaxed: the caller's change of the meeting point is what makes these loads new enough (see the module).
        if self.searching.load(Ordering::Relaxed) != 0
            || self.words().iter().all(|word| word.load(Ordering::Relaxed) == 0)
        {
            return None;
        }
        self.claim_sleeper()
    }

    /// Counts the caller as searching, unless about half of the workers search already: more would mostly get in each
    /// other's way.
    #[must_use = "a worker that is not counted must not search"]
    pub(crate) fn try_start_search(&self) -> bool {
        let limit = (self.workers / 2).max(1);
        // Relaxed: `searching` needs no ordering (see the module).
        let started = self.searching.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |searching| {
            (searching < limit).then_some(searching + 1)
        });
        started.is_ok()
    }

    /// The caller, which was searching, found nothing. `set_sleeping` and the final check must follow.
    pub(crate) fn end_search(&self) {
        // Relaxed: `searching` needs no ordering (see the module).
        self.searching.fetch_sub(1, Ordering::Relaxed);
    }

    /// The caller, which was searching, found work. Returns a worker to wake if the caller was the last to search,
    /// because pushers relied on it. The worker returned counts as searching.
    #[must_use = "the claimed worker must be woken"]
    pub(crate) fn found_work(&self) -> Option<usize> {
        // Relaxed: `searching` needs no ordering (see the module).
        let was_last = self.searching.fetch_sub(1, Ordering::Relaxed) == 1;
        if was_last { self.claim_sleeper() } else { None }
    }

    /// Announces that worker `index`, the caller, is about to sleep. The final check must follow.
    pub(crate) fn set_sleeping(&self, index: usize) {
        let (own, bit) = Self::place(index);
        for (number, word) in self.words().iter().enumerate() {
            // Acquire and release on every word, own or not: between two workers that fall asleep, one sees the other.
            // Release: whoever sees the bit, or changes the word later, sees our `end_search`. Acquire: should the
            // final check find something, our `worker_to_wake` sees the bits set before ours.
            word.fetch_or(if number == own { bit } else { 0 }, Ordering::AcqRel);
        }
    }

    /// Worker `index`, the caller, is awake again: because it was woken, or because its final check found something.
    pub(crate) fn cancel_sleep(&self, index: usize) -> CancelSleep {
        let (own, bit) = Self::place(index);
        // Acquire: if somebody claimed us, it counted us as searching before, and our decrement must come after that.
        // Release is not needed: a cleared bit tells others nothing.
        let before = self.sleeping[own].fetch_and(!bit, Ordering::Acquire);
        if before & bit != 0 { CancelSleep::Cancelled } else { CancelSleep::AlreadyClaimed }
    }

    /// Whether any worker but the caller is awake, as far as a glance tells: if none is, nobody makes work.
    pub(crate) fn others_awake(&self) -> bool {
        // Relaxed: a hint.
        let asleep: u32 = self.words().iter().map(|word| word.load(Ordering::Relaxed).count_ones()).sum();
        (asleep as usize) + 1 < self.workers
    }

    /// Claims one sleeping worker, unless somebody searches.
    #[cold]
    fn claim_sleeper(&self) -> Option<usize> {
        while self.anyone_sleeps() {
            // Counting before claiming keeps it at one wake at a time, however many ask. Relaxed: see the module.
            if self.searching.compare_exchange(0, 1, Ordering::Relaxed, Ordering::Relaxed).is_err() {
                return None;
            }
            let claimed = self.clear_one_bit();
            if claimed.is_some() {
                return claimed;
            }
            // Who slept woke by itself. While we counted, others may have left work to us, so look again.
            if self.searching.fetch_sub(1, Ordering::Relaxed) != 1 {
                return None;
            }
        }
        None
    }

    /// Whether any bit is set, by read-modify-writes: a worker that sets its bit later sees what the caller did before.
    fn anyone_sleeps(&self) -> bool {
        // Acquire: sees the bits set before. Release: those that set theirs later see our decrement of `searching`.
        self.words().iter().any(|word| word.fetch_add(0, Ordering::AcqRel) != 0)
    }

    fn clear_one_bit(&self) -> Option<usize> {
        self.words().iter().enumerate().find_map(|(number, word)| {
            // Relaxed: only a guess at which bit to try.
            let mut bits = word.load(Ordering::Relaxed);
            while bits != 0 {
                let bit = bits & bits.wrapping_neg();
                // Release: the claimed worker's `cancel_sleep` sees that it is counted as searching.
                let before = word.fetch_and(!bit, Ordering::Release);
                if before & bit != 0 {
                    return Some(number * BITS_PER_WORD + bit.trailing_zeros() as usize);
                }
                bits = before;
            }
            None
        })
    }

    /// The word and the bit of worker `index`.
    #[inline]
    fn place(index: usize) -> (usize, u64) {
        (index / BITS_PER_WORD, 1 << (index % BITS_PER_WORD))
    }

    /// The words that have a worker.
    #[inline]
    fn words(&self) -> &[AtomicU64] {
        &self.sleeping[..self.workers.div_ceil(BITS_PER_WORD)]
    }
}

#[cfg(all(test, not(loom)))]
mod tests {
    use super::{CancelSleep, IdleSet, MAX_WORKERS};

    #[test]
    fn nobody_is_woken_while_all_are_awake() {
        assert_eq!(IdleSet::new(4).worker_to_wake(), None);
    }

    #[test]
    fn one_wake_is_under_way_at_a_time() {
        let idle = IdleSet::new(200);
        idle.set_sleeping(70);
        idle.set_sleeping(199);
        assert_eq!(idle.worker_to_wake(), Some(70));
        assert_eq!(idle.worker_to_wake(), None, "worker 70 will find the work");
        assert_eq!(idle.cancel_sleep(70), CancelSleep::AlreadyClaimed);
        assert_eq!(idle.found_work(), Some(199), "the last searcher passes the duty on");
        assert_eq!(idle.cancel_sleep(199), CancelSleep::AlreadyClaimed);
        assert_eq!(idle.found_work(), None);
    }

    #[test]
    fn a_searcher_keeps_others_asleep_until_it_ends_its_search() {
        let idle = IdleSet::new(2);
        idle.set_sleeping(0);
        assert!(idle.try_start_search());
        assert_eq!(idle.worker_to_wake(), None);
        idle.end_search();
        idle.set_sleeping(1);
        assert_eq!(idle.worker_to_wake(), Some(0));
    }

    #[test]
    fn a_sleep_can_be_cancelled_and_is_then_not_claimed() {
        let idle = IdleSet::new(MAX_WORKERS);
        idle.set_sleeping(MAX_WORKERS - 1);
        assert_eq!(idle.cancel_sleep(MAX_WORKERS - 1), CancelSleep::Cancelled);
        assert_eq!(idle.worker_to_wake(), None);
        assert!(idle.try_start_search(), "a failed claim leaves no searcher behind");
        assert_eq!(idle.found_work(), None);
    }

    #[test]
    fn half_of_the_workers_may_search_and_always_at_least_one() {
        for (workers, limit) in [(1, 1), (2, 1), (3, 1), (8, 4)] {
            let idle = IdleSet::new(workers);
            assert_eq!((0..workers).filter(|_| idle.try_start_search()).count(), limit);
        }
    }
}

#[cfg(all(test, loom))]
mod loom_tests;
