// SPDX-License-Identifier: BSD-3-Clause
//! Regions and shields end as they should, also those whose frame a primitive coroutine carries off.
#![expect(unsafe_code, reason = "takes stacks without a guard, which are large enough")]

use std::cell::RefCell;
use std::rc::Rc;
use std::time::Duration;

use kcoro_posix::cancel::{CancelToken, Cause, cause, shield};
use kcoro_posix::channel::{RecvError, bounded};
use kcoro_posix::coroutine::{Coroutine, CoroutineResult, Yielder};
use kcoro_posix::platform::ambient::in_interrupt;
use kcoro_posix::sched::{spawn, spawn_local};
use kcoro_posix::stack::HeapStack;
use kcoro_posix::time::{TimeError, sleep};
use kcoro_tests::{LONG, end, runtime};

const ZERO: Duration = Duration::ZERO;
const CANCELLED: Result<(), TimeError> = Err(TimeError::Cancelled);

/// Runs `test` in a coroutine.
fn in_coroutine(test: impl FnOnce() + Send) {
    let runtime = runtime(1);
    runtime.run(test).unwrap();
    end(runtime);
}

#[test]
fn the_end_of_a_region_leaves_what_the_one_around_it_says() {
    in_coroutine(|| {
        let (outer, inner) = (CancelToken::new(), CancelToken::new());
        outer.run(|| {
            inner.run(|| {
                inner.cancel();
                outer.cancel_with("outer");
                assert_eq!(sleep(LONG), CANCELLED);
            });
            assert_eq!((sleep(LONG), cause()), (CANCELLED, Some(Cause::Message("outer"))));
        });
        assert_eq!(sleep(ZERO), Ok(()));
    });
}

#[test]
fn the_level_ends_with_the_region_also_by_a_panic() {
    in_coroutine(|| {
        let token = CancelToken::new();
        token.cancel();
        let unwound = std::panic::catch_unwind(|| token.run(|| std::panic::resume_unwind(Box::new(sleep(LONG)))));
        assert_eq!(unwound.unwrap_err().downcast_ref(), Some(&CANCELLED));
        assert_eq!(sleep(ZERO), Ok(()));
    });
}

#[test]
fn a_shield_keeps_off_the_regions_around_it() {
    in_coroutine(|| {
        let token = CancelToken::new();
        token.run(|| {
            shield(|| {
                token.cancel();
                assert_eq!(sleep(ZERO), Ok(()));
                shield(|| assert_eq!(sleep(ZERO), Ok(())));
                assert_eq!(sleep(ZERO), Ok(()), "the outer shield lasts longer than the inner one");
            });
            assert_eq!(sleep(ZERO), CANCELLED);
        });
    });
}

#[test]
fn a_cancel_of_the_whole_outlasts_regions_and_waits_for_shields() {
    in_coroutine(|| {
        let (tx, rx) = bounded(0);
        let coroutine = spawn(move || {
            let shielded = CancelToken::new().run(|| shield(|| (rx.recv(), rx.recv())));
            (shielded, sleep(LONG))
        });
        let coroutine = coroutine.unwrap();
        tx.send(1).unwrap();
        // It has taken that in its shield, where it waits for more.
        coroutine.cancel();
        tx.send(2).unwrap();
        assert_eq!(coroutine.join().unwrap(), ((Ok(1), Ok(2)), CANCELLED));
    });
}

type Carrier = Coroutine<(), (), (), HeapStack>;

/// A primitive coroutine that is suspended within a region of its maker that obeys `token`, and within a shield in that.
fn suspended_in_a_region(token: &CancelToken) -> Carrier {
    // SAFETY: the body needs far less than that.
    let stack = unsafe { HeapStack::new_unguarded(256 * 1024) }.expect("memory for a stack");
    let token = token.clone();
    let mut carrier = Coroutine::new(stack, move |yielder: &Yielder<(), ()>, ()| {
        token.run(|| {
            shield(|| yielder.suspend(()));
            yielder.suspend(());
        });
    });
    assert_eq!(carrier.resume(()), CoroutineResult::Yield(()));
    carrier
}

#[test]
fn a_region_carried_off_by_its_maker_counts_for_its_maker_until_it_is_left_elsewhere() {
    in_coroutine(|| {
        let (token, carried) = (CancelToken::new(), Rc::new(RefCell::new(None)));
        let (obeys, hands_over) = (token.clone(), carried.clone());
        let (tx, rx) = bounded::<u8>(1);
        let maker = spawn_local(move || {
            let own = CancelToken::new();
            own.run(|| {
                let carrier = suspended_in_a_region(&obeys);
                // Behind the carrier's shield, until somebody resumes it out of that.
                let before = sleep(ZERO);
                // Nobody runs here until we wait.
                *hands_over.borrow_mut() = Some(carrier);
                (before, rx.recv(), sleep(ZERO))
            })
        });
        let maker = maker.unwrap();
        while carried.borrow().is_none() {
            kcoro_posix::sched::yield_now();
        }
        let mut carrier = carried.borrow_mut().take().unwrap();
        token.cancel();
        assert_eq!(sleep(ZERO), Ok(()), "it is not our region");
        // Out of the shield, on our stack of calls: that wakes the maker.
        assert_eq!(carrier.resume(()), CoroutineResult::Yield(()));
        // Out of the region, which leaves the maker free.
        assert_eq!(carrier.resume(()), CoroutineResult::Return(()));
        drop(tx);
        let (before, woken, after) = maker.join().unwrap();
        assert_eq!((before, woken, after), (Ok(()), Err(RecvError::Cancelled), Ok(())));
    });
}

#[test]
fn a_region_may_outlive_its_coroutine() {
    in_coroutine(|| {
        let token = CancelToken::new();
        let carriers: Vec<Carrier> = (0..3)
            .map(|_| {
                let obeys = token.clone();
                spawn_local(move || suspended_in_a_region(&obeys)).unwrap().join().unwrap()
            })
            .collect();
        let [mut resumed, dropped, forgotten]: [Carrier; 3] = carriers.try_into().ok().unwrap();
        resumed.resume(());
        drop(dropped);
        token.cancel();
        assert_eq!(resumed.resume(()), CoroutineResult::Return(()));
        // Its region is on the list of a token that knows nothing of that, in memory that stays.
        let later = CancelToken::new();
        let other = later.clone();
        let carrier = spawn_local(move || suspended_in_a_region(&other)).unwrap().join().unwrap();
        std::mem::forget(carrier);
        assert!(later.cancel());
        drop(forgotten);
        assert_eq!(sleep(ZERO), Ok(()));
    });
}

#[test]
fn where_nobody_can_wait_the_closure_just_runs() {
    let token = CancelToken::new();
    token.cancel();
    assert_eq!(in_interrupt(|| token.run(|| shield(cause))), None);
    let (tx, rx) = bounded(1);
    tx.send(1).unwrap();
    assert_eq!(in_interrupt(|| token.run(|| rx.recv())), Ok(1));
}
