// SPDX-License-Identifier: BSD-3-Clause
//! Coroutine-local values.
#![expect(unsafe_code, reason = "owner-only storage behind a shared reference")]

use alloc::boxed::Box;
use alloc::rc::Rc;
use alloc::vec::Vec;
use core::any::Any;
use core::cell::UnsafeCell;

use super::task_core::{TaskCore, drop_quietly};
use crate::task::schedule::Place;
use crate::wait::CannotWait;

/// The values of one coroutine. Empty, it is one pointer.
#[expect(clippy::box_collection, reason = "most coroutines have none: one word is enough to say so")]
pub(super) struct Locals(UnsafeCell<Option<Box<Vec<Entry>>>>);

struct Entry {
    key: usize,
    // Counted: a primitive coroutine that is suspended inside of `with` may be resumed by another coroutine of the same
    // thread, after the one whose value this is has ended.
    value: Rc<dyn Any>,
}

impl Locals {
    pub(super) const fn new() -> Self {
        Self(UnsafeCell::new(None))
    }

    /// The value of `key`, made by `init` if it is not there yet. Only the coroutine itself calls this.
    fn get_or_init<T: 'static>(&self, key: usize, init: fn() -> T) -> Rc<T> {
        // SAFETY: only the coroutine touches its locals, and this reference is gone before `init` runs.
        let found = unsafe { &*self.0.get() }.iter().flat_map(|entries| entries.iter()).find(|entry| entry.key == key);
        if let Some(value) = found.and_then(|entry| entry.value.clone().downcast::<T>().ok()) {
            return value;
        }
        let value = Rc::new(init());
        // SAFETY: as above; `init` may have added others, but it has returned.
        unsafe { &mut *self.0.get() }.get_or_insert_default().push(Entry { key, value: value.clone() });
        value
    }

    /// Drops all values, newest first. A destructor may make new ones, which are dropped in another round; what is still
    /// made in the last round is leaked, so that one that remakes itself does not go on for ever.
    pub(super) fn clear(&self) {
        const ROUNDS: usize = 8;
        for _ in 0..ROUNDS {
            // SAFETY: only the coroutine touches its locals, and no reference is held over a drop.
            let Some(mut entries) = (unsafe { &mut *self.0.get() }).take() else { return };
            while let Some(entry) = entries.pop() {
                drop_quietly(entry);
            }
        }
        // SAFETY: as above.
        core::mem::forget(unsafe { &mut *self.0.get() }.take());
    }
}

/// A value that each coroutine has its own of, made at its first use and dropped when the coroutine ends.
///
/// ```
/// use core::cell::Cell;
/// use kcoro_core::sched::CoroutineLocal;
///
/// static REQUESTS: CoroutineLocal<Cell<u32>> = CoroutineLocal::new(|| Cell::new(0));
///
/// // Outside of a coroutine there is none:
/// assert!(REQUESTS.with(|requests| requests.get()).is_err());
/// ```
pub struct CoroutineLocal<T: 'static> {
    init: fn() -> T,
    // Its address is the key, so it must have one of its own.
    _key: u8,
}

impl<T: 'static> CoroutineLocal<T> {
    /// A local whose first use in a coroutine calls `init`. Keep it in a `static`: its address is its identity.
    pub const fn new(init: fn() -> T) -> Self {
        Self { init, _key: 0 }
    }

    /// Calls `f` with the current coroutine's value.
    ///
    /// # Errors
    ///
    /// [`CannotWait::NotInCoroutine`] (or [`CannotWait::InInterrupt`]) when there is no current coroutine.
    pub fn with<R>(&'static self, f: impl FnOnce(&T) -> R) -> Result<R, CannotWait> {
        match Place::current() {
            Place::Coroutine(_, task) => {
                // SAFETY: the running coroutine is live, and nothing of it is referred to when `f` runs.
                let locals = unsafe { &TaskCore::of(task).locals };
                let value = locals.get_or_init((&raw const self._key).addr(), self.init);
                Ok(f(&value))
            }
            Place::Interrupt => Err(CannotWait::InInterrupt),
            Place::Base(_) | Place::Outside => Err(CannotWait::NotInCoroutine),
        }
    }
}
