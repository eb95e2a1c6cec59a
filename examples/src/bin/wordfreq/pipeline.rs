// SPDX-License-Identifier: BSD-3-Clause
//! The coroutines of a count, and the channels between them.
//!
//! ```text
//!            spawns one per file,             chunks: bounded
//!            waits at the limit    +--------+  +-----------+     one per worker
//!  +--------+                 +--->| reader |->| | | | | | |--->+---------+ its counts, at the end
//!  | walker |-----------------+--->| reader |->|           |--->| counter |-----------+
//!  +--------+                 +--->| reader |->+-----------+    +---------+           v
//!       |                          +--------+   events: bounded                   +--------+
//!       +-- what it cannot find ----------+---->| | | | | | |-------------------->|  root  |
//!                                               +-----------+                     +--------+
//! ```
//!
//! Memory is bounded by the limit on readers and the capacity of the channels: whoever is too fast waits for who is not.
//! What grows with the input is the number of different words.
//!
//! The end comes by itself: the walker and the readers end, the last of them drops the last sender of events, and the root
//! then closes the chunks, upon which the counters drain them and return. To end early is to close the chunks first:
//! readers and walker find them closed and end.
//!
//! Reading a file blocks the worker's thread, because POSIX files are always "ready". The other workers go on.

use std::io;
use std::ops::ControlFlow;
use std::path::Path;

use indicatif::ProgressBar;
use kcoro_posix::channel::{Receiver, Sender, bounded};
use kcoro_posix::sched::{Builder, SpawnError, yield_now};
use kcoro_posix::scope::{ScopeError, TryScope, try_scope};

use crate::chunks::Chunks;
use crate::counts::WordCounts;
use crate::summary::{Ending, Event, Summary, collect};
use crate::tree::{Tree, open_regular};

const FILES_IN_FLIGHT: usize = 64;
const CHUNK_BYTES: u64 = 64 * 1024;
const CHUNKS_PER_COUNTER: usize = 4;
const EVENTS_WAITING: usize = 64;

/// Beside readers and counters: root, walker, measurer.
const OTHERS: usize = 3;

/// How many coroutines a runtime of so many workers is to have at most, so that it reads a bounded number of files at
/// once.
pub fn limit(workers: usize) -> usize {
    FILES_IN_FLIGHT + workers + OTHERS
}

/// A count that has not begun.
pub struct Pipeline {
    workers: usize,
    chunks: Sender<Vec<u8>>,
    to_count: Receiver<Vec<u8>>,
}

/// Ends a count early, from any thread.
pub struct Stopper(Sender<Vec<u8>>);

impl Stopper {
    pub fn stop(&self) {
        self.0.close();
    }
}

impl Pipeline {
    /// A count in a runtime of so many workers.
    pub fn new(workers: usize) -> Self {
        let (chunks, to_count) = bounded(workers * CHUNKS_PER_COUNTER);
        Self { workers, chunks, to_count }
    }

    pub fn stopper(&self) -> Stopper {
        Stopper(self.chunks.clone())
    }

    /// Counts the words of all files of `tree`, and shows on `bar` how far it is. Call it in a coroutine.
    pub fn run(self, tree: &Tree, bar: &ProgressBar) -> Result<Summary, ScopeError<SpawnError>> {
        try_scope(|scope| self.run_root(scope, tree, bar))
    }

