// SPDX-License-Identifier: BSD-3-Clause
//! Where nobody can wait, what would have to wait is refused, and what need not wait works.
#![expect(unsafe_code, reason = "installs a signal handler")]

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, OnceLock, PoisonError};
use std::time::Duration;

use kcoro_posix::channel::{Receiver, RecvError, RecvTimeoutError, SendError, Sender, bounded, rendezvous};
use kcoro_posix::platform::ambient::in_interrupt;
use kcoro_posix::sched::{CoroutineLocal, JoinError, RunError, SpawnError, spawn, yield_now};
use kcoro_posix::scope::scope;
use kcoro_posix::time::{TimeError, sleep};
use kcoro_posix::wait::{CannotWait, WaitError, block_on};
use kcoro_tests::child::{aborts, passes};
use kcoro_tests::counted::OnDrop;
use kcoro_tests::{Hog, LONG, end, runtime, shut_down_elsewhere};

/// Tries everything that waits, and expects it to be refused for `why`; and what need not wait, which works.
fn everything_is_refused(why: CannotWait) {
    let (tx, rx) = bounded(1);
    assert_eq!(rx.recv(), Err(RecvError::CannotWait(why)));
    assert_eq!(rx.recv_timeout(LONG), Err(RecvTimeoutError::CannotWait(why)));
    tx.send(1).unwrap();
    assert!(matches!(tx.send(2), Err(SendError::CannotWait(2, refused)) if refused == why));
    assert!(tx.try_send(3).is_err());
    assert_eq!(rx.recv(), Ok(1));
    assert_eq!(sleep(Duration::ZERO), Err(TimeError::CannotWait(why)));
    assert_eq!(block_on(std::future::ready(5)), Err(WaitError::CannotWait(why)));
    let (rendezvous_tx, _rendezvous_rx) = rendezvous();
    assert!(matches!(rendezvous_tx.send(1), Err(SendError::CannotWait(1, refused)) if refused == why));
    yield_now();
    scope(|_| ());
}

#[test]
fn the_base_context_cannot_wait() {
    let runtime = runtime(1);
    let hog = Hog::on(&runtime, 0);
    let (tx, rx) = std::sync::mpsc::channel();
    static LOCAL: CoroutineLocal<u8> = CoroutineLocal::new(|| 1);
    let on_drop = OnDrop(move || {
        let caught = catch_unwind(AssertUnwindSafe(|| {
            everything_is_refused(CannotWait::NotInCoroutine);
            assert_eq!(LOCAL.with(|_| ()), Err(CannotWait::NotInCoroutine));
            let other = kcoro_tests::builder().workers(1).build_local().unwrap();
            assert!(matches!(other.run(|| ()), Err(RunError::InsideRuntime)));
            std::mem::forget(other);
            // Spawning need not wait. The child is dropped like everything that starts after a shutdown, or runs.
            spawn(|| 1).map(|handle| handle.detach())
        }));
        tx.send(caught.map_err(|_| "panicked")).unwrap();
    });
    let never = runtime.spawn(move || drop(on_drop)).unwrap();
    never.cancel();
    hog.release();
    assert!(matches!(never.join(), Err(JoinError::Cancelled)));
    assert_eq!(rx.recv().unwrap(), Ok(Ok(())));
    end(runtime);
}

#[test]
fn a_closure_dropped_by_a_shutdown_cannot_wait_or_spawn() {
    let runtime = runtime(1);
    let hog = Hog::on(&runtime, 0);
    let (tx, rx) = std::sync::mpsc::channel();
    let on_drop = OnDrop(move || {
        let refused = catch_unwind(|| everything_is_refused(CannotWait::NotInCoroutine)).map_err(|_| "panicked");
        tx.send((refused, spawn(|| ()).map(|handle| handle.detach()))).unwrap();
    });
    let never = runtime.spawn(move || drop(on_drop)).unwrap();
    let shutdown = shut_down_elsewhere(runtime);
    hog.release();
    assert_eq!(rx.recv().unwrap(), (Ok(()), Err(SpawnError::Shutdown)));
    assert!(matches!(never.join(), Err(JoinError::Shutdown)));
    shutdown.join().unwrap();
}

#[test]
fn an_interrupt_handler_cannot_wait() {
    in_interrupt(|| everything_is_refused(CannotWait::InInterrupt));
    let runtime = runtime(1);
    runtime
        .run(|| {
            in_interrupt(|| {
                everything_is_refused(CannotWait::InInterrupt);
                assert_eq!(spawn(|| ()).unwrap_err(), SpawnError::InInterrupt);
            });
            // Outside again: the coroutine is back.
            let (tx, rx) = bounded(1);
            in_interrupt(|| in_interrupt(|| tx.try_send(1).unwrap()));
            assert_eq!(rx.recv(), Ok(1));
            assert_eq!(spawn(|| 2).unwrap().join().unwrap(), 2);
        })
        .unwrap();
    end(runtime);
}

