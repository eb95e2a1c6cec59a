// SPDX-License-Identifier: BSD-3-Clause
//! Stack overflow, reported by name.
//!
//! A guard hit raises SIGSEGV (SIGBUS on some systems) on a stack that is used up, so that the handler needs a stack of
//! its own: `alt_stack`. `handler` tells guard hits from all other faults, which go to the handlers that were installed
//! before; `report` writes the message and aborts.

mod alt_stack;
mod handler;
mod report;

pub(crate) use alt_stack::{AltStack, keep_alt_stack_on_this_thread};
pub(crate) use handler::install_handlers;
pub(crate) use report::abort_for_canary;

use kcoro_core::platform::StartError;

/// Makes this thread report stack overflows of the coroutines that it runs: for threads that resume coroutines without
/// a runtime. Workers of a [`Posix`](crate::Posix) do it on their own.
///
/// It installs handlers of SIGSEGV and SIGBUS for the process, once, and an alternate signal stack for this thread. All
/// faults but overflows of kcoro stacks go to the handlers that were there before.
///
/// # Errors
///
/// [`StartError`] when the handlers or the alternate stack cannot be installed.
pub fn report_overflow_here() -> Result<(), StartError> {
    if cfg!(miri) {
        // It has no signal handlers, and no stack that could overflow.
        return Ok(());
    }
    install_handlers()?;
    keep_alt_stack_on_this_thread()
}