    fn run_root<'scope>(
        self,
        scope: &'scope TryScope<'scope, '_, SpawnError>,
        tree: &'scope Tree,
        bar: &'scope ProgressBar,
    ) -> Result<Summary, SpawnError> {
        let Self { workers, chunks, to_count } = self;
        let mut counters = Vec::new();
        for worker in 0..workers {
            // Counting is what takes time, so each worker gets its share of it.
            let on_worker = Builder::new().name("counter").worker(worker);
            let to_count = to_count.clone();
            counters.push(scope.spawn_with(on_worker, move || Ok(count_all(&to_count)))?);
        }
        // From here on only the counters receive: should they fail, the chunks are closed and the readers end.
        drop(to_count);

        let (events, happened) = bounded(EVENTS_WAITING);
        let outlet = Outlet { chunks: chunks.clone(), events };
        scope.spawn_with(Builder::new().name("walker"), move || walk(scope, tree, &outlet))?;
        if !bar.is_hidden() {
            let stopped = chunks.clone();
            scope.spawn_with(Builder::new().name("measurer"), move || {
                measure(tree, bar, &stopped);
                Ok(())
            })?;
        }

        let mut summary = collect(&happened, bar);
        let was_open = chunks.close();
        summary.ending = if was_open { Ending::Complete } else { Ending::Interrupted };
        // A counter that failed has its failure noted in the scope, which then has no summary.
        for counts in counters.into_iter().filter_map(|counter| counter.join().ok()?.ok()) {
            summary.counts.merge(counts);
        }
        Ok(summary)
    }
}

/// Where a reader's findings go.
#[derive(Clone)]
struct Outlet {
    chunks: Sender<Vec<u8>>,
    events: Sender<Event>,
}

impl Outlet {
    fn tell(&self, event: Event) {
        // It fails only if the root has panicked, which ends everything anyway.
        let _ = self.events.send(event);
    }
}

/// Starts a reader for each file of the tree, and waits while there are too many.
fn walk<'scope>(
    scope: &'scope TryScope<'scope, '_, SpawnError>,
    tree: &Tree,
    outlet: &Outlet,
) -> Result<(), SpawnError> {
    for file in tree.files() {
        if outlet.chunks.is_closed() {
            break;
        }
        match file {
            Ok(file) => {
                let outlet = outlet.clone();
                let reader = Builder::new().name("reader");
                scope.spawn_with(reader, move || {
                    read_and_tell(file.path(), &outlet);
                    Ok(())
                })?;
            }
            Err(error) => outlet.tell(Event::Unreadable { what: error.to_string() }),
        }
    }
    Ok(())
}

fn read_and_tell(path: &Path, outlet: &Outlet) {
    match read(path, outlet) {
        Ok(ControlFlow::Continue(())) => outlet.tell(Event::FileEnded),
        Ok(ControlFlow::Break(())) => {}
        Err(error) => outlet.tell(Event::Unreadable { what: format!("{}: {error}", path.display()) }),
    }
}

/// Sends a file on in chunks; breaks when nobody takes them any more.
fn read(path: &Path, outlet: &Outlet) -> io::Result<ControlFlow<()>> {
    for chunk in Chunks::new(open_regular(path)?, CHUNK_BYTES) {
        let chunk = chunk?;
        let bytes = chunk.len() as u64;
        if outlet.chunks.send(chunk).is_err() {
            return Ok(ControlFlow::Break(()));
        }
        outlet.tell(Event::Read { bytes });
    }
    Ok(ControlFlow::Continue(()))
}

fn count_all(chunks: &Receiver<Vec<u8>>) -> WordCounts {
    let mut counts = WordCounts::default();
    for mut chunk in chunks {
        counts.add_text(&mut chunk);
    }
    counts
}

/// Walks ahead of the readers, so that the bar knows where it ends.
fn measure(tree: &Tree, bar: &ProgressBar, stopped: &Sender<Vec<u8>>) {
    /// Few enough to keep nobody waiting, enough to get ahead.
    const FILES_BETWEEN_YIELDS: usize = 64;
    for (index, file) in tree.files().flatten().enumerate() {
        if index % FILES_BETWEEN_YIELDS == 0 {
            yield_now();
        }
        if stopped.is_closed() {
            break;
        }
        if let Some(metadata) = file.metadata().ok().filter(|metadata| metadata.is_file()) {
            bar.inc_length(metadata.len());
        }
    }
}
