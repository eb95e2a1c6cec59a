// SPDX-License-Identifier: BSD-3-Clause
//! Channels: what is called, what comes of it, and what bounded and rendezvous channels allow.
//!
//! Values must differ from each other, or a duplicate could not be told from two of the same.

use std::fmt;

use kcoro_sim::channel::Overflow;

use super::overflowing::{Buffered, Overflowing};
use crate::linear::{Model, Operation};

/// How long an operation waits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Form {
    /// As long as it takes.
    Wait,
    /// Not at all.
    Try,
    /// For a time.
    Timeout,
}

/// What is done with a channel.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Action {
    /// Send this value.
    Send(u64, Form),
    /// Receive a value.
    Recv(Form),
    /// Close the channel.
    Close,
    /// Ask for the number of buffered values.
    Len,
    /// Cancel this process.
    Cancel(usize),
}

/// A call.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Call {
    /// What is done.
    pub action: Action,
    /// A cancel of the calling process had returned before the call.
    pub cancelled_before: bool,
}

/// An operation on a channel.
pub type ChannelOperation = Operation<Call, Return>;

/// A result. Both a `try_` form that finds the channel full and a timeout that waited in vain say [`Return::Full`]: it
/// was, at one instant. The same holds for [`Return::Empty`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Return {
    /// The value was sent.
    Sent,
    /// This value was received.
    Received(u64),
    /// The channel was full, or no receiver waited.
    Full,
    /// The channel was empty, or no sender waited.
    Empty,
    /// The channel is closed (and, for a receive, empty).
    Closed,
    /// The process has been cancelled.
    Cancelled,
    /// Whether this call closed the channel.
    WasOpen(bool),
    /// The number of buffered values.
    Len(usize),
    /// The cancel was requested.
    Requested,
}

impl Call {
    /// A call by a process that has not been cancelled.
    pub fn new(action: Action) -> Self {
        Self { action, cancelled_before: false }
    }

    /// A send.
    pub fn send(value: u64, form: Form) -> Self {
        Self::new(Action::Send(value, form))
    }

    /// A receive.
    pub fn recv(form: Form) -> Self {
        Self::new(Action::Recv(form))
    }
}

impl fmt::Debug for Call {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.action {
            Action::Send(value, Form::Wait) => write!(f, "send({value})"),
            Action::Send(value, Form::Try) => write!(f, "try_send({value})"),
            Action::Send(value, Form::Timeout) => write!(f, "send_timeout({value})"),
            Action::Recv(Form::Wait) => f.write_str("recv()"),
            Action::Recv(Form::Try) => f.write_str("try_recv()"),
            Action::Recv(Form::Timeout) => f.write_str("recv_timeout()"),
            Action::Close => f.write_str("close()"),
            Action::Len => f.write_str("len()"),
            Action::Cancel(process) => write!(f, "cancel(process {process})"),
        }?;
        f.write_str(if self.cancelled_before { " after a cancel" } else { "" })
    }
}

/// What all kinds of channels have.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Switches {
    pub(super) closed: bool,
    /// One bit for each process.
    cancelled: u64,
}

impl Switches {
    /// Whether `operation` may do what it did not fail to do: not when its process had been cancelled, unless it is of
    /// a form that cannot be.
    pub(super) fn admits(&self, operation: &ChannelOperation) -> bool {
        let form = match operation.call.action {
            Action::Send(_, form) | Action::Recv(form) => form,
            Action::Close | Action::Len | Action::Cancel(_) => Form::Try,
        };
        form == Form::Try || !operation.call.cancelled_before
    }

    /// The operations that are the same for all kinds; `None` if it is none of them, or its result is wrong.
    pub(super) fn apply(&self, operation: &ChannelOperation) -> Option<Self> {
        match (operation.call.action, operation.result()) {
            (Action::Close, None) => Some(Self { closed: true, ..self.clone() }),
            (Action::Close, Some(Return::WasOpen(open))) if *open != self.closed => {
                Some(Self { closed: true, ..self.clone() })
            }
            (Action::Cancel(process), None | Some(Return::Requested)) => {
                Some(Self { cancelled: self.cancelled | 1 << process, ..self.clone() })
            }
            (Action::Send(_, form) | Action::Recv(form), Some(Return::Cancelled)) if form != Form::Try => {
                let is_cancelled = self.cancelled >> operation.process & 1 == 1;
                is_cancelled.then(|| self.clone())
            }
            (Action::Send(..), Some(Return::Closed)) if self.closed && self.admits(operation) => Some(self.clone()),
            _ => None,
        }
    }
}

