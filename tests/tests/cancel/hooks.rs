// SPDX-License-Identifier: BSD-3-Clause
//! Hooks run once, whatever others do; and threads wait for a cancel as coroutines do.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use kcoro_posix::cancel::{CancelToken, Cause};
use kcoro_tests::{end, runtime};

fn counter() -> (Arc<AtomicUsize>, impl Fn(&Cause) + Clone + Send + 'static) {
    let calls = Arc::new(AtomicUsize::new(0));
    let counts = calls.clone();
    (calls, move |_: &Cause| _ = counts.fetch_add(1, Ordering::SeqCst))
}

#[test]
fn a_hook_that_panics_loses_no_other_hook_and_no_wake() {
    let (parent, (calls, counts)) = (CancelToken::new(), counter());
    let child = parent.child();
    parent.on_cancel(counts.clone()).keep();
    parent.on_cancel(|_| std::panic::resume_unwind(Box::new("a hook"))).keep();
    parent.on_cancel(counts.clone()).keep();
    child.on_cancel(counts.clone()).keep();
    let waits = std::thread::spawn(move || child.cancelled());
    assert!(parent.cancel_with("all"));
    assert_eq!(calls.load(Ordering::SeqCst), 3);
    assert_eq!(waits.join().unwrap(), Ok(Cause::Message("all")));
    // At once, and as quietly.
    parent.on_cancel(|_| std::panic::resume_unwind(Box::new("late"))).keep();
    parent.on_cancel(counts).keep();
    assert_eq!(calls.load(Ordering::SeqCst), 4);
}

#[test]
fn a_cancel_while_unwinding_runs_the_hooks() {
    struct CancelsOnDrop(CancelToken);
    impl Drop for CancelsOnDrop {
        fn drop(&mut self) {
            self.0.cancel();
        }
    }
    let (token, (calls, counts)) = (CancelToken::new(), counter());
    token.on_cancel(counts).keep();
    let unwinds = token.clone();
    let unwound = std::panic::catch_unwind(move || {
        let _guard = CancelsOnDrop(unwinds);
        std::panic::resume_unwind(Box::new("unwinds"));
    });
    assert!(unwound.is_err() && token.is_cancelled());
    assert_eq!(calls.load(Ordering::SeqCst), 1);
}

#[test]
fn hooks_that_nobody_calls_are_dropped_with_their_token() {
    let alive = Arc::new(());
    let token = CancelToken::new();
    let (kept, guarded) = (alive.clone(), alive.clone());
    token.on_cancel(move |_| drop(kept)).keep();
    let guard = token.on_cancel(move |_| drop(guarded));
    drop(token);
    assert_eq!(Arc::strong_count(&alive), 3, "a guard keeps the token");
    drop(guard);
    assert_eq!(Arc::strong_count(&alive), 1);
}

#[test]
fn a_cancel_wakes_threads_and_coroutines_from_anywhere() {
    let runtime = runtime(2);
    let token = CancelToken::new();
    let (waits, waits_in_coroutine) = (token.clone(), token.clone());
    let thread = std::thread::spawn(move || waits.cancelled());
    let coroutine = runtime.spawn(move || waits_in_coroutine.cancelled()).unwrap();
    token.cancel();
    assert_eq!(thread.join().unwrap(), Ok(Cause::Cancelled));
    assert_eq!(coroutine.join().unwrap(), Ok(Cause::Cancelled));
    end(runtime);
}
