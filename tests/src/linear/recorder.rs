// SPDX-License-Identifier: BSD-3-Clause
//! Recording while it happens.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::history::{History, Operation};

/// Where processes record. Clones record into the same history.
#[derive(Debug)]
pub struct Recorder<C, R>(Arc<Shared<C, R>>);

#[derive(Debug)]
struct Shared<C, R> {
    clock: AtomicU64,
    processes: Mutex<Vec<Entry<C, R>>>,
}

#[derive(Debug)]
struct Entry<C, R> {
    name: String,
    log: Arc<Log<C, R>>,
}

/// One process's part. Its lock is taken by its process and by who reads the history, so that recording does not put
/// the processes in step with each other.
type Log<C, R> = Mutex<Vec<Operation<C, R>>>;

/// One thread or coroutine: the place where its operations are recorded.
#[derive(Debug)]
pub struct Process<C, R> {
    shared: Arc<Shared<C, R>>,
    log: Arc<Log<C, R>>,
    index: usize,
}

/// An operation that has been called.
#[must_use = "an operation that is never ended did not return"]
#[derive(Debug)]
pub struct Ticket(usize);

impl<C, R> Shared<C, R> {
    /// The next stamp. An operation lies between its two stamps: `SeqCst` keeps the compiler and the processor from
    /// moving any of it out.
    fn stamp(&self) -> u64 {
        self.clock.fetch_add(1, Ordering::SeqCst)
    }
}

impl<C, R> Recorder<C, R> {
    /// Nothing recorded yet.
    pub fn new() -> Self {
        Self(Arc::new(Shared { clock: AtomicU64::new(1), processes: Mutex::new(Vec::new()) }))
    }

    /// One more process.
    pub fn process(&self, name: impl Into<String>) -> Process<C, R> {
        let log = Arc::new(Mutex::new(Vec::new()));
        let mut processes = lock(&self.0.processes);
        processes.push(Entry { name: name.into(), log: log.clone() });
        Process { shared: self.0.clone(), log, index: processes.len() - 1 }
    }
}

impl<C: Clone, R: Clone> Recorder<C, R> {
    /// What has been recorded until now. Processes may still be at work, or hang: an operation that has not returned is
    /// in it as such.
    pub fn history(&self) -> History<C, R> {
        let processes = lock(&self.0.processes);
        let names = processes.iter().map(|entry| entry.name.clone()).collect();
        let operations = processes.iter().flat_map(|entry| lock(&entry.log).clone()).collect();
        History::new(names, operations)
    }
}

impl<C, R> Clone for Recorder<C, R> {
    fn clone(&self) -> Self {
        Self(self.0.clone())
    }
}

impl<C, R> Default for Recorder<C, R> {
    fn default() -> Self {
        Self::new()
    }
}

impl<C, R> Process<C, R> {
    /// Its index in [`History::processes`].
    pub fn index(&self) -> usize {
        self.index
    }

    /// Records an operation: `body` is what is done, `result` says what came of it. Does not return if `body` does not.
    pub fn run<T>(&mut self, object: u32, call: C, body: impl FnOnce() -> T, result: impl FnOnce(&T) -> R) -> T {
        let ticket = self.begin(object, call);
        let value = body();
        // Stamped first: the result is worked out after the return.
        let returned_at = self.shared.stamp();
        let result = result(&value);
        lock(&self.log)[ticket.0].returned = Some((returned_at, result));
        value
    }

    /// Records a call, for an operation that ends elsewhere or never.
    pub fn begin(&mut self, object: u32, call: C) -> Ticket {
        let mut log = lock(&self.log);
        let called_at = self.shared.stamp();
        log.push(Operation { process: self.index, object, call, called_at, returned: None });
        Ticket(log.len() - 1)
    }

    /// Records the return of what [`Process::begin`] began.
    pub fn end(&mut self, ticket: Ticket, result: R) {
        let returned_at = self.shared.stamp();
        lock(&self.log)[ticket.0].returned = Some((returned_at, result));
    }
}

/// A process that panicked left a log that is whole.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
