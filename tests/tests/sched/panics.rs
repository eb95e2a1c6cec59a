// SPDX-License-Identifier: BSD-3-Clause
//! What becomes of panics.

use std::error::Error;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use kcoro_posix::channel::{RecvError, bounded};
use kcoro_posix::sched::{PanicPolicy, SpawnError, spawn};
use kcoro_tests::{builder, end, until};

#[test]
fn a_joined_panic_is_its_joiners_affair() {
    let seen = Arc::new(AtomicUsize::new(0));
    let count = seen.clone();
    let runtime = builder()
        .workers(2)
        .panic_policy(PanicPolicy::Shutdown)
        .on_unobserved_panic(move |_| _ = count.fetch_add(1, Ordering::Relaxed))
        .build()
        .unwrap();
    runtime
        .run(|| {
            let error = spawn(|| panic!("seen {}", 1)).unwrap().join().unwrap_err();
            assert_eq!(error.into_panic().unwrap().message(), Some("seen 1"));
            spawn(|| ()).unwrap().join().unwrap();
        })
        .unwrap();
    end(runtime);
    assert_eq!(seen.load(Ordering::Relaxed), 0);
}

#[test]
fn an_unobserved_panic_is_reported_once_and_the_others_go_on() {
    let seen = Arc::new(AtomicUsize::new(0));
    let count = seen.clone();
    let hook = move |panic: &kcoro_posix::sched::UnobservedPanic<'_>| {
        assert_eq!(panic.name, Some("doomed"));
        count.fetch_add(1, Ordering::Relaxed);
    };
    let runtime = builder().workers(2).on_unobserved_panic(hook).build().unwrap();
    // It panics when its handle has gone, not before.
    let (go, gone) = bounded(1);
    let body = move || panic!("unseen, after {:?}", gone.recv());
    runtime.builder().name("doomed").spawn(body).unwrap().detach();
    go.send(()).unwrap();
    until(|| seen.load(Ordering::Relaxed) == 1);
    runtime.run(|| spawn(|| ()).unwrap().join().unwrap()).unwrap();
    end(runtime);
    assert_eq!(seen.load(Ordering::Relaxed), 1);
}

#[test]
fn an_unobserved_panic_shuts_down_if_the_policy_says_so() {
    let runtime = builder().workers(2).panic_policy(PanicPolicy::Shutdown).build().unwrap();
    runtime
        .run(|| {
            let (_tx, rx) = bounded::<u8>(1);
            let waits = spawn(move || rx.recv()).unwrap();
            let (go, gone) = bounded(1);
            spawn(move || panic!("unseen, after {:?}", gone.recv())).unwrap().detach();
            go.send(()).unwrap();
            until(|| matches!(spawn(|| ()).map(|handle| handle.detach()), Err(SpawnError::Shutdown)));
            // This coroutine is cancelled, too, so it can only look.
            until(|| waits.is_finished());
            let mut waits = waits;
            // It parked and was cancelled, or had not started yet.
            assert!(matches!(waits.try_join(), Ok(Err(RecvError::Cancelled)) | Err(_)));
        })
        .unwrap();
    end(runtime);
}

#[test]
fn errors_that_hold_a_panic_can_be_boxed_to_be_sent() {
    let runtime = builder().workers(1).build().unwrap();
    let boxed: Result<(), Box<dyn Error + Send + Sync>> =
        runtime.run(|| Ok(spawn(|| panic!("boxed")).map(|handle| handle.join())??)).unwrap();
    assert_eq!(boxed.unwrap_err().to_string(), "the coroutine panicked: boxed");
    assert!(matches!(runtime.run(|| -> u8 { panic!() }), Err(kcoro_posix::sched::RunError::Panicked(_))));
    end(runtime);
}
