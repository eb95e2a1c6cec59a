// SPDX-License-Identifier: BSD-3-Clause
//! Random programs on one thread, against a model: every kind, every policy, with futures that wait, win, and are dropped
//! in every state. After each step the results, the length and what the hook was given are equal.

use std::collections::VecDeque;
use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll, Waker};

use kcoro_posix::channel::{
    Builder, Overflow, RecvError, RecvFuture, SendError, SendFuture, TryRecvError, TrySendError, Undelivered,
};
use proptest::prelude::*;

const FUTURES: usize = 3;

#[derive(Clone, Copy, Debug)]
enum Step {
    TrySend,
    TryRecv,
    /// Polls the future of this number; makes it first, if there is none.
    PollSend(usize),
    PollRecv(usize),
    DropSend(usize),
    DropRecv(usize),
    Drain,
    Discard,
    Close,
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        8 => Just(Step::TrySend),
        6 => Just(Step::TryRecv),
        5 => (0..FUTURES).prop_map(Step::PollSend),
        5 => (0..FUTURES).prop_map(Step::PollRecv),
        3 => (0..FUTURES).prop_map(Step::DropSend),
        3 => (0..FUTURES).prop_map(Step::DropRecv),
        2 => Just(Step::Drain),
        1 => Just(Step::Discard),
    ]
}

fn program() -> impl Strategy<Value = Vec<Step>> {
    // A close somewhere in the second half: what comes after it is short.
    (prop::collection::vec(step(), 1..60), prop::collection::vec(step(), 0..12), any::<bool>()).prop_map(
        |(mut steps, after, closes)| {
            if closes {
                steps.push(Step::Close);
                steps.extend(after);
            }
            steps
        },
    )
}

fn kind() -> impl Strategy<Value = (usize, Overflow)> {
    let policy = prop_oneof![
        2 => Just(Overflow::Suspend),
        1 => Just(Overflow::DropOldest),
        1 => Just(Overflow::DropLatest),
    ];
    (prop_oneof![4 => 0..4_usize, 1 => Just(usize::MAX)], policy)
}

/// A future that waits in the model.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Wait {
    Queued,
    /// It has received this; a send has sent, and has nothing.
    Won(Option<u32>),
    Closed,
}

/// What comes of a step.
#[derive(Debug, PartialEq)]
enum Result {
    Done,
    Sent(std::result::Result<(), TrySendError<u32>>),
    Received(std::result::Result<u32, TryRecvError>),
    Pending,
    Values(Vec<u32>),
    WasOpen(bool),
}

struct Model {
    capacity: usize,
    overflow: Overflow,
    buffer: VecDeque<u32>,
    is_closed: bool,
    receives: [Option<Wait>; FUTURES],
    sends: [Option<(Wait, u32)>; FUTURES],
    /// Those that wait, in the order in which they came.
    receivers: VecDeque<usize>,
    senders: VecDeque<usize>,
    given: Vec<(u32, Undelivered)>,
}

impl Model {
    fn new(capacity: usize, overflow: Overflow) -> Self {
        Self {
            capacity,
            overflow,
            buffer: VecDeque::new(),
            is_closed: false,
            receives: [None; FUTURES],
            sends: [None; FUTURES],
            receivers: VecDeque::new(),
            senders: VecDeque::new(),
            given: Vec::new(),
        }
    }

    fn hand_over(&mut self, value: u32) -> bool {
        let first = self.receivers.pop_front();
        first.inspect(|first| self.receives[*first] = Some(Wait::Won(Some(value)))).is_some()
    }

    fn send(&mut self, value: u32) -> std::result::Result<(), TrySendError<u32>> {
        if self.is_closed {
            return Err(TrySendError::Closed(value));
        }
        if self.hand_over(value) {
            return Ok(());
        }
        let is_full = self.buffer.len() >= self.capacity;
        match self.overflow {
            Overflow::Suspend if is_full => return Err(TrySendError::Full(value)),
            Overflow::DropOldest if is_full && self.capacity > 0 => {
                let oldest = self.buffer.pop_front().expect("it is full");
                self.given.push((oldest, Undelivered::Replaced));
            }
            _ if is_full => {
                self.given.push((value, Undelivered::Refused));
                return Ok(());
            }
            _ => {}
        }
        self.buffer.push_back(value);
        Ok(())
    }

