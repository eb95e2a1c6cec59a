// SPDX-License-Identifier: BSD-3-Clause
//! A dump on a signal, as one asks a program for it that seems to hang.
//!
//! The handler, `signal-hook`'s, only writes a byte to a pipe and calls the handler that was there before. A thread of its
//! own makes the dump and writes it: it needs no worker, so it shows also a runtime whose workers are all stuck.

use std::io::{self, Write};
use std::thread::{self, JoinHandle};

use kcoro_core::sched::Handle;
use signal_hook::consts::{SIGQUIT, SIGUSR1, SIGUSR2};
use signal_hook::iterator::{Handle as SignalsHandle, Signals};

use super::dump_text;
use crate::signals::run_on_alternate_stack;

/// A signal that may stand for "dump".
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum DumpSignal {
    /// SIGQUIT, on most terminals Ctrl-\\.
    Quit,
    /// SIGUSR1.
    User1,
    /// SIGUSR2.
    User2,
}

impl DumpSignal {
    /// The signal's number.
    pub fn number(self) -> i32 {
        match self {
            Self::Quit => SIGQUIT,
            Self::User1 => SIGUSR1,
            Self::User2 => SIGUSR2,
        }
    }
}

/// Writes a dump of the runtime to `to`, each time that the process receives `signal`, until the value is dropped.
///
/// Handlers that were installed before are called as well; the signal's default action, which may be to end the process,
/// is not taken any more, not even after the value has been dropped. Signals that come while a dump is being written may
/// merge into one. What cannot be written is lost.
///
/// The process must not fork without exec meanwhile: the child would share the pipe.
///
/// ```
/// use kcoro_posix::sched::Runtime;
/// use kcoro_posix::{DumpSignal, Posix, dump_on_signal};
///
/// let runtime = Runtime::builder(Posix::new()).build()?;
/// let _dumps = dump_on_signal(&runtime, DumpSignal::Quit, std::io::stderr())?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// # Errors
///
/// When the handler or its thread cannot be set up.
pub fn dump_on_signal(
    runtime: &Handle,
    signal: DumpSignal,
    to: impl Write + Send + 'static,
) -> io::Result<DumpOnSignal> {
    let signals = Signals::new([signal.number()])?;
    let handle = signals.handle();
    run_on_alternate_stack(signal.number())?;
    let runtime = runtime.clone();
    let thread = thread::Builder::new().name("kcoro-dump".into()).spawn(move || serve(signals, &runtime, to))?;
    Ok(DumpOnSignal { handle, thread: Some(thread) })
}

fn serve(mut signals: Signals, runtime: &Handle, mut to: impl Write) {
    for _ in signals.forever() {
        // There is nobody to tell of a failure.
        let _ = writeln!(to, "{}", dump_text(&runtime.dump())).and_then(|()| to.flush());
    }
}

/// Dumps come on the signal as long as this exists; see [`dump_on_signal`]. Dropping it waits for a dump that is being
/// written.
#[derive(Debug)]
#[must_use = "dropping it ends the dumps"]
pub struct DumpOnSignal {
    handle: SignalsHandle,
    thread: Option<JoinHandle<()>>,
}

impl Drop for DumpOnSignal {
    fn drop(&mut self) {
        self.handle.close();
        if let Some(thread) = self.thread.take() {
            // Only a writer that panicked can have made it panic; the hook has reported that.
            let _ = thread.join();
        }
    }
}
