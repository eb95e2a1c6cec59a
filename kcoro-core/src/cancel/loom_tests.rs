// SPDX-License-Identifier: BSD-3-Clause
//! Models of a cancel's races: nothing is missed, and no level outlasts its region.
#![expect(unsafe_code, reason = "enters and leaves records by hand, in the name of a coroutine")]

use core::ptr::NonNull;
use std::boxed::Box;

use loom::sync::Arc;
use loom::sync::atomic::{AtomicUsize, Ordering};
use loom::thread;

use super::region::{Region, Runner};
use super::{CancelToken, Cause};
use crate::task::claim::{Accepts, Outcome, Pending};
use crate::task::header::TaskRef;
use crate::task::sources::{Kind, Source};
use crate::task::test_task::task;
#[cfg(feature = "std")]
use crate::wait::WaitError;

fn check(model: impl Fn() + Send + Sync + 'static) {
    check_with(2, model);
}

fn check_with(preemptions: usize, model: impl Fn() + Send + Sync + 'static) {
    let mut builder = loom::model::Builder::new();
    builder.preemption_bound = builder.preemption_bound.or(Some(preemptions));
    builder.max_branches = 20_000;
    builder.check(model);
}

/// A region of a coroutine that the calling thread stands for; left by its drop.
struct Entered(Box<Region>);

impl Entered {
    fn new(token: &CancelToken, task: &TaskRef) -> Self {
        let region = Box::new(Region::new(Kind::Region, token.node.clone(), Runner::Coroutine(task.clone())));
        // SAFETY: it stays in its box until it has been left.
        unsafe { Region::enter(NonNull::from(&*region)) };
        Self(region)
    }
}

impl Drop for Entered {
    fn drop(&mut self) {
        // SAFETY: it was entered when it was made.
        unsafe { Region::leave(NonNull::from(&*self.0)) };
    }
}

/// Waits as a coroutine does, and says how that ended.
fn wait(task: &TaskRef) -> Outcome {
    match task.claim.begin(Accepts::CANCEL) {
        Err(Pending::Cancel) => Outcome::Cancelled,
        Err(Pending::Token) => Outcome::Token,
        Ok(_) => loop {
            if let Some((outcome, _)) = task.claim.outcome() {
                return outcome;
            }
            thread::yield_now();
        },
    }
}

fn cancel_elsewhere(token: &CancelToken) -> thread::JoinHandle<bool> {
    let token = token.clone();
    thread::spawn(move || token.cancel())
}

#[test]
fn loom_a_cancel_ends_the_wait_of_a_region_and_its_level_ends_with_it() {
    check(|| {
        let (token, task) = (CancelToken::new(), task());
        let canceller = cancel_elsewhere(&token);
        let region = Entered::new(&token, &task);
        assert_eq!(wait(&task), Outcome::Cancelled);
        drop(region);
        assert!(!task.claim.is_cancelled());
        assert!(canceller.join().unwrap());
        assert!(!task.claim.is_cancelled());
    });
}

#[test]
fn loom_a_region_that_is_left_at_the_cancel_leaves_no_level_behind() {
    check(|| {
        let (token, task) = (CancelToken::new(), task());
        let outer = Entered::new(&token, &task);
        let canceller = cancel_elsewhere(&token);
        // By another token: its end must not take away what the outer one says.
        let child = token.child();
        drop(Entered::new(&child, &task));
        canceller.join().unwrap();
        assert!(task.claim.is_cancelled(), "the outer region still obeys");
        drop(outer);
        assert!(!task.claim.is_cancelled());
    });
}

#[test]
fn loom_the_end_of_a_region_does_not_undo_a_cancel_of_the_whole() {
    check(|| {
        let (token, task) = (CancelToken::new(), task());
        token.cancel();
        let region = Entered::new(&token, &task);
        let whole = {
            let task = task.clone();
            thread::spawn(move || task.claim.request_cancel())
        };
        drop(region);
        assert_eq!(wait(&task), Outcome::Cancelled);
        let _ = whole.join().unwrap();
        assert!(task.claim.is_cancelled());
    });
}

