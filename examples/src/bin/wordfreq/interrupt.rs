// SPDX-License-Identifier: BSD-3-Clause
//! Turns Ctrl-C into the end of the pipeline.

use std::io;
use std::thread::{self, JoinHandle};

use signal_hook::consts::SIGINT;
use signal_hook::iterator::{Handle, Signals};
use signal_hook::low_level::emulate_default_handler;

use crate::pipeline::Stopper;

/// Watches until it is dropped.
pub struct Watch {
    signals: Handle,
    thread: Option<JoinHandle<()>>,
}

/// From now on the first Ctrl-C stops the pipeline; the second ends the program, as it would without this.
///
/// A thread of its own waits for them, so no coroutine has to ask.
pub fn stop_on_ctrl_c(stopper: Stopper) -> io::Result<Watch> {
    let mut signals = Signals::new([SIGINT])?;
    let handle = signals.handle();
    let watch = move || {
        let mut arriving = signals.forever();
        if arriving.next().is_some() {
            stopper.stop();
        }
        if let Some(second) = arriving.next() {
            // It ends the program; were it to fail, a third one would not do better.
            let _ = emulate_default_handler(second);
        }
    };
    let thread = thread::Builder::new().name("ctrl-c".into()).spawn(watch)?;
    Ok(Watch { signals: handle, thread: Some(thread) })
}

impl Drop for Watch {
    fn drop(&mut self) {
        self.signals.close();
        // A panic of the thread has printed its message, and there is nothing left to stop.
        let _ = self.thread.take().map(JoinHandle::join);
    }
}
