// SPDX-License-Identifier: BSD-3-Clause
//! So many permits: a semaphore; a mutex, which has one; a lock for readers and writers, where a writer takes all.

use super::channel::Form;
use crate::linear::{History, Model, OperationOf};

/// What is called.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Call {
    /// Take so many at once.
    Acquire(usize, Form),
    /// Give so many back.
    Release(usize),
}

/// What comes of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Return {
    /// They are held now.
    Acquired,
    /// They were not to be had, at one instant.
    Refused,
    /// The same, while a future was dropped that may just have been given some, which it then held for a part of its call.
    RefusedBesideDropped,
    /// The wait was cancelled.
    Cancelled,
    /// It was cancelled by dropping the future that waited.
    Dropped,
    /// They are free now.
    Released,
}

/// The model; its state is how many are free.
#[derive(Clone, Copy, Debug)]
pub struct Permits {
    /// How many there are.
    pub total: usize,
    /// What a refusal says.
    pub refusal: Refusal,
}

/// What it says that a request was refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refusal {
    /// That too few were free. So it is where all requests are for one: nobody waits while one is free.
    TooFew,
    /// That, or that somebody waited, which a history does not show.
    Unknown,
}

impl Model for Permits {
    type Call = Call;
    type Return = Return;
    type State = usize;

    fn initial(&self, _: &[OperationOf<Self>]) -> usize {
        self.total
    }

    fn apply(&self, free: &usize, operation: &OperationOf<Self>) -> Option<usize> {
        match (operation.call, operation.result()) {
            (Call::Acquire(count, _), None | Some(Return::Acquired)) => free.checked_sub(count),
            (Call::Acquire(count, Form::Try | Form::Timeout), Some(Return::Refused)) => {
                (self.refusal == Refusal::Unknown || *free < count).then_some(*free)
            }
            (Call::Acquire(_, Form::Try | Form::Timeout), Some(Return::RefusedBesideDropped)) => Some(*free),
            (Call::Acquire(_, Form::Wait), Some(Return::Cancelled | Return::Dropped)) => Some(*free),
            (Call::Release(count), None | Some(Return::Released)) => {
                Some(free + count).filter(|free| *free <= self.total)
            }
            _ => None,
        }
    }

    fn removable(&self, operations: &[OperationOf<Self>]) -> Vec<Vec<usize>> {
        let changed_nothing =
            |index: &usize| !matches!(operations[*index].result(), None | Some(Return::Acquired | Return::Released));
        (0..operations.len()).filter(changed_nothing).map(|index| vec![index]).collect()
    }
}

/// Finds the refusals that say less than others: see [`Return::RefusedBesideDropped`].
pub fn note_dropped(history: &mut History<Call, Return>) {
    let dropped: Vec<_> =
        history.operations.iter().filter(|other| other.result() == Some(&Return::Dropped)).cloned().collect();
    for operation in &mut history.operations {
        let called_at = operation.called_at;
        let Some((returned_at, result @ Return::Refused)) = &mut operation.returned else { continue };
        let overlaps = |other: &OperationOf<Permits>| other.called_at < *returned_at && called_at < other.returned_at();
        if dropped.iter().any(overlaps) {
            *result = Return::RefusedBesideDropped;
        }
    }
}
