// SPDX-License-Identifier: BSD-3-Clause
//! Channels, locks and handles with a bug each: seeds in the simulator find it, in the programs that kcoro's own pass.

use std::collections::VecDeque;
use std::marker::PhantomData;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use kcoro_sim::sched::{JoinHandle, yield_now};
use kcoro_sim::time::sleep;
use kcoro_tests::linear::models::channel::{Bounded, Form, Rendezvous, Return};
use kcoro_tests::linear::models::{join, lock};
use kcoro_tests::linear::programs::channel::{self, Subject};
use kcoro_tests::linear::programs::{self, Setting, simulate};
use kcoro_tests::linear::{History, Model};

/// So many seeds are enough for each of the bugs.
const SEEDS: u64 = 300;

/// The bug is found; its proof is short.
#[track_caller]
fn found<M: Model>(
    model: &M,
    program: impl Fn(Setting) -> History<M::Call, M::Return> + Copy + Send + 'static,
) -> String {
    let finding = (1..=3).find_map(|workers| simulate(model, 0..SEEDS, workers, program).err());
    let message = finding.expect("a seed that finds the bug").problem.to_string();
    assert!(message.contains("operations prove it"), "{message}");
    message
}

/// A queue that waits by trying again and again. It is correct but for what its [`Bug`] makes of it.
#[derive(Default)]
struct Inside {
    values: VecDeque<u64>,
    closed: bool,
}

/// What is wrong with a queue.
trait Bug: Send + 'static {
    const CAPACITY: usize = 2;
    /// Whether a send that timed out sends.
    const SENDS_WHEN_LATE: bool = false;
    /// Whether a cancelled process goes on.
    const IGNORES_CANCELS: bool = false;

    fn take(inside: &Mutex<Inside>) -> Option<u64> {
        inside.lock().unwrap().values.pop_front()
    }

    fn put(inside: &Mutex<Inside>, value: u64) {
        inside.lock().unwrap().values.push_back(value);
    }

    /// Whether nothing will come any more.
    fn is_over(inside: &Inside) -> bool {
        inside.closed && inside.values.is_empty()
    }
}

struct Queue<B>(Arc<Mutex<Inside>>, PhantomData<B>);

impl<B> Clone for Queue<B> {
    fn clone(&self) -> Self {
        Self(self.0.clone(), PhantomData)
    }
}

impl<B: Bug> Queue<B> {
    fn new() -> Self {
        Self(Arc::default(), PhantomData)
    }

    fn inside(&self) -> MutexGuard<'_, Inside> {
        self.0.lock().unwrap()
    }

    /// Tries as often as the form allows, with time between: virtual time, or the close would never come.
    fn retry(form: Form, mut once: impl FnMut() -> Option<Return>) -> Option<Return> {
        let (tries, mut wait) = match form {
            Form::Wait => (usize::MAX, Duration::ZERO),
            Form::Try => return once(),
            Form::Timeout => (3, Duration::ZERO),
        };
        for _ in 0..tries {
            if sleep(wait).is_err() {
                if !B::IGNORES_CANCELS {
                    return Some(Return::Cancelled);
                }
                yield_now();
            }
            if let Some(result) = once() {
                return Some(result);
            }
            wait = Duration::from_micros(1);
        }
        None
    }
}

impl<B: Bug> Subject for Queue<B> {
    fn send(&self, value: u64, form: Form, _patience: Duration) -> Return {
        let sent = Self::retry(form, || {
            let inside = self.inside();
            let (is_closed, is_full) = (inside.closed, inside.values.len() >= B::CAPACITY);
            drop(inside);
            if is_closed {
                return Some(Return::Closed);
            }
            (!is_full).then(|| {
                B::put(&self.0, value);
                Return::Sent
            })
        });
        if sent.is_none() && B::SENDS_WHEN_LATE {
            B::put(&self.0, value);
        }
        sent.unwrap_or(Return::Full)
    }

    fn recv(&self, form: Form, _patience: Duration) -> Return {
        let received = Self::retry(form, || {
            if B::is_over(&self.inside()) {
                return Some(Return::Closed);
            }
            B::take(&self.0).map(Return::Received)
        });
        received.unwrap_or(Return::Empty)
    }

    fn close(&self) -> bool {
        !std::mem::replace(&mut self.inside().closed, true)
    }

    fn buffered(&self) -> usize {
        self.inside().values.len()
    }
}

/// Nothing is wrong with this one.
struct Correct;
impl Bug for Correct {}

/// Looks at the first value, is suspended, and then removes the first value: by then it may be another.
struct PeeksThenPops;
impl Bug for PeeksThenPops {
    fn take(inside: &Mutex<Inside>) -> Option<u64> {
        let first = inside.lock().unwrap().values.front().copied()?;
        yield_now();
        inside.lock().unwrap().values.pop_front();
        Some(first)
    }
}

struct LastInFirstOut;
impl Bug for LastInFirstOut {
    fn take(inside: &Mutex<Inside>) -> Option<u64> {
        inside.lock().unwrap().values.pop_back()
    }
}

struct OneTooMany;
impl Bug for OneTooMany {
    const CAPACITY: usize = 3;
}

struct ForgetsAtClose;
impl Bug for ForgetsAtClose {
    fn is_over(inside: &Inside) -> bool {
        inside.closed
    }
}

