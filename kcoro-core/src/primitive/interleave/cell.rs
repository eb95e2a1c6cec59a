// SPDX-License-Identifier: BSD-3-Clause
//! A cell that notices when two workers are in it at once.

use core::any::type_name;
use core::sync::atomic::{AtomicIsize, Ordering};

use super::{point, registered};

/// How many are in a cell to read; this, if one is in it to write.
const WRITING: isize = -1;

/// `core::cell::UnsafeCell` with loom's closure interface. Each access can be interrupted between its beginning and what it
/// does, so that another one overlaps with it if nothing keeps the two apart.
///
/// What a reference that left the closure is used for later is not seen; locks hand out such references.
pub(crate) struct UnsafeCell<T: ?Sized> {
    /// An atomic for the sake of `Sync` types around it only: simulated workers are on one thread.
    inside: AtomicIsize,
    value: core::cell::UnsafeCell<T>,
}

impl<T> UnsafeCell<T> {
    pub(crate) const fn new(value: T) -> Self {
        Self { inside: AtomicIsize::new(0), value: core::cell::UnsafeCell::new(value) }
    }

    /// No point, since nobody else has it.
    pub(crate) fn into_inner(self) -> T {
        self.value.into_inner()
    }
}

impl<T: ?Sized> UnsafeCell<T> {
    #[track_caller]
    pub(crate) fn with<R>(&self, f: impl FnOnce(*const T) -> R) -> R {
        let before = self.inside.load(Ordering::Relaxed);
        self.enter(before == WRITING, before + 1);
        let result = f(self.value.get());
        self.leave(1);
        result
    }

    #[track_caller]
    pub(crate) fn with_mut<R>(&self, f: impl FnOnce(*mut T) -> R) -> R {
        self.enter(self.inside.load(Ordering::Relaxed) != 0, WRITING);
        let result = f(self.value.get());
        self.leave(WRITING);
        result
    }

    #[track_caller]
    fn enter(&self, is_race: bool, inside: isize) {
        // Without a simulation there is nobody to tell, and threads would count each other wrongly.
        let Some(interleave) = registered() else { return };
        if is_race {
            interleave.race(type_name::<T>());
        }
        self.inside.store(inside, Ordering::Relaxed);
        point();
    }

    fn leave(&self, count: isize) {
        if registered().is_some() {
            self.inside.store(self.inside.load(Ordering::Relaxed) - count, Ordering::Relaxed);
        }
    }
}
