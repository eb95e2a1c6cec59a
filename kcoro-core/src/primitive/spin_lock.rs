// SPDX-License-Identifier: BSD-3-Clause
//! A spin lock for short, bounded critical sections.
//!
//! Taking it costs one compare-and-swap and releasing it one plain store, which is why the core uses it and not a
//! sleeping lock: no critical section in the core runs user code, allocates or waits, so the holder is never gone for
//! long. With `std` a contender hands its time slice away after a short spin, because the holder may have been
//! preempted.
//!
//! While it is held, and while it is waited for, the core's interrupts are masked: see [`interrupts`].
#![expect(unsafe_code, reason = "hands out references into the cell that the lock bit guards")]

use core::ops::{Deref, DerefMut};

use super::atomic::{AtomicBool, Ordering};
use super::held;
use super::imp::Holder;
use super::{Spin, UnsafeCell, interrupts};

/// A value that only the holder of the lock bit may touch.
pub(crate) struct SpinLock<T: ?Sized> {
    locked: AtomicBool,
    holder: Holder,
    value: UnsafeCell<T>,
}

// SAFETY: the lock bit gives one thread at a time access to the value, so sharing the lock moves `T` between threads at
// most, which `T: Send` allows.
unsafe impl<T: ?Sized + Send> Send for SpinLock<T> {}
// SAFETY: as above.
unsafe impl<T: ?Sized + Send> Sync for SpinLock<T> {}

impl<T> SpinLock<T> {
    #[cfg(not(loom))]
    pub(crate) const fn new(value: T) -> Self {
        Self { locked: AtomicBool::new(false), holder: Holder::new(), value: UnsafeCell::new(value) }
    }

    #[cfg(loom)]
    pub(crate) fn new(value: T) -> Self {
        Self { locked: AtomicBool::new(false), holder: Holder::new(), value: UnsafeCell::new(value) }
    }
}

impl<T: ?Sized> SpinLock<T> {
    /// Takes the lock, spinning while another thread holds it.
    #[inline]
    #[cfg_attr(kcoro_interleave, track_caller)]
    pub(crate) fn lock(&self) -> SpinGuard<'_, T> {
        // Before the lock is taken: no handler may find it taken by whom it has interrupted.
        interrupts::mask();
        // Acquire: what the last holder wrote before its Release store is visible to us.
        if self.locked.compare_exchange(false, true, Ordering::Acquire, Ordering::Relaxed).is_err() {
            self.lock_contended();
        }
        self.taken()
    }

    /// Takes the lock if it is free: for who must not wait for its holder.
    #[cfg_attr(kcoro_interleave, track_caller)]
    pub(crate) fn try_lock(&self) -> Option<SpinGuard<'_, T>> {
        interrupts::mask();
        // Acquire: as in `lock`.
        if self.locked.compare_exchange(false, true, Ordering::Acquire, Ordering::Relaxed).is_err() {
            interrupts::unmask();
            return None;
        }
        Some(self.taken())
    }

    #[inline(always)]
    fn taken(&self) -> SpinGuard<'_, T> {
        held::took();
        self.holder.note();
        SpinGuard { lock: self }
    }

    #[cold]
    fn lock_contended(&self) {
        let mut spin = Spin::new();
        loop {
            // Reading until it looks free keeps the line shared among contenders instead of bouncing it.
            while self.locked.load(Ordering::Relaxed) {
                self.holder.back_off(&self.locked, &mut spin);
            }
            if self.locked.compare_exchange_weak(false, true, Ordering::Acquire, Ordering::Relaxed).is_ok() {
                return;
            }
        }
    }
}

/// That of a lock's holder which a contender knows without an interleaving simulation: nothing.
#[cfg(not(kcoro_interleave))]
pub(super) struct Unknown;

#[cfg(not(kcoro_interleave))]
impl Unknown {
    pub(super) const fn new() -> Self {
        Self
    }

    #[inline(always)]
    fn note(&self) {}

    #[inline(always)]
    fn released() {}

    fn back_off(&self, _locked: &AtomicBool, spin: &mut Spin) {
        spin.again();
    }
}

/// Proof that the lock is held; dropping it releases the lock.
pub(crate) struct SpinGuard<'a, T: ?Sized> {
    lock: &'a SpinLock<T>,
}

impl<T: ?Sized> SpinGuard<'_, T> {
    /// Calls `body` while the lock is free, and takes it again.
    #[cfg(feature = "alloc")]
    #[cfg_attr(kcoro_interleave, track_caller)]
    pub(crate) fn unlocked(&mut self, body: impl FnOnce()) {
        let lock = self.lock;
        // SAFETY: the guard is there, so the lock is held, and `self` is borrowed, so nobody has a reference to the value.
        unsafe { core::ptr::drop_in_place(self) };
        // Also when the body unwinds: the guard is dropped then, once more.
        let _again = TakeAgain(lock);
        body();
    }
}

/// Takes the lock whose guard goes on.
#[cfg(feature = "alloc")]
struct TakeAgain<'a, T: ?Sized>(&'a SpinLock<T>);

#[cfg(feature = "alloc")]
impl<T: ?Sized> Drop for TakeAgain<'_, T> {
    fn drop(&mut self) {
        core::mem::forget(self.0.lock());
    }
}

impl<T: ?Sized> Deref for SpinGuard<'_, T> {
    type Target = T;

    #[inline]
    #[cfg_attr(kcoro_interleave, track_caller)]
    fn deref(&self) -> &T {
        // SAFETY: the guard exists, so this thread holds the lock bit and no one else has a reference to the value.
        self.lock.value.with(|value| unsafe { &*value })
    }
}

impl<T: ?Sized> DerefMut for SpinGuard<'_, T> {
    #[inline]
    #[cfg_attr(kcoro_interleave, track_caller)]
    fn deref_mut(&mut self) -> &mut T {
        // SAFETY: as in `deref`; `&mut self` makes this the only reference.
        self.lock.value.with_mut(|value| unsafe { &mut *value })
    }
}

impl<T: ?Sized> Drop for SpinGuard<'_, T> {
    #[inline]
    fn drop(&mut self) {
        held::released();
        // Release: pairs with the Acquire in `lock`.
        self.lock.locked.store(false, Ordering::Release);
        // Says nothing of the lock itself, which may be gone.
        Holder::released();
        interrupts::unmask();
    }
}

#[cfg(all(test, loom))]
mod loom_tests {
    use loom::sync::Arc;

    use super::SpinLock;

    #[test]
    fn lock_excludes_and_publishes() {
        loom::model(|| {
            let lock = Arc::new(SpinLock::new(0u32));
            let other = {
                let lock = lock.clone();
                loom::thread::spawn(move || *lock.lock() += 1)
            };
            *lock.lock() += 1;
            other.join().unwrap();
            assert_eq!(*lock.lock(), 2);
        });
    }
}
