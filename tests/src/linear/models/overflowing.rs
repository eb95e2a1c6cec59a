// SPDX-License-Identifier: BSD-3-Clause
//! Channels whose senders never wait: what a full one does with a value that is sent.

use std::collections::{BTreeSet, VecDeque};
use std::rc::Rc;

use kcoro_sim::channel::Overflow;

use super::channel::{Action, Call, ChannelOperation, Form, Return, Switches, without_effect};
use crate::linear::Model;

/// `bounded(n)` with a policy that drops; with a capacity that is never reached it is `unbounded()`.
#[derive(Clone, Copy, Debug)]
pub struct Overflowing {
    /// How many values it holds; at least one.
    pub capacity: usize,
    /// What happens to one more.
    pub overflow: Overflow,
}

/// The state of an [`Overflowing`].
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Held {
    buffer: VecDeque<u64>,
    switches: Switches,
    /// What is received sooner or later, hence never dropped. Without this a search would drop it, and find out when all
    /// orders of the rest have failed.
    received: Rc<BTreeSet<u64>>,
}

impl Overflowing {
    /// That without a limit.
    pub const UNBOUNDED: Self = Self { capacity: usize::MAX, overflow: Overflow::Suspend };
    /// That which holds the newest value.
    pub const CONFLATED: Self = Self { capacity: 1, overflow: Overflow::DropOldest };

    /// Sends `value`, and says whether what that drops may be dropped.
    fn send(&self, held: &mut Held, value: u64) -> bool {
        held.buffer.push_back(value);
        let dropped = match self.overflow {
            _ if held.buffer.len() <= self.capacity => None,
            Overflow::DropOldest => held.buffer.pop_front(),
            _ => held.buffer.pop_back(),
        };
        dropped.is_none_or(|value| !held.received.contains(&value))
    }
}

impl Model for Overflowing {
    type Call = Call;
    type Return = Return;
    type State = Held;

    fn initial(&self, operations: &[ChannelOperation]) -> Held {
        let received = operations.iter().filter_map(|operation| match operation.result() {
            Some(Return::Received(value)) => Some(*value),
            _ => None,
        });
        Held { received: Rc::new(received.collect()), ..Held::default() }
    }

    fn apply(&self, state: &Held, operation: &ChannelOperation) -> Option<Held> {
        if let Some(switches) = state.switches.apply(operation) {
            return Some(Held { switches, ..state.clone() });
        }
        if !state.switches.admits(operation) {
            return None;
        }
        let (mut next, closed) = (state.clone(), state.switches.closed);
        let is_possible = match (operation.call.action, operation.result()) {
            (Action::Send(value, _), None | Some(Return::Sent)) => self.send(&mut next, value) && !closed,
            (Action::Recv(_), None) => next.buffer.pop_front().is_some(),
            (Action::Recv(_), Some(Return::Received(value))) => next.buffer.pop_front() == Some(*value),
            (Action::Recv(form), Some(Return::Empty)) => state.buffer.is_empty() && !closed && form != Form::Wait,
            (Action::Recv(_), Some(Return::Closed)) => state.buffer.is_empty() && closed,
            (Action::Len, Some(Return::Len(len))) => *len == state.buffer.len(),
            // A send is never too much.
            _ => false,
        };
        is_possible.then_some(next)
    }

    fn removable(&self, operations: &[ChannelOperation]) -> Vec<Vec<usize>> {
        // A value that is left out leaves another one in, so only what changes nothing can be.
        without_effect(operations).collect()
    }
}
