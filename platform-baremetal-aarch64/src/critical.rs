// SPDX-License-Identifier: BSD-3-Clause
//! Critical sections of the crate `critical-section`: the calling core's interrupts are masked, and one core at a time is in.
//!
//! Nothing may suspend inside: the next coroutine would run with interrupts masked, and another core that wants to get in would
//! wait for who does not run. The scheduler looks for that at each suspension (see [`ambient`](crate::ambient)) and ends the
//! program. For the same reason no operation yields here because its coroutine has run for long. Waking is legal.
#![expect(unsafe_code, reason = "implements an unsafe trait")]

use core::sync::atomic::{AtomicUsize, Ordering};

use critical_section::{Impl, RawRestoreState};

use crate::cores::Core;

struct AllCores;

critical_section::set_impl!(AllCores);

/// Who is in: 0, or a core's number + 1.
static OWNER: AtomicUsize = AtomicUsize::new(NOBODY);
const NOBODY: usize = 0;

/// Entered by who is in already: leaving lets nobody else in.
const NESTED: bool = true;

// SAFETY: `OWNER` lets one core in, and with its interrupts masked one flow of control of that core. Acquire and Release hand over
// what was written inside. A section that is nested leaves both to the outermost.
unsafe impl Impl for AllCores {
    unsafe fn acquire() -> RawRestoreState {
        let core = Core::current();
        // First: no handler of this core may find it taken by whom it has interrupted.
        core.mask();
        let own = core.index + 1;
        // Relaxed: only this core stores its own number.
        if OWNER.load(Ordering::Relaxed) == own {
            return NESTED;
        }
        while OWNER.compare_exchange_weak(NOBODY, own, Ordering::Acquire, Ordering::Relaxed).is_err() {
            core::hint::spin_loop();
        }
        !NESTED
    }

    unsafe fn release(state: RawRestoreState) {
        if state != NESTED {
            OWNER.store(NOBODY, Ordering::Release);
        }
        Core::current().unmask();
    }
}
