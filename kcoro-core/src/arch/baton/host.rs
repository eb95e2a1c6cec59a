// SPDX-License-Identifier: BSD-3-Clause
//! What the contexts of one worker share on hardware because they run on one thread. Here it travels with the baton: who
//! hands over sends it, who receives puts it in force.
//!
//! Plain cells of the thread that has the baton, so that Miri would see it if two had it at once.

use core::cell::Cell;
use core::ptr;
use std::thread::{self, ThreadId};

std::thread_local! {
    // Const-initialised and without a destructor: readable while the thread ends.
    static WORKER: Cell<*const ()> = const { Cell::new(ptr::null()) };
    static THREAD: Cell<Option<ThreadId>> = const { Cell::new(None) };
}

/// The ambient worker pointer.
#[cfg(feature = "std")]
pub(crate) fn worker() -> *const () {
    WORKER.get()
}

/// Sets the ambient worker pointer.
#[cfg(feature = "std")]
pub(crate) fn set_worker(worker: *const ()) {
    WORKER.set(worker);
}

/// The thread that would run this context on hardware.
pub(crate) fn thread() -> ThreadId {
    THREAD.get().unwrap_or_else(|| thread::current().id())
}

/// All of it, on its way.
#[derive(Clone, Copy)]
pub(super) struct Host {
    worker: *const (),
    thread: ThreadId,
}

impl Host {
    pub(super) fn here() -> Self {
        Self { worker: WORKER.get(), thread: thread() }
    }

    pub(super) fn put_in_force(self) {
        WORKER.set(self.worker);
        THREAD.set(Some(self.thread));
    }

    /// This thread hosts no context any more.
    pub(super) fn forget() {
        WORKER.set(ptr::null());
        THREAD.set(None);
    }
}
