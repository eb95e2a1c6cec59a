// SPDX-License-Identifier: BSD-3-Clause
//! What an object may do.

use std::fmt::Debug;
use std::hash::Hash;

use super::history::Operation;

/// An operation as a model's histories hold it.
pub type OperationOf<M> = Operation<<M as Model>::Call, <M as Model>::Return>;

/// An object as if its operations were called one after the other.
pub trait Model {
    /// What can be called.
    type Call: Clone + Debug + Send + 'static;
    /// What can come of it.
    type Return: Clone + Debug + Send + 'static;
    /// What the object is like between two operations.
    type State: Clone + Debug + Eq + Hash;

    /// How many operations may take effect at one instant.
    const MOST_TOGETHER: usize = 1;

    /// The state of a new object. What the history holds may go into it, so that [`Model::apply`] sees at once what one of
    /// `operations` will find impossible later.
    fn initial(&self, operations: &[OperationOf<Self>]) -> Self::State;

    /// The state after `operation`, or `None` if with its result it cannot take effect in `state`.
    ///
    /// One that has no result did not return: say what it does *if* it takes effect, or `None` if that would change
    /// nothing. (That it never takes effect is always possible, and not the model's business.)
    fn apply(&self, state: &Self::State, operation: &OperationOf<Self>) -> Option<Self::State>;

    /// The state after `operations`, which overlap, took effect at one instant; `None` if they cannot. They are between
    /// two and [`Model::MOST_TOGETHER`], in the order of their calls.
    fn apply_together(&self, _state: &Self::State, _operations: &[&OperationOf<Self>]) -> Option<Self::State> {
        None
    }

    /// For a shorter message: groups of operations (by index) each of which can be left out without making a correct
    /// history wrong. Operations that change nothing are such; so are a value's send and receive, if no other operation
    /// tells how many values there are.
    fn removable(&self, _operations: &[OperationOf<Self>]) -> Vec<Vec<usize>> {
        Vec::new()
    }
}
