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
    #[cfg(feature = "alloc")]
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

#[cfg(all(test, loom))]
mod loom_tests;
#[cfg(all(test, not(loom)))]
mod tests;
