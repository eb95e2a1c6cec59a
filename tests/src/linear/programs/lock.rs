// SPDX-License-Identifier: BSD-3-Clause
//! Processes that take a lock in turn, and two locks made of what kcoro has.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex};
use std::task::{Poll, Waker};
use std::time::Duration;

use kcoro_sim::channel::{Receiver, Sender, bounded};
use kcoro_sim::sched::yield_now;
use kcoro_sim::wait::block_on;

use super::{Setting, StartLine, Started};
use crate::linear::models::channel::Form;
use crate::linear::models::lock::{Call, Return};
use crate::linear::{History, Process, Recorder};
use crate::random::Random;

/// A lock that a program can use.
pub trait Subject: Clone + Send + 'static {
    /// Takes it; says whether that was possible in the time that the form gives.
    fn lock(&self, form: Form, patience: Duration) -> bool;
    /// Gives it back.
    fn unlock(&self);
}

/// A token that lies in a channel of one: who receives it holds the lock.
#[derive(Clone, Debug)]
pub struct Token {
    back: Sender<()>,
    token: Receiver<()>,
}

impl Token {
    /// A lock that is free.
    pub fn new() -> Self {
        let (back, token) = bounded(1);
        back.send(()).expect("there is room");
        Self { back, token }
    }
}

impl Default for Token {
    fn default() -> Self {
        Self::new()
    }
}

impl Subject for Token {
    fn lock(&self, form: Form, patience: Duration) -> bool {
        match form {
            Form::Wait => self.token.recv().is_ok(),
            Form::Try => self.token.try_recv().is_ok(),
            Form::Timeout => self.token.recv_timeout(patience).is_ok(),
        }
    }

    fn unlock(&self) {
        self.back.try_send(()).expect("nobody else holds the token");
    }
}

/// A flag and the wakers of those who wait for it: each wait goes through the claim of its coroutine or thread, and each
/// unlock wakes whoever has waited longest.
#[derive(Clone, Debug, Default)]
pub struct Claimed(Arc<Mutex<Claim>>);

#[derive(Debug, Default)]
struct Claim {
    held: bool,
    waiting: VecDeque<Waker>,
}

impl Subject for Claimed {
    fn lock(&self, form: Form, _patience: Duration) -> bool {
        let claim = || self.0.lock().expect("nobody panics in here");
        let waiting = std::future::poll_fn(|context| {
            // Cloned before the lock, and dropped after it if it is not kept. Inside of a waker an interleaved simulation
            // runs other workers, and one that wants this lock would block the thread of them all.
            let waker = context.waker().clone();
            let mut claim = claim();
            if !std::mem::replace(&mut claim.held, true) {
                return Poll::Ready(());
            }
            claim.waiting.push_back(waker);
            Poll::Pending
        });
        match form {
            Form::Wait => block_on(waiting).is_ok(),
            Form::Try | Form::Timeout => !std::mem::replace(&mut claim().held, true),
        }
    }

    fn unlock(&self) {
        let mut claim = self.0.lock().expect("nobody panics in here");
        claim.held = false;
        let next = claim.waiting.pop_front();
        drop(claim);
        // After the lock: a waker is foreign code.
        next.into_iter().for_each(Waker::wake);
    }
}

/// Runs the program of `setting` on `subject`; returns what it recorded.
pub fn run<S: Subject>(setting: Setting, subject: &S) -> History<Call, Return> {
    let mut random = Random::new(setting.seed);
    let recorder = Recorder::new();
    let processes = 2 + random.below(4) as usize;
    let start = StartLine::new(processes);
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
    started.into_iter().for_each(Started::join);
    recorder.history()
}

fn work(subject: &impl Subject, mut process: Process<Call, Return>, mut random: Random, pace: Duration) {
    for _ in 0..1 + random.below(4) {
        let form = [Form::Wait, Form::Wait, Form::Try, Form::Timeout][random.below(4) as usize];
        let patience = pace * random.below(5) as u32 / 4;
        let result = |locked: &bool| if *locked { Return::Locked } else { Return::Busy };
        if process.run(0, Call::Lock(form), || subject.lock(form, patience), result) {
            (0..random.below(3)).for_each(|_| yield_now());
            process.run(0, Call::Unlock, || subject.unlock(), |()| Return::Unlocked);
        }
        if random.below(2) == 0 {
            yield_now();
        }
    }
}
