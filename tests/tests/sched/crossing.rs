// SPDX-License-Identifier: BSD-3-Clause
//! Primitive coroutines that begin in one coroutine of a runtime and go on in another, and foreign code on a worker's own
//! stack: where the two layers meet, nothing dangles.

use std::cell::RefCell;
use std::future::Future;
use std::pin::Pin;
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Wake, Waker};
use std::time::Duration;

use kcoro_posix::channel::{RecvTimeoutError, bounded};
use kcoro_posix::coroutine::{Coroutine, CoroutineResult, Yielder};
use kcoro_posix::sched::{
    CoroutineLocal, JoinError, LocalRuntime, RunError, Runtime, TryJoinError, spawn, spawn_local, yield_now,
};
use kcoro_posix::time::{Elapsed, timeout};
use kcoro_posix::{GuardedStack, Posix};

type Primitive<Out> = Coroutine<(), (), Out, GuardedStack>;

fn local() -> LocalRuntime {
    Runtime::builder(Posix::new()).workers(1).build_local().unwrap()
}

fn primitive<Out>(body: impl FnOnce(&Yielder<(), ()>) -> Out + 'static) -> Primitive<Out> {
    Coroutine::new(GuardedStack::new(256 * 1024).unwrap(), |yielder: &Yielder<(), ()>, ()| body(yielder))
}

/// Resumes `coroutine` once in a coroutine of the current runtime, which then ends.
fn begin_in_another<Out: 'static>(mut coroutine: Primitive<Out>) -> Primitive<Out> {
    let begun = spawn_local(move || {
        assert!(matches!(coroutine.resume(()), CoroutineResult::Yield(())));
        coroutine
    });
    begun.unwrap().join().unwrap()
}

#[test]
fn a_coroutine_local_stays_for_who_is_suspended_inside_of_with() {
    static DROPPED: AtomicBool = AtomicBool::new(false);
    struct Value;
    impl Drop for Value {
        fn drop(&mut self) {
            DROPPED.store(true, Ordering::Relaxed);
        }
    }
    static LOCAL: CoroutineLocal<Value> = CoroutineLocal::new(|| Value);
    let dropped_while_lent = local().run(|| {
        let mut inside = begin_in_another(primitive(|yielder| {
            LOCAL.with(|_lent| {
                yielder.suspend(());
                DROPPED.load(Ordering::Relaxed)
            })
        }));
        inside.resume(())
    });
    assert_eq!(dropped_while_lent.unwrap(), CoroutineResult::Return(Ok(false)));
    assert!(DROPPED.load(Ordering::Relaxed));
}

#[test]
fn a_time_limit_that_ends_in_another_coroutine_leaves_its_limits_alone() {
    let outcome = local().run(|| {
        let hour = Duration::from_secs(3600);
        let mut inside = begin_in_another(primitive(move |yielder| timeout(hour, || yielder.suspend(())).is_ok()));
        // Made alike, so that its header is likely to take the place of the one that has just been freed.
        let after = spawn_local(move || {
            let (_tx, rx) = bounded::<u8>(1);
            let outcome = timeout(Duration::from_millis(5), || {
                assert_eq!(inside.resume(()), CoroutineResult::Return(true));
                rx.recv_timeout(Duration::from_secs(5))
            });
            assert_eq!(outcome, Err(Elapsed(Err(RecvTimeoutError::Cancelled))));
            inside
        });
        after.unwrap().join().map(|inside| inside.is_done())
    });
    assert!(outcome.unwrap().unwrap());
}

#[test]
fn a_coroutine_is_suspended_from_its_own_stack_only() {
    let mut coroutine = primitive(|yielder| {
        let refused = local().run(|| yielder.suspend(()));
        assert!(matches!(&refused, Err(RunError::Panicked(_))), "{refused:?}");
        assert!(refused.unwrap_err().to_string().contains("own stack"));
    });
    assert_eq!(coroutine.resume(()), CoroutineResult::Return(()));
}

#[test]
fn a_panicking_waker_does_not_end_a_worker() {
    struct Panics;
    impl Wake for Panics {
        fn wake(self: Arc<Self>) {
            panic!("in a waker");
        }
    }
    let joined = local().run(|| {
        let mut never = spawn(|| unreachable!("cancelled before its first run")).unwrap();
        let waker = Waker::from(Arc::new(Panics));
        assert!(Pin::new(&mut never).poll(&mut Context::from_waker(&waker)).is_pending());
        never.cancel();
        // It ends, and wakes who awaits it, on the worker's own stack.
        while !never.is_finished() {
            yield_now();
        }
        never.try_join()
    });
    assert!(matches!(joined.unwrap(), Err(TryJoinError::Failed(JoinError::Cancelled))));
}

#[test]
fn a_coroutine_local_that_is_made_in_a_destructor_of_another_is_dropped_too() {
    thread_local! {
        static ORDER: RefCell<Vec<&'static str>> = const { RefCell::new(Vec::new()) };
    }
    struct Named(&'static str, fn());
    impl Drop for Named {
        fn drop(&mut self) {
            ORDER.with_borrow_mut(|order| order.push(self.0));
            (self.1)();
        }
    }
    static LATE: CoroutineLocal<Rc<Named>> = CoroutineLocal::new(|| Rc::new(Named("late", || ())));
    static EARLY: CoroutineLocal<Named> = CoroutineLocal::new(|| Named("early", || LATE.with(|_| ()).unwrap()));
    local().run(|| EARLY.with(|_| ()).unwrap()).unwrap();
    assert_eq!(ORDER.take(), ["early", "late"]);
}
