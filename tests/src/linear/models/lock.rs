// SPDX-License-Identifier: BSD-3-Clause
//! A lock that one process holds at a time: a mutex, a claim, a token in a channel of one.

use super::channel::Form;
use crate::linear::{Model, OperationOf};

/// What is called.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Call {
    /// Take it.
    Lock(Form),
    /// Give it back.
    Unlock,
}

/// What comes of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Return {
    /// It is held now.
    Locked,
    /// Another held it, at one instant.
    Busy,
    /// It is free now.
    Unlocked,
}

/// The model; its state is the process that holds the lock.
#[derive(Clone, Copy, Debug)]
pub struct Exclusive;

impl Model for Exclusive {
    type Call = Call;
    type Return = Return;
    type State = Option<usize>;

    fn initial(&self, _: &[OperationOf<Self>]) -> Option<usize> {
        None
    }

    fn apply(&self, holder: &Option<usize>, operation: &OperationOf<Self>) -> Option<Option<usize>> {
        let own = Some(operation.process);
        match (operation.call, operation.result()) {
            (Call::Lock(_), None | Some(Return::Locked)) if holder.is_none() => Some(own),
            (Call::Lock(Form::Try | Form::Timeout), Some(Return::Busy)) if holder.is_some() => Some(*holder),
            (Call::Unlock, None | Some(Return::Unlocked)) if *holder == own => Some(None),
            _ => None,
        }
    }

    fn removable(&self, operations: &[OperationOf<Self>]) -> Vec<Vec<usize>> {
        let busy = |index: &usize| operations[*index].result() == Some(&Return::Busy);
        let saw_nothing: Vec<_> = (0..operations.len()).filter(busy).map(|index| vec![index]).collect();
        if saw_nothing.is_empty() { tenures(operations) } else { saw_nothing }
    }
}

/// Each lock with the unlock that follows it in the same process: a lock that was held once less is as good. Only while
/// nobody says that it was held.
fn tenures(operations: &[OperationOf<Exclusive>]) -> Vec<Vec<usize>> {
    let locked = operations.iter().enumerate().filter(|(_, one)| one.result() == Some(&Return::Locked));
    let tenure = |(index, lock): (usize, &OperationOf<Exclusive>)| {
        let later = operations.iter().enumerate().skip(index + 1);
        let mut unlocks = later.filter(|(_, one)| one.process == lock.process && one.call == Call::Unlock);
        unlocks.next().map(|(unlock, _)| vec![index, unlock])
    };
    locked.filter_map(tenure).collect()
}
