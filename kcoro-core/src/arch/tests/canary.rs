// SPDX-License-Identifier: BSD-3-Clause
//! Random switches among many contexts, each of which holds values of its own in every register over each switch.
//!
//! `KCORO_CANARY_SWITCHES` sets how many switches; the default takes about a second. A failure names the seed.

use core::hint::black_box;
use core::ptr::null_mut;
use std::vec::Vec;

use super::hold::{CANARIES, hold_canaries};
use super::{stack_top, word};
use crate::arch::{StackPointer, Word, prepare, prepare_linked, resume, suspend, switch};

const CONTEXTS: usize = 37;
const SEED: u64 = 0x9E37_79B9_7F4A_7C15;

fn switches_to_do() -> u64 {
    match std::env::var("KCORO_CANARY_SWITCHES") {
        Ok(count) => count.parse().expect("KCORO_CANARY_SWITCHES is a number"),
        Err(_) => 1_000_000,
    }
}

/// xorshift64*: a fixed sequence from a seed.
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        self.0.wrapping_mul(0x2545_F491_4F6C_DD1D)
    }

    fn below(&mut self, bound: usize) -> usize {
        (self.next() >> 33) as usize % bound
    }

    fn canaries(&mut self) -> [u64; CANARIES] {
        core::array::from_fn(|_| self.next())
    }
}

/// Runs `switch_away` with values in caller-saved registers too, as far as the compiler keeps them there: more integers
/// and floats than there are registers. Inlined, so that the switch is in the middle of them.
#[inline(always)]
fn with_values_in_registers(seed: u64, switch_away: impl FnOnce()) {
    let integer = |n: u64| black_box(seed.wrapping_mul(2 * n + 1));
    let float = |n: u64| black_box((seed >> 40) as f64 + n as f64);
    let (i0, i1, i2, i3, i4, i5, i6) =
        (integer(0), integer(1), integer(2), integer(3), integer(4), integer(5), integer(6));
    let (f0, f1, f2, f3, f4, f5, f6) = (float(0), float(1), float(2), float(3), float(4), float(5), float(6));
    let (g0, g1, g2, g3, g4, g5, g6) = (float(7), float(8), float(9), float(10), float(11), float(12), float(13));
    switch_away();
    assert_eq!([i0, i1, i2, i3, i4, i5, i6], core::array::from_fn(|n| integer(n as u64)));
    assert_eq!([f0, f1, f2, f3, f4, f5, f6], core::array::from_fn(|n| float(n as u64)));
    assert_eq!([g0, g1, g2, g3, g4, g5, g6], core::array::from_fn(|n| float(n as u64 + 7)));
}

/// A graph of contexts that switch to each other. Context 0 is the test itself.
struct Graph {
    suspended: [StackPointer; CONTEXTS],
    running: usize,
    switches_left: u64,
    random: Random,
}

impl Graph {
    /// The running context's whole life: switch somewhere else, over and over. Only context 0 returns.
    unsafe fn wander(graph: *mut Graph) {
        // SAFETY: all contexts run on one thread, and none keeps a reference into the graph over a switch; the graph
        // outlives them, as context 0 owns it and none runs after it has returned.
        unsafe {
            while (*graph).switches_left > 0 || (*graph).running != 0 {
                let (me, canaries) = ((*graph).running, (*graph).random.canaries());
                let changed_bits = hold_canaries(&canaries, Self::switch_somewhere, graph.cast());
                assert_eq!(changed_bits, 0, "a callee-saved register of context {me} changed; seed {SEED:#x}");
                assert_eq!((*graph).running, me, "the switch came back to the wrong context");
            }
        }
    }

    unsafe extern "C" fn switch_somewhere(data: *mut ()) {
        let graph = data.cast::<Graph>();
        // SAFETY: as in `wander`; the context that is chosen is suspended, for only one runs.
        unsafe {
            let from = (*graph).running;
            let seed = (*graph).random.next();
            let to = (from + 1 + (*graph).random.below(CONTEXTS - 1)) % CONTEXTS;
            // When enough is done, everyone goes to context 0.
            let to = if (*graph).switches_left == 0 { 0 } else { to };
            (*graph).switches_left = (*graph).switches_left.saturating_sub(1);
            (*graph).running = to;
            let (save, target) = (&raw mut (*graph).suspended[from], (*graph).suspended[to]);
            with_values_in_registers(seed, || switch(save, target));
            (*graph).running = from;
        }
    }

