// SPDX-License-Identifier: BSD-3-Clause
//! Channels that time sends into: once after a while, or again and again.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use kcoro_core::channel::{RecvTimeoutError, TryRecvError, never};
use kcoro_core::select;
use kcoro_core::time::Instant;

use crate::place::{LONG, SHORT, everywhere};

fn now() -> Instant {
    Instant::now().unwrap()
}

#[test]
fn after_a_while_one_instant_comes_and_nothing_else() {
    everywhere(|place| {
        let begun = now();
        let rx = place.after(SHORT);
        let due = rx.recv().unwrap();
        assert!(due.duration_since(begun).unwrap() >= SHORT && now() >= due, "it was due then, and not before");
        assert_eq!(rx.try_recv(), Err(TryRecvError::Empty));
        assert_eq!(rx.recv_timeout(SHORT), Err(RecvTimeoutError::TimedOut));
    });
}

#[test]
fn it_holds_one_value_when_it_was_due_and_none_before() {
    everywhere(|place| {
        let (soon, late) = (place.after(SHORT), place.after(LONG));
        assert_eq!((late.capacity(), late.len(), late.is_empty(), late.is_closed()), (1, 0, true, false));
        assert_eq!(late.try_recv(), Err(TryRecvError::Empty));
        place.after(2 * SHORT).recv().unwrap();
        place.until(|| !soon.is_empty());
        assert_eq!((soon.len(), soon.is_full()), (1, true));
        soon.try_recv().unwrap();
        assert!(soon.is_empty() && late.is_empty());
    });
}

#[test]
fn a_receive_with_a_limit_gives_up_before_it_or_gets_it() {
    everywhere(|place| {
        assert_eq!(place.after(LONG).recv_timeout(SHORT), Err(RecvTimeoutError::TimedOut));
        assert!(place.after(SHORT).recv_timeout(LONG).is_ok());
    });
}

#[test]
fn of_two_that_wait_one_gets_it() {
    everywhere(|place| {
        let rx = place.after(SHORT);
        let received = Arc::new(AtomicU64::new(0));
        let parts = [rx.clone(), rx.clone()].map(|rx| {
            let received = received.clone();
            place.go(move || rx.recv().map(|_| received.fetch_add(1, Ordering::SeqCst)))
        });
        place.after(2 * SHORT).recv().unwrap();
        place.until(|| received.load(Ordering::SeqCst) > 0);
        rx.close();
        let [first, second] = parts.map(|part| part.end());
        assert_eq!((first.is_ok(), first.or(second)), (second.is_err(), Ok(0)));
    });
}

#[test]
fn the_earlier_of_two_is_selected_and_never_is_not() {
    everywhere(|place| {
        let (late, soon, not_at_all) = (place.after(LONG), place.after(SHORT), never::<Instant>());
        select! {
            recv(late) -> value => unreachable!("{value:?}"),
            recv(not_at_all) -> value => unreachable!("{value:?}"),
            recv(soon) -> value => assert!(value.is_ok()),
        }
        select! {
            recv(soon) -> value => unreachable!("it came once: {value:?}"),
            recv(place.after(SHORT)) -> value => assert!(value.is_ok()),
        }
    });
}

#[test]
fn what_is_due_at_once_comes_at_once() {
    everywhere(|place| {
        assert!(place.after(Duration::ZERO).recv_timeout(LONG).is_ok());
    });
}

#[test]
fn clones_of_it_are_one_channel() {
    everywhere(|place| {
        let (rx, other) = (place.after(LONG), place.after(LONG));
        assert!(rx.same_channel(&rx.clone()) && !rx.same_channel(&other));
        let (ticks, others) = (place.tick(LONG), place.tick(LONG));
        assert!(ticks.same_channel(&ticks.clone()) && !ticks.same_channel(&others));
    });
}

#[test]
fn ticks_come_whole_periods_apart_and_none_early() {
    everywhere(|place| {
        let begun = now();
        let rx = place.tick(SHORT);
        let mut last = None;
        for n in 1..=5u32 {
            let due = rx.recv().unwrap();
            assert!(now() >= due && due.duration_since(begun).unwrap() >= SHORT * n);
            if let Some(last) = last {
                let since = due.duration_since(last).unwrap();
                assert!(since >= SHORT && since.as_nanos().is_multiple_of(SHORT.as_nanos()), "{since:?}");
            }
            last = Some(due);
        }
    });
}

#[test]
fn ticks_that_nobody_takes_are_not_kept() {
    everywhere(|place| {
        let rx = place.tick(SHORT);
        place.after(8 * SHORT).recv().unwrap();
        place.until(|| !rx.is_empty());
        assert_eq!((rx.len(), rx.capacity()), (1, 1));
        let taken = now();
        let first = rx.recv().unwrap();
        let next = rx.recv().unwrap();
        assert!(next.duration_since(first).unwrap() >= 6 * SHORT, "those between are lost");
        assert!(next > taken, "and none of them is made up for: the next is one that was still to come");
    });
}

#[test]
fn a_tick_that_is_far_off_is_not_there_yet() {
    everywhere(|place| {
        let rx = place.tick(LONG);
        assert_eq!((rx.try_recv(), rx.len(), rx.is_empty()), (Err(TryRecvError::Empty), 0, true));
        assert_eq!(rx.recv_timeout(SHORT), Err(RecvTimeoutError::TimedOut));
        select! {
            recv(rx) -> value => unreachable!("{value:?}"),
            default(SHORT) => {}
        }
    });
}

#[test]
fn parts_share_the_ticks_and_none_goes_to_two() {
    everywhere(|place| {
        let rx = place.tick(SHORT);
        let parts = [rx.clone(), rx].map(|rx| place.go(move || [rx.recv().unwrap(), rx.recv().unwrap()]));
        let ticks: Vec<_> = parts.into_iter().flat_map(|part| part.end()).map(Instant::as_nanos).collect();
        let different: std::collections::BTreeSet<_> = ticks.iter().collect();
        assert_eq!(different.len(), 4, "{ticks:?}");
    });
}
