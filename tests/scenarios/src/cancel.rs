// SPDX-License-Identifier: BSD-3-Clause
//! Tokens: who obeys one is woken, and free again when its region ends.

use alloc::sync::Arc;
use alloc::vec::Vec;
use core::sync::atomic::{AtomicU32, Ordering};
use core::task::{Context, Poll, Waker};
use core::{future::Future, pin::pin, time::Duration};

use kcoro_core::cancel::{CancelToken, Cause, cause, shield};
use kcoro_core::channel::{RecvError, RecvTimeoutError, TryRecvError, bounded, rendezvous};
use kcoro_core::sched::{Builder, JoinError, TimeoutError, sleep_async, spawn, timeout_async, yield_now};
use kcoro_core::time::{Instant, TimeError, sleep, timeout};
use kcoro_core::wait::{WaitError, block_on};

use crate::Stage;
use crate::tools::{Drops, LONG, MS, parked, until};

pub(crate) fn a_region_obeys_its_token_until_it_ends(_: &Stage) {
    let (token, (tx, rx)) = (CancelToken::new(), bounded(1));
    let obeys = token.clone();
    let handle = parked(move || {
        let inside = obeys.run(|| (rx.recv(), rx.recv(), sleep(LONG), rx.try_recv(), cause()));
        (inside, rx.recv(), cause())
    });
    assert!(token.cancel_with("enough"));
    tx.send(1).unwrap();
    drop(tx);
    let cancelled = (Err(RecvError::Cancelled), Err(RecvError::Cancelled), Err(TimeError::Cancelled));
    let (inside, after, cause_after) = handle.join().unwrap();
    assert_eq!((inside.0, inside.1, inside.2), cancelled);
    // It was woken before the value came, and tried after.
    assert_eq!((inside.3, inside.4), (Ok(1), Some(Cause::Message("enough"))));
    assert_eq!((after, cause_after), (Err(RecvError::Closed), None), "it waits again");
}

pub(crate) fn each_of_nested_regions_counts_while_it_lasts(_: &Stage) {
    let [outer, inner] = [(); 2].map(|()| CancelToken::new());
    outer.run(|| {
        inner.run(|| {
            assert_eq!(sleep(Duration::ZERO), Ok(()));
            inner.cancel_with("inner");
            assert_eq!((sleep(LONG), cause()), (Err(TimeError::Cancelled), Some(Cause::Message("inner"))));
        });
        assert_eq!(sleep(Duration::ZERO), Ok(()), "only the inner one was cancelled");
        let second = CancelToken::new();
        second.run(|| {
            outer.cancel_with("outer");
            second.cancel_with("second");
            assert_eq!((sleep(LONG), cause()), (Err(TimeError::Cancelled), Some(Cause::Message("second"))));
        });
        assert_eq!((sleep(LONG), cause()), (Err(TimeError::Cancelled), Some(Cause::Message("outer"))));
        // Entered when it is too late, and by a token that has been cancelled before: the level counts, not the moment.
        CancelToken::new().run(|| assert_eq!(sleep(LONG), Err(TimeError::Cancelled)));
    });
    inner.run(|| assert_eq!(sleep(LONG), Err(TimeError::Cancelled)));
    assert_eq!(sleep(Duration::ZERO), Ok(()));
}

pub(crate) fn a_cancel_of_the_coroutine_outlasts_its_regions_and_shields(_: &Stage) {
    let token = CancelToken::new();
    let obeys = token.clone();
    let handle = parked(move || {
        let inside = obeys.run(|| sleep(LONG));
        let shielded = shield(|| sleep(Duration::ZERO));
        (inside, shielded, sleep(LONG), cause())
    });
    token.cancel();
    handle.cancel();
    let cancelled = Err(TimeError::Cancelled);
    assert_eq!(handle.join().unwrap(), (cancelled, Ok(()), cancelled, Some(Cause::Cancelled)));
}

pub(crate) fn a_shield_keeps_off_what_comes_from_outside(_: &Stage) {
    let (token, (tx, rx)) = (CancelToken::new(), rendezvous());
    let obeys = token.clone();
    let handle = parked(move || {
        obeys.run(|| {
            let inside = shield(|| {
                let first = rx.recv();
                let own = CancelToken::new();
                own.cancel();
                let region = own.run(|| shield(|| rx.recv()).and(own.run(|| rx.recv())));
                (first, region, rx.recv(), cause())
            });
            (inside, rx.recv(), cause())
        })
    });
    token.cancel_with("outside");
    handle.cancel();
    (1..=3).for_each(|n| tx.send(n).unwrap());
    let (inside, after, why) = handle.join().unwrap();
    assert_eq!(inside, (Ok(1), Err(RecvError::Cancelled), Ok(3), None), "the inner region counts, and its shield");
    assert_eq!((after, why), (Err(RecvError::Cancelled), Some(Cause::Message("outside"))));
}