    fn take_from_sender(&mut self) -> Option<u32> {
        let (wait, value) = self.sends[self.senders.pop_front()?].as_mut().expect("it waits");
        *wait = Wait::Won(None);
        Some(*value)
    }

    fn refill(&mut self) {
        while !self.is_closed && self.buffer.len() < self.capacity {
            let Some(value) = self.take_from_sender() else { return };
            self.buffer.push_back(value);
        }
    }

    fn recv(&mut self) -> std::result::Result<u32, TryRecvError> {
        if let Some(value) = self.buffer.pop_front() {
            self.refill();
            return Ok(value);
        }
        match self.is_closed {
            true => Err(TryRecvError::Closed),
            false => self.take_from_sender().ok_or(TryRecvError::Empty),
        }
    }

    fn give_back(&mut self, value: u32) {
        if self.hand_over(value) {
            return;
        }
        if self.overflow == Overflow::DropOldest && self.buffer.len() >= self.capacity {
            let why = if self.capacity == 0 { Undelivered::Abandoned } else { Undelivered::Replaced };
            self.given.push((value, why));
        } else {
            self.buffer.push_front(value);
        }
    }

    fn close(&mut self) -> bool {
        for receiver in self.receivers.drain(..) {
            self.receives[receiver] = Some(Wait::Closed);
        }
        for sender in self.senders.drain(..) {
            self.sends[sender].as_mut().expect("it waits").0 = Wait::Closed;
        }
        !std::mem::replace(&mut self.is_closed, true)
    }

    fn poll_send(&mut self, n: usize, value: u32) -> Result {
        match self.sends[n] {
            Some((Wait::Queued, _)) => return Result::Pending,
            Some((wait, value)) => {
                self.sends[n] = None;
                let closed = Err(TrySendError::Closed(value));
                return Result::Sent(if wait == Wait::Closed { closed } else { Ok(()) });
            }
            None => {}
        }
        match self.send(value) {
            Err(TrySendError::Full(_)) => {
                self.sends[n] = Some((Wait::Queued, value));
                self.senders.push_back(n);
                Result::Pending
            }
            sent => Result::Sent(sent),
        }
    }

    fn poll_recv(&mut self, n: usize) -> Result {
        match self.receives[n] {
            Some(Wait::Queued) => return Result::Pending,
            Some(wait) => {
                self.receives[n] = None;
                let Wait::Won(Some(value)) = wait else { return Result::Received(Err(TryRecvError::Closed)) };
                return Result::Received(Ok(value));
            }
            None => {}
        }
        match self.recv() {
            Err(TryRecvError::Empty) => {
                self.receives[n] = Some(Wait::Queued);
                self.receivers.push_back(n);
                Result::Pending
            }
            received => Result::Received(received),
        }
    }

    fn step(&mut self, step: Step, value: u32) -> Result {
        match step {
            Step::TrySend => return Result::Sent(self.send(value)),
            Step::TryRecv => return Result::Received(self.recv()),
            Step::PollSend(n) => return self.poll_send(n, value),
            Step::PollRecv(n) => return self.poll_recv(n),
            Step::DropSend(n) => {
                self.sends[n] = None;
                self.senders.retain(|sender| *sender != n);
            }
            Step::DropRecv(n) => {
                self.receivers.retain(|receiver| *receiver != n);
                if let Some(Wait::Won(Some(value))) = self.receives[n].take() {
                    self.give_back(value);
                }
            }
            Step::Drain | Step::Discard => {
                let values: Vec<_> = self.buffer.drain(..).collect();
                self.refill();
                if let Step::Drain = step {
                    return Result::Values(values);
                }
                self.given.extend(values.into_iter().map(|value| (value, Undelivered::Discarded)));
            }
            Step::Close => return Result::WasOpen(self.close()),
        }
        Result::Done
    }
}

