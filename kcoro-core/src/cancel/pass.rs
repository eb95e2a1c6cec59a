// SPDX-License-Identifier: BSD-3-Clause
//! A cancel on its way through a tree.
//!
//! The pass takes what is attached to a node off its lists, one thing per hold of the lock, and deals with it after the lock
//! is released: so it is linear in what it finds, holds no lock for long and calls nobody under one. Children that it has
//! marked wait in a queue that goes through the nodes themselves: no recursion and no allocation, however deep the tree.
//!
//! Hooks come last, after every wake, in the order parent before child and, within a node, in which they were registered.
#![expect(unsafe_code, reason = "takes listed regions and hooks over by raw pointer")]

use super::Cause;
#[cfg(feature = "alloc")]
use super::hook::{Hook, Unlisted};
use super::node::{Node, NodeRef, PassQueue};
use super::region::{Ended, Region};
use crate::task::claim::Outcome;
use crate::util::quietly::call_quietly;
use crate::wait::wake::Wake;

/// One thing that a cancel has to do.
enum Step {
    Child(NodeRef),
    /// The cancel of a region has ended a wait.
    Ended(Ended),
    Wake(Wake),
    /// What was there needs nothing.
    Skip,
    Done,
}

/// Cancels `node` and all below it. Says whether this call cancelled it.
pub(super) fn cancel(node: &NodeRef, why: &Cause) -> bool {
    if node.mark(why).is_err() {
        return false;
    }
    let mut marked = PassQueue::new();
    #[cfg(feature = "alloc")]
    let mut hooked = PassQueue::new();
    marked.push(node.clone());
    while let Some(node) = marked.pop() {
        wake_all(&node, why, &mut marked);
        #[cfg(feature = "alloc")]
        {
            node.disarm();
            if node.has_hooks() {
                hooked.push(node);
            }
        }
    }
    #[cfg(feature = "alloc")]
    while let Some(node) = hooked.pop() {
        while let Some(hook) = next_hook(&node) {
            hook.call(why);
        }
    }
    true
}

/// Wakes all that obeys `node` or waits for it, and adds its children to `marked`.
fn wake_all(node: &Node, why: &Cause, marked: &mut PassQueue) {
    loop {
        match next_step(node) {
            Step::Child(child) => {
                // One that somebody else has cancelled is theirs, and so is all below it.
                if child.mark(why).is_ok() {
                    marked.push(child);
                }
            }
            Step::Ended(ended) => ended.wake(),
            // A waker may be foreign code: its panic must not keep the others asleep.
            Step::Wake(wake) => call_quietly(|| wake.wake()),
            Step::Skip => {}
            Step::Done => return,
        }
    }
}

fn next_step(node: &Node) -> Step {
    count_step();
    let mut attached = node.lock();
    if let Some(wake) = attached.waiters.win_first(Outcome::Event, |_| {}) {
        return Step::Wake(wake);
    }
    if let Some(region) = attached.regions.pop_front() {
        // SAFETY: it was on the list, and who leaves it takes the lock first.
        return unsafe { Region::cancel(region) }.map_or(Step::Skip, Step::Ended);
    }
    match attached.children.pop_front() {
        // SAFETY: it was on the list, whose lock is held.
        Some(child) => unsafe { NodeRef::of_listed(child) }.map_or(Step::Skip, Step::Child),
        None => Step::Done,
    }
}

#[cfg(feature = "alloc")]
fn next_hook(node: &Node) -> Option<Unlisted> {
    count_step();
    let hook = node.lock().hooks.pop_front()?;
    // SAFETY: we have taken it off the list.
    Some(unsafe { Hook::from_list(hook) })
}

#[cfg(all(test, not(loom)))]
std::thread_local! {
    static STEPS: core::cell::Cell<usize> = const { core::cell::Cell::new(0) };
}

/// How many steps this thread has made so far.
#[cfg(all(test, not(loom)))]
pub(super) fn steps() -> usize {
    STEPS.get()
}

#[inline(always)]
fn count_step() {
    #[cfg(all(test, not(loom)))]
    STEPS.set(STEPS.get() + 1);
}
