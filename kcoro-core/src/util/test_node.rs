// SPDX-License-Identifier: BSD-3-Clause
//! The node that the tests of the queues queue.
#![expect(unsafe_code, reason = "implements `Linked`")]

use core::ptr::NonNull;
use std::sync::Arc;
use std::vec::Vec;

use super::linked::{Link, Linked};
use crate::primitive::UnsafeCell;

pub(crate) struct Node {
    link: Link<Node>,
    /// A plain cell, so that loom sees when a queue fails to publish what its pusher wrote.
    value: UnsafeCell<usize>,
}

// SAFETY: the value is written before the node is queued and read after it has left the queue; loom checks it.
unsafe impl Send for Node {}
// SAFETY: as above.
unsafe impl Sync for Node {}

// SAFETY: always the same field, which is private to this file.
unsafe impl Linked for Node {
    fn link(this: NonNull<Self>) -> NonNull<Link<Self>> {
        // SAFETY: tests keep their nodes alive for as long as they are queued.
        NonNull::from(unsafe { &this.as_ref().link })
    }
}

/// Nodes shared by the threads of a test.
#[derive(Clone)]
pub(crate) struct Nodes(Arc<[Node]>);

impl Nodes {
    pub(crate) fn new(count: usize) -> Self {
        Self((0..count).map(|_| Node { link: Link::new(), value: UnsafeCell::new(usize::MAX) }).collect())
    }

    /// Writes `index` into node `index`, as a spawner fills a task before queueing it.
    pub(crate) fn fill(&self, index: usize) -> NonNull<Node> {
        let node = &self.0[index];
        // SAFETY: the node is not queued yet, so no other thread reads it.
        node.value.with_mut(|value| unsafe { *value = index });
        NonNull::from(node)
    }
}

/// Reads what `fill` wrote.
pub(crate) fn read(node: NonNull<Node>) -> usize {
    // SAFETY: tests keep their nodes alive, and the node has left its queue, so no other thread writes it.
    unsafe { node.as_ref().value.with(|value| *value) }
}

/// Empties `pop` and reads each node.
pub(crate) fn drain(mut pop: impl FnMut() -> Option<NonNull<Node>>) -> Vec<usize> {
    core::iter::from_fn(|| pop().map(read)).collect()
}
