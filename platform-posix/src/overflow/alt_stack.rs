// SPDX-License-Identifier: BSD-3-Clause
//! The alternate signal stack of a thread: where a fault handler runs when the thread's stack is used up.
#![expect(unsafe_code, reason = "installs the stack by raw system calls")]

use core::cell::RefCell;
use core::marker::PhantomData;
use core::ptr;

use kcoro_core::platform::StartError;
use kcoro_core::stack::{Stack, StackError};

use crate::builder::OverflowReport;
use crate::stacks::GuardedStack;

/// What the report and the handlers before ours are given, on top of what the kernel needs for the signal frame.
const HANDLER_BYTES: usize = 56 << 10;

/// An alternate signal stack of the thread that made it; dropping it, on the same thread, takes it away.
///
/// It is a guarded stack like any other: a handler that overflows it ends the process.
pub(crate) struct AltStack {
    stack: GuardedStack,
    /// It must be dropped on the thread that it is installed on.
    _not_send: PhantomData<*const ()>,
}

impl AltStack {
    /// One for a thread whose overflows are to be reported; `None` if they are not, or if there is no memory for it.
    pub(crate) fn for_report(report: OverflowReport) -> Option<Self> {
        match report {
            OverflowReport::On => Self::install().ok(),
            OverflowReport::Off => None,
        }
    }

    /// Replaces the alternate stack of this thread. The one that std installs for its own threads has room for std's
    /// handler only; std still frees it when the thread ends.
    fn install() -> Result<Self, StartError> {
        let stack = GuardedStack::new(HANDLER_BYTES + signal_frame_bytes()).map_err(|error| match error {
            StackError::Unsupported(what) => StartError::Unsupported(what),
            StackError::OutOfMemory { os_code } => StartError::NoThread { os_code },
            _ => StartError::NoThread { os_code: 0 },
        })?;
        let limit = stack.limit();
        let size_bytes = stack.top().addr().get() - limit.addr().get();
        let new = libc::stack_t { ss_sp: limit.as_ptr().cast(), ss_flags: 0, ss_size: size_bytes };
        // SAFETY: the memory is this value's own and stays until `drop` has taken it away from the thread.
        if unsafe { libc::sigaltstack(&raw const new, ptr::null_mut()) } != 0 {
            let os_code = std::io::Error::last_os_error().raw_os_error().unwrap_or(0);
            return Err(StartError::NoThread { os_code });
        }
        Ok(Self { stack, _not_send: PhantomData })
    }

    fn is_installed(&self) -> bool {
        let mut current = disabled();
        // SAFETY: only asks; `current` is valid to write to.
        let asked = unsafe { libc::sigaltstack(ptr::null(), &raw mut current) } == 0;
        asked && current.ss_sp == self.stack.limit().as_ptr().cast()
    }
}

impl Drop for AltStack {
    fn drop(&mut self) {
        // Someone may have replaced it meanwhile, as this did; theirs stays.
        if self.is_installed() {
            let off = disabled();
            // SAFETY: the memory is freed after this, and the thread does not run on it: no handler drops this value.
            unsafe { libc::sigaltstack(&raw const off, ptr::null_mut()) };
        }
    }
}

/// Gives this thread an alternate stack until it ends, unless it has one of ours already.
pub(crate) fn keep_alt_stack_on_this_thread() -> Result<(), StartError> {
    std::thread_local! {
        static KEPT: RefCell<Option<AltStack>> = const { RefCell::new(None) };
    }
    KEPT.with_borrow_mut(|kept| {
        if kept.as_ref().is_some_and(AltStack::is_installed) {
            return Ok(());
        }
        // Whoever replaced ours may put it back one day: its memory stays.
        core::mem::forget(kept.replace(AltStack::install()?));
        Ok(())
    })
}

fn disabled() -> libc::stack_t {
    libc::stack_t { ss_sp: ptr::null_mut(), ss_flags: libc::SS_DISABLE, ss_size: libc::MINSIGSTKSZ }
}

/// What the kernel writes to the stack when it delivers a signal: the processor's state, several KiB with AVX-512 or
/// SVE. The constant of the C headers is older than those.
fn signal_frame_bytes() -> usize {
    #[cfg(target_os = "linux")]
    {
        const AT_MINSIGSTKSZ: libc::c_ulong = 51;
        // SAFETY: getauxval only reads what the kernel gave the process; 0 if it gave none.
        let bytes = unsafe { libc::getauxval(AT_MINSIGSTKSZ) };
        libc::MINSIGSTKSZ.max(usize::try_from(bytes).unwrap_or(0))
    }
    #[cfg(not(target_os = "linux"))]
    libc::MINSIGSTKSZ
}
