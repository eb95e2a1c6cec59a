// SPDX-License-Identifier: BSD-3-Clause
//! The watchdog: names a coroutine that runs on and on without a suspension, and so keeps its worker from all others that
//! are bound to it.
//!
//! ```text
//!  watcher's thread              worker's thread
//!    asked = true; SIGURG  --->    handler: what runs here, for the how-manieth time? answer, answered = true
//!    next look: read the answer
//! ```
//!
//! Only the worker's own thread can say safely what it runs, for the coroutine may end at any time; so it is interrupted
//! and asked. A coroutine that is found at two looks in one and the same stint has run all the time between them. Workers
//! that sleep are not asked: nothing costs anything while nothing runs but the watcher's own looks.
#![expect(unsafe_code, reason = "installs a signal handler, and sends signals to threads")]

mod seat;

use std::collections::HashMap;
use std::fmt;
use std::panic::Location;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use kcoro_core::platform::StartError;
use kcoro_core::task::fault::Stint;
use signal_hook::low_level;

use self::seat::Seat;
pub(crate) use self::seat::Sleeping;

/// The signal that asks a worker. By default it is ignored, and system calls that it interrupts go on.
const SIGNAL: i32 = libc::SIGURG;

/// How often the watcher looks within one limit. A hog is found at most two looks late.
const LOOKS_PER_LIMIT: u32 = 4;
/// A shorter time between two looks is no use: a thread may wait for longer to be given a core.
const SHORTEST_LOOK: Duration = Duration::from_millis(1);

/// A coroutine that does not let others run, see [`PosixBuilder::on_hog`](crate::PosixBuilder::on_hog).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Hog {
    /// The worker that it keeps to itself.
    pub worker: usize,
    /// Its number.
    pub id: u64,
    /// Its name, if it has one.
    pub name: Option<&'static str>,
    /// Where it was spawned.
    pub spawn_site: &'static Location<'static>,
    /// For how long it has run at least.
    pub ran_for: Duration,
}

impl fmt::Display for Hog {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { worker, id, name, spawn_site, ran_for } = self;
        let name = name.unwrap_or("(unnamed)");
        write!(
            f,
            "coroutine {id} {name}, spawned at {spawn_site}, has run for {ran_for:?} without a suspension; all others that \
             are bound to worker {worker} wait: yield now and then, or let a thread do the work"
        )
    }
}

/// What a platform was asked to watch.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Settings {
    pub(crate) limit: Duration,
    pub(crate) hook: fn(&Hog),
}

/// See the [module](self). Belongs to one platform value.
pub(crate) struct Hogs {
    settings: Settings,
    room: Arc<Room>,
    watcher: Mutex<Option<Watcher>>,
}

/// What the watcher shares with the workers' threads.
#[derive(Default)]
struct Room {
    table: Mutex<Table>,
    changed: Condvar,
}

#[derive(Default)]
struct Table {
    seats: Vec<Arc<Seat>>,
    is_over: bool,
}

/// The thread, and the handler that answers it.
struct Watcher {
    thread: Option<JoinHandle<()>>,
    handler: signal_hook::SigId,
}

impl Hogs {
    pub(crate) fn new(settings: Settings) -> Self {
        Self { settings, room: Arc::default(), watcher: Mutex::new(None) }
    }

    /// Whether it can be done here: threads have numbers that signals can be sent to, and there are signals.
    pub(crate) const ARE_SEEN: bool = cfg!(all(target_os = "linux", not(miri)));

    /// Starts the watcher, if it does not run yet. Called before the first worker enters.
    pub(crate) fn start(&self) -> Result<(), StartError> {
        let mut watcher = lock(&self.watcher);
        if watcher.is_none() {
            let started = Watcher::start(self.settings, &self.room);
            let no_thread = |error: std::io::Error| StartError::NoThread { os_code: error.raw_os_error().unwrap_or(0) };
            *watcher = Some(started.map_err(no_thread)?);
        }
        Ok(())
    }

