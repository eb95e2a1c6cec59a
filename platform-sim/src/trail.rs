// SPDX-License-Identifier: BSD-3-Clause
//! [`Trail`]: the last decisions of a run, to be read.

use std::collections::VecDeque;
use std::fmt;
#[cfg(kcoro_interleave)]
use std::panic::Location;
use std::time::Duration;

use kcoro_core::platform::Running;

/// How many decisions are kept.
const MOST_KEPT: usize = 24;

/// The last decisions of a run: which worker went on with which coroutine, and where the clock jumped. With
/// `--cfg kcoro_interleave` also which worker lost its turn inside of an operation.
#[derive(Clone, Debug, Default)]
pub struct Trail {
    // Boxed, so that a failure is small to return.
    kept: Box<Kept>,
}

#[derive(Clone, Debug, Default)]
struct Kept {
    /// How many there were before those that are kept.
    earlier: u64,
    last: VecDeque<Step>,
}

#[derive(Clone, Debug)]
struct Step {
    /// Since the start of the run.
    at_ns: u64,
    what: What,
    times: u64,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum What {
    Runs {
        worker: usize,
        coroutine: Running,
    },
    Jump,
    #[cfg(kcoro_interleave)]
    Loses {
        worker: usize,
        at: &'static Location<'static>,
    },
}

impl Trail {
    pub(crate) fn note_runs(&mut self, at_ns: u64, worker: usize, coroutine: Running) {
        self.note(at_ns, What::Runs { worker, coroutine });
    }

    pub(crate) fn note_jump(&mut self, at_ns: u64) {
        self.note(at_ns, What::Jump);
    }

    #[cfg(kcoro_interleave)]
    pub(crate) fn note_loses(&mut self, at_ns: u64, worker: usize, at: &'static Location<'static>) {
        self.note(at_ns, What::Loses { worker, at });
    }

    fn note(&mut self, at_ns: u64, what: What) {
        let kept = &mut *self.kept;
        if let Some(last) = kept.last.back_mut()
            && (last.at_ns, last.what) == (at_ns, what)
        {
            last.times += 1;
            return;
        }
        if kept.last.len() == MOST_KEPT {
            kept.last.pop_front();
            kept.earlier += 1;
        }
        kept.last.push_back(Step { at_ns, what, times: 1 });
    }
}

impl fmt::Display for Trail {
    /// One line for each, the oldest first.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut separator = "";
        if self.kept.earlier > 0 {
            write!(f, "  ({} before these)", self.kept.earlier)?;
            separator = "\n";
        }
        for Step { at_ns, what, times } in &self.kept.last {
            write!(f, "{separator}  {:?}: ", Duration::from_nanos(*at_ns))?;
            separator = "\n";
            match what {
                What::Jump => f.write_str("the clock has jumped here")?,
                #[cfg(kcoro_interleave)]
                What::Loses { worker, at } => write!(f, "worker {worker} loses its turn before {at}")?,
                What::Runs { worker, coroutine } => {
                    write!(f, "worker {worker} runs coroutine {}", coroutine.id)?;
                    match coroutine.name {
                        Some(name) => write!(f, " `{name}`")?,
                        None => write!(f, ", spawned at {}", coroutine.spawn_site)?,
                    }
                }
            }
            if *times > 1 {
                write!(f, ", {times} times")?;
            }
        }
        Ok(())
    }
}
