// SPDX-License-Identifier: BSD-3-Clause
//! The queue of coroutines that are ready and bound to one worker: only that worker touches it.
//!
//! It holds no atomics and takes no lock, because nobody else may look at it. Whoever wants to queue something here
//! from elsewhere goes through the worker's [`Inbox`](super::inbox::Inbox).
#![expect(unsafe_code, reason = "queues nodes that their owners keep alive")]

use core::ptr::NonNull;

use crate::util::linked::{Chain, Linked};

/// A first-in-first-out queue with one owner. It allocates nothing, and every operation but [`RunQueue::remove`] takes
/// constant time.
pub(crate) struct RunQueue<T> {
    nodes: Chain<T>,
}

impl<T> RunQueue<T> {
    pub(crate) const fn new() -> Self {
        Self { nodes: Chain::new() }
    }

    #[inline]
    pub(crate) const fn is_empty(&self) -> bool {
        self.nodes.is_empty()
    }

    pub(crate) const fn len(&self) -> usize {
        self.nodes.len()
    }
}

impl<T: Linked> RunQueue<T> {
    /// Queues `node` behind all others.
    ///
    /// # Safety
    ///
    /// `node` is in no queue, and stays valid and in place until it has left this one.
    #[inline]
    pub(crate) unsafe fn push_back(&mut self, node: NonNull<T>) {
        // SAFETY: the caller's promise is the one that the chain asks for.
        unsafe { self.nodes.push_back(node) }
    }

    /// Queues all of `chain` behind all others, in order.
    #[inline]
    pub(crate) fn append(&mut self, chain: Chain<T>) {
        self.nodes.append(chain);
    }

    /// Removes the node that has waited longest.
    #[inline]
    pub(crate) fn pop_front(&mut self) -> Option<NonNull<T>> {
        self.nodes.pop_front()
    }

    /// Removes `wanted`, wherever it is, and says whether it was there. Takes time for each node before it.
    pub(crate) fn remove(&mut self, wanted: NonNull<T>) -> bool {
        let mut before = Chain::new();
        let mut found = false;
        while let Some(node) = self.nodes.pop_front() {
            if node == wanted {
                found = true;
                break;
            }
            // SAFETY: it has just left this queue, and whoever queued it keeps it valid until it leaves for good.
            unsafe { before.push_back(node) };
        }
        before.append(core::mem::replace(&mut self.nodes, Chain::new()));
        self.nodes = before;
        found
    }

    /// The node that the next [`RunQueue::pop_front`] returns.
    #[inline]
    pub(crate) fn peek_front(&self) -> Option<NonNull<T>> {
        self.nodes.front()
    }

    /// The node after that: far enough ahead that prefetching its stack pays.
    #[inline]
    pub(crate) fn peek_second(&self) -> Option<NonNull<T>> {
        self.nodes.second()
    }
}

#[cfg(all(test, not(loom)))]
mod tests {
    use super::RunQueue;
    use crate::util::linked::Chain;
    use crate::util::test_node::{Nodes, drain, read};

    #[test]
    fn nodes_leave_in_the_order_they_came() {
        let nodes = Nodes::new(4);
        let mut queue = RunQueue::new();
        // SAFETY: each node is queued once and outlives the queue.
        unsafe {
            queue.push_back(nodes.fill(0));
            queue.push_back(nodes.fill(1));
        }
        assert_eq!(queue.peek_front().map(read), Some(0));
        assert_eq!(queue.peek_second().map(read), Some(1));
        assert_eq!(drain(|| queue.pop_front()), [0, 1]);
        assert!(queue.is_empty() && queue.peek_front().is_none() && queue.peek_second().is_none());
        // SAFETY: as above; an emptied queue starts afresh.
        unsafe { queue.push_back(nodes.fill(3)) };
        assert!(queue.peek_second().is_none());
        assert_eq!(drain(|| queue.pop_front()), [3]);
    }

    #[test]
    fn a_removed_node_leaves_the_others_in_order() {
        for wanted in 0..4 {
            let nodes = Nodes::new(4);
            let mut queue = RunQueue::new();
            let all: std::vec::Vec<_> = (0..4).map(|index| nodes.fill(index)).collect();
            // SAFETY: each node is queued once and outlives the queue.
            all.iter().for_each(|&node| unsafe { queue.push_back(node) });
            assert!(queue.remove(all[wanted]));
            assert!(!queue.remove(all[wanted]));
            let expected: std::vec::Vec<_> = (0..4).filter(|&index| index != wanted).collect();
            assert_eq!(drain(|| queue.pop_front()), expected);
        }
    }

    #[test]
    fn appended_chains_keep_their_order_and_can_be_empty() {
        let nodes = Nodes::new(5);
        let mut queue = RunQueue::new();
        for range in [0..0, 0..2, 2..2, 2..5] {
            let mut chain = Chain::new();
            // SAFETY: each node is queued once and outlives the queue.
            range.for_each(|index| unsafe { chain.push_back(nodes.fill(index)) });
            queue.append(chain);
        }
        assert_eq!(drain(|| queue.pop_front()), [0, 1, 2, 3, 4]);
    }

    #[test]
    fn a_split_takes_the_oldest_and_leaves_the_rest() {
        let nodes = Nodes::new(5);
        let mut chain = Chain::new();
        // SAFETY: each node is queued once and outlives the chain.
        (0..5).for_each(|index| unsafe { chain.push_back(nodes.fill(index)) });
        let mut front = chain.split_front(2);
        assert_eq!((front.len(), chain.len()), (2, 3));
        assert_eq!(drain(|| front.pop_front()), [0, 1]);
        let mut rest = chain.split_front(9);
        assert_eq!(drain(|| rest.pop_front()), [2, 3, 4]);
        assert!(chain.is_empty());
    }
}
