// SPDX-License-Identifier: BSD-3-Clause
//! Models of ring and slot: whoever takes, each node is delivered once, with its content.
#![expect(unsafe_code, reason = "stands for the owner, who alone may push")]

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
