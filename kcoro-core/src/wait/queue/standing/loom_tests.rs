// SPDX-License-Identifier: BSD-3-Clause
//! A set that begins to wait while a selector comes upon its node, and somebody else wins that selector: every order.

use core::ptr;
use core::task::Waker;
use std::boxed::Box;

use loom::sync::Arc;
use loom::thread;

use super::{Over, Standing, WaitQueue};
use crate::primitive::SpinLock;
use crate::task::claim::claiming::Party;
use crate::task::claim::{Accepts, Claim, Outcome};
use crate::wait::queue::Node;
use crate::wait::wake::WakeHandle;

struct Shared {
    set: Standing,
    queue: SpinLock<WaitQueue>,
    selector: Claim,
}

/// What came of the selector's look into the queue.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Met {
    TheSet,
    Nobody,
    WonElsewhere { owes: bool },
}

#[test]
fn loom_a_set_that_is_found_as_it_begins_to_wait_is_served_woken_or_looks_itself() {
    loom::model(|| {
        let shared =
            Arc::new(Shared { set: Standing::new(1), queue: SpinLock::new(WaitQueue::new()), selector: Claim::new() });
        let node = {
            let handle = WakeHandle::Task(Waker::noop().clone());
            Box::new(Node::of_arm(shared.set.party(7), handle, ptr::null_mut(), Some(&shared.set)))
        };
        // SAFETY: the node lives until the end of the model, and nobody comes upon it then.
        unsafe { shared.queue.lock().push(&raw const *node) };
        let generation = shared.selector.begin(Accepts::NOTHING).unwrap();
        let selector = {
            let shared = shared.clone();
            thread::spawn(move || {
                let own = Party { claim: &shared.selector, generation, arm: 0, rank: 2 };
                let met = shared.queue.lock().meet_first(own, |_| {});
                match met {
                    Ok(Some(wake)) => {
                        wake.wake();
                        Met::TheSet
                    }
                    Ok(None) => Met::Nobody,
                    Err(Over { owed }) => {
                        let owes = owed.is_some();
                        owed.into_iter().for_each(|wake| wake.wake());
                        Met::WonElsewhere { owes }
                    }
                }
            })
        };
        let other = {
            let shared = shared.clone();
            thread::spawn(move || shared.selector.try_win(generation, Outcome::Event, 1).is_ok())
        };
        let waits = shared.set.claim.begin_again().is_ok();
        let (met, won_elsewhere) = (selector.join().unwrap(), other.join().unwrap());
        let outcome = shared.set.claim.outcome().filter(|_| waits);
        match met {
            Met::TheSet => assert_eq!((outcome, won_elsewhere), (Some((Outcome::Event, 7)), false)),
            // It has left the queue before it began to wait, and a token keeps it from that.
            Met::Nobody => assert!(!waits, "it waits, and nobody will find it"),
            Met::WonElsewhere { owes } => {
                let is_queued = !shared.queue.lock().is_empty();
                assert!(
                    won_elsewhere && (is_queued || outcome.is_some() || !waits),
                    "it waits, and nobody will find it"
                );
                assert_eq!(outcome.is_some(), owes);
            }
        }
        shared.set.take_found(|arm| assert_eq!(arm, 7));
        // SAFETY: it was pushed there.
        unsafe { shared.queue.lock().remove(&raw const *node) };
    });
}
