// SPDX-License-Identifier: BSD-3-Clause
//! What a worker lets others steal: a ring of nodes, and a slot for the newest one.
//!
//! # The ring
//!
//! The owner pushes at `tail`; the owner and the thieves take at `head`, each with one compare-and-swap. Positions only
//! grow and never wrap (64 bits), so a swap that succeeds proves that nobody took anything since `head` was read, and
//! there is no ABA. A thief reads the slots *before* its swap: if the swap fails, the values may be stale and are
//! thrown away; if it succeeds, they are its own and the slots are free at that moment. So a thief that loses its
//! processor holds nobody up.
//!
//! # The slot
//!
//! The newest node sits in a slot before it sits in the ring, where its spawner finds it hot. Thieves may take it too,
//! else a spawner that computes for long would bury it. The slot is also where a pusher and a worker that falls asleep
//! meet; see [`idle`](super::idle) for the order that its users must keep.
//!
//! Neither structure touches a node: the pointers alone travel.
#![expect(unsafe_code, reason = "only the owner may push, which its callers promise")]

use core::ptr::{self, NonNull};

use crate::primitive::atomic::{AtomicPtr, AtomicUsize, Ordering};
use crate::primitive::const_unless_loom;
use crate::util::cache_padded::CachePadded;

/// Nodes that the ring of one worker holds. Small under loom, so that models wrap around.
pub(crate) const RING_CAPACITY: usize = if cfg!(loom) { 2 } else { 256 };

const _: () = assert!(RING_CAPACITY.is_power_of_two(), "positions map to slots by masking");
const _: () = assert!(usize::BITS == 64, "positions must never wrap");

/// The stealable first-in-first-out ring of one worker.
pub(crate) struct StealQueue<T> {
    /// Position of the oldest node. Moved by owner and thieves, always by compare-and-swap.
    head: CachePadded<AtomicUsize>,
    /// Position after the newest node. Written by the owner only.
    tail: CachePadded<AtomicUsize>,
    /// Slot `position % RING_CAPACITY` holds the node of that position while `head <= position < tail`. Written by the
    /// owner only.
    slots: [AtomicPtr<T>; RING_CAPACITY],
}

impl<T> StealQueue<T> {
    #[cfg(not(loom))]
    pub(crate) const fn new() -> Self {
        Self {
            head: CachePadded::new(AtomicUsize::new(0)),
            tail: CachePadded::new(AtomicUsize::new(0)),
            slots: [const { AtomicPtr::new(ptr::null_mut()) }; RING_CAPACITY],
        }
    }

    #[cfg(loom)]
    pub(crate) fn new() -> Self {
        Self {
            head: CachePadded::new(AtomicUsize::new(0)),
            tail: CachePadded::new(AtomicUsize::new(0)),
            slots: core::array::from_fn(|_| AtomicPtr::new(ptr::null_mut())),
        }
    }

    /// How many nodes the ring holds. Exact for the owner while nobody steals, else possibly out of date.
    #[inline]
    pub(crate) fn len(&self) -> usize {
        // Relaxed: a hint. Saturating and bounded, because the two loads may be of different moments.
        let tail = self.tail.load(Ordering::Relaxed);
        tail.saturating_sub(self.head.load(Ordering::Relaxed)).min(RING_CAPACITY)
    }

    /// Queues `node` behind all others; gives it back when the ring is full.
    ///
    /// # Safety
    ///
    /// The caller is the owner: no other call of `push` or `pop` on this ring runs at the same time, and earlier ones
    /// happened before this one.
    #[inline]
    pub(crate) unsafe fn push(&self, node: NonNull<T>) -> Result<(), NonNull<T>> {
        // Relaxed: only the owner writes it.
        let tail = self.tail.load(Ordering::Relaxed);
        // Acquire: pairs with the Release of the thief that moved `head` past the slot we are about to overwrite. Its
        // reads of the slot happen before our write, so it cannot have read our node. No model checks this pair: loom
        // never lets a load see a store that is executed later.
        let head = self.head.load(Ordering::Acquire);
        if tail - head == RING_CAPACITY {
            return Err(node);
        }
        // Relaxed: published by the store to `tail`.
        self.slot(tail).store(node.as_ptr(), Ordering::Relaxed);
        // Release: pairs with the Acquire of `tail` in `steal_into`; publishes the slot and what the node contains.
        self.tail.store(tail + 1, Ordering::Release);
        Ok(())
    }

