// SPDX-License-Identifier: BSD-3-Clause
//! The shortest part of a history that is still wrong, and for the same reason.
//!
//! Not every part will do: without the send, a receive of its value is wrong, too, but that proves nothing. So only what
//! keeps correct histories correct is done to it: cut it off at an instant (operations that were running then did not
//! return), and leave out what the model says can be left out.

use super::model::{Model, OperationOf};
use super::search::{Found, search};

/// A shorter history than `operations`, which is wrong.
pub(super) fn minimise<M: Model>(model: &M, operations: &[OperationOf<M>], limit: usize) -> Vec<OperationOf<M>> {
    let is_wrong = |operations: &[OperationOf<M>]| matches!(search(model, operations, limit), Found::Nothing { .. });
    let mut shortest = first_wrong_prefix::<M>(operations, is_wrong);
    while let Some(shorter) = without_a_group(model, &shortest, is_wrong) {
        shortest = shorter;
    }
    shortest
}

/// Up to the first return after which it is wrong. Whatever follows, it stays wrong: so that return can be bisected.
fn first_wrong_prefix<M: Model>(
    operations: &[OperationOf<M>],
    is_wrong: impl Fn(&[OperationOf<M>]) -> bool,
) -> Vec<OperationOf<M>> {
    let mut returns: Vec<u64> = operations.iter().filter_map(|one| one.returned.as_ref()).map(|one| one.0).collect();
    returns.sort_unstable();
    let first = returns.partition_point(|end| !is_wrong(&until::<M>(operations, *end)));
    match returns.get(first) {
        Some(end) => until::<M>(operations, *end),
        None => operations.to_vec(),
    }
}

fn until<M: Model>(operations: &[OperationOf<M>], end: u64) -> Vec<OperationOf<M>> {
    let called = operations.iter().filter(|operation| operation.called_at <= end);
    let cut = called.cloned().map(|mut operation| {
        operation.returned = operation.returned.filter(|(stamp, _)| *stamp <= end);
        operation
    });
    cut.collect()
}

fn without_a_group<M: Model>(
    model: &M,
    operations: &[OperationOf<M>],
    is_wrong: impl Fn(&[OperationOf<M>]) -> bool,
) -> Option<Vec<OperationOf<M>>> {
    let groups = model.removable(operations).into_iter().filter(|group| !group.is_empty());
    let mut parts = groups.map(|group| {
        let kept = operations.iter().enumerate().filter(|(index, _)| !group.contains(index));
        kept.map(|(_, operation)| operation.clone()).collect::<Vec<_>>()
    });
    parts.find(|part| is_wrong(part))
}
