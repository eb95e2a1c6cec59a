// SPDX-License-Identifier: BSD-3-Clause
//! Choosing and installing the guard of a fresh slot.
#![expect(unsafe_code, reason = "changes what access to a fresh slot does")]

use core::ptr::NonNull;
use core::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use kcoro_core::platform::GuardKind;
use kcoro_core::stack::StackError;

use super::layout::Layout;
use super::memory::{self, Errno};
use super::{budget, canary, probe};
use crate::builder::{GuardPolicy, Warning};

/// How one slot is guarded, for as long as its region is mapped.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub(super) enum Method {
    Madvise = 0,
    Mprotect = 1,
    Canary = 2,
}

impl Method {
    pub(super) fn from_bits(bits: u8) -> Self {
        match bits {
            0 => Self::Madvise,
            1 => Self::Mprotect,
            _ => Self::Canary,
        }
    }
}

/// Guards of protected pages in the whole process: the kernel's limit is one for each process as well.
static PROTECTED_GUARDS: AtomicUsize = AtomicUsize::new(0);

/// The guards of one pool of stacks.
pub(super) struct Guards {
    policy: GuardPolicy,
    /// `None`: to be derived from the system when it is first needed.
    max_protected: Option<usize>,
    on_warning: fn(&Warning),
    /// The kernel has refused a guard for good: do not ask again.
    madvise_refused: AtomicBool,
    /// A stack without a guard page was handed out, or will be.
    unguarded: AtomicBool,
}

impl Guards {
    pub(super) fn new(policy: GuardPolicy, max_protected: Option<usize>, on_warning: fn(&Warning)) -> Self {
        Self {
            policy,
            max_protected,
            on_warning,
            madvise_refused: AtomicBool::new(false),
            unguarded: AtomicBool::new(policy == GuardPolicy::Canary),
        }
    }

    pub(super) fn kind(&self) -> GuardKind {
        if self.unguarded.load(Ordering::Relaxed) { GuardKind::Canary } else { GuardKind::Page }
    }

    /// Guards the slot at `slot`.
    ///
    /// # Safety
    ///
    /// `slot` is the lowest byte of a mapped slot of this layout that no one uses.
    pub(super) unsafe fn install(&self, slot: NonNull<u8>, layout: &Layout) -> Result<Method, StackError> {
        // SAFETY: all three only touch the guard of the slot, which the caller gives.
        unsafe {
            match self.policy {
                GuardPolicy::Auto => Ok(self.install_best(slot, layout)),
                GuardPolicy::MadviseGuard => install_kernel_guard(slot, layout),
                GuardPolicy::Mprotect => self
                    .protect(slot, layout)
                    .map_or_else(|Errno(os_code)| Err(StackError::OutOfMemory { os_code }), |()| Ok(Method::Mprotect)),
                GuardPolicy::Canary => Ok(self.put_canary(slot, layout)),
            }
        }
    }

    /// # Safety
    ///
    /// As [`Guards::install`].
    unsafe fn install_best(&self, slot: NonNull<u8>, layout: &Layout) -> Method {
        if probe::kernel_guards_work() && !self.madvise_refused.load(Ordering::Relaxed) {
            // SAFETY: the caller gives the slot.
            match unsafe { memory::install_guard(slot, layout.guard_bytes) } {
                Ok(()) => return Method::Madvise,
                // The process has started to lock all memory that it maps: it will not be otherwise for the next slot.
                Err(Errno(libc::EINVAL)) => self.madvise_refused.store(true, Ordering::Relaxed),
                Err(_) => {}
            }
        }
        // SAFETY: the caller gives the slot.
        if unsafe { self.protect(slot, layout) }.is_ok() {
            return Method::Mprotect;
        }
        if !self.unguarded.swap(true, Ordering::Relaxed) {
            (self.on_warning)(&Warning::StacksUnguarded { protected_guards: PROTECTED_GUARDS.load(Ordering::Relaxed) });
        }
        // SAFETY: the caller gives the slot.
        unsafe { self.put_canary(slot, layout) }
    }

    /// # Safety
    ///
    /// As [`Guards::install`].
    unsafe fn protect(&self, slot: NonNull<u8>, layout: &Layout) -> Result<(), Errno> {
        let max = self.max_protected.unwrap_or_else(budget::default_protected_guards);
        let take_one = |guards| (guards < max).then_some(guards + 1);
        PROTECTED_GUARDS
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, take_one)
            .map_err(|_| Errno(libc::ENOMEM))?;
        // SAFETY: the caller gives the slot.
        unsafe { memory::protect(slot, layout.guard_bytes) }.inspect_err(|_| give_back_protected(1))
    }

    /// # Safety
    ///
    /// As [`Guards::install`].
    unsafe fn put_canary(&self, slot: NonNull<u8>, layout: &Layout) -> Method {
        // SAFETY: the caller gives the slot, and the guard is at least a page below the limit.
        unsafe { canary::write(slot.add(layout.guard_bytes)) };
        Method::Canary
    }
}

/// # Safety
///
/// As [`Guards::install`].
unsafe fn install_kernel_guard(slot: NonNull<u8>, layout: &Layout) -> Result<Method, StackError> {
    const NONE: StackError = StackError::Unsupported(
        "the kernel has no guard pages of its own (Linux 6.13) or memory is locked; use GuardPolicy::Auto",
    );
    if !probe::kernel_guards_work() {
        return Err(NONE);
    }
    // SAFETY: the caller gives the slot.
    match unsafe { memory::install_guard(slot, layout.guard_bytes) } {
        Ok(()) => Ok(Method::Madvise),
        Err(Errno(libc::EINVAL)) => Err(NONE),
        Err(Errno(os_code)) => Err(StackError::OutOfMemory { os_code }),
    }
}

#[cfg(test)]
impl Guards {
    /// As on a kernel without guard pages of its own.
    pub(super) fn refuse_madvise(&self) {
        self.madvise_refused.store(true, Ordering::Relaxed);
    }
}

/// How many guards of protected pages the process has.
#[cfg(test)]
pub(super) fn protected_guards() -> usize {
    PROTECTED_GUARDS.load(Ordering::Relaxed)
}

/// Guards of protected pages were unmapped.
pub(super) fn give_back_protected(guards: usize) {
    PROTECTED_GUARDS.fetch_sub(guards, Ordering::Relaxed);
}
