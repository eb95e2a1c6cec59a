// SPDX-License-Identifier: BSD-3-Clause
//! What once went wrong at the end of a runtime.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc;

use kcoro_posix::sched::{JoinError, spawn};
use kcoro_tests::{runtime, shut_down_elsewhere};

/// The worker went on with a new coroutine on the stack of one that had just ended, without a look at the phase.
#[test]
fn a_coroutine_that_ends_during_a_shutdown_starts_no_other() {
    let runtime = runtime(1);
    let (go, going) = mpsc::channel::<()>();
    let (child_tx, child_rx) = mpsc::channel();
    let ran = Arc::new(AtomicBool::new(false));
    let child_ran = ran.clone();
    let parent = runtime.spawn(move || {
        child_tx.send(spawn(move || child_ran.store(true, Ordering::SeqCst)).unwrap()).unwrap();
        going.recv().unwrap();
    });
    parent.unwrap().detach();
    let child = child_rx.recv().unwrap();
    let shutdown = shut_down_elsewhere(runtime);
    go.send(()).unwrap();
    assert!(matches!(child.join(), Err(JoinError::Shutdown)));
    assert!(!ran.load(Ordering::SeqCst));
    shutdown.join().unwrap();
}
