// SPDX-License-Identifier: BSD-3-Clause
//! The door through which other threads hand a worker the coroutines that are bound to it: many producers, one
//! consumer.
//!
//! One word says everything. Null: empty, and the owner is awake. [`SLEEPING`](sleeping): empty, and the owner sleeps or
//! is about to. Anything else: the newest of a chain of nodes.
//!
//! ```text
//!            push: owner need not be woken
//!      null ------------------------------> node -> node -> ...  (push adds in front)
//!      ^  |  ^                                |        ^
//!      |  |  +--------- take_all -------------+        |
//! awake|  | try_sleep                                  |
//!      |  v                                            |
//!    SLEEPING ------------------------------------------
//!            push: exactly this pusher wakes the owner
//! ```
//!
//! A sleep ends the moment a pusher replaces SLEEPING, and one compare-and-swap does that, so exactly one pusher per
//! sleep is told to wake the owner. The owner cannot fall asleep over a node, because `try_sleep` needs null.
#![expect(unsafe_code, reason = "chains nodes that their owners keep alive")]

use core::ptr::{self, NonNull};

use crate::primitive::atomic::{AtomicPtr, Ordering};
use crate::primitive::const_unless_loom;
use crate::util::linked::{Chain, Linked, next_of, set_next_of};

/// What [`Inbox::push`] found.
#[must_use = "a sleeping owner must be woken by this pusher, nobody else will"]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Pushed {
    /// The owner sleeps or is about to, and the caller is the one who must wake it.
    pub(crate) owner_was_sleeping: bool,
}

/// A worker's queue of nodes from other threads.
pub(crate) struct Inbox<T> {
    /// See the module.
    head: AtomicPtr<T>,
}

/// The word that stands for "empty, and the owner sleeps".
const fn sleeping<T>() -> *mut T {
    const { assert!(align_of::<T>() > 1, "no node may have the address that means SLEEPING") };
    ptr::without_provenance_mut(1)
}

impl<T> Inbox<T> {
    const_unless_loom! {
        pub(crate) fn new() -> Self {
            Self { head: AtomicPtr::new(ptr::null_mut()) }
        }
    }

    /// Whether there was nothing to take. Cheap, and may be out of date.
    #[inline]
    pub(crate) fn is_empty(&self) -> bool {
        // Relaxed: a hint; whoever acts on it takes with Acquire.
        let head = self.head.load(Ordering::Relaxed);
        head.is_null() || head == sleeping()
    }

    /// The owner announces that it is about to sleep; fails if something is there.
    ///
    /// After `true` the next pusher will wake the owner, also when the owner has not parked yet.
    pub(crate) fn try_sleep(&self) -> bool {
        // Release: the pusher that finds SLEEPING sees what the owner did before. Relaxed on failure: the nodes are
        // acquired when they are taken.
        self.head.compare_exchange(ptr::null_mut(), sleeping(), Ordering::Release, Ordering::Relaxed).is_ok()
    }

    /// The owner is awake again, for whatever reason. Returns whether a pusher had already ended the sleep: then nodes
    /// are waiting, and a wake was sent or is on its way.
    pub(crate) fn awake(&self) -> bool {
        // Relaxed: taking the announcement back publishes nothing, and the nodes are acquired when they are taken.
        self.head.compare_exchange(sleeping(), ptr::null_mut(), Ordering::Relaxed, Ordering::Relaxed).is_err()
    }
}

impl<T: Linked> Inbox<T> {
    /// Adds `node` and says whether the caller must wake the owner.
    ///
    /// # Safety
    ///
    /// `node` is in no queue, and stays valid and in place until it has left this one.
    pub(crate) unsafe fn push(&self, node: NonNull<T>) -> Pushed {
        // Relaxed: only the value counts here; the compare-and-swap below orders.
        let mut head = self.head.load(Ordering::Relaxed);
        loop {
            let owner_was_sleeping = head == sleeping();
            let next = if owner_was_sleeping { None } else { NonNull::new(head) };
            // SAFETY: `node` is valid and not queued before the swap below succeeds, so its link is ours.
            unsafe { set_next_of(node, next) };
            // Release: publishes the node and its link. Later pushes are read-modify-writes, which continue the release
            // sequence, so whoever acquires the newest node acquires the older ones too. Acquire: a pusher that ends a
            // sleep sees what the owner did before it announced the sleep.
            match self.head.compare_exchange_weak(head, node.as_ptr(), Ordering::AcqRel, Ordering::Relaxed) {
                Ok(_) => return Pushed { owner_was_sleeping },
                Err(now) => head = now,
            }
        }
    }

    /// The owner takes everything that is there, oldest first. Ends an announced sleep.
    pub(crate) fn take_all(&self) -> Chain<T> {
        // Relaxed: reading null early is as good as having come a moment before the push. It spares the common case a
        // locked instruction.
        if self.head.load(Ordering::Relaxed).is_null() {
            return Chain::new();
        }
        // Acquire: pairs with the Release of every push in the chain.
        let head = self.head.swap(ptr::null_mut(), Ordering::Acquire);
        if head == sleeping() { Chain::new() } else { reversed(NonNull::new(head)) }
    }
}

