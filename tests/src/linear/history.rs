// SPDX-License-Identifier: BSD-3-Clause
//! What was recorded.

use std::collections::BTreeSet;

/// One operation: who did what to which object, between which two stamps.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Operation<C, R> {
    /// The process's index in [`History::processes`].
    pub process: usize,
    /// The object.
    pub object: u32,
    /// What was called.
    pub call: C,
    /// The stamp of the call.
    pub called_at: u64,
    /// The stamp of the return, and the result; `None` if it did not return.
    pub returned: Option<(u64, R)>,
}

impl<C, R> Operation<C, R> {
    /// The result, if it has returned.
    pub fn result(&self) -> Option<&R> {
        self.returned.as_ref().map(|(_, result)| result)
    }

    /// The stamp of the return, or one after all others.
    pub fn returned_at(&self) -> u64 {
        self.returned.as_ref().map_or(u64::MAX, |(stamp, _)| *stamp)
    }
}

/// The operations of some processes, in the order of their calls.
#[derive(Clone, Debug)]
pub struct History<C, R> {
    /// The names of the processes: threads or coroutines.
    pub processes: Vec<String>,
    /// Sorted by the stamp of the call.
    pub operations: Vec<Operation<C, R>>,
}

impl<C, R> History<C, R> {
    /// Sorts `operations`.
    pub fn new(processes: Vec<String>, mut operations: Vec<Operation<C, R>>) -> Self {
        operations.sort_by_key(|operation| operation.called_at);
        Self { processes, operations }
    }

    /// The objects that it tells of.
    pub fn objects(&self) -> BTreeSet<u32> {
        self.operations.iter().map(|operation| operation.object).collect()
    }
}

impl<C: Clone, R: Clone> History<C, R> {
    /// What it tells of one object.
    pub fn of(&self, object: u32) -> Vec<Operation<C, R>> {
        self.operations.iter().filter(|operation| operation.object == object).cloned().collect()
    }
}
