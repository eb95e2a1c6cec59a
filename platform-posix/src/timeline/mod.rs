// SPDX-License-Identifier: BSD-3-Clause
//! A timeline of a runtime, for Perfetto (ui.perfetto.dev) and Chrome (chrome://tracing).
//!
//! | file | what it holds |
//! |---|---|
//! | `tracks` | from records to slices: who is in which state from when to when |
//! | `json` | the file's format |

mod json;
mod tracks;

use std::fs::File;
use std::io::{self, BufWriter, Write};
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};

use kcoro_core::trace::{Record, Rings, Subscriber};

use self::tracks::Tracks;

/// How many records a ring holds: each takes about a cache line.
const CAPACITY: usize = 1 << 16;

/// Records what a runtime does, and writes it as a timeline: a track for each worker, with the coroutines that it runs;
/// a track for each coroutine, with what it waits for; an arrow for each wake.
///
/// ```
/// use kcoro_posix::Posix;
/// use kcoro_posix::sched::{Runtime, spawn};
/// use kcoro_posix::trace::Timeline;
///
/// let timeline = Timeline::new(2);
/// let runtime = Runtime::builder(Posix::new()).workers(2).trace(timeline.subscriber()).build()?;
/// runtime.run(|| spawn(|| 6 * 7).unwrap().join().unwrap())?;
/// drop(runtime);
///
/// let mut file = Vec::new();
/// timeline.write(&mut file)?;
/// assert!(String::from_utf8(file)?.contains("\"running\""));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// Records wait in a ring for each worker until they are collected. A full ring drops what comes; the file says how many.
/// Collect now and then what runs for long.
#[derive(Debug)]
pub struct Timeline {
    rings: Arc<Rings>,
    collected: Mutex<Vec<Record>>,
}

impl Timeline {
    /// For a runtime of `workers`.
    pub fn new(workers: usize) -> Self {
        Self::with_capacity(workers, CAPACITY)
    }

    /// As [`Timeline::new`]; each worker can record so many events before they are collected.
    pub fn with_capacity(workers: usize, events: usize) -> Self {
        Self { rings: Arc::new(Rings::new(workers, events)), collected: Mutex::new(Vec::new()) }
    }

    /// For a runtime whose workers run in turn, as the simulator's do: what happens at one instant of its clock stays in
    /// order, so that one seed gives one file.
    pub fn of_a_simulation() -> Self {
        Self::with_capacity(0, 8 * CAPACITY)
    }

    /// What to give to [`RuntimeBuilder::trace`](kcoro_core::sched::RuntimeBuilder::trace).
    pub fn subscriber(&self) -> Arc<dyn Subscriber> {
        self.rings.clone()
    }

    /// Takes what the rings hold, and makes room in them. Call it from anywhere, at any time.
    pub fn collect(&self) {
        let records = self.rings.drain();
        self.collected.lock().unwrap_or_else(PoisonError::into_inner).extend(records);
    }

    /// How many events were lost because a ring was full.
    pub fn dropped(&self) -> u64 {
        self.rings.dropped()
    }

    /// Writes what has been recorded until now.
    ///
    /// # Errors
    ///
    /// Those of `out`.
    pub fn write(&self, out: &mut impl Write) -> io::Result<()> {
        self.collect();
        let mut records = self.collected.lock().unwrap_or_else(PoisonError::into_inner).clone();
        // Stable: what one worker did at one instant stays in its order.
        records.sort_by_key(|record| record.at_ns);
        json::write(out, &Tracks::of(&records), self.dropped())
    }

    /// Writes what has been recorded until now into a new file.
    ///
    /// # Errors
    ///
    /// Those of the file system.
    pub fn write_to(&self, path: impl AsRef<Path>) -> io::Result<()> {
        let mut out = BufWriter::new(File::create(path)?);
        self.write(&mut out)?;
        out.flush()
    }
}
