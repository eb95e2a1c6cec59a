// SPDX-License-Identifier: BSD-3-Clause
//! Processes that take permits in all forms, hold them over suspensions, and give them back; some are cancelled.

use std::sync::Arc;
use std::time::Duration;

use kcoro_sim::sched::yield_now;
use kcoro_sim::sync::{AcquireError, Mutex, MutexGuard, Permit, RwLock, RwLockReadGuard, RwLockWriteGuard, Semaphore};
use kcoro_sim::wait::{WaitError, block_on};

use super::{Setting, StartLine, Started};
use crate::linear::models::channel::Form;
use crate::linear::models::permits::{Call, Return, note_dropped};
use crate::linear::{History, Process, Recorder};
use crate::random::Random;

/// Something of which a program can take permits.
pub trait Subject: Clone + Send + Sync + 'static {
    /// Permits that are held; its drop gives them back.
    type Held<'a>;
    /// How many one request may ask for: one of these.
    const COUNTS: &'static [usize];
    /// Takes them, in one of several ways of the same form.
    fn acquire(&self, count: usize, form: Form, way: u64, patience: Duration) -> Result<Self::Held<'_>, Return>;
}

fn cancelled<T>(waited: Result<T, WaitError>) -> Result<T, Return> {
    waited.map_err(|why| match why {
        WaitError::Cancelled => Return::Cancelled,
        other => panic!("{other}"),
    })
}

/// Waits for `future`, which a cancel drops.
fn wait_for<T>(future: impl Future<Output = T>) -> Result<T, Return> {
    cancelled(block_on(future)).map_err(|_| Return::Dropped)
}

/// A mutex of kcoro.
#[derive(Clone, Debug, Default)]
pub struct OneHolder(Arc<Mutex<()>>);

impl Subject for OneHolder {
    type Held<'a> = MutexGuard<'a, ()>;
    const COUNTS: &'static [usize] = &[1];

    fn acquire(&self, _: usize, form: Form, way: u64, patience: Duration) -> Result<Self::Held<'_>, Return> {
        match form {
            Form::Wait if way == 0 => Ok(self.0.lock().expect("who calls can wait")),
            Form::Wait if way == 1 => cancelled(self.0.lock_cancellable()),
            Form::Wait => wait_for(self.0.lock_async()),
            Form::Try => self.0.try_lock().ok_or(Return::Refused),
            Form::Timeout => self.0.lock_timeout(patience).map_err(|_| Return::Refused),
        }
    }
}

/// A semaphore of kcoro, whose requests are for one.
#[derive(Clone, Debug)]
pub struct Ones(pub Arc<Semaphore>);

/// A semaphore of kcoro, whose requests are for one, two or three.
#[derive(Clone, Debug)]
pub struct Several(pub Arc<Semaphore>);

impl Subject for Ones {
    type Held<'a> = Permit<'a>;
    const COUNTS: &'static [usize] = &[1];

    fn acquire(&self, count: usize, form: Form, way: u64, patience: Duration) -> Result<Permit<'_>, Return> {
        permit(&self.0, count, form, way, patience)
    }
}

impl Subject for Several {
    type Held<'a> = Permit<'a>;
    const COUNTS: &'static [usize] = &[1, 2, 3];

    fn acquire(&self, count: usize, form: Form, way: u64, patience: Duration) -> Result<Permit<'_>, Return> {
        permit(&self.0, count, form, way, patience)
    }
}

fn permit(semaphore: &Semaphore, count: usize, form: Form, way: u64, patience: Duration) -> Result<Permit<'_>, Return> {
    match form {
        Form::Wait if way == 0 => Ok(semaphore.acquire(count).expect("who calls can wait, and it is open")),
        Form::Wait if way == 1 => semaphore.acquire_cancellable(count).map_err(|why| match why {
            AcquireError::Cancelled => Return::Cancelled,
            other => panic!("{other}"),
        }),
        Form::Wait => wait_for(semaphore.acquire_async(count)).map(|permit| permit.expect("it is open")),
        Form::Try => semaphore.try_acquire(count).map_err(|_| Return::Refused),
        Form::Timeout => semaphore.acquire_timeout(count, patience).map_err(|_| Return::Refused),
    }
}