    unsafe extern "C" fn entry(data: *mut ()) -> ! {
        // SAFETY: as in `wander`.
        unsafe { Self::wander(data.cast()) };
        unreachable!("only context 0 comes back");
    }
}

#[test]
fn switch_keeps_every_callee_saved_register() {
    let mut graph =
        Graph { suspended: [null_mut(); CONTEXTS], running: 0, switches_left: switches_to_do(), random: Random(SEED) };
    let shared = &raw mut graph;
    // SAFETY: the stacks are fresh and leaked; see `wander`.
    unsafe {
        for context in 1..CONTEXTS {
            (*shared).suspended[context] = prepare(stack_top(0x10000), Graph::entry, shared.cast());
        }
        Graph::wander(shared);
    }
}

/// A tree node: resumes children of its own, and suspends to its parent.
struct Node {
    random: Random,
    parent: StackPointer,
    children: Vec<(StackPointer, *mut Node)>,
    has_children: bool,
    chosen: usize,
}

impl Node {
    /// # Safety
    ///
    /// The node must outlive its context.
    unsafe fn plant(seed: u64, depth: usize) -> *mut Node {
        let has_children = depth > 0;
        let children = (0..if has_children { 5 } else { 0 })
            .map(|n| {
                // SAFETY: the stacks are fresh and leaked, and so are the nodes.
                unsafe {
                    let child = Self::plant(seed ^ ((n + 1) * 0x1234_5678_9ABC), depth - 1);
                    (prepare_linked(stack_top(0x10000), Self::entry, child.cast()), child)
                }
            })
            .collect();
        let random = Random(seed | 1);
        std::boxed::Box::leak(std::boxed::Box::new(Node {
            random,
            parent: null_mut(),
            children,
            has_children,
            chosen: 0,
        }))
    }

    /// Resumes a random child, which may do the same.
    unsafe fn resume_someone(node: *mut Node) {
        // SAFETY: nodes are leaked and used by one context at a time.
        unsafe {
            let canaries = (*node).random.canaries();
            (*node).chosen = (*node).random.below((*node).children.len());
            let changed_bits = hold_canaries(&canaries, Self::resume_chosen, node.cast());
            assert_eq!(changed_bits, 0, "a callee-saved register changed over resume; seed {SEED:#x}");
        }
    }

    unsafe extern "C" fn resume_chosen(data: *mut ()) {
        let node = data.cast::<Node>();
        // SAFETY: as above; the child is suspended, as only its parent resumes it.
        unsafe {
            let seed = (*node).random.next();
            let (child, _) = (&(*node).children)[(*node).chosen];
            let mut back = None;
            with_values_in_registers(seed, || back = Some(resume(child, word(seed as usize), 0)));
            let back = back.expect("set by the closure");
            assert_eq!(back.word.assume_init().addr(), !(seed as usize), "the child answers what it was asked");
            (&mut (*node).children)[(*node).chosen].0 = back.child;
        }
    }

    unsafe extern "C" fn entry(data: *mut (), mut asked: Word, parent: StackPointer, _request: usize) -> ! {
        let node = data.cast::<Node>();
        // SAFETY: as above; parents send initialised words.
        unsafe {
            (*node).parent = parent;
            loop {
                while (*node).has_children && (*node).random.below(3) > 0 {
                    Self::resume_someone(node);
                }
                let canaries = (*node).random.canaries();
                let mut call = (node, word(!asked.assume_init().addr()));
                let changed_bits = hold_canaries(&canaries, Self::suspend_self, (&raw mut call).cast());
                assert_eq!(changed_bits, 0, "a callee-saved register changed over suspend; seed {SEED:#x}");
                asked = call.1;
            }
        }
    }

    unsafe extern "C" fn suspend_self(data: *mut ()) {
        let call = data.cast::<(*mut Node, Word)>();
        // SAFETY: as above; `parent` came with the last resume.
        unsafe {
            let node = (*call).0;
            let seed = (*node).random.next();
            with_values_in_registers(seed, || {
                let resumed = suspend((*node).parent, (*call).1);
                (*node).parent = resumed.parent;
                (*call).1 = resumed.word;
            });
        }
    }
}

#[test]
fn resume_and_suspend_keep_every_callee_saved_register() {
    // SAFETY: nodes and stacks are leaked.
    unsafe {
        let root = Node::plant(SEED, 3);
        // Each resume here makes about ten switches in the tree below.
        for _ in 0..switches_to_do() / 10 {
            Node::resume_someone(root);
        }
    }
}