struct SendsWhenLate;
impl Bug for SendsWhenLate {
    const SENDS_WHEN_LATE: bool = true;
}

struct IgnoresCancels;
impl Bug for IgnoresCancels {
    const IGNORES_CANCELS: bool = true;
}

/// Decides that there is room, is suspended, and then sends.
struct ChecksThenSends;
impl Bug for ChecksThenSends {
    fn put(inside: &Mutex<Inside>, value: u64) {
        yield_now();
        inside.lock().unwrap().values.push_back(value);
    }
}

const TWO: Bounded = Bounded { capacity: 2 };

#[test]
fn a_queue_without_a_bug_passes() {
    programs::check_simulated(&TWO, SEEDS, |setting| channel::run(setting, &Queue::<Correct>::new()));
}

#[test]
fn a_receive_that_is_not_atomic_is_found() {
    let message = found(&TWO, |setting| channel::run(setting, &Queue::<PeeksThenPops>::new()));
    assert!(message.contains("Received"), "{message}");
}

#[test]
fn a_send_that_is_not_atomic_is_found() {
    found(&TWO, |setting| channel::run(setting, &Queue::<ChecksThenSends>::new()));
}

#[test]
fn an_order_that_is_reversed_is_found() {
    found(&TWO, |setting| channel::run(setting, &Queue::<LastInFirstOut>::new()));
}

#[test]
fn a_capacity_that_is_exceeded_is_found() {
    found(&TWO, |setting| channel::run(setting, &Queue::<OneTooMany>::new()));
}

#[test]
fn a_close_that_forgets_values_is_found() {
    let message = found(&TWO, |setting| channel::run(setting, &Queue::<ForgetsAtClose>::new()));
    assert!(message.contains("Closed"), "{message}");
}

#[test]
fn a_send_that_is_late_and_sends_is_found() {
    found(&TWO, |setting| channel::run(setting, &Queue::<SendsWhenLate>::new()));
}

#[test]
fn a_cancel_that_is_ignored_is_found() {
    let message = found(&TWO, |setting| channel::run(setting, &Queue::<IgnoresCancels>::new()));
    assert!(message.contains("after a cancel"), "{message}");
}

#[test]
fn a_rendezvous_with_a_buffer_is_found() {
    struct Buffer;
    impl Bug for Buffer {
        const CAPACITY: usize = 1;
    }
    found(&Rendezvous, |setting| channel::run(setting, &Queue::<Buffer>::new()));
}

/// Looks whether it is free, is suspended, and then takes it.
#[derive(Clone, Default)]
struct ChecksThenLocks(Arc<AtomicBool>);

impl programs::lock::Subject for ChecksThenLocks {
    fn lock(&self, form: Form, _patience: Duration) -> bool {
        while self.0.load(Ordering::SeqCst) {
            if form != Form::Wait {
                return false;
            }
            yield_now();
        }
        yield_now();
        self.0.store(true, Ordering::SeqCst);
        true
    }

    fn unlock(&self) {
        self.0.store(false, Ordering::SeqCst);
    }
}

#[test]
fn a_lock_that_is_not_atomic_is_found() {
    let message = found(&lock::Exclusive, |setting| programs::lock::run(setting, &ChecksThenLocks::default()));
    assert!(message.contains("Locked"), "{message}");
}

/// Says that it has ended when the body begins.
struct EndsTooEarly(JoinHandle<u64>, Arc<AtomicBool>);

impl programs::join::Subject for EndsTooEarly {
    fn spawn(worker: usize, body: impl FnOnce() -> u64 + Send + 'static) -> Self {
        let ended = Arc::new(AtomicBool::new(false));
        let own = ended.clone();
        let body = move || {
            own.store(true, Ordering::SeqCst);
            body()
        };
        Self(<JoinHandle<u64> as programs::join::Subject>::spawn(worker, body), ended)
    }

    fn cancel(&self) {
        self.0.cancel();
    }

    fn is_finished(&self) -> bool {
        self.1.load(Ordering::SeqCst) || self.0.is_finished()
    }

    fn join(&mut self, form: Form, patience: Duration) -> join::Return {
        programs::join::Subject::join(&mut self.0, form, patience)
    }
}

#[test]
fn an_end_before_the_end_is_found() {
    let message = found(&join::Handle, programs::join::run::<EndsTooEarly>);
    assert!(message.contains("Finished(true)"), "{message}");
}

/// A join that times out gives up for good: it says that it has taken the output.
struct ForgetsTheOutput(JoinHandle<u64>, bool);

impl programs::join::Subject for ForgetsTheOutput {
    fn spawn(worker: usize, body: impl FnOnce() -> u64 + Send + 'static) -> Self {
        Self(<JoinHandle<u64> as programs::join::Subject>::spawn(worker, body), false)
    }

    fn cancel(&self) {
        self.0.cancel();
    }

    fn is_finished(&self) -> bool {
        self.0.is_finished()
    }

    fn join(&mut self, form: Form, patience: Duration) -> join::Return {
        if self.1 {
            return join::Return::AlreadyTaken;
        }
        let result = programs::join::Subject::join(&mut self.0, form, patience);
        self.1 = form == Form::Timeout;
        result
    }
}

#[test]
fn an_output_that_is_lost_with_a_timeout_is_found() {
    let message = found(&join::Handle, programs::join::run::<ForgetsTheOutput>);
    assert!(message.contains("AlreadyTaken"), "{message}");
}
