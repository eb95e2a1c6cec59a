// SPDX-License-Identifier: BSD-3-Clause
//! The handler of SIGSEGV and SIGBUS: guard hits are reported, all else goes to the handler that was there before.
#![expect(unsafe_code, reason = "a signal handler: raw signal data, and calls through raw handler addresses")]

use core::ffi::{c_int, c_void};
use core::mem::MaybeUninit;
use core::ptr;
use core::sync::atomic::{AtomicPtr, Ordering};
use std::io;
use std::sync::{Mutex, PoisonError};

use kcoro_core::platform::StartError;

use super::report;
use crate::stacks::registry;

/// What was there before our handler; null for the default action. Leaked: a handler may read it at any time.
static BEFORE_SEGV: AtomicPtr<libc::sigaction> = AtomicPtr::new(ptr::null_mut());
static BEFORE_BUS: AtomicPtr<libc::sigaction> = AtomicPtr::new(ptr::null_mut());

type SimpleHandler = extern "C" fn(c_int);
type InfoHandler = extern "C" fn(c_int, *mut libc::siginfo_t, *mut c_void);

/// Installs the handlers, once in the process. They stay: others may have chained to them.
pub(crate) fn install_handlers() -> Result<(), StartError> {
    static INSTALLED: Mutex<bool> = Mutex::new(false);
    let mut installed = INSTALLED.lock().unwrap_or_else(PoisonError::into_inner);
    if !*installed {
        for signal in [libc::SIGSEGV, libc::SIGBUS] {
            install(signal).map_err(|error| StartError::NoThread { os_code: error.raw_os_error().unwrap_or(0) })?;
        }
        *installed = true;
    }
    Ok(())
}

fn install(signal: c_int) -> io::Result<()> {
    // SAFETY: all-zero is a valid sigaction: no flags, an empty mask, the default action.
    let mut ours: libc::sigaction = unsafe { MaybeUninit::zeroed().assume_init() };
    ours.sa_sigaction = on_fault as InfoHandler as usize;
    ours.sa_flags = libc::SA_SIGINFO | libc::SA_ONSTACK;
    let current = exchange(signal, None)?;
    // Left from a first try that failed half-way. Chained to itself it would never end.
    if current.sa_sigaction == ours.sa_sigaction {
        return Ok(());
    }
    // Stored before ours is in place, so that a fault on another thread right after it already finds whom to call.
    before(signal).store(Box::into_raw(Box::new(current)), Ordering::Release);
    exchange(signal, Some(&ours)).map(|_| ())
}

/// Sets the action of `signal`, if there is a new one, and returns the one before.
fn exchange(signal: c_int, new: Option<&libc::sigaction>) -> io::Result<libc::sigaction> {
    let mut old = MaybeUninit::<libc::sigaction>::zeroed();
    // SAFETY: both are valid for the call; the handlers that this module sets are made for their signals.
    if unsafe { libc::sigaction(signal, new.map_or(ptr::null(), ptr::from_ref), old.as_mut_ptr()) } != 0 {
        return Err(io::Error::last_os_error());
    }
    // SAFETY: the kernel filled it, and all-zero is valid as well.
    Ok(unsafe { old.assume_init() })
}

fn before(signal: c_int) -> &'static AtomicPtr<libc::sigaction> {
    if signal == libc::SIGBUS { &BEFORE_BUS } else { &BEFORE_SEGV }
}

/// Where a signal came from.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Origin {
    /// An instruction of this thread: returning from the handler runs it again.
    Fault,
    /// A program sent it (kill, sigqueue). It carries no address: the bytes there are a process and a user id.
    Sent,
}

/// From here on everything is async-signal-safe.
extern "C" fn on_fault(signal: c_int, info: *mut libc::siginfo_t, context: *mut c_void) {
    // SAFETY: the kernel passes a valid siginfo to handlers with SA_SIGINFO.
    let origin = if unsafe { (*info).si_code } > 0 { Origin::Fault } else { Origin::Sent };
    if origin == Origin::Fault {
        // Only the address tells: a kernel guard shows MAPERR, a protected page ACCERR.
        // SAFETY: a fault's siginfo has an address.
        let address = unsafe { (*info).si_addr() }.addr();
        if let Some(hit) = registry::find_guard(address) {
            report::abort_for_guard_hit(address, hit);
        }
    }
    // SAFETY: null or a leaked box.
    let Some(action) = (unsafe { before(signal).load(Ordering::Acquire).as_ref() }) else {
        return take_default_action(signal, origin);
    };
    match (action.sa_sigaction, origin) {
        // The kernel ignores a sent signal then, but a fault ends the process all the same.
        (libc::SIG_IGN, Origin::Sent) => {}
        (libc::SIG_DFL | libc::SIG_IGN, _) => take_default_action(signal, origin),
        (handler, _) => {
            enter_as_kernel_would(action, signal);
            if action.sa_flags & libc::SA_SIGINFO != 0 {
                // SAFETY: whoever set the action with SA_SIGINFO promised a function of this type.
                let handler = unsafe { core::mem::transmute::<usize, InfoHandler>(handler) };
                handler(signal, info, context);
            } else {
                // SAFETY: as above, without SA_SIGINFO.
                let handler = unsafe { core::mem::transmute::<usize, SimpleHandler>(handler) };
                handler(signal);
            }
        }
    }
}

/// What the flags of an action mean at the call of its handler. The mask is restored when our own handler returns.
fn enter_as_kernel_would(action: &libc::sigaction, signal: c_int) {
    if action.sa_flags & libc::SA_RESETHAND != 0 {
        before(signal).store(ptr::null_mut(), Ordering::Release);
    }
    // SAFETY: the masks are valid for the calls, and these functions are async-signal-safe.
    unsafe {
        libc::pthread_sigmask(libc::SIG_BLOCK, &raw const action.sa_mask, ptr::null_mut());
        if action.sa_flags & libc::SA_NODEFER != 0 {
            let mut this_signal = MaybeUninit::<libc::sigset_t>::zeroed();
            libc::sigemptyset(this_signal.as_mut_ptr());
            libc::sigaddset(this_signal.as_mut_ptr(), signal);
            libc::pthread_sigmask(libc::SIG_UNBLOCK, this_signal.as_ptr(), ptr::null_mut());
        }
    }
}

/// Ends the process as it would have ended without handlers. The signal is blocked until our handler returns: a fault
/// then comes again, at the same instruction, so that a core dump shows it; a sent signal is sent once more.
fn take_default_action(signal: c_int, origin: Origin) {
    // SAFETY: all-zero is the default action; sigaction and raise are async-signal-safe.
    unsafe {
        let default: libc::sigaction = MaybeUninit::zeroed().assume_init();
        libc::sigaction(signal, &raw const default, ptr::null_mut());
        if origin == Origin::Sent {
            libc::raise(signal);
        }
    }
}
