// SPDX-License-Identifier: BSD-3-Clause
//! Senders and receivers that use a channel in all its forms, a canceller, and a close at the end.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use kcoro_sim::channel::{
    Builder, Receiver, RecvError, RecvTimeoutError, SendError, SendTimeoutError, Sender, TryRecvError, TrySendError,
};
use kcoro_sim::sched::yield_now;
use kcoro_sim::time::sleep;

use super::{Setting, StartLine, Started};
use crate::linear::models::channel::{Action, Call, Form, Return};
use crate::linear::{History, Process, Recorder};
use crate::random::Random;

/// A channel that a program can use. A send that fails gives `value` back, or the implementation panics.
pub trait Subject: Clone + Send + 'static {
    /// Sends; waits at most `patience` if the form is [`Form::Timeout`].
    fn send(&self, value: u64, form: Form, patience: Duration) -> Return;
    /// Receives; waits as [`Subject::send`].
    fn recv(&self, form: Form, patience: Duration) -> Return;
    /// Closes; says whether it was open.
    fn close(&self) -> bool;
    /// How many values are buffered.
    fn buffered(&self) -> usize;
}

/// A channel of kcoro.
#[derive(Clone, Debug)]
pub struct Kcoro {
    tx: Sender<u64>,
    rx: Receiver<u64>,
}

impl Kcoro {
    /// With this capacity; zero is a rendezvous.
    pub fn new(capacity: usize) -> Self {
        Self::built(Builder::bounded(capacity))
    }

    /// Of any kind.
    pub fn built(builder: Builder<u64>) -> Self {
        let (tx, rx) = builder.build();
        Self { tx, rx }
    }
}

impl Subject for Kcoro {
    fn send(&self, value: u64, form: Form, patience: Duration) -> Return {
        let (result, back) = match form {
            Form::Wait => match self.tx.send(value) {
                Ok(()) => return Return::Sent,
                Err(SendError::Closed(back)) => (Return::Closed, back),
                Err(SendError::Cancelled(back)) => (Return::Cancelled, back),
                Err(other) => panic!("{other:?}"),
            },
            Form::Try => match self.tx.try_send(value) {
                Ok(()) => return Return::Sent,
                Err(TrySendError::Full(back)) => (Return::Full, back),
                Err(TrySendError::Closed(back)) => (Return::Closed, back),
                Err(other) => panic!("{other:?}"),
            },
            Form::Timeout => match self.tx.send_timeout(value, patience) {
                Ok(()) => return Return::Sent,
                Err(SendTimeoutError::TimedOut(back)) => (Return::Full, back),
                Err(SendTimeoutError::Closed(back)) => (Return::Closed, back),
                Err(SendTimeoutError::Cancelled(back)) => (Return::Cancelled, back),
                Err(other) => panic!("{other:?}"),
            },
        };
        assert_eq!(back, value, "another value came back");
        result
    }

    fn recv(&self, form: Form, patience: Duration) -> Return {
        match form {
            Form::Wait => match self.rx.recv() {
                Ok(value) => Return::Received(value),
                Err(RecvError::Closed) => Return::Closed,
                Err(RecvError::Cancelled) => Return::Cancelled,
                Err(other) => panic!("{other:?}"),
            },
            Form::Try => match self.rx.try_recv() {
                Ok(value) => Return::Received(value),
                Err(TryRecvError::Empty) => Return::Empty,
                Err(TryRecvError::Closed) => Return::Closed,
                Err(other) => panic!("{other:?}"),
            },
            Form::Timeout => match self.rx.recv_timeout(patience) {
                Ok(value) => Return::Received(value),
                Err(RecvTimeoutError::TimedOut) => Return::Empty,
                Err(RecvTimeoutError::Closed) => Return::Closed,
                Err(RecvTimeoutError::Cancelled) => Return::Cancelled,
                Err(other) => panic!("{other:?}"),
            },
        }
    }

    fn close(&self) -> bool {
        self.rx.close()
    }

    fn buffered(&self) -> usize {
        self.tx.len()
    }
}

/// One process of the program.
struct Worker<S> {
    subject: S,
    process: Process<Call, Return>,
    random: Random,
    pace: Duration,
    /// Set when a cancel of it has returned.
    cancelled: Arc<AtomicBool>,
    /// Of ten operations that are one of the two, so many are sends.
    sends_of_ten: u64,
}

impl<S: Subject> Worker<S> {
    fn work(mut self, start: &StartLine) {
        start.wait();
        for nth in 0..1 + self.random.below(6) {
            self.operate(nth);
            if self.random.below(3) == 0 {
                yield_now();
            }
        }
    }

    fn operate(&mut self, nth: u64) {
        let form = [Form::Wait, Form::Try, Form::Timeout][self.random.below(3) as usize];
        let action = match self.random.below(30) {
            0 => Action::Len,
            1 => Action::Close,
            _ if self.random.below(10) < self.sends_of_ten => {
                Action::Send(self.process.index() as u64 * 100 + nth, form)
            }
            _ => Action::Recv(form),
        };
        let patience = part(&mut self.random, self.pace);
        let cancelled_before = self.cancelled.load(Ordering::SeqCst);
        let subject = &self.subject;
        let body = || match action {
            Action::Send(value, form) => subject.send(value, form, patience),
            Action::Recv(form) => subject.recv(form, patience),
            Action::Close => Return::WasOpen(subject.close()),
            Action::Len => Return::Len(subject.buffered()),
            Action::Cancel(_) => unreachable!("workers cancel nobody"),
        };
        self.process.run(0, Call { action, cancelled_before }, body, |result| *result);
    }
}

/// Up to `most`, often nothing.
fn part(random: &mut Random, most: Duration) -> Duration {
    most * random.below(5) as u32 / 4
}

/// Runs the program of `setting` on `subject`; returns what it recorded.
pub fn run<S: Subject>(setting: Setting, subject: &S) -> History<Call, Return> {
    let mut random = Random::new(setting.seed);
    let recorder = Recorder::new();
    let mut main = recorder.process("main");
    let processes = 2 + random.below(4) as usize;
    let start = StartLine::new(processes + 1);
    let flags: Vec<_> = (0..processes).map(|_| Arc::new(AtomicBool::new(false))).collect();
    let spawn = |(nth, cancelled): (usize, &Arc<AtomicBool>)| {
        let worker = Worker {
            subject: subject.clone(),
            process: recorder.process(format!("process {}", nth + 1)),
            random: Random::new(setting.seed * 8 + nth as u64),
            pace: setting.pace,
            cancelled: cancelled.clone(),
            // Mostly senders, mostly receivers, and some of both.
            sends_of_ten: [9, 1, 5][nth % 3],
        };
        let start = start.clone();
        Started::new(&setting, nth, move || worker.work(&start))
    };
    let started: Vec<_> = flags.iter().enumerate().map(spawn).collect();
    start.wait();
    let mut pause = || sleep(part(&mut random, setting.pace)).expect("nobody cancels this one");
    pause();
    let victim = (setting.seed % 3) as usize;
    if started.get(victim).is_some_and(Started::is_coroutine) {
        let call = Call::new(Action::Cancel(victim + 1));
        main.run(0, call, || started[victim].cancel(), |()| Return::Requested);
        flags[victim].store(true, Ordering::SeqCst);
    }
    pause();
    // Whoever still waits, waits for this.
    main.run(0, Call::new(Action::Close), || subject.close(), |open| Return::WasOpen(*open));
    started.into_iter().for_each(Started::join);
    recorder.history()
}
