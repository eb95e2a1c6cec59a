// SPDX-License-Identifier: BSD-3-Clause
//! Scopes: children borrow, none outlives its scope, no failure is lost.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicUsize, Ordering};

use kcoro_posix::channel::{RecvError, bounded, rendezvous};
use kcoro_posix::sched::{JoinError, SpawnError, spawn, yield_now};
use kcoro_posix::scope::{Failure, scope, try_scope};
use kcoro_posix::time::{TimeError, sleep};
use kcoro_posix::wait::WaitError;
use kcoro_tests::{Hog, LONG, end, runtime};

/// Runs `test` on one worker and on three.
fn on_workers(test: impl Fn() + Sync) {
    for workers in [1, 3] {
        let runtime = runtime(workers);
        runtime.run(&test).unwrap();
        end(runtime);
    }
}

fn quiet_panic(payload: &'static str) -> ! {
    std::panic::resume_unwind(Box::new(payload))
}

fn caught(body: impl FnOnce()) -> Option<&'static str> {
    catch_unwind(AssertUnwindSafe(body))
        .err()
        .map(|payload| *payload.downcast::<&'static str>().unwrap_or_else(|_| Box::new("other")))
}

#[test]
fn a_panic_of_the_parent_cancels_the_children_and_goes_on_after_their_end() {
    on_workers(|| {
        let ended = AtomicUsize::new(0);
        let (_tx, rx) = bounded::<u8>(1);
        let payload = caught(|| {
            scope(|s| {
                for _ in 0..5 {
                    s.spawn(|| {
                        assert_eq!(rx.recv(), Err(RecvError::Cancelled));
                        ended.fetch_add(1, Ordering::SeqCst);
                    })
                    .unwrap();
                }
                (0..20).for_each(|_| yield_now());
                quiet_panic("parent")
            })
        });
        assert_eq!(payload, Some("parent"));
        assert!(ended.into_inner() <= 5, "the others were cancelled before they ran");
    });
}

#[test]
fn a_panic_of_a_child_panics_the_scope_unless_it_is_joined() {
    on_workers(|| {
        let other = AtomicUsize::new(0);
        let payload = catch_unwind(AssertUnwindSafe(|| {
            scope(|s| {
                s.spawn(|| quiet_panic("child")).map(drop).unwrap();
                s.spawn(|| other.fetch_add(1, Ordering::SeqCst)).map(drop).unwrap();
            });
        }));
        let message = payload.unwrap_err();
        assert_eq!(message.downcast_ref::<&str>(), Some(&"a coroutine of a scope panicked"));
        assert_eq!(other.load(Ordering::SeqCst), 1, "plain scopes do not cancel siblings");
        let joined: Result<(), _> = scope(|s| s.spawn(|| quiet_panic("child")).unwrap().join());
        assert!(matches!(joined, Err(JoinError::Panicked(_))));
    });
}

#[test]
fn of_two_panics_the_parents_goes_on() {
    on_workers(|| {
        let payload = caught(|| {
            scope(|s| {
                let mut child = s.spawn(|| quiet_panic("child")).unwrap();
                let _ = child.join_timeout(LONG);
                s.spawn(|| quiet_panic("another")).map(drop).unwrap();
                quiet_panic("parent")
            })
        });
        assert_eq!(payload, Some("parent"));
    });
}

#[test]
fn all_failures_are_gathered_and_siblings_on_plain_operations_are_cancelled() {
    on_workers(|| {
        let (_tx, rx) = bounded::<u8>(1);
        let (full_tx, _full_rx) = rendezvous::<u8>();
        let (started_tx, started_rx) = bounded::<()>(8);
        let failed = try_scope(|s| -> Result<(), String> {
            let (rx, full_tx) = (&rx, &full_tx);
            let start = started_tx.clone();
            s.spawn(move || {
                start.send(()).unwrap();
                rx.recv().map_err(|why| format!("receiver: {why}")).map(drop)
            })
            .map(drop)
            .unwrap();
            let start = started_tx.clone();
            s.spawn(move || {
                start.send(()).unwrap();
                full_tx.send(1).map_err(|why| format!("sender: {why}"))
            })
            .map(drop)
            .unwrap();
            let start = started_tx.clone();
            s.spawn(move || -> Result<(), String> {
                start.send(()).unwrap();
                match sleep(LONG) {
                    Err(TimeError::Cancelled) => quiet_panic("sleeper"),
                    _ => Ok(()),
                }
            })
            .map(drop)
            .unwrap();
            (0..3).for_each(|_| started_rx.recv().unwrap());
            s.spawn(|| Err::<(), _>("the first".to_owned())).map(drop).unwrap();
            Ok(())
        })
        .unwrap_err();
        assert!(matches!(&failed.first, Failure::Error(why) if why == "the first"));
        let mut others: Vec<_> = failed.others.iter().map(|failure| failure.to_string()).collect();
        others.sort();
        let cancelled = "the coroutine has been cancelled";
        assert_eq!(
            others,
            ["panicked: sleeper".into(), format!("receiver: {cancelled}"), format!("sender: {cancelled}")]
        );
        assert_eq!(failed.to_string(), "the first (and 3 more)");
    });
}

/// The wait for the children accepts no second cancel, and must not swallow the first.
#[test]
fn a_cancel_outlasts_the_wait_for_the_children() {
    on_workers(|| {
        let (_tx, rx) = bounded::<u8>(1);
        let (at_tx, at_rx) = bounded::<()>(1);
        let parent = spawn(move || {
            let child = || {
                at_tx.send(()).unwrap();
                assert_eq!(rx.recv(), Err(RecvError::Cancelled));
                // Its parent waits for it once more, cancelled as it is.
                yield_now();
            };
            scope(|s| s.spawn(child).map(drop).unwrap());
            rx.recv()
        });
        let parent = parent.unwrap();
        at_rx.recv().unwrap();
        parent.cancel();
        assert_eq!(parent.join().unwrap(), Err(RecvError::Cancelled));
    });
}

#[test]
fn a_scope_outside_of_a_runtime_has_nobody_to_run_children() {
    let refused = scope(|s| s.spawn(|| ()).map(drop));
    assert_eq!(refused, Err(SpawnError::NoRuntime));
    let refused = try_scope(|s| s.spawn(|| Ok::<_, SpawnError>(())).map(drop));
    assert!(matches!(refused.unwrap_err().first, Failure::Error(SpawnError::NoRuntime)));
    assert_eq!(scope(|_| 5), 5);
}

#[test]
fn a_thread_scopes_coroutines_of_a_runtime_that_it_names() {
    let runtime = runtime(2);
    let mut numbers = [1, 2, 3];
    let hog = Hog::on(&runtime, 0);
    scope(|s| {
        for number in &mut numbers {
            s.spawn_with(runtime.builder(), || *number *= 10).map(drop).unwrap();
        }
        hog.release();
    });
    assert_eq!(numbers, [10, 20, 30]);
    end(runtime);
}

#[test]
fn a_cancelled_join_of_a_child_leaves_it_to_the_scope() {
    on_workers(|| {
        let (tx, rx) = bounded::<u8>(1);
        let (at_tx, at_rx) = bounded::<()>(1);
        let parent = spawn(move || {
            scope(|s| {
                let child = s.spawn(|| (at_tx.send(()), rx.recv()).1).unwrap();
                let why = child.join().unwrap_err();
                assert!(matches!(why, JoinError::Wait(WaitError::Cancelled)));
            });
        });
        let parent = parent.unwrap();
        at_rx.recv().unwrap();
        parent.cancel();
        parent.join().unwrap();
        assert!(tx.is_closed(), "the child has ended");
    });
}