pub(crate) fn a_shield_keeps_off_enclosing_time_limits(_: &Stage) {
    let limited = timeout(MS, || {
        let shielded = shield(|| (sleep(MS * 2), timeout(MS, || sleep(LONG)).is_err(), cause()));
        (shielded, sleep(LONG), cause())
    });
    let after = (Err(TimeError::Cancelled), Some(Cause::Deadline));
    assert_eq!(limited.unwrap_err().0, ((Ok(()), true, None), after.0, after.1));
    assert_eq!(sleep(Duration::ZERO), Ok(()));
}

pub(crate) fn a_cancel_reaches_all_below_and_the_first_cause_stays(_: &Stage) {
    let root = CancelToken::new();
    let (left, right) = (root.child(), root.child());
    let leaf = left.child();
    drop(left);
    assert!(right.cancel_with("right"));
    assert!(!root.is_cancelled() && !leaf.is_cancelled());
    assert!(root.cancel_with("root"));
    assert!(!root.cancel_with("again") && !leaf.cancel());
    let why = |token: &CancelToken| token.cause().unwrap();
    assert_eq!((why(&root), why(&leaf)), (Cause::Message("root"), Cause::Message("root")));
    assert_eq!(why(&right), Cause::Message("right"));
    assert_eq!(why(&root.child()), Cause::Message("root"), "born cancelled");
}

pub(crate) fn a_coroutine_that_obeys_a_cancelled_token_never_runs(_: &Stage) {
    let (token, drops) = (CancelToken::new(), Drops::new());
    let values = [drops.value(), drops.value()];
    let [early, late] = values.map(|value| {
        let handle = Builder::new().near().token(&token).spawn(move || core::mem::forget(value)).unwrap();
        token.cancel();
        handle
    });
    for handle in [early, late] {
        assert!(matches!(handle.join(), Err(JoinError::Cancelled)));
    }
    assert_eq!(drops.count(), 2);
}

pub(crate) fn a_coroutine_obeys_its_token_to_its_end(_: &Stage) {
    let (parent, (tx, rx), (_open, empty)) = (CancelToken::new(), bounded::<u8>(1), bounded::<u8>(1));
    let token = parent.child();
    let handles: Vec<_> = (0..3)
        .map(|_| {
            let (empty, tx) = (empty.clone(), tx.clone());
            let body = move || {
                tx.send(1).unwrap();
                (empty.recv(), CancelToken::new().run(|| sleep(LONG)), shield(|| sleep(Duration::ZERO)), cause())
            };
            let handle = Builder::new().token(&token).spawn(body).unwrap();
            assert_eq!(rx.recv(), Ok(1), "it has begun");
            handle
        })
        .collect();
    // One that ends by itself leaves nothing behind for the cancel to find.
    Builder::new().token(&token).spawn(|| ()).unwrap().join().unwrap();
    parent.cancel();
    let cancelled = (Err(RecvError::Cancelled), Err(TimeError::Cancelled), Ok(()), Some(Cause::Cancelled));
    handles.into_iter().for_each(|handle| assert_eq!(handle.join().unwrap(), cancelled));
}

pub(crate) fn coroutines_and_futures_wait_for_a_cancel(_: &Stage) {
    let parent = CancelToken::new();
    let tokens = [parent.child(), parent.child(), parent.child()];
    let [sync, within, polled] = tokens;
    let waits = parked(move || sync.cancelled());
    let obeys = parked(move || within.run(|| within.cancelled()));
    let other = CancelToken::new();
    let gives_up = parked(move || other.cancelled());
    {
        let mut dropped = pin!(polled.cancelled_async());
        assert_eq!(dropped.as_mut().poll(&mut Context::from_waker(Waker::noop())), Poll::Pending);
    }
    let awaits = parked(move || block_on(async { polled.cancelled_async().await }));
    gives_up.cancel();
    assert_eq!(gives_up.join().unwrap(), Err(WaitError::Cancelled));
    parent.cancel_with("now");
    let now = Ok(Cause::Message("now"));
    assert_eq!((waits.join().unwrap(), awaits.join().unwrap()), (now.clone(), now.clone()));
    assert_eq!(obeys.join().unwrap(), now.clone(), "whoever obeys it is told the cause as well");
    assert_eq!(parent.cancelled(), now, "at once");
}

pub(crate) fn hooks_run_once_in_order_and_after_all_wakes(_: &Stage) {
    let (parent, calls) = (CancelToken::new(), Arc::new(AtomicU32::new(0)));
    let child = parent.child();
    let note = |digit: u32| {
        let calls = calls.clone();
        move |_: &Cause| calls.store(calls.load(Ordering::SeqCst) * 10 + digit, Ordering::SeqCst)
    };
    let waits = parked({
        let child = child.clone();
        move || child.cancelled()
    });
    let guards =
        [child.on_cancel(note(3)), parent.on_cancel(note(1)), parent.on_cancel(note(9)), parent.on_cancel(note(2))];
    let [third, first, taken_back, second] = guards;
    drop(taken_back);
    second.keep();
    // A hook that registers a hook, cancels (also its own token), and drops the last of a tree.
    let (own, other) = (parent.clone(), CancelToken::new());
    let (last, in_turn) = (CancelToken::new().child(), note(4));
    let busy = child.on_cancel(move |_| {
        own.on_cancel(in_turn).keep();
        assert!(!own.cancel() && other.cancel());
        drop(last);
    });
    parent.cancel();
    assert_eq!(calls.load(Ordering::SeqCst), 1234);
    drop((first, third, busy));
    parent.on_cancel(note(5)).keep();
    assert_eq!(calls.load(Ordering::SeqCst), 12345, "at once");
    assert_eq!(waits.join().unwrap(), Ok(Cause::Cancelled));
}

