// SPDX-License-Identifier: BSD-3-Clause
//! Threads for workers.
#![cfg_attr(all(target_os = "linux", not(miri)), expect(unsafe_code, reason = "timer slack is set by a raw prctl"))]

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;

use kcoro_core::platform::StartError;

/// The threads that were started and not joined yet, by worker index.
pub(crate) struct Threads {
    running: Mutex<HashMap<usize, JoinHandle<()>>>,
}

impl Threads {
    pub(crate) fn new() -> Self {
        Self { running: Mutex::new(HashMap::new()) }
    }

    /// Starts the thread of worker `index`.
    pub(crate) fn start(
        &self,
        index: usize,
        name: &str,
        body: impl FnOnce() + Send + 'static,
    ) -> Result<(), StartError> {
        // A name with a NUL inside would make std panic.
        let name = name.replace('\0', "");
        let thread = std::thread::Builder::new()
            .name(name)
            .spawn(body)
            .map_err(|error| StartError::NoThread { os_code: error.raw_os_error().unwrap_or(0) })?;
        self.lock().insert(index, thread);
        Ok(())
    }

    /// Waits for the thread of worker `index`, if there is one.
    pub(crate) fn join(&self, index: usize) {
        let thread = self.lock().remove(&index);
        if let Some(thread) = thread {
            // A worker that panicked has reported that itself, and has ended, which is all that is asked here.
            let _ = thread.join();
        }
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<usize, JoinHandle<()>>> {
        // The map is whole after every statement, so that a poisoned lock is as good as any.
        self.running.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Asks the kernel not to delay this thread's timers: by default it may do so by 50 us to save power.
pub(crate) fn make_timers_exact() {
    #[cfg(all(target_os = "linux", not(miri)))]
    // SAFETY: sets a number of the calling thread. A failure leaves timers late by up to 50 us, which is harmless.
    unsafe {
        libc::prctl(libc::PR_SET_TIMERSLACK, 1 as libc::c_ulong, 0, 0, 0);
    }
}