    /// Removes the node that has waited longest.
    ///
    /// # Safety
    ///
    /// As [`StealQueue::push`].
    #[inline]
    pub(crate) unsafe fn pop(&self) -> Option<NonNull<T>> {
        // Relaxed throughout: the owner wrote tail, slots and nodes itself. That its swap does not release is sound for
        // `push`: being a read-modify-write it continues the release sequence of the thieves before it, and its own
        // reads need no ordering against its own later writes.
        let tail = self.tail.load(Ordering::Relaxed);
        let mut head = self.head.load(Ordering::Relaxed);
        while head != tail {
            let node = self.slot(head).load(Ordering::Relaxed);
            match self.head.compare_exchange_weak(head, head + 1, Ordering::Relaxed, Ordering::Relaxed) {
                Ok(_) => return NonNull::new(node),
                Err(now) => head = now,
            }
        }
        None
    }

    /// A thief takes the older half of the nodes, rounded up, but no more than fit into `out`. Writes them to the front
    /// of `out`, oldest first, and returns how many. Zero means that the ring was empty (or `out` is), not that another
    /// thief was faster.
    pub(crate) fn steal_into(&self, out: &mut [Option<NonNull<T>>]) -> usize {
        // Relaxed: a stale value makes the swap fail and is then replaced.
        let mut head = self.head.load(Ordering::Relaxed);
        loop {
            // Acquire: pairs with the Release in `push`; makes the slots below `tail` and their nodes visible.
            let tail = self.tail.load(Ordering::Acquire);
            // Saturating and bounded: `head` and `tail` may be of different moments.
            let len = tail.saturating_sub(head).min(RING_CAPACITY);
            let count = len.div_ceil(2).min(out.len());
            if count == 0 {
                return 0;
            }
            for (offset, place) in out[..count].iter_mut().enumerate() {
                // Relaxed: ordered by the Acquire above and the Release below. May be stale; the swap decides.
                *place = NonNull::new(self.slot(head + offset).load(Ordering::Relaxed));
            }
            // Release: our reads of the slots happen before the owner, having acquired the new `head`, overwrites them.
            // No Acquire: the nodes came with `tail`.
            match self.head.compare_exchange(head, head + count, Ordering::Release, Ordering::Relaxed) {
                Ok(_) => return count,
                Err(now) => head = now,
            }
            out[..count].fill(None);
        }
    }

    #[inline]
    fn slot(&self, position: usize) -> &AtomicPtr<T> {
        &self.slots[position % RING_CAPACITY]
    }
}

/// The slot for the newest stealable node of one worker.
pub(crate) struct StealSlot<T> {
    newest: AtomicPtr<T>,
}

impl<T> StealSlot<T> {
    const_unless_loom! {
        pub(crate) fn new() -> Self {
            Self { newest: AtomicPtr::new(ptr::null_mut()) }
        }
    }

    /// Puts `node` in and returns the one that was there.
    ///
    /// This is the step by which a pusher meets workers that fall asleep, so everything else that it makes stealable
    /// comes first: a node that would be displaced is to be moved to the ring by [`StealSlot::take`] and
    /// [`StealQueue::push`] *before* this call.
    #[inline]
    pub(crate) fn replace(&self, node: NonNull<T>) -> Option<NonNull<T>> {
        // Release: publishes the node and the pusher's ring to whoever takes or registers later. Acquire: makes the
        // sleeping bit of each worker that registered earlier visible, and a displaced node's content.
        NonNull::new(self.newest.swap(node.as_ptr(), Ordering::AcqRel))
    }

    /// Whether there is a node, as far as a glance tells.
    pub(crate) fn looks_full(&self) -> bool {
        // Relaxed: a hint.
        !self.newest.load(Ordering::Relaxed).is_null()
    }

    /// Takes what is there. Costs one plain load when that is nothing.
    #[inline]
    pub(crate) fn take(&self) -> Option<NonNull<T>> {
        // Relaxed: only decides whether the swap is worth it.
        if self.newest.load(Ordering::Relaxed).is_null() {
            return None;
        }
        // Acquire: pairs with the Release of `replace`; makes the node's content visible.
        NonNull::new(self.newest.swap(ptr::null_mut(), Ordering::Acquire))
    }