/// The same program, on a channel.
struct Real<'a> {
    tx: &'a kcoro_posix::channel::Sender<u32>,
    rx: &'a kcoro_posix::channel::Receiver<u32>,
    receives: [Option<Pin<Box<RecvFuture<'a, u32>>>>; FUTURES],
    sends: [Option<Pin<Box<SendFuture<'a, u32>>>>; FUTURES],
}

/// Polls the future, making it first; takes it away when it is ready.
fn poll<F: Future>(place: &mut Option<Pin<Box<F>>>, make: impl FnOnce() -> F) -> Poll<F::Output> {
    let future = place.get_or_insert_with(|| Box::pin(make()));
    let polled = future.as_mut().poll(&mut Context::from_waker(Waker::noop()));
    if polled.is_ready() {
        *place = None;
    }
    polled
}

impl Real<'_> {
    fn step(&mut self, step: Step, value: u32) -> Result {
        match step {
            Step::TrySend => return Result::Sent(self.tx.try_send(value)),
            Step::TryRecv => return Result::Received(self.rx.try_recv()),
            Step::PollSend(n) => {
                return match poll(&mut self.sends[n], || self.tx.send_async(value)) {
                    Poll::Pending => Result::Pending,
                    Poll::Ready(Ok(())) => Result::Sent(Ok(())),
                    Poll::Ready(Err(SendError::Closed(value))) => Result::Sent(Err(TrySendError::Closed(value))),
                    Poll::Ready(Err(other)) => panic!("{other:?}"),
                };
            }
            Step::PollRecv(n) => {
                return match poll(&mut self.receives[n], || self.rx.recv_async()) {
                    Poll::Pending => Result::Pending,
                    Poll::Ready(Ok(value)) => Result::Received(Ok(value)),
                    Poll::Ready(Err(RecvError::Closed)) => Result::Received(Err(TryRecvError::Closed)),
                    Poll::Ready(Err(other)) => panic!("{other:?}"),
                };
            }
            Step::DropSend(n) => self.sends[n] = None,
            Step::DropRecv(n) => self.receives[n] = None,
            Step::Drain => return Result::Values(self.rx.drain().collect()),
            Step::Discard => _ = self.rx.discard(),
            Step::Close => return Result::WasOpen(self.rx.close()),
        }
        Result::Done
    }
}

fn play(capacity: usize, overflow: Overflow, steps: &[Step]) {
    let given = Arc::new(Mutex::new(Vec::new()));
    let gives = given.clone();
    let hook = move |value, why| gives.lock().unwrap().push((value, why));
    let (tx, rx) = Builder::bounded(capacity).overflow(overflow).on_undelivered(hook).with_stats().build();
    let mut model = Model::new(capacity, overflow);
    {
        let mut real = Real { tx: &tx, rx: &rx, receives: [const { None }; _], sends: [const { None }; _] };
        for (nth, step) in steps.iter().enumerate() {
            let value = nth as u32;
            assert_eq!(real.step(*step, value), model.step(*step, value), "step {nth}, {step:?}");
            assert_eq!((rx.len(), rx.is_closed()), (model.buffer.len(), model.is_closed), "step {nth}, {step:?}");
            assert_eq!(*given.lock().unwrap(), model.given, "step {nth}, {step:?}");
        }
        // Futures go before the channel that they borrow, in the order of their places.
        for n in 0..FUTURES {
            real.step(Step::DropRecv(n), 0);
            model.step(Step::DropRecv(n), 0);
        }
    }
    let stats = rx.stats().unwrap();
    let gone = stats.receives + stats.replaced + stats.discarded + stats.abandoned + model.buffer.len() as u64;
    assert_eq!(stats.sends, gone, "{stats:?}");
    // The last receiver closes the channel, then discards.
    drop(rx);
    model.close();
    model.step(Step::Discard, 0);
    assert_eq!(*given.lock().unwrap(), model.given, "at the end");
}

proptest! {
    #![proptest_config(ProptestConfig { cases: if cfg!(miri) { 8 } else { 1500 }, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn every_kind_does_what_its_model_does((capacity, overflow) in kind(), steps in program()) {
        play(capacity, overflow, &steps);
    }
}
