// SPDX-License-Identifier: BSD-3-Clause
//! A scope's child that never ran, because there was no stack for it, is a failure that somebody hears of.

use std::panic::{AssertUnwindSafe, catch_unwind};

use kcoro_posix::channel::{RecvError, rendezvous};
use kcoro_posix::sched::{JoinError, Runtime};
use kcoro_posix::scope::{Failure, scope, try_scope};
use kcoro_posix::{GuardPolicy, Posix};
use kcoro_tests::child::passes;

/// A runtime with stacks for a root and one more coroutine. That budget belongs to the process, so each test has one of
/// its own.
fn two_stacks() -> Runtime {
    let platform = Posix::builder().guard(GuardPolicy::Mprotect).max_protected_guards(2).build();
    Runtime::builder(platform).workers(1).build().unwrap()
}

#[test]
fn try_scope_fails_and_cancels_the_others() {
    passes("scope_no_stack::try_scope_fails_and_cancels_the_others", || {
        let failed = two_stacks().run(|| {
            let (_sender, never) = rendezvous::<()>();
            let outcome = try_scope(|s| {
                // Takes the last stack, and ends only when it is cancelled.
                drop(s.spawn(move || never.recv()).unwrap());
                drop(s.spawn(|| Ok(())).unwrap());
                Ok(())
            });
            let error = outcome.unwrap_err();
            matches!((error.first, &*error.others), (Failure::NoStack(_), [Failure::Error(RecvError::Cancelled)]))
        });
        assert!(failed.unwrap());
    });
}

#[test]
fn scope_panics_if_nobody_has_joined_it() {
    passes("scope_no_stack::scope_panics_if_nobody_has_joined_it", || {
        let panicked = two_stacks().run(|| {
            let (sender, receiver) = rendezvous::<()>();
            let outcome = catch_unwind(AssertUnwindSafe(|| {
                scope(|s| {
                    // Holds the last stack until the one without a stack has been given up.
                    drop(s.spawn(move || receiver.recv()).unwrap());
                    drop(s.spawn(move || drop(sender)).unwrap());
                })
            }));
            outcome.is_err()
        });
        assert!(panicked.unwrap());
    });
}

#[test]
fn scope_leaves_it_to_who_joins_it() {
    passes("scope_no_stack::scope_leaves_it_to_who_joins_it", || {
        let why = two_stacks().run(|| {
            let (sender, receiver) = rendezvous::<()>();
            scope(|s| {
                drop(s.spawn(move || receiver.recv()).unwrap());
                s.spawn(move || drop(sender)).unwrap().join().unwrap_err()
            })
        });
        assert!(matches!(why.unwrap(), JoinError::NoStack(_)));
    });
}
