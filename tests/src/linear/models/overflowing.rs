// SPDX-License-Identifier: BSD-3-Clause
//! Channels with a buffer: first in, first out, and what a full one does with a value that is sent.

use std::collections::{BTreeSet, VecDeque};
use std::fmt;
use std::rc::Rc;

use kcoro_sim::channel::Overflow;

use super::channel::{Action, Call, ChannelOperation, Form, Return, Switches, value_groups, without_effect};
use crate::linear::Model;

/// `bounded(n)` with any policy; with a capacity that is never reached it is `unbounded()`.
#[derive(Clone, Copy, Debug)]
pub struct Overflowing {
    /// How many values it holds; at least one.
    pub capacity: usize,
    /// What happens to one more.
    pub overflow: Overflow,
}

/// The state of an [`Overflowing`], and of a [`Bounded`](super::channel::Bounded).
#[derive(Clone, Default, PartialEq, Eq, Hash)]
pub struct Buffered {
    buffer: VecDeque<u64>,
    switches: Switches,
    /// What is received sooner or later, hence never dropped. Without this a search would drop it, and find out when all
    /// orders of the rest have failed.
    received: Rc<BTreeSet<u64>>,
}

/// What is still to come is no part of the object.
impl fmt::Debug for Buffered {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Buffered").field("buffer", &self.buffer).field("switches", &self.switches).finish()
    }
}

impl Overflowing {
    /// That without a limit.
    pub const UNBOUNDED: Self = Self { capacity: usize::MAX, overflow: Overflow::Suspend };
    /// That which holds the newest value.
    pub const CONFLATED: Self = Self { capacity: 1, overflow: Overflow::DropOldest };

    /// Whether senders wait.
    fn is_full(&self, state: &Buffered) -> bool {
        self.overflow == Overflow::Suspend && state.buffer.len() >= self.capacity
    }

    /// Sends `value`, and says whether that is possible: whether there is room, or what is dropped may be.
    fn send(&self, state: &mut Buffered, value: u64) -> bool {
        if self.is_full(state) {
            return false;
        }
        state.buffer.push_back(value);
        let dropped = match self.overflow {
            _ if state.buffer.len() <= self.capacity => None,
            Overflow::DropOldest => state.buffer.pop_front(),
            _ => state.buffer.pop_back(),
        };
        dropped.is_none_or(|value| !state.received.contains(&value))
    }
}

impl Model for Overflowing {
    type Call = Call;
    type Return = Return;
    type State = Buffered;

    fn initial(&self, operations: &[ChannelOperation]) -> Buffered {
        let received = operations.iter().filter_map(|operation| match operation.result() {
            Some(Return::Received(value)) => Some(*value),
            _ => None,
        });
        Buffered { received: Rc::new(received.collect()), ..Buffered::default() }
    }

    fn apply(&self, state: &Buffered, operation: &ChannelOperation) -> Option<Buffered> {
        if let Some(switches) = state.switches.apply(operation) {
            return Some(Buffered { switches, ..state.clone() });
        }
        if !state.switches.admits(operation) {
            return None;
        }
        let (mut next, closed) = (state.clone(), state.switches.closed);
        let is_possible = match (operation.call.action, operation.result()) {
            (Action::Send(value, _), None | Some(Return::Sent)) => self.send(&mut next, value) && !closed,
            (Action::Send(_, form), Some(Return::Full)) => self.is_full(state) && !closed && form != Form::Wait,
            (Action::Recv(_), None) => next.buffer.pop_front().is_some(),
            (Action::Recv(_), Some(Return::Received(value))) => next.buffer.pop_front() == Some(*value),
            (Action::Recv(form), Some(Return::Empty)) => state.buffer.is_empty() && !closed && form != Form::Wait,
            (Action::Recv(_), Some(Return::Closed)) => state.buffer.is_empty() && closed,
            (Action::Len, Some(Return::Len(len))) => *len == state.buffer.len(),
            _ => false,
        };
        is_possible.then_some(next)
    }

    fn removable(&self, operations: &[ChannelOperation]) -> Vec<Vec<usize>> {
        // Fewer values make nothing wrong, unless somebody saw that there were many, or one that is left out leaves another
        // one in.
        let counts = |operation: &ChannelOperation| matches!(operation.result(), Some(Return::Full | Return::Len(_)));
        let stays = self.overflow != Overflow::Suspend || operations.iter().any(counts);
        let values = if stays { Vec::new() } else { value_groups(operations) };
        without_effect(operations).chain(values).collect()
    }
}
