// SPDX-License-Identifier: BSD-3-Clause
//! What happens during a count, and what it comes to.

use indicatif::ProgressBar;
use kcoro_posix::channel::Receiver;

use crate::counts::WordCounts;

/// What readers and walker tell.
pub enum Event {
    Read { bytes: u64 },
    FileEnded,
    Unreadable { what: String },
}

/// What was counted.
pub struct Summary {
    /// Files read to their end.
    pub files: u64,
    /// Bytes read.
    pub bytes: u64,
    /// Paths that could not be read, or not to the end.
    pub unreadable: u64,
    pub counts: WordCounts,
    pub ending: Ending,
}

/// Whether all was read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ending {
    Complete,
    Interrupted,
}

/// Sums up events until there are no more.
pub fn collect(events: &Receiver<Event>, bar: &ProgressBar) -> Summary {
    let mut summary =
        Summary { files: 0, bytes: 0, unreadable: 0, counts: WordCounts::default(), ending: Ending::Complete };
    for event in events {
        match event {
            Event::Read { bytes } => {
                summary.bytes += bytes;
                bar.inc(bytes);
            }
            Event::FileEnded => {
                summary.files += 1;
                bar.set_message(format!("{} files", summary.files));
            }
            Event::Unreadable { what } => {
                summary.unreadable += 1;
                bar.suspend(|| eprintln!("unreadable: {what}"));
            }
        }
    }
    summary
}
