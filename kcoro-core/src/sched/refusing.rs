// SPDX-License-Identifier: BSD-3-Clause
//! What a coroutine must not suspend with. Each ends the program by name, for what comes next could not go on.

use crate::arch::FpControl;
use crate::primitive::held;
use crate::task::header::Header;

/// Ends the program: whoever takes the lock next may need this very worker to go on. For the same reason as below it is no
/// panic.
#[cold]
pub(super) fn held_locks(me: &Header) -> ! {
    super::fatal(format_args!(
        "coroutine {} {}, spawned at {}: it suspends while it holds {} of kcoro's own locks; this is a bug in kcoro",
        me.id,
        me.name.unwrap_or("(unnamed)"),
        me.spawn_site,
        held::count()
    ));
}

/// Ends the program: what comes next would run with interrupts masked, and who wants to get into the critical section would wait
/// for who does not run.
#[cold]
pub(super) fn masked_interrupts() -> ! {
    // Who it is, a platform with interrupts says itself.
    super::fatal(format_args!("it suspends with interrupts masked, in a critical section"));
}

/// Ends the program if the control words are changed. A panic would not do: the wait that `me` has begun may be in queues
/// by nodes of its frames.
pub(super) fn changed_fp_control(me: &Header) {
    if FpControl::read() != FpControl::DEFAULT {
        super::fatal(format_args!(
            "coroutine {} {}, spawned at {}: floating-point control changed at a suspension: spawn with own_fp_control()",
            me.id,
            me.name.unwrap_or("(unnamed)"),
            me.spawn_site
        ));
    }
}
