// SPDX-License-Identifier: BSD-3-Clause
//! How a core gets something to run.
//!
//! ```text
//!            reserve            give             take            done
//!     FREE ----------> RESERVED -----> GIVEN -----------> RUNNING ----> FREE
//!      ^                  |
//!      +------------------+  cancel
//! ```
//!
//! Who reserved a core writes `entry`; the core itself takes it out.
#![expect(unsafe_code, reason = "hands an entry from one core to another")]

use core::arch::asm;
use core::cell::UnsafeCell;
use core::sync::atomic::{AtomicBool, AtomicU32, AtomicUsize, Ordering};

use kcoro_core::platform::WorkerEntry;

const FREE: u32 = 0;
const RESERVED: u32 = 1;
const GIVEN: u32 = 2;
const RUNNING: u32 = 3;

/// See the [module](self).
pub(crate) struct Work {
    state: AtomicU32,
    entry: UnsafeCell<Option<WorkerEntry>>,
    done: AtomicUsize,
    /// Whether the core is on.
    pub(crate) started: AtomicBool,
}

// SAFETY: `entry` belongs to whom the state says.
unsafe impl Sync for Work {}

/// Which of a core's runs it is.
#[derive(Clone, Copy)]
pub(crate) struct Run(pub(crate) usize);

impl Work {
    pub(crate) const fn new() -> Self {
        Self {
            state: AtomicU32::new(FREE),
            entry: UnsafeCell::new(None),
            done: AtomicUsize::new(0),
            started: AtomicBool::new(false),
        }
    }

    /// Reserves the core, if it has nothing to do, for the caller to [`Work::give`] it something.
    pub(crate) fn reserve(&self) -> Option<Run> {
        // Acquire: pairs with the end of the last run, which was the last to touch `entry` and `done`.
        self.state.compare_exchange(FREE, RESERVED, Ordering::Acquire, Ordering::Relaxed).ok()?;
        Some(Run(self.done.load(Ordering::Relaxed)))
    }

    /// Takes a reservation back.
    pub(crate) fn cancel(&self) {
        self.state.store(FREE, Ordering::Release);
    }

    /// Hands `entry` over; the caller has reserved the core, and wakes it.
    pub(crate) fn give(&self, entry: WorkerEntry) {
        // SAFETY: RESERVED, by the caller: nobody else looks at the entry.
        unsafe { *self.entry.get() = Some(entry) };
        // Release: pairs with `take`.
        self.state.store(GIVEN, Ordering::Release);
    }

    /// What there is to run. For the core itself.
    pub(crate) fn take(&self) -> Option<WorkerEntry> {
        // Acquire: pairs with `give`.
        self.state.compare_exchange(GIVEN, RUNNING, Ordering::Acquire, Ordering::Relaxed).ok()?;
        // SAFETY: RUNNING, and this is the core.
        unsafe { (*self.entry.get()).take() }
    }

    /// What was taken has returned. For the core itself.
    pub(crate) fn done(&self) {
        // Release: what the run did is visible to who has waited for its end.
        self.done.fetch_add(1, Ordering::Release);
        self.state.store(FREE, Ordering::Release);
        // SAFETY: wakes those that wait in `until_done`; the barrier makes the stores visible before.
        unsafe { asm!("dsb ishst", "sev", options(nostack, preserves_flags)) };
    }

    /// Waits for the end of `run`.
    pub(crate) fn until_done(&self, run: Run) {
        // Acquire: pairs with `done`. The number wraps around at the same place for both.
        while self.done.load(Ordering::Acquire) == run.0 {
            // SAFETY: waits for an event: `done` sends one, and one that came before this is remembered.
            unsafe { asm!("wfe", options(nomem, nostack, preserves_flags)) };
        }
    }
}
