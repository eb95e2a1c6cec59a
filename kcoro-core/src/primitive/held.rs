// SPDX-License-Identifier: BSD-3-Clause
//! How many of the core's locks the calling thread holds: counted in debug builds with `std`, so that a suspension with a
//! lock held ends with a message instead of a deadlock. Elsewhere these functions are empty.

#[cfg(all(debug_assertions, feature = "std", not(loom), not(kcoro_interleave)))]
mod imp {
    use core::cell::Cell;

    std::thread_local! {
        static HELD: Cell<u32> = const { Cell::new(0) };
    }

    pub(crate) fn took() {
        HELD.set(HELD.get() + 1);
    }

    pub(crate) fn released() {
        HELD.set(HELD.get() - 1);
    }

    pub(crate) fn count() -> u32 {
        HELD.get()
    }
}

/// The twin that costs nothing. Also where several simulated workers share a thread in the middle of their operations: the
/// locks of one are not those of the other.
#[cfg(not(all(debug_assertions, feature = "std", not(loom), not(kcoro_interleave))))]
mod imp {
    #[inline(always)]
    pub(crate) fn took() {}

    #[inline(always)]
    pub(crate) fn released() {}

    #[inline(always)]
    pub(crate) fn count() -> u32 {
        0
    }
}

#[allow(unused_imports, reason = "only builds with alloc have locks, and models have no scheduler")]
pub(crate) use imp::{count, released, took};

#[cfg(all(test, debug_assertions, feature = "std", not(loom), not(kcoro_interleave)))]
mod tests {
    use crate::primitive::{SpinLock, held};

    #[test]
    fn each_lock_counts_for_its_thread_while_it_is_held() {
        let (one, other) = (SpinLock::new(1), SpinLock::new(2));
        assert_eq!(held::count(), 0);
        let first = one.lock();
        let second = other.lock();
        assert_eq!(held::count(), 2);
        assert_eq!(std::thread::spawn(held::count).join().unwrap(), 0);
        drop(first);
        assert_eq!(held::count(), 1);
        drop(second);
        assert_eq!(held::count(), 0);
    }
}
