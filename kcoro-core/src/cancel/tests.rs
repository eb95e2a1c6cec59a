// SPDX-License-Identifier: BSD-3-Clause
//! A pass is linear in what it finds: counted, not timed. It finds tokens in statics, too.
#![expect(unsafe_code, reason = "enters and leaves records by hand, in the name of coroutines")]

use core::future::Future;
use core::pin::Pin;
use core::ptr::NonNull;
use core::task::{Context, Waker};
use std::boxed::Box;
use std::vec::Vec;

use super::region::{Region, Runner};
use super::{CancelToken, Cause, StaticToken, pass};
use crate::task::header::TaskRef;
use crate::task::sources::Kind;
use crate::task::test_task::task;

/// A coroutine that obeys a token; it leaves when it is dropped.
struct Obeys(NonNull<Region>, TaskRef);

impl Obeys {
    fn new(token: &CancelToken) -> Self {
        let task = task();
        let region =
            Box::leak(Box::new(Region::new(Kind::Region, token.node.clone(), Runner::Coroutine(task.clone()))));
        let region = NonNull::from(region);
        // SAFETY: it stays where it is until it has been left.
        unsafe { Region::enter(region) };
        Self(region, task)
    }
}

impl Drop for Obeys {
    fn drop(&mut self) {
        assert!(self.1.claim.is_cancelled());
        // SAFETY: it was entered when it was made.
        unsafe { Region::leave(self.0) };
        // SAFETY: it was a box, and is on no list any more.
        drop(unsafe { Box::from_raw(self.0.as_ptr()) });
        assert!(!self.1.claim.is_cancelled());
    }
}

/// How many steps a cancel takes through what `attach` puts on a token.
fn steps<T>(attach: impl FnOnce(&CancelToken) -> T) -> usize {
    let root = CancelToken::new();
    let attached = attach(&root);
    let before = pass::steps();
    assert!(root.cancel());
    drop(attached);
    pass::steps() - before
}

fn waiting(token: &CancelToken) -> Pin<Box<impl Future>> {
    let mut future = Box::pin(token.cancelled_async());
    assert!(future.as_mut().poll(&mut Context::from_waker(Waker::noop())).is_pending());
    future
}

#[test]
fn a_cancel_takes_a_step_for_each_thing_that_it_finds() {
    for count in if cfg!(miri) { [5, 10] } else { [50_000, 100_000] } {
        let regions = steps(|token| (0..count).map(|_| Obeys::new(token)).collect::<Vec<_>>());
        assert_eq!(regions, count + 1, "one more, to see that nothing is left");
        let children = steps(|token| (0..count).map(|_| token.child()).collect::<Vec<_>>());
        assert_eq!(children, 2 * count + 1, "to find each, and to see that it has nothing");
        let chain = steps(|token| (0..count).fold(token.clone(), |last, _| last.child()));
        assert_eq!(chain, 2 * count + 1);
        let hooks = steps(|token| (0..count).for_each(|_| token.on_cancel(|_| ()).keep()));
        assert_eq!(hooks, count + 2);
    }
    let token = CancelToken::new();
    let before = pass::steps();
    let waiting: Vec<_> = (0..100).map(|_| waiting(&token)).collect();
    token.cancel();
    assert_eq!(pass::steps() - before, waiting.len() + 1);
}

#[test]
fn a_cancel_reaches_static_children_that_were_asked_for_before_it_and_after() {
    static PLANT: StaticToken = StaticToken::new();
    static HALL: StaticToken = StaticToken::child_of(&PLANT);
    static MOTOR: StaticToken = StaticToken::child_of(&HALL);
    static LAMP: StaticToken = StaticToken::child_of(&HALL);
    static OTHER: StaticToken = StaticToken::new();
    let motor = MOTOR.token();
    assert!(motor.same_token(&MOTOR.token()) && !motor.same_token(&HALL.token()));
    let waits = waiting(&motor);
    let made = motor.child();
    assert!(PLANT.token().cancel_with("night"));
    drop(waits);
    for token in [motor, made, LAMP.token(), HALL.token()] {
        assert_eq!(token.cause(), Some(Cause::Message("night")));
    }
    assert!(!OTHER.token().is_cancelled());
}

#[test]
fn a_static_child_that_is_asked_for_by_many_at_once_is_listed_once() {
    static PARENT: StaticToken = StaticToken::new();
    static CHILD: StaticToken = StaticToken::child_of(&PARENT);
    std::thread::scope(|threads| {
        for _ in 0..4 {
            threads.spawn(|| CHILD.token());
        }
    });
    let before = pass::steps();
    PARENT.token().cancel();
    assert_eq!(pass::steps() - before, 3, "to find the child, and to see of both that nothing is left");
    assert!(CHILD.token().is_cancelled());
}