    /// As [`StealSlot::take`], but leaves a mark if it finds nothing: a worker's last look before it sleeps. A pusher
    /// that comes later sees what the worker did before.
    pub(crate) fn take_or_register(&self) -> Option<NonNull<T>> {
        // A swap of null for null is a write all the same, hence it has a place in the slot's one order of writes.
        // Release: a later `replace` acquires our sleeping bit. Acquire: we see the node and the ring of the pushers
        // before us.
        NonNull::new(self.newest.swap(ptr::null_mut(), Ordering::AcqRel))
    }
}

#[cfg(all(test, not(loom)))]
mod tests {
    use core::ptr::NonNull;
    use std::vec::Vec;

    use super::{RING_CAPACITY, StealQueue, StealSlot};
    use crate::util::test_node::{Node, Nodes, drain, read};

    fn filled(nodes: &Nodes, range: core::ops::Range<usize>) -> StealQueue<Node> {
        let queue = StealQueue::new();
        // SAFETY: this test is the only user of the queue.
        range.for_each(|index| unsafe { queue.push(nodes.fill(index)) }.unwrap());
        queue
    }

    fn steal(queue: &StealQueue<Node>, at_most: usize) -> Vec<usize> {
        let mut out = [None::<NonNull<Node>>; RING_CAPACITY];
        let count = queue.steal_into(&mut out[..at_most]);
        assert!(out[count..].iter().all(Option::is_none));
        out.iter().flatten().map(|node| read(*node)).collect()
    }

    #[test]
    fn the_owner_pops_in_the_order_it_pushed() {
        let nodes = Nodes::new(3);
        let queue = filled(&nodes, 0..3);
        assert_eq!(queue.len(), 3);
        // SAFETY: this test is the only user of the queue.
        assert_eq!(drain(|| unsafe { queue.pop() }), [0, 1, 2]);
        assert_eq!(queue.len(), 0);
    }

    #[test]
    fn a_full_ring_gives_the_node_back_and_wraps_around() {
        let nodes = Nodes::new(RING_CAPACITY * 3 + 1);
        let queue = filled(&nodes, 0..RING_CAPACITY);
        for index in 0..RING_CAPACITY * 2 {
            let node = nodes.fill(RING_CAPACITY + index);
            // SAFETY: this test is the only user of the queue.
            unsafe {
                assert_eq!(queue.push(node), Err(node));
                assert_eq!(queue.pop().map(read), Some(index));
                assert_eq!(queue.push(node), Ok(()));
            }
            assert_eq!(queue.len(), RING_CAPACITY);
        }
    }

    #[test]
    fn a_thief_takes_the_older_half_rounded_up_and_at_most_what_it_has_room_for() {
        let nodes = Nodes::new(10);
        let queue = filled(&nodes, 0..10);
        assert_eq!(steal(&queue, 0), []);
        assert_eq!(steal(&queue, 2), [0, 1]);
        assert_eq!(steal(&queue, 100), [2, 3, 4, 5]);
        assert_eq!(steal(&queue, 100), [6, 7]);
        assert_eq!(steal(&queue, 100), [8]);
        assert_eq!(steal(&queue, 100), [9], "a single node can be stolen");
        assert_eq!(steal(&queue, 100), []);
    }

    #[test]
    fn the_slot_holds_the_newest() {
        let (slot, nodes) = (StealSlot::new(), Nodes::new(3));
        assert_eq!(slot.take(), None);
        assert_eq!(slot.take_or_register(), None);
        assert_eq!(slot.replace(nodes.fill(0)), None);
        assert_eq!(slot.replace(nodes.fill(1)).map(read), Some(0));
        assert_eq!(slot.take().map(read), Some(1));
        assert_eq!(slot.replace(nodes.fill(2)), None);
        assert_eq!(slot.take_or_register().map(read), Some(2));
        assert_eq!(slot.take(), None);
    }

