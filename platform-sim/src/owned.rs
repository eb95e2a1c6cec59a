// SPDX-License-Identifier: BSD-3-Clause
//! A value for one thread, in a place that other threads can reach.
#![expect(unsafe_code, reason = "shares a value that only one thread gets at")]

use std::mem::ManuallyDrop;
use std::thread::ThreadId;

use kcoro_core::platform::ambient::host_thread;

/// Gives its value to the thread that made it only. On any other it is leaked rather than dropped.
#[derive(Debug)]
pub(crate) struct Owned<T> {
    owner: ThreadId,
    value: ManuallyDrop<T>,
}

// SAFETY: only the thread of `owner` reads or drops the value, see `get` and `drop`; the id itself may go anywhere.
unsafe impl<T> Send for Owned<T> {}
// SAFETY: as above.
unsafe impl<T> Sync for Owned<T> {}

impl<T> Owned<T> {
    pub(crate) fn new(value: T) -> Self {
        Self { owner: host_thread(), value: ManuallyDrop::new(value) }
    }

    /// The value; `None` on another thread.
    pub(crate) fn get(&self) -> Option<&T> {
        self.is_here().then_some(&self.value)
    }

    fn is_here(&self) -> bool {
        host_thread() == self.owner
    }
}

impl<T> Drop for Owned<T> {
    fn drop(&mut self) {
        if self.is_here() {
            // SAFETY: dropped once, here, and not used again.
            unsafe { ManuallyDrop::drop(&mut self.value) };
        }
    }
}

#[cfg(test)]
mod tests {
    use std::rc::Rc;
    use std::sync::Arc;

    use super::Owned;

    #[test]
    fn another_thread_neither_gets_nor_drops_the_value() {
        let value = Rc::new(5);
        let owned = Arc::new(Owned::new(value.clone()));
        assert_eq!(owned.get().map(|value| **value), Some(5));
        let elsewhere = owned.clone();
        std::thread::spawn(move || assert!(elsewhere.get().is_none())).join().unwrap();
        std::thread::spawn(move || drop(owned)).join().unwrap();
        assert_eq!(Rc::strong_count(&value), 2, "leaked");
        drop(Owned::new(value.clone()));
        assert_eq!(Rc::strong_count(&value), 2, "dropped");
    }
}
