// SPDX-License-Identifier: BSD-3-Clause
//! The watchdog: a thread that looks whether simulations go on, in real time.
//!
//! A turn that never ends, because its coroutine loops or blocks the thread, cannot be taken away from the inside. So
//! the watchdog names the coroutine and ends the process. It is the one thing here that looks at the real clock, and it
//! decides nothing else. One thread watches all simulations of the process; it sleeps while there are none.

use std::panic::Location;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use kcoro_core::platform::Running;

/// How often the watchdog looks, at most and at least.
const LOOKS: (Duration, Duration) = (Duration::from_millis(5), Duration::from_secs(1));

/// What is said of a thread that waits in the system. Only where points are can another worker have lost its turn with a
/// lock of the system's in its hand.
const BLOCKS: &str = if cfg!(kcoro_interleave) {
    "blocks the thread (a lock of the standard library that another worker held while it called kcoro, a sleep of the \
     system's, I/O, another thread's end)"
} else {
    "blocks the thread (a sleep of the system's, a lock, I/O, another thread's end)"
};

/// What a simulation shows to the watchdog.
#[derive(Debug)]
pub(crate) struct Watch {
    limit: Duration,
    /// Counts beginnings and ends of turns: odd during a turn. Written by the simulation only.
    turns: AtomicU64,
    whose: Mutex<Whose>,
    /// Where the system shows what the simulation's thread does.
    thread: Option<std::path::PathBuf>,
}

/// Whose turn it is.
#[derive(Debug)]
struct Whose {
    worker: usize,
    /// What each worker runs, or ran last.
    runs: Vec<Option<Running>>,
}

impl Watch {
    /// For a simulation on the calling thread.
    pub(crate) fn new(workers: usize, limit: Duration) -> Arc<Self> {
        // Miri shows no files of the system, and runs no watchdog.
        let thread = (!cfg!(miri)).then(|| std::fs::read_link("/proc/thread-self").ok()).flatten();
        let thread = thread.map(|thread| std::path::Path::new("/proc").join(thread).join("stat"));
        let whose = Mutex::new(Whose { worker: 0, runs: vec![None; workers] });
        Arc::new(Self { limit, turns: AtomicU64::new(0), whose, thread })
    }

    pub(crate) fn turn(&self, worker: usize, run: impl FnOnce()) {
        lock(&self.whose).worker = worker;
        // Relaxed: the count is all that is read of it, and a look that comes too early comes again.
        self.turns.fetch_add(1, Ordering::Relaxed);
        run();
        self.turns.fetch_add(1, Ordering::Relaxed);
    }

    pub(crate) fn runs(&self, worker: usize, coroutine: Running) {
        lock(&self.whose).runs[worker] = Some(coroutine);
    }

    /// Nothing runs on `worker` but its own loop.
    pub(crate) fn at_base(&self, worker: usize) {
        lock(&self.whose).runs[worker] = None;
    }

    /// What runs on the worker whose turn it is.
    pub(crate) fn running(&self) -> Option<Running> {
        let Whose { worker, runs } = &*lock(&self.whose);
        runs[*worker]
    }

    /// What is to be said of a turn that has taken too long.
    fn complaint(&self) -> String {
        let Whose { worker, runs } = &*lock(&self.whose);
        let who = match runs[*worker] {
            Some(Running { id, name, spawn_site, .. }) => named(id, name, spawn_site),
            None => "the runtime itself".to_owned(),
        };
        format!(
            "a simulation does not go on: {who}, on worker {worker}, has not suspended for {:?} of real time: it {}. In a \
             simulation wait by kcoro's own operations, or allow more with Sim::turn_time",
            self.limit,
            self.thread_does()
        )
    }

    fn thread_does(&self) -> &'static str {
        let stat = self.thread.as_ref().and_then(|path| std::fs::read_to_string(path).ok());
        // The state stands behind the thread's name, which is in parentheses and may hold any others.
        match stat.as_deref().and_then(|stat| stat.rsplit_once(") ")).and_then(|(_, rest)| rest.chars().next()) {
            Some('S' | 'D') => BLOCKS,
            Some('R') => "runs on without ever waiting",
            _ => "runs on without ever waiting, or blocks the thread",
        }
    }
}

fn named(id: u64, name: Option<&str>, spawn_site: &Location<'_>) -> String {
    format!("coroutine {id} `{}`, spawned at {spawn_site}", name.unwrap_or("unnamed"))
}

/// All that is watched.
struct Room {
    watched: Vec<Seen>,
    thread: Watchdog,
}

/// What the watchdog has seen of one simulation.
struct Seen {
    watch: Arc<Watch>,
    turns: u64,
    since: Instant,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Watchdog {
    NotStarted,
    Looks,
    /// It waits until there is something to look at.
    Sleeps,
}

static ROOM: Mutex<Room> = Mutex::new(Room { watched: Vec::new(), thread: Watchdog::NotStarted });
static CAME: Condvar = Condvar::new();

/// Ends the watch when it is dropped.
pub(crate) struct Watched(Arc<Watch>);

/// Watches over a simulation on the calling thread.
pub(crate) fn watch(watch: Arc<Watch>) -> Watched {
    let mut room = lock(&ROOM);
    room.watched.push(Seen { watch: watch.clone(), turns: 0, since: Instant::now() });
    match room.thread {
        Watchdog::Looks => {}
        Watchdog::Sleeps => CAME.notify_one(),
        // Its thread would never end, which Miri reports.
        Watchdog::NotStarted if cfg!(miri) => {}
        Watchdog::NotStarted => {
            // Without the thread, a test that hangs says nothing: no reason not to run it.
            let started = thread::Builder::new().name("kcoro-sim-watchdog".into()).spawn(look_for_ever);
            room.thread = if started.is_ok() { Watchdog::Looks } else { Watchdog::NotStarted };
        }
    }
    Watched(watch)
}

impl Drop for Watched {
    fn drop(&mut self) {
        lock(&ROOM).watched.retain(|seen| !Arc::ptr_eq(&seen.watch, &self.0));
    }
}

fn look_for_ever() {
    let mut room = lock(&ROOM);
    loop {
        while room.watched.is_empty() {
            room.thread = Watchdog::Sleeps;
            room = CAME.wait(room).unwrap_or_else(PoisonError::into_inner);
        }
        room.thread = Watchdog::Looks;
        if let Some(late) = room.watched.iter_mut().find_map(Seen::is_late) {
            crate::backend::fatal(format_args!("{}", late.complaint()));
        }
        let shortest = room.watched.iter().map(|seen| seen.watch.limit).min().unwrap_or_default();
        let (at_least, at_most) = LOOKS;
        let timed = CAME.wait_timeout(room, (shortest / 4).clamp(at_least, at_most));
        room = timed.unwrap_or_else(PoisonError::into_inner).0;
    }
}

impl Seen {
    /// Looks again; the watch if it is in the same turn for too long.
    fn is_late(&mut self) -> Option<Arc<Watch>> {
        let turns = self.watch.turns.load(Ordering::Relaxed);
        if turns != self.turns {
            (self.turns, self.since) = (turns, Instant::now());
        }
        let is_late = turns % 2 == 1 && self.since.elapsed() >= self.watch.limit;
        is_late.then(|| self.watch.clone())
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
