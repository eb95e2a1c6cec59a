// SPDX-License-Identifier: BSD-3-Clause
//! The global queue: what foreign threads spawn, and what overflows a worker's own queue.
//!
//! A list under a spin lock. It is off the hot path, and the lock doubles as the handshake with workers that fall
//! asleep (see [`idle`](super::idle)).
#![expect(unsafe_code, reason = "queues nodes that their owners keep alive")]

use core::ptr::NonNull;

use crate::primitive::atomic::{AtomicUsize, Ordering};
use crate::primitive::{SpinLock, const_unless_loom};
use crate::util::cache_padded::CachePadded;
use crate::util::linked::{Chain, Linked};

/// A first-in-first-out queue for everybody.
pub(crate) struct Injector<T> {
    /// How many nodes the list holds, written under the lock. On a line of its own: workers read it all the time.
    len: CachePadded<AtomicUsize>,
    nodes: SpinLock<Chain<T>>,
}

impl<T> Injector<T> {
    const_unless_loom! {
        pub(crate) fn new() -> Self {
            Self { len: CachePadded::new(AtomicUsize::new(0)), nodes: SpinLock::new(Chain::new()) }
        }
    }

    /// How many nodes are queued. Takes no lock, and may be out of date.
    #[inline]
    pub(crate) fn len(&self) -> usize {
        // Relaxed: a hint; whoever acts on it takes the lock.
        self.len.load(Ordering::Relaxed)
    }

    #[inline]
    pub(crate) fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

impl<T: Linked> Injector<T> {
    /// Queues `node` behind all others.
    ///
    /// # Safety
    ///
    /// `node` is in no queue, and stays valid and in place until it has left this one.
    pub(crate) unsafe fn push(&self, node: NonNull<T>) {
        // SAFETY: the caller's promise is the one that the chain asks for.
        self.with_nodes(|nodes| unsafe { nodes.push_back(node) });
    }

    /// Removes the node that has waited longest. Takes no lock when the queue looks empty.
    pub(crate) fn pop(&self) -> Option<NonNull<T>> {
        if self.is_empty() { None } else { self.pop_or_register() }
    }

    /// Queues all of `chain` behind all others, in order.
    pub(crate) fn push_chain(&self, chain: Chain<T>) {
        self.with_nodes(|nodes| nodes.append(chain));
    }
    /// As [`Injector::pop`], but takes the lock even if the queue looks empty: a worker's last look before it sleeps.
    /// If it finds nothing, whoever pushes later sees what the worker did before.
    pub(crate) fn pop_or_register(&self) -> Option<NonNull<T>> {
        self.with_nodes(Chain::pop_front)
    }

    /// Removes up to `count` of the nodes that have waited longest, oldest first. Takes no lock when the queue looks
    /// empty.
    pub(crate) fn pop_batch(&self, count: usize) -> Chain<T> {
        if self.is_empty() { Chain::new() } else { self.with_nodes(|nodes| nodes.split_front(count)) }
    }

    fn with_nodes<R>(&self, change: impl FnOnce(&mut Chain<T>) -> R) -> R {
        let mut nodes = self.nodes.lock();
        let result = change(&mut nodes);
        // Relaxed: a hint, see `len`.
        self.len.store(nodes.len(), Ordering::Relaxed);
        result
    }
}

#[cfg(all(test, not(loom)))]
mod tests {
    use super::Injector;
    use crate::util::linked::Chain;
    use crate::util::test_node::{Nodes, drain};

    #[test]
    fn nodes_leave_in_the_order_they_came_one_by_one_and_in_batches() {
        let (injector, nodes) = (Injector::new(), Nodes::new(6));
        // SAFETY: each node is queued once and outlives the queues.
        (0..2).for_each(|index| unsafe { injector.push(nodes.fill(index)) });
        let mut chain = Chain::new();
        // SAFETY: as above.
        (2..6).for_each(|index| unsafe { chain.push_back(nodes.fill(index)) });
        injector.push_chain(chain);
        assert_eq!(injector.len(), 6);
        let mut batch = injector.pop_batch(3);
        assert_eq!(drain(|| batch.pop_front()), [0, 1, 2]);
        assert_eq!(injector.len(), 3);
        assert_eq!(drain(|| injector.pop_or_register()), [3, 4, 5]);
        assert!(injector.is_empty() && injector.pop_or_register().is_none() && injector.pop_batch(9).is_empty());
    }
}