/// Turns a chain that runs from the newest node to the oldest into one that runs from the oldest to the newest.
fn reversed<T: Linked>(mut newest: Option<NonNull<T>>) -> Chain<T> {
    let mut chain = Chain::new();
    while let Some(node) = newest {
        // SAFETY: the node was pushed, so it is valid; the swap in `take_all` made the whole chain, and thereby its
        // links, ours. It is in no other queue once its successor is read.
        unsafe {
            newest = next_of(node);
            chain.push_front(node);
        }
    }
    chain
}

#[cfg(all(test, not(loom)))]
mod tests {
    use super::Inbox;
    use crate::util::test_node::{Nodes, drain};

    #[test]
    fn take_all_returns_the_oldest_first() {
        let (inbox, nodes) = (Inbox::new(), Nodes::new(3));
        assert!(inbox.is_empty());
        // SAFETY: each node is queued once and outlives the inbox.
        (0..3).for_each(|index| assert!(!unsafe { inbox.push(nodes.fill(index)) }.owner_was_sleeping));
        assert!(!inbox.is_empty());
        let mut chain = inbox.take_all();
        assert_eq!(chain.len(), 3);
        assert_eq!(drain(|| chain.pop_front()), [0, 1, 2]);
        assert!(inbox.take_all().is_empty());
    }

    #[test]
    fn one_pusher_per_sleep_is_told_to_wake() {
        let (inbox, nodes) = (Inbox::new(), Nodes::new(2));
        assert!(inbox.try_sleep());
        assert!(inbox.is_empty());
        // SAFETY: each node is queued once and outlives the inbox.
        let (first, second) = unsafe { (inbox.push(nodes.fill(0)), inbox.push(nodes.fill(1))) };
        assert!(first.owner_was_sleeping && !second.owner_was_sleeping);
        assert!(inbox.awake(), "a pusher ended the sleep");
        assert!(!inbox.try_sleep(), "nobody sleeps over nodes");
        let mut chain = inbox.take_all();
        assert_eq!(drain(|| chain.pop_front()), [0, 1]);
    }

    #[test]
    fn waking_by_oneself_or_by_taking_ends_the_sleep() {
        let (inbox, nodes) = (Inbox::new(), Nodes::new(1));
        assert!(inbox.try_sleep());
        assert!(!inbox.awake(), "nobody had pushed");
        assert!(inbox.try_sleep());
        assert!(inbox.take_all().is_empty());
        // SAFETY: the node is queued once and outlives the inbox.
        assert!(!unsafe { inbox.push(nodes.fill(0)) }.owner_was_sleeping);
    }
}

#[cfg(all(test, loom))]
mod loom_tests {
    use loom::sync::Notify;
    use loom::sync::atomic::{AtomicUsize, Ordering};
    use std::sync::Arc;
    use std::vec::Vec;

    use super::Inbox;
    use crate::util::test_node::{Node, Nodes, drain};

    struct Shared {
        inbox: Inbox<Node>,
        nodes: Nodes,
        wake: Notify,
        sleeps: AtomicUsize,
        wakes: AtomicUsize,
    }

    impl Shared {
        fn new(nodes: usize) -> Arc<Self> {
            Arc::new(Self {
                inbox: Inbox::new(),
                nodes: Nodes::new(nodes),
                wake: Notify::new(),
                sleeps: AtomicUsize::new(0),
                wakes: AtomicUsize::new(0),
            })
        }

        fn push(&self, index: usize) {
            // SAFETY: each node is queued once and outlives the inbox.
            if unsafe { self.inbox.push(self.nodes.fill(index)) }.owner_was_sleeping {
                assert!(self.sleeps.load(Ordering::Relaxed) > 0, "what the owner did before its sleep is visible");
                self.wakes.fetch_add(1, Ordering::Relaxed);
                self.wake.notify();
            }
        }

        /// Takes until `count` nodes came; a lost wake leaves it waiting, which loom reports as a deadlock.
        fn receive(&self, count: usize) -> Vec<usize> {
            let mut received = Vec::new();
            while received.len() < count {
                let mut chain = self.inbox.take_all();
                received.extend(drain(|| chain.pop_front()));
                if received.len() == count {
                    break;
                }
                self.sleeps.fetch_add(1, Ordering::Relaxed);
                if self.inbox.try_sleep() {
                    self.wake.wait();
                    self.inbox.awake();
                }
            }
            received
        }
    }

    #[test]
    fn two_producers_and_a_sleepy_owner_lose_nothing_and_keep_each_producers_order() {
        let mut builder = loom::model::Builder::new();
        builder.preemption_bound = builder.preemption_bound.or(Some(2));
        builder.check(|| {
            let shared = Shared::new(4);
            let producers = [0, 2].map(|first| {
                let shared = shared.clone();
                loom::thread::spawn(move || (first..first + 2).for_each(|index| shared.push(index)))
            });
            let received = shared.receive(4);
            producers.into_iter().for_each(|producer| producer.join().unwrap());
            let of = |first| received.iter().copied().filter(move |index| (first..first + 2).contains(index));
            assert!(of(0).eq(0..2) && of(2).eq(2..4), "{received:?}");
            let (sleeps, wakes) = (shared.sleeps.load(Ordering::Relaxed), shared.wakes.load(Ordering::Relaxed));
            assert!(wakes <= sleeps, "{wakes} wakes for {sleeps} sleeps");
        });
    }
}