    /// The calling thread becomes worker `index`, and is watched until the guard is dropped, there.
    pub(crate) fn enter(&self, index: usize) -> Watched {
        let seat = Seat::take(index);
        lock(&self.room.table).seats.push(seat.clone());
        Watched { seat, room: self.room.clone() }
    }
}

/// A worker's thread that is watched.
pub(crate) struct Watched {
    seat: Arc<Seat>,
    room: Arc<Room>,
}

impl Drop for Watched {
    fn drop(&mut self) {
        self.seat.leave();
        lock(&self.room.table).seats.retain(|other| !Arc::ptr_eq(other, &self.seat));
    }
}

impl Drop for Hogs {
    fn drop(&mut self) {
        lock(&self.room.table).is_over = true;
        self.room.changed.notify_all();
        if let Some(Watcher { thread, handler }) = lock(&self.watcher).take() {
            // A hook that panicked has been reported by the panic hook; nobody else is to be told.
            let _ = thread.map(JoinHandle::join);
            low_level::unregister(handler);
        }
    }
}

impl Watcher {
    fn start(settings: Settings, room: &Arc<Room>) -> std::io::Result<Self> {
        // SAFETY: the handler reads and writes what belongs to its own thread, and atomics.
        let handler = unsafe { low_level::register(SIGNAL, Seat::answer_on_this_thread) }?;
        let room = room.clone();
        let thread = crate::signals::run_on_alternate_stack(SIGNAL)
            .and_then(|()| std::thread::Builder::new().name("kcoro-hogs".into()).spawn(move || watch(settings, &room)));
        match thread {
            Ok(thread) => Ok(Self { thread: Some(thread), handler }),
            Err(why) => {
                low_level::unregister(handler);
                Err(why)
            }
        }
    }
}

fn watch(settings: Settings, room: &Room) {
    let pause = (settings.limit / LOOKS_PER_LIMIT).max(SHORTEST_LOOK);
    let mut stints = HashMap::new();
    let mut table = lock(&room.table);
    while !table.is_over {
        let seats = table.seats.clone();
        drop(table);
        stints.retain(|seat: &usize, _| seats.iter().any(|other| other.key() == *seat));
        for seat in &seats {
            look_at(settings, seat, &mut stints);
        }
        table = lock(&room.table);
        if !table.is_over {
            (table, _) = room.changed.wait_timeout(table, pause).unwrap_or_else(PoisonError::into_inner);
        }
    }
}

/// A stint that was seen at one look or more.
struct Seen {
    stint: Stint,
    since: Instant,
    looks: u32,
    was_told: bool,
}

fn look_at(settings: Settings, seat: &Seat, stints: &mut HashMap<usize, Seen>) {
    let answer = seat.answer();
    if seat.is_asleep() {
        stints.remove(&seat.key());
        return;
    }
    match answer {
        Some(Some(stint)) => {
            let seen = stints.entry(seat.key()).or_insert_with(|| Seen::new(stint));
            if seen.stint != stint {
                *seen = Seen::new(stint);
            }
            seen.looks += 1;
            let ran_for = seen.since.elapsed();
            // A thread that is given no core answers seldom: then it is not the coroutine that takes its time.
            if ran_for >= settings.limit && seen.looks >= LOOKS_PER_LIMIT && !seen.was_told {
                seen.was_told = true;
                let Stint { id, name, spawn_site, .. } = stint;
                (settings.hook)(&Hog { worker: seat.worker(), id, name, spawn_site, ran_for });
            }
        }
        Some(None) => drop(stints.remove(&seat.key())),
        // It has not answered yet: the thread was not given a core since, which is no coroutine's fault.
        None => {}
    }
    seat.ask();
}

impl Seen {
    fn new(stint: Stint) -> Self {
        Self { stint, since: Instant::now(), looks: 0, was_told: false }
    }
}

/// Whatever a panic left behind is whole.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