    #[test]
    fn threads_that_push_pop_and_steal_deliver_each_node_once() {
        const NODES: usize = if cfg!(miri) { 400 } else { 100_000 };
        let nodes = Nodes::new(NODES);
        let queue = StealQueue::new();
        let done = std::sync::atomic::AtomicBool::new(false);
        let thief = || {
            let mut stolen = Vec::new();
            while !done.load(std::sync::atomic::Ordering::Acquire) {
                stolen.extend(steal(&queue, 8));
                std::thread::yield_now();
            }
            stolen.extend(core::iter::repeat_with(|| steal(&queue, 8)).take_while(|batch| !batch.is_empty()).flatten());
            stolen
        };
        let mut all = std::thread::scope(|scope| {
            let thieves = [scope.spawn(thief), scope.spawn(thief)];
            let mut own = Vec::new();
            for index in 0..NODES {
                // SAFETY: this thread is the owner.
                while unsafe { queue.push(nodes.fill(index)) }.is_err() {
                    // SAFETY: as above.
                    own.extend(unsafe { queue.pop() }.map(read));
                }
            }
            done.store(true, std::sync::atomic::Ordering::Release);
            thieves.into_iter().for_each(|thief| own.extend(thief.join().unwrap()));
            own
        });
        all.sort_unstable();
        assert!(all.into_iter().eq(0..NODES));
    }
}

#[cfg(all(test, loom))]
mod loom_tests {
    use std::sync::Arc;
    use std::vec::Vec;

    use super::{RING_CAPACITY, StealQueue, StealSlot};
    use crate::util::test_node::{Node, Nodes, drain, read};

    fn check(model: impl Fn() + Send + Sync + 'static) {
        let mut builder = loom::model::Builder::new();
        builder.preemption_bound = builder.preemption_bound.or(Some(2));
        builder.check(model);
    }

    fn thief(queue: &Arc<StealQueue<Node>>, room: usize) -> loom::thread::JoinHandle<Vec<usize>> {
        let queue = queue.clone();
        loom::thread::spawn(move || {
            let mut out = [None; 2];
            let count = queue.steal_into(&mut out[..room]);
            out[..count].iter().map(|node| read(node.expect("a stolen place is filled"))).collect()
        })
    }

    /// The owner pushes `count` nodes, making room by popping, while thieves steal; then it empties the ring.
    fn push_all(queue: &StealQueue<Node>, nodes: &Nodes, count: usize) -> Vec<usize> {
        let mut own = Vec::new();
        for index in 0..count {
            let node = nodes.fill(index);
            // SAFETY: this thread is the owner.
            while unsafe { queue.push(node) }.is_err() {
                // SAFETY: as above.
                own.extend(unsafe { queue.pop() }.map(read));
            }
        }
        own
    }

    #[test]
    fn owner_and_two_thieves_deliver_each_node_once_over_a_wrap_around() {
        const NODES: usize = RING_CAPACITY + 2;
        check(|| {
            let (queue, nodes) = (Arc::new(StealQueue::new()), Nodes::new(NODES));
            let thieves = [thief(&queue, 1), thief(&queue, 2)];
            let mut all = push_all(&queue, &nodes, NODES);
            thieves.into_iter().for_each(|thief| all.extend(thief.join().unwrap()));
            // SAFETY: this thread is the owner.
            all.extend(drain(|| unsafe { queue.pop() }));
            all.sort_unstable();
            assert!(all.iter().copied().eq(0..NODES), "{all:?}");
        });
    }

    #[test]
    fn a_slow_thief_never_delivers_what_the_owner_put_in_the_slot_later() {
        const NODES: usize = RING_CAPACITY * 2 + 1;
        check(|| {
            let (queue, nodes) = (Arc::new(StealQueue::new()), Nodes::new(NODES));
            let thief = thief(&queue, 2);
            let mut all = push_all(&queue, &nodes, NODES);
            // SAFETY: this thread is the owner.
            all.extend(drain(|| unsafe { queue.pop() }));
            all.extend(thief.join().unwrap());
            all.sort_unstable();
            assert!(all.iter().copied().eq(0..NODES), "{all:?}");
        });
    }

    #[test]
    fn the_slot_delivers_each_node_once_with_its_content() {
        check(|| {
            let (slot, nodes) = (Arc::new(StealSlot::new()), Nodes::new(2));
            let takers = [StealSlot::take, StealSlot::take_or_register].map(|take| {
                let slot = slot.clone();
                loom::thread::spawn(move || take(&slot).map(read))
            });
            let mut all: Vec<usize> = (0..2).filter_map(|index| slot.replace(nodes.fill(index)).map(read)).collect();
            takers.into_iter().for_each(|taker| all.extend(taker.join().unwrap()));
            all.extend(slot.take().map(read));
            all.sort_unstable();
            assert_eq!(all, [0, 1]);
        });
    }
}
