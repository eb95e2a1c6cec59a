// SPDX-License-Identifier: BSD-3-Clause
//! From records to slices.

use std::collections::BTreeMap;
use std::panic::Location;

use kcoro_core::trace::{Event, Record};

/// Where something is drawn. What is done by threads that are no workers is on the worker track [`OUTSIDE`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Track {
    Worker(u32),
    Coroutine(u64),
}

/// See [`Track`].
pub(super) const OUTSIDE: u32 = u32::MAX;

/// What is drawn.
#[derive(Debug)]
pub(super) enum Shape {
    /// From its instant for so long.
    Slice { duration_ns: u64 },
    /// A point.
    Instant,
    /// An arrow from here.
    ArrowStart { arrow: u64 },
    /// An arrow to here.
    ArrowEnd { arrow: u64 },
}

/// One thing that is drawn.
#[derive(Debug)]
pub(super) struct Entry {
    pub(super) track: Track,
    /// Counted from the first record.
    pub(super) at_ns: u64,
    pub(super) name: String,
    pub(super) shape: Shape,
}

/// A slice that has begun.
struct Open {
    name: String,
    since_ns: u64,
}

/// What a coroutine is called, and where it was spawned.
#[derive(Default)]
pub(super) struct Known {
    pub(super) name: Option<&'static str>,
    pub(super) site: Option<&'static Location<'static>>,
    /// The wake whose arrow has not arrived.
    arrow: Option<u64>,
}

/// All that is drawn.
#[derive(Default)]
pub(super) struct Tracks {
    /// Sorted by track, then by time.
    pub(super) entries: Vec<Entry>,
    pub(super) coroutines: BTreeMap<u64, Known>,
    open: BTreeMap<Track, Open>,
    arrows: u64,
}

impl Tracks {
    /// Of records that are sorted by time.
    pub(super) fn of(records: &[Record]) -> Self {
        let mut tracks = Self::default();
        let first_ns = records.first().map_or(0, |record| record.at_ns);
        let last_ns = records.last().map_or(0, |record| record.at_ns - first_ns);
        for record in records {
            tracks.add(Track::Worker(record.worker.unwrap_or(OUTSIDE)), record.at_ns - first_ns, record.event);
        }
        // What goes on at the end is drawn up to there.
        for track in tracks.open.keys().copied().collect::<Vec<_>>() {
            tracks.close(track, last_ns);
        }
        tracks.entries.sort_by_key(|entry| (entry.track, entry.at_ns));
        tracks
    }

    fn add(&mut self, here: Track, at_ns: u64, event: Event) {
        match event {
            Event::Spawned { coroutine, name, site, .. } => {
                self.coroutines.insert(coroutine, Known { name, site: Some(site), arrow: None });
                self.begin(Track::Coroutine(coroutine), at_ns, "ready".into());
            }
            Event::Resumed { coroutine } => self.resume(here, at_ns, coroutine),
            Event::Parked { coroutine, what, object } => {
                self.close(here, at_ns);
                let object = if object == 0 { String::new() } else { format!(" ({object:#x})") };
                self.begin(Track::Coroutine(coroutine), at_ns, format!("waits for {what}{object}"));
            }
            Event::Yielded { coroutine } => {
                self.close(here, at_ns);
                self.begin(Track::Coroutine(coroutine), at_ns, "ready".into());
            }
            Event::Ended { coroutine } => {
                self.close(here, at_ns);
                self.close(Track::Coroutine(coroutine), at_ns);
            }
            Event::Woken { coroutine, .. } => self.wake(here, at_ns, coroutine),
            Event::Cancelled { coroutine, .. } => self.point(Track::Coroutine(coroutine), at_ns, "cancelled"),
            Event::TimerArmed { coroutine, .. } => self.point(Track::Coroutine(coroutine), at_ns, "timer armed"),
            Event::TimerFired { coroutine } => self.point(Track::Coroutine(coroutine), at_ns, "timer fired"),
            Event::Stole { count } => self.point(here, at_ns, &format!("stole {count}")),
            Event::WorkerIdle => self.begin(here, at_ns, "asleep".into()),
            Event::WorkerAwake => self.close(here, at_ns),
            _ => {}
        }
    }

    fn resume(&mut self, here: Track, at_ns: u64, coroutine: u64) {
        let name = self.label(coroutine);
        self.begin(here, at_ns, name);
        self.begin(Track::Coroutine(coroutine), at_ns, "running".into());
        let known = self.coroutines.entry(coroutine).or_default();
        if let Some(arrow) = known.arrow.take() {
            self.entries.push(Entry { track: here, at_ns, name: "wake".into(), shape: Shape::ArrowEnd { arrow } });
        }
    }

    fn wake(&mut self, here: Track, at_ns: u64, coroutine: u64) {
        self.begin(Track::Coroutine(coroutine), at_ns, "ready".into());
        self.arrows += 1;
        let arrow = self.arrows;
        self.coroutines.entry(coroutine).or_default().arrow = Some(arrow);
        if !self.open.contains_key(&here) {
            // An arrow starts at a slice, and no coroutine runs here: a timer or a thread wakes.
            let name = format!("wakes {}", self.label(coroutine));
            self.entries.push(Entry { track: here, at_ns, name, shape: Shape::Slice { duration_ns: 0 } });
        }
        self.entries.push(Entry { track: here, at_ns, name: "wake".into(), shape: Shape::ArrowStart { arrow } });
    }

    /// What a coroutine is called.
    pub(super) fn label(&self, coroutine: u64) -> String {
        let name = self.coroutines.get(&coroutine).and_then(|known| known.name).unwrap_or("coroutine");
        format!("{name} {coroutine}")
    }

    fn point(&mut self, track: Track, at_ns: u64, name: &str) {
        self.entries.push(Entry { track, at_ns, name: name.into(), shape: Shape::Instant });
    }

    /// Begins a slice; the one before it on the same track ends.
    fn begin(&mut self, track: Track, at_ns: u64, name: String) {
        self.close(track, at_ns);
        self.open.insert(track, Open { name, since_ns: at_ns });
    }

    fn close(&mut self, track: Track, at_ns: u64) {
        if let Some(Open { name, since_ns }) = self.open.remove(&track) {
            let duration_ns = at_ns - since_ns;
            self.entries.push(Entry { track, at_ns: since_ns, name, shape: Shape::Slice { duration_ns } });
        }
    }

    /// The worker tracks that something is drawn on.
    pub(super) fn workers(&self) -> Vec<u32> {
        let mut workers: Vec<_> = self.entries.iter().filter_map(|entry| entry.track.worker()).collect();
        // They are sorted.
        workers.dedup();
        workers
    }
}

impl Track {
    fn worker(self) -> Option<u32> {
        match self {
            Track::Worker(index) => Some(index),
            Track::Coroutine(_) => None,
        }
    }
}
