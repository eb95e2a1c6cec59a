// SPDX-License-Identifier: BSD-3-Clause
//! Whose a slot is.
//!
//! A coroutine in a slot uses it twice: its cell lies there, and its stack. The cell is needed until its last reference is
//! gone, and that may be a handle's, long after the coroutine has ended. The stack is needed until the coroutine has left it
//! for good, and that may be after its handle has gone: the last switch away from it is still to come when the coroutine
//! gives up its own reference.
//!
//! **A slot is free when both uses have ended, and not before.** Each is ended once, by different threads maybe; the one that
//! ends last makes the slot free.
//!
//! ```text
//!               try_take                   end_use              end_use
//!   0: free ----------------> 2: in use --------------> 1 ------------------> 0: free
//!                              cell and stack            one of the two
//! ```

use crate::primitive::atomic::{AtomicU32, Ordering};
use crate::primitive::const_unless_loom;

const FREE: u32 = 0;
/// The cell and the stack.
const USES: u32 = 2;

/// See the [module](self).
pub(super) struct SlotState {
    uses: AtomicU32,
}

impl SlotState {
    const_unless_loom! {
        pub(super) fn new() -> Self {
            Self { uses: AtomicU32::new(FREE) }
        }
    }

    /// Takes the slot for both uses, if it is free.
    #[must_use = "a slot that is taken is given back by the end of its uses"]
    pub(super) fn try_take(&self) -> bool {
        // Acquire: what the uses before have done to the memory is over. Both ends are read-modify-writes, so one load
        // acquires both.
        self.uses.compare_exchange(FREE, USES, Ordering::Acquire, Ordering::Relaxed).is_ok()
    }

    /// One of the two uses has ended. The caller does not touch the memory again.
    pub(super) fn end_use(&self) {
        // Release: see `try_take`.
        let before = self.uses.fetch_sub(1, Ordering::Release);
        debug_assert!(before != FREE, "a slot has two uses, and both had ended");
    }

    /// Neither use has begun, or both end at once.
    pub(super) fn end_both(&self) {
        // Release: as above.
        self.uses.store(FREE, Ordering::Release);
    }

    #[cfg(not(loom))]
    pub(super) fn is_free(&self) -> bool {
        // Relaxed: a hint; who acts on it takes the slot.
        self.uses.load(Ordering::Relaxed) == FREE
    }
}

#[cfg(all(test, loom))]
mod loom_tests {
    #![expect(unsafe_code, reason = "the memory that a slot guards")]

    use loom::sync::Arc;
    use loom::thread;

    use super::SlotState;
    use crate::primitive::UnsafeCell;

    struct Slot {
        state: SlotState,
        /// The cell and the stack.
        memory: [UnsafeCell<u32>; 2],
    }

    fn write(slot: &Slot, part: usize) {
        // SAFETY: the slot has been taken for this use, which has not ended; loom checks it.
        slot.memory[part].with_mut(|memory| unsafe { *memory += 1 });
    }

    #[test]
    fn loom_a_slot_is_taken_when_both_uses_have_ended() {
        loom::model(|| {
            let state = SlotState::new();
            assert!(state.try_take());
            let slot = Arc::new(Slot { state, memory: [UnsafeCell::new(0), UnsafeCell::new(0)] });
            let users = [0, 1].map(|part| {
                let slot = slot.clone();
                thread::spawn(move || {
                    write(&slot, part);
                    slot.state.end_use();
                })
            });
            // Whoever takes it writes both parts: a race if one of the uses has not ended.
            if slot.state.try_take() {
                write(&slot, 0);
                write(&slot, 1);
                slot.state.end_both();
            }
            users.into_iter().for_each(|user| user.join().unwrap());
            assert!(slot.state.try_take(), "and both have ended");
        });
    }
}