/// `bounded(n)`: first in, first out, and never more than `n`.
#[derive(Clone, Copy, Debug)]
pub struct Bounded {
    /// At least one.
    pub capacity: usize,
}

impl Bounded {
    fn suspending(&self) -> Overflowing {
        Overflowing { capacity: self.capacity, overflow: Overflow::Suspend }
    }
}

impl Model for Bounded {
    type Call = Call;
    type Return = Return;
    type State = Buffered;

    fn initial(&self, _: &[ChannelOperation]) -> Buffered {
        Buffered::default()
    }

    fn apply(&self, state: &Buffered, operation: &ChannelOperation) -> Option<Buffered> {
        self.suspending().apply(state, operation)
    }

    fn removable(&self, operations: &[ChannelOperation]) -> Vec<Vec<usize>> {
        self.suspending().removable(operations)
    }
}

/// `rendezvous()`: a send and a receive are one event.
///
/// Of two that meet, one waits: two `try_` forms never do. That one of them found nobody (`Full`, `Empty`) is always
/// possible, since whether another process already waits, or is about to, cannot be told.
#[derive(Clone, Copy, Debug)]
pub struct Rendezvous;

impl Rendezvous {
    /// The value that goes from `send` to `recv`, if they can meet.
    fn meets(send: &ChannelOperation, recv: &ChannelOperation) -> bool {
        let (Action::Send(sent, send_form), Action::Recv(recv_form)) = (send.call.action, recv.call.action) else {
            return false;
        };
        let one_waits = send_form != Form::Try || recv_form != Form::Try;
        let has_sent = matches!(send.result(), None | Some(Return::Sent));
        let has_received = match recv.result() {
            None => true,
            Some(Return::Received(value)) => *value == sent,
            Some(_) => false,
        };
        one_waits && has_sent && has_received
    }
}

impl Model for Rendezvous {
    type Call = Call;
    type Return = Return;
    type State = Switches;

    const MOST_TOGETHER: usize = 2;

    fn initial(&self, _: &[ChannelOperation]) -> Switches {
        Switches::default()
    }

    fn apply(&self, state: &Switches, operation: &ChannelOperation) -> Option<Switches> {
        if let Some(next) = state.apply(operation) {
            return Some(next);
        }
        let is_possible = state.admits(operation)
            && match (operation.call.action, operation.result()) {
                (Action::Send(_, form), Some(Return::Full)) | (Action::Recv(form), Some(Return::Empty)) => {
                    !state.closed && form != Form::Wait
                }
                (Action::Recv(_), Some(Return::Closed)) => state.closed,
                (Action::Len, Some(Return::Len(len))) => *len == 0,
                _ => false,
            };
        is_possible.then(|| state.clone())
    }

    fn apply_together(&self, state: &Switches, operations: &[&ChannelOperation]) -> Option<Switches> {
        let [one, other] = operations else { return None };
        let admitted = operations.iter().all(|operation| state.admits(operation));
        let meet = Self::meets(one, other) || Self::meets(other, one);
        (meet && admitted && !state.closed).then(|| state.clone())
    }

    fn removable(&self, operations: &[ChannelOperation]) -> Vec<Vec<usize>> {
        without_effect(operations).chain(value_groups(operations)).collect()
    }
}

/// Each operation that changed nothing. A failed send stays if its value was received: that is worth seeing.
pub(super) fn without_effect(operations: &[ChannelOperation]) -> impl Iterator<Item = Vec<usize>> {
    use Return::{Cancelled, Closed, Empty, Full, Len, Received, WasOpen};
    let was_received = |action: Action| match action {
        Action::Send(value, _) => operations.iter().any(|one| one.result() == Some(&Received(value))),
        _ => false,
    };
    let changes_nothing = move |operation: &ChannelOperation| {
        matches!(operation.result(), Some(Full | Empty | Closed | Cancelled | Len(_) | WasOpen(false)))
            && !was_received(operation.call.action)
    };
    operations.iter().enumerate().filter(move |(_, one)| changes_nothing(one)).map(|(index, _)| vec![index])
}

/// For each value, what sent it and what received it.
pub(super) fn value_groups(operations: &[ChannelOperation]) -> Vec<Vec<usize>> {
    let value_of = |operation: &ChannelOperation| match (operation.call.action, operation.result()) {
        (Action::Send(value, _), _) | (Action::Recv(_), Some(&Return::Received(value))) => Some(value),
        _ => None,
    };
    let group = |value: u64| {
        let own = operations.iter().enumerate().filter(move |(_, one)| value_of(one) == Some(value));
        own.map(|(index, _)| index).collect()
    };
    operations.iter().filter_map(value_of).map(group).collect()
}
