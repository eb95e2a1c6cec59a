// SPDX-License-Identifier: BSD-3-Clause
//! What all signals of this platform have in common.
#![expect(unsafe_code, reason = "changes a flag of a signal's action by raw system calls")]

use std::io;
use std::mem::MaybeUninit;
use std::ptr;

/// Lets the handler of `signal` run on its thread's alternate stack, where there is one. Workers have one; without it the
/// kernel would put kilobytes of the processor's state on whatever coroutine's stack the signal hits.
pub(crate) fn run_on_alternate_stack(signal: i32) -> io::Result<()> {
    let mut action = MaybeUninit::<libc::sigaction>::uninit();
    // SAFETY: only asks, and `action` may be written to.
    if unsafe { libc::sigaction(signal, ptr::null(), action.as_mut_ptr()) } != 0 {
        return Err(io::Error::last_os_error());
    }
    // SAFETY: the call has filled it.
    let mut action = unsafe { action.assume_init() };
    action.sa_flags |= libc::SA_ONSTACK;
    // SAFETY: the action that is in place but for the flag, which changes nothing where there is no alternate stack.
    if unsafe { libc::sigaction(signal, &raw const action, ptr::null_mut()) } != 0 {
        return Err(io::Error::last_os_error());
    }
    Ok(())
}