#[test]
fn a_handler_that_panics_restores_the_coroutine() {
    let runtime = runtime(1);
    runtime
        .run(|| {
            assert!(catch_unwind(|| in_interrupt(|| panic!("in a handler"))).is_err());
            assert_eq!(spawn(|| 2).unwrap().join().unwrap(), 2);
        })
        .unwrap();
    end(runtime);
}

static TO_WORKER: OnceLock<Sender<usize>> = OnceLock::new();
static EMPTY: OnceLock<Receiver<usize>> = OnceLock::new();
static REFUSED: AtomicUsize = AtomicUsize::new(0);

extern "C" fn on_signal(_signal: libc::c_int) {
    in_interrupt(|| {
        let empty = EMPTY.get().expect("set before");
        if empty.recv() == Err(RecvError::CannotWait(CannotWait::InInterrupt)) {
            REFUSED.fetch_add(1, Ordering::SeqCst);
        }
        let _ = TO_WORKER.get().expect("set before").try_send(1);
    });
}

/// In a child process, where no other test can meet the handler.
#[test]
fn a_signal_handler_wakes_and_cannot_wait() {
    passes("cannot_wait::a_signal_handler_wakes_and_cannot_wait", || {
        // SAFETY: the handler uses non-waiting operations of channels that nobody locks on the signalled thread.
        unsafe { libc::signal(libc::SIGUSR1, on_signal as *const () as libc::sighandler_t) };
        let (tx, rx) = bounded(1024);
        let (_empty_tx, empty) = bounded(1);
        assert!(TO_WORKER.set(tx).is_ok() && EMPTY.set(empty).is_ok());
        let runtime = runtime(1);
        let total = runtime.run(move || {
            let receiver = spawn(move || (0..100).map(|_| rx.recv().unwrap()).sum::<usize>()).unwrap();
            for _ in 0..100 {
                // SAFETY: the handler is installed.
                unsafe { libc::raise(libc::SIGUSR1) };
                yield_now();
            }
            receiver.join().unwrap()
        });
        assert_eq!(total.unwrap(), 100);
        assert_eq!(REFUSED.load(Ordering::SeqCst), 100);
        end(runtime);
    });
}

#[test]
fn who_unwinds_cannot_wait() {
    let runtime = runtime(1);
    runtime
        .run(|| {
            let ended = spawn(|| 3).unwrap();
            let (go, going) = bounded::<()>(1);
            let unended = spawn(move || going.recv()).unwrap();
            yield_now();
            let mut handles = Some((ended, unended));
            let unwinding = AssertUnwindSafe(OnDrop(move || {
                everything_is_refused(CannotWait::Unwinding);
                let (ended, mut unended) = handles.take().expect("dropped once");
                assert_eq!(ended.join().unwrap(), 3, "needs no wait");
                let refused = unended.join_mut().unwrap_err();
                assert!(matches!(refused, JoinError::Wait(WaitError::CannotWait(CannotWait::Unwinding))));
                let spawned = spawn(|| 4).unwrap();
                assert!(!spawned.is_finished());
            }));
            let caught = catch_unwind(move || {
                let _unwinding = unwinding;
                panic!("to unwind");
            });
            assert!(caught.is_err());
            // Whatever was refused, the coroutine can wait again.
            go.send(()).unwrap();
            assert_eq!(spawn(|| 5).unwrap().join().unwrap(), 5);
        })
        .unwrap();
    end(runtime);
}

#[test]
fn a_plain_thread_that_unwinds_cannot_wait() {
    let refused: std::thread::Result<()> = catch_unwind(|| {
        let _unwinding = OnDrop(|| everything_is_refused(CannotWait::Unwinding));
        panic!("to unwind");
    });
    assert!(refused.is_err());
    assert_eq!(block_on(std::future::ready(1)), Ok(1));
}

#[test]
fn the_panic_hook_cannot_wait() {
    static SEEN: Mutex<Vec<Result<u8, RecvError>>> = Mutex::new(Vec::new());
    passes("cannot_wait::the_panic_hook_cannot_wait", || {
        std::panic::set_hook(Box::new(|_| {
            let (_tx, rx) = bounded::<u8>(1);
            SEEN.lock().unwrap_or_else(PoisonError::into_inner).push(rx.recv());
        }));
        let runtime = runtime(1);
        assert!(runtime.run::<_, ()>(|| panic!("to be reported")).is_err());
        assert_eq!(*SEEN.lock().unwrap(), [Err(RecvError::CannotWait(CannotWait::Unwinding))]);
        end(runtime);
    });
}

#[test]
fn a_scope_with_unfinished_children_in_an_unwind_aborts() {
    let stderr = aborts("cannot_wait::a_scope_with_unfinished_children_in_an_unwind_aborts", || {
        let runtime = runtime(1);
        let _ = runtime.run(|| {
            let _unwinding = OnDrop(|| {
                scope(|s| {
                    s.spawn(|| sleep(LONG)).unwrap();
                })
            });
            panic!("to unwind");
        });
    });
    if let Some(stderr) = stderr {
        assert!(stderr.contains("a scope with 1 unfinished children"), "{stderr}");
    }
}
