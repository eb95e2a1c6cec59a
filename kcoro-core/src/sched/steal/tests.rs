// SPDX-License-Identifier: BSD-3-Clause
//! Ring and slot on threads: each node is delivered once, in its order.
#![expect(unsafe_code, reason = "stands for the owner, who alone may push")]

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