#[test]
fn loom_nothing_gets_past_a_shield_and_nothing_is_lost_behind_it() {
    check(|| {
        let (token, task) = (CancelToken::new(), task());
        let region = Entered::new(&token, &task);
        let canceller = {
            let (token, task) = (token.clone(), task.clone());
            thread::spawn(move || {
                token.cancel();
                // Nobody waits in a way that this could end.
                let _ = task.claim.request_cancel();
            })
        };
        let shield = Box::new(Source::new(Kind::Shield));
        // SAFETY: it stays in its box until it has been left.
        unsafe { task.sources.enter(&task.claim, NonNull::from(&*shield)) };
        let generation = task.claim.begin(Accepts::CANCEL).expect("no cancel gets past the shield");
        assert_eq!(task.claim.try_win(generation, Outcome::Event, 0), Ok(crate::task::claim::Won::Running));
        assert!(!task.claim.is_cancelled());
        // SAFETY: it was entered there.
        assert_eq!(unsafe { task.sources.leave(&task.claim, NonNull::from(&*shield)) }, None);
        canceller.join().unwrap();
        drop(region);
        assert!(task.claim.is_cancelled(), "by the cancel of the whole");
    });
}

#[test]
fn loom_a_child_attached_at_the_cancel_of_its_parent_is_cancelled() {
    check(|| {
        let parent = CancelToken::new();
        let canceller = cancel_elsewhere(&parent);
        let child = parent.child();
        let grandchild = child.child();
        drop(parent);
        canceller.join().unwrap();
        assert_eq!((child.cause(), grandchild.cause()), (Some(Cause::Cancelled), Some(Cause::Cancelled)));
    });
}

#[test]
fn loom_a_child_may_go_while_its_parent_is_cancelled() {
    check(|| {
        let parent = CancelToken::new();
        let child = parent.child().child();
        let canceller = cancel_elsewhere(&parent);
        drop(parent);
        drop(child);
        assert!(canceller.join().unwrap());
    });
}

#[test]
fn loom_a_hook_registered_at_the_cancel_is_called_once() {
    // Three threads: two preemptions take minutes.
    check_with(1, || {
        let (token, calls) = (CancelToken::new(), Arc::new(AtomicUsize::new(0)));
        let cancellers = [cancel_elsewhere(&token), cancel_elsewhere(&token)];
        let counts = calls.clone();
        let count = move |_: &Cause| {
            counts.fetch_add(1, Ordering::Relaxed);
        };
        token.on_cancel(count).keep();
        let did = cancellers.map(|canceller| canceller.join().unwrap());
        assert!(did[0] ^ did[1], "one of them did it");
        assert_eq!(calls.load(Ordering::Relaxed), 1);
    });
}

#[test]
fn loom_a_hook_taken_back_at_the_cancel_is_called_once_or_not_and_dropped_once() {
    check(|| {
        struct CountsDrop(Arc<AtomicUsize>);
        impl Drop for CountsDrop {
            fn drop(&mut self) {
                self.0.fetch_add(1, Ordering::Relaxed);
            }
        }
        let (token, drops) = (CancelToken::new(), Arc::new(AtomicUsize::new(0)));
        let value = CountsDrop(drops.clone());
        let guard = token.on_cancel(move |_| drop(value));
        let canceller = cancel_elsewhere(&token);
        drop(guard);
        canceller.join().unwrap();
        assert_eq!(drops.load(Ordering::Relaxed), 1);
    });
}

#[cfg(feature = "std")]
#[test]
fn loom_who_waits_for_the_cancel_is_woken() {
    check(|| {
        let token = CancelToken::new();
        let canceller = cancel_elsewhere(&token);
        assert_eq!(token.cancelled(), Ok(Cause::Cancelled));
        canceller.join().unwrap();
    });
}

#[cfg(feature = "std")]
#[test]
fn loom_a_cancel_ends_the_wait_of_a_thread_in_a_region() {
    check(|| {
        let (token, never) = (CancelToken::new(), CancelToken::new());
        let canceller = cancel_elsewhere(&token);
        assert_eq!(token.run(|| never.cancelled()), Err(WaitError::Cancelled));
        assert!(canceller.join().unwrap());
        // The region is over, and so is its level.
        never.cancel();
        assert_eq!(never.cancelled(), Ok(Cause::Cancelled));
        assert!(crate::wait::enter().check_cancelled().is_ok());
    });
}
