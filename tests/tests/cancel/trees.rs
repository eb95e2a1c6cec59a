// SPDX-License-Identifier: BSD-3-Clause
//! Trees of any shape are cancelled and dropped without recursion, and every parked coroutine wakes.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Barrier};

use kcoro_posix::cancel::{CancelToken, Cause};
use kcoro_posix::channel::{RecvError, bounded};
use kcoro_posix::sched::{Builder, JoinHandle, Metrics};
use kcoro_tests::{end, runtime};

const DEPTH: usize = if cfg!(miri) { 300 } else { 1_000_000 };
const WIDTH: usize = if cfg!(miri) { 300 } else { 100_000 };

/// Runs `test` where a recursion that deep cannot be.
fn on_a_small_stack(test: impl FnOnce() + Send + 'static) {
    std::thread::Builder::new().stack_size(64 * 1024).spawn(test).unwrap().join().unwrap();
}

fn chain(root: &CancelToken) -> CancelToken {
    (0..DEPTH).fold(root.clone(), |last, _| last.child())
}

#[test]
fn a_tree_a_million_deep_is_cancelled_and_dropped_without_recursion() {
    on_a_small_stack(|| {
        let root = CancelToken::new();
        let leaf = chain(&root);
        assert!(root.cancel_with("root"));
        assert_eq!(leaf.cause(), Some(Cause::Message("root")));
        drop(root);
        drop(leaf);
        // Also one that nobody has cancelled, from its leaf, which is all that holds it.
        drop(chain(&CancelToken::new()));
    });
}

#[test]
fn a_tree_is_cancelled_as_a_whole_and_shrinks_as_its_branches_go() {
    let root = CancelToken::new();
    let branches: Vec<_> = (0..WIDTH).map(|_| root.child()).collect();
    let leaves: Vec<_> = branches.iter().step_by(2).map(CancelToken::child).collect();
    let mut branches = branches;
    // From the middle, from both ends, and those that a leaf keeps.
    branches.truncate(WIDTH / 4 * 3);
    drop(branches.drain(..WIDTH / 4));
    root.cancel();
    assert!(branches.iter().chain(&leaves).all(CancelToken::is_cancelled));
}

#[test]
fn of_many_cancellers_one_did_it() {
    for _ in 0..if cfg!(miri) { 2 } else { 100 } {
        let (root, start) = (CancelToken::new(), Arc::new(Barrier::new(4)));
        let hooks = Arc::new(AtomicUsize::new(0));
        let children: Vec<_> = (0..20).map(|_| root.child()).collect();
        for child in &children {
            let hooks = hooks.clone();
            child.on_cancel(move |_| assert!(hooks.fetch_add(1, Ordering::Relaxed) < 20)).keep();
        }
        let cancellers: Vec<_> = (0..4)
            .map(|_| {
                let (root, start) = (root.clone(), start.clone());
                std::thread::spawn(move || {
                    start.wait();
                    root.cancel()
                })
            })
            .collect();
        let did = cancellers.into_iter().filter(|_| true).map(|canceller| canceller.join().unwrap());
        assert_eq!(did.filter(|did| *did).count(), 1);
        assert_eq!(hooks.load(Ordering::Relaxed), 20);
    }
}

/// Parks `count` coroutines that obey one token, cancels it, and says what that took.
fn cancel_parked(count: usize) -> Metrics {
    let runtime = runtime(2);
    let (token, (_tx, rx)) = (CancelToken::new(), bounded::<u8>(1));
    let parked: Vec<JoinHandle<_>> = (0..count)
        .map(|_| {
            let rx = rx.clone();
            runtime.builder().stack_size(16 * 1024).token(&token).spawn(move || rx.recv()).unwrap()
        })
        .collect();
    while runtime.metrics().total.parks < count as u64 {
        std::thread::yield_now();
    }
    assert!(token.cancel());
    for handle in parked {
        assert_eq!(handle.join().unwrap(), Err(RecvError::Cancelled));
    }
    let metrics = runtime.metrics();
    end(runtime);
    metrics
}

#[test]
fn each_of_many_parked_coroutines_wakes_once() {
    let all = cancel_parked(WIDTH);
    let count = WIDTH as u64;
    assert_eq!(all.total.parks, count);
    // One switch to begin with and one to be woken by, and one now and then to and from the base loop.
    assert!((count * 2..count * 3).contains(&all.total.switches), "{all:?}");
}

#[test]
fn a_spawn_that_obeys_a_token_costs_it_nothing_when_it_has_ended() {
    let runtime = runtime(2);
    let token = CancelToken::new();
    runtime
        .run(|| {
            for _ in 0..200 {
                Builder::new().token(&token).spawn(|| ()).unwrap().join().unwrap();
            }
        })
        .unwrap();
    end(runtime);
    // What they left on the token's list would be touched now.
    assert!(token.cancel());
}