/// A lock of kcoro for readers and writers. A writer counts as many.
#[derive(Clone, Debug, Default)]
pub struct ReadersAndWriters(Arc<RwLock<()>>);

/// As how many a writer of [`ReadersAndWriters`] counts: more than there are processes.
pub const WRITER: usize = 9;

/// See [`ReadersAndWriters`].
#[derive(Debug)]
pub enum Either<'a> {
    /// A reader.
    Reads(RwLockReadGuard<'a, ()>),
    /// A writer.
    Writes(RwLockWriteGuard<'a, ()>),
}

impl Subject for ReadersAndWriters {
    type Held<'a> = Either<'a>;
    const COUNTS: &'static [usize] = &[1, 1, WRITER];

    fn acquire(&self, count: usize, form: Form, way: u64, patience: Duration) -> Result<Either<'_>, Return> {
        if count == WRITER { self.write(form, way, patience) } else { self.read(form, way, patience) }
    }
}

impl ReadersAndWriters {
    fn read(&self, form: Form, way: u64, patience: Duration) -> Result<Either<'_>, Return> {
        let reads = match form {
            Form::Wait if way == 0 => Ok(self.0.read().expect("who calls can wait")),
            Form::Wait if way == 1 => cancelled(self.0.read_cancellable()),
            Form::Wait => wait_for(self.0.read_async()),
            Form::Try => self.0.try_read().ok_or(Return::Refused),
            Form::Timeout => self.0.read_timeout(patience).map_err(|_| Return::Refused),
        };
        reads.map(Either::Reads)
    }

    fn write(&self, form: Form, way: u64, patience: Duration) -> Result<Either<'_>, Return> {
        let writes = match form {
            Form::Wait if way == 0 => Ok(self.0.write().expect("who calls can wait")),
            Form::Wait if way == 1 => cancelled(self.0.write_cancellable()),
            Form::Wait => wait_for(self.0.write_async()),
            Form::Try => self.0.try_write().ok_or(Return::Refused),
            Form::Timeout => self.0.write_timeout(patience).map_err(|_| Return::Refused),
        };
        writes.map(Either::Writes)
    }
}

/// Runs the program of `setting` on `subject`; returns what it recorded.
pub fn run<S: Subject>(setting: Setting, subject: &S) -> History<Call, Return> {
    let mut random = Random::new(setting.seed);
    let recorder = Recorder::new();
    let processes = 2 + random.below(4) as usize;
    let start = StartLine::new(processes + 1);
    let spawn = |nth: usize| {
        let (subject, start) = (subject.clone(), start.clone());
        let process = recorder.process(format!("process {nth}"));
        let random = Random::new(setting.seed * 8 + nth as u64);
        Started::new(&setting, nth, move || {
            start.wait();
            work(&subject, process, random, setting.pace);
        })
    };
    let started: Vec<_> = (0..processes).map(spawn).collect();
    start.wait();
    (0..random.below(8)).for_each(|_| yield_now());
    started[(setting.seed % 2) as usize].cancel();
    started.into_iter().for_each(Started::join);
    let mut history = recorder.history();
    note_dropped(&mut history);
    history
}

fn work(subject: &impl Subject, mut process: Process<Call, Return>, mut random: Random, pace: Duration) {
    for _ in 0..1 + random.below(4) {
        let form = [Form::Wait, Form::Wait, Form::Try, Form::Timeout][random.below(4) as usize];
        let (count, way) = (pick(subject, &mut random), random.below(3));
        let patience = pace * random.below(5) as u32 / 4;
        let body = || subject.acquire(count, form, way, patience);
        let held = process.run(0, Call::Acquire(count, form), body, |acquired| match acquired {
            Ok(_) => Return::Acquired,
            Err(why) => *why,
        });
        if held.is_ok() {
            (0..random.below(3)).for_each(|_| yield_now());
            process.run(0, Call::Release(count), || drop(held), |()| Return::Released);
        }
        if random.below(2) == 0 {
            yield_now();
        }
    }
}

fn pick<S: Subject>(_: &S, random: &mut Random) -> usize {
    S::COUNTS[random.below(S::COUNTS.len() as u64) as usize]
}
