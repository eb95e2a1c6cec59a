// SPDX-License-Identifier: BSD-3-Clause
//! A coroutine, those who watch it through its handle, and the one of them who joins it.

use std::sync::Arc;
use std::time::Duration;

use kcoro_sim::sched::{Builder, JoinError, JoinHandle, TryJoinError, yield_now};

use super::{Setting, Started};
use crate::linear::models::channel::Form;
use crate::linear::models::join::{Call, Ending, Return};
use crate::linear::{History, Process, Recorder};
use crate::random::Random;

/// A handle that a program can use.
pub trait Subject: Send + Sync + 'static {
    /// Spawns `body` on this worker.
    fn spawn(worker: usize, body: impl FnOnce() -> u64 + Send + 'static) -> Self;
    /// Requests the cancel.
    fn cancel(&self);
    /// Whether it has ended.
    fn is_finished(&self) -> bool;
    /// Its output.
    fn join(&mut self, form: Form, patience: Duration) -> Return;
}

impl Subject for JoinHandle<u64> {
    fn spawn(worker: usize, body: impl FnOnce() -> u64 + Send + 'static) -> Self {
        Builder::new().name("watched").worker(worker).spawn(body).expect("a coroutine")
    }

    fn cancel(&self) {
        JoinHandle::cancel(self);
    }

    fn is_finished(&self) -> bool {
        JoinHandle::is_finished(self)
    }

    fn join(&mut self, form: Form, patience: Duration) -> Return {
        let joined = match form {
            Form::Wait => self.join_mut().map_err(TryJoinError::Failed),
            Form::Try => self.try_join(),
            Form::Timeout => self.join_timeout(patience),
        };
        match joined {
            Ok(output) => Return::Joined(Ending::Output(output)),
            Err(TryJoinError::NotYet) => Return::NotYet,
            Err(TryJoinError::Failed(JoinError::Panicked(_))) => Return::Joined(Ending::Panic),
            Err(TryJoinError::Failed(JoinError::Cancelled)) => Return::NeverRan,
            Err(TryJoinError::Failed(JoinError::AlreadyTaken)) => Return::AlreadyTaken,
            Err(other) => panic!("{other}"),
        }
    }
}

/// Runs the program of `setting` on a handle of this kind; returns what it recorded.
pub fn run<S: Subject>(setting: Setting) -> History<Call, Return> {
    let mut random = Random::new(setting.seed);
    let recorder = Recorder::new();
    let mut watched = recorder.process("watched");
    let yields = random.below(5);
    let ending = if random.below(5) == 0 { Ending::Panic } else { Ending::Output(setting.seed) };
    let start = watched.begin(0, Call::Start);
    let body = move || {
        watched.end(start, Return::Started);
        (0..yields).for_each(|_| yield_now());
        // The end comes after the body, hence this does not return.
        let _ = watched.begin(0, Call::Finish(ending));
        match ending {
            Ending::Output(output) => output,
            // Without the panic hook, which would fill the screen.
            Ending::Panic => std::panic::resume_unwind(Box::new("expected")),
        }
    };
    let handle = Arc::new(S::spawn(random.below(setting.workers as u64) as usize, body));
    let spawn = |nth: usize| {
        let handle = handle.clone();
        let process = recorder.process(format!("watcher {nth}"));
        let random = Random::new(setting.seed * 8 + nth as u64);
        Started::new(&setting, nth, move || watch(handle, process, random, setting.pace))
    };
    let watchers: Vec<_> = (1..2 + random.below(3) as usize).map(spawn).collect();
    self::watch(handle, recorder.process("main"), random, setting.pace);
    watchers.into_iter().for_each(Started::join);
    recorder.history()
}

/// Looks now and then, or cancels; who is the last with the handle joins.
fn watch<S: Subject>(handle: Arc<S>, mut process: Process<Call, Return>, mut random: Random, pace: Duration) {
    for _ in 0..random.below(4) {
        if random.below(8) == 0 {
            process.run(0, Call::Cancel, || handle.cancel(), |()| Return::Requested);
        } else {
            process.run(0, Call::IsFinished, || handle.is_finished(), |finished| Return::Finished(*finished));
        }
        (0..random.below(3)).for_each(|_| yield_now());
    }
    if let Some(mut handle) = Arc::into_inner(handle) {
        for form in [Form::Try, Form::Timeout, Form::Wait, Form::Try] {
            let patience = pace * random.below(3) as u32 / 2;
            process.run(0, Call::Join(form), || handle.join(form, patience), |result| *result);
        }
    }
}
