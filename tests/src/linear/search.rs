// SPDX-License-Identifier: BSD-3-Clause
//! The search for an order that the model allows.
//!
//! Depth first. A configuration is the set of operations that have taken effect, and the object's state; which way led
//! to it does not matter for what can follow, so each is entered once. Next may be any operation that was called before
//! the first return among those that have not taken effect: later ones came after that return. Several of these overlap
//! each other, hence may also be next together.

use std::collections::HashSet;

use super::model::{Model, OperationOf};

/// How a search ended.
#[derive(Debug)]
pub(super) enum Found<S> {
    /// There is an order.
    Order,
    /// There is none. The longest beginning of one, and the state after it.
    Nothing { steps: Vec<Vec<usize>>, state: S },
    /// It entered as many configurations as it may.
    GaveUp,
}

/// A set of operations.
#[derive(Clone, PartialEq, Eq, Hash)]
struct Set(Box<[u64]>);

impl Set {
    fn new(size: usize) -> Self {
        Self(vec![0; size.div_ceil(64)].into())
    }

    fn holds(&self, index: usize) -> bool {
        self.0[index / 64] >> (index % 64) & 1 == 1
    }

    fn with(&self, indices: &[usize]) -> Self {
        let mut set = self.clone();
        indices.iter().for_each(|index| set.0[index / 64] |= 1 << (index % 64));
        set
    }
}

/// A configuration on the way, with the steps from it that have not been tried.
struct Frame<S> {
    done: Set,
    state: S,
    by: Vec<usize>,
    untried: Vec<(Vec<usize>, S)>,
}

/// Searches in `operations`, sorted by the stamp of their calls, and enters at most `limit` configurations.
pub(super) fn search<M: Model>(model: &M, operations: &[OperationOf<M>], limit: usize) -> Found<M::State> {
    let first = frame(model, operations, Set::new(operations.len()), model.initial(operations), Vec::new());
    let mut longest = (Vec::new(), first.state.clone());
    if all_done(operations, &first.done) {
        return Found::Order;
    }
    let mut entered = HashSet::new();
    let mut path = vec![first];
    while let Some(top) = path.last_mut() {
        let Some((by, state)) = top.untried.pop() else {
            path.pop();
            continue;
        };
        let done = top.done.with(&by);
        if all_done(operations, &done) {
            return Found::Order;
        }
        if !entered.insert((done.clone(), state.clone())) {
            continue;
        }
        if entered.len() > limit {
            return Found::GaveUp;
        }
        path.push(frame(model, operations, done, state, by));
        if path.len() - 1 > longest.0.len() {
            longest = (path[1..].iter().map(|frame| frame.by.clone()).collect(), path[path.len() - 1].state.clone());
        }
    }
    Found::Nothing { steps: longest.0, state: longest.1 }
}

/// Whether every operation that has returned has taken effect.
fn all_done<C, R>(operations: &[super::Operation<C, R>], done: &Set) -> bool {
    operations.iter().enumerate().all(|(index, operation)| operation.returned.is_none() || done.holds(index))
}

fn frame<M: Model>(
    model: &M,
    operations: &[OperationOf<M>],
    done: Set,
    state: M::State,
    by: Vec<usize>,
) -> Frame<M::State> {
    let next = next(operations, &done);
    let mut untried = Vec::new();
    for size in (2..=M::MOST_TOGETHER.min(next.len())).rev() {
        subsets(&next, size, &mut Vec::new(), &mut |subset| {
            let together: Vec<_> = subset.iter().map(|index| &operations[*index]).collect();
            untried.extend(model.apply_together(&state, &together).map(|state| (subset.to_vec(), state)));
        });
    }
    // Taken from the end: single operations before sets, early ones before late ones.
    for index in next.into_iter().rev() {
        untried.extend(model.apply(&state, &operations[index]).map(|state| (vec![index], state)));
    }
    Frame { done, state, by, untried }
}

/// The operations that may take effect next.
fn next<C, R>(operations: &[super::Operation<C, R>], done: &Set) -> Vec<usize> {
    let left = || operations.iter().enumerate().filter(|(index, _)| !done.holds(*index));
    let first_return = left().map(|(_, operation)| operation.returned_at()).min().unwrap_or(u64::MAX);
    left().filter(|(_, operation)| operation.called_at < first_return).map(|(index, _)| index).collect()
}

/// Calls `each` with every subset of this size, in order.
fn subsets(of: &[usize], size: usize, chosen: &mut Vec<usize>, each: &mut impl FnMut(&[usize])) {
    if size == 0 {
        return each(chosen);
    }
    for (index, one) in of.iter().enumerate() {
        chosen.push(*one);
        subsets(&of[index + 1..], size - 1, chosen, each);
        chosen.pop();
    }
}