pub(crate) fn a_token_can_be_cancelled_from_a_drop(_: &Stage) {
    struct CancelsOnDrop(CancelToken);
    impl Drop for CancelsOnDrop {
        fn drop(&mut self) {
            self.0.cancel();
        }
    }
    let token = CancelToken::new();
    let (waits, guard) = (token.clone(), CancelsOnDrop(token.clone()));
    let waiter = parked(move || waits.cancelled());
    // A hook that is never called is dropped with its guard, and what it holds with it.
    drop(CancelToken::new().on_cancel(move |_| drop(guard)));
    assert_eq!(waiter.join().unwrap(), Ok(Cause::Cancelled));
}

pub(crate) fn iterators_end_with_their_region(_: &Stage) {
    let (token, (tx, rx)) = (CancelToken::new(), rendezvous());
    let obeys = token.clone();
    let counts = parked(move || (obeys.run(|| rx.iter().count()), rx.recv()));
    (0..3).for_each(|n| tx.send(n).unwrap());
    until(|| tx.try_send(3).is_ok());
    // It waits for the fifth, or has yet to take the fourth, which has been handed over.
    token.cancel();
    tx.send(4).unwrap();
    assert_eq!(counts.join().unwrap(), (4, Ok(4)));
}

pub(crate) fn a_cancel_that_races_with_the_end_of_a_region_is_seen_or_leaves_no_trace(stage: &Stage) {
    for _ in 0..stage.pick(2, 300) {
        let token = CancelToken::new();
        let (obeys, (_tx, rx)) = (token.clone(), bounded::<u8>(1));
        let regions = spawn(move || {
            let mut seen = 0;
            for _ in 0..3 {
                let ended = obeys.child().run(|| rx.recv_timeout(Duration::from_micros(20)));
                seen += u32::from(ended == Err(RecvTimeoutError::Cancelled));
                assert_eq!(rx.try_recv(), Err(TryRecvError::Empty));
                assert_eq!(sleep(Duration::ZERO), Ok(()), "the level does not outlast the region");
            }
            seen
        })
        .unwrap();
        let canceller = spawn(move || {
            yield_now();
            token.cancel()
        });
        assert!(canceller.unwrap().join().unwrap());
        assert!(regions.join().unwrap() <= 3);
    }
}

pub(crate) fn a_deadline_cancels_and_is_never_early(_: &Stage) {
    let (root, start) = (CancelToken::new(), Instant::now().unwrap());
    let token = root.child_with_timeout(MS).unwrap();
    let below = token.child();
    assert_eq!((below.run(|| sleep(LONG)), token.cause()), (Err(TimeError::Cancelled), Some(Cause::Deadline)));
    assert!((MS..LONG).contains(&Instant::now().unwrap().duration_since(start).unwrap()));
    let again = root.child_with_deadline(start.saturating_add(MS)).unwrap();
    assert_eq!(again.cause(), Some(Cause::Deadline), "at once: it is past");
    assert!(!root.child_with_timeout(Duration::MAX).unwrap().is_cancelled());
    // One that goes before its time disturbs nobody.
    drop(root.child_with_timeout(MS).unwrap());
    assert_eq!((sleep(MS * 2), root.is_cancelled()), (Ok(()), false));
}

pub(crate) fn a_grace_period_ends_with_the_cancel(_: &Stage) {
    let (token, start) = (CancelToken::new(), Instant::now().unwrap());
    let child = token.child();
    assert!(!child.is_cancelling());
    token.cancel_with_grace(MS).unwrap();
    token.cancel_with_grace(LONG).unwrap();
    assert!(child.is_cancelling() && token.child().is_cancelling());
    assert_eq!(child.cancelled(), Ok(Cause::Cancelled));
    assert!((MS..LONG).contains(&Instant::now().unwrap().duration_since(start).unwrap()), "the first one counts");
    let hurried = CancelToken::new();
    hurried.cancel_with_grace(LONG).unwrap();
    assert!(hurried.cancel_with("now"), "it holds up nothing");
}

pub(crate) fn futures_sleep_and_are_limited(_: &Stage) {
    let start = Instant::now().unwrap();
    let token = CancelToken::new();
    let slept = block_on(async {
        let first = sleep_async(MS).await;
        let elapsed = timeout_async(MS, token.cancelled_async()).await;
        let in_time = timeout_async(LONG, sleep_async(Duration::ZERO)).await;
        (first, elapsed, in_time)
    });
    assert_eq!(slept, Ok((Ok(()), Err(TimeoutError::Elapsed), Ok(Ok(())))));
    assert!((MS * 2..LONG).contains(&Instant::now().unwrap().duration_since(start).unwrap()));
}
