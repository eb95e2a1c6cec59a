// SPDX-License-Identifier: BSD-3-Clause
//! Sets of arms that stay registered between their waits: who waits is served, who does not is passed over, and nothing that
//! happens meanwhile is missed.

use alloc::vec::Vec;
use core::pin::pin;
use core::time::Duration;

use kcoro_core::cancel::{CancelToken, Cause};
use kcoro_core::channel::{self, RecvError, SendError, TryRecvError, TrySendError, bounded, rendezvous};
use kcoro_core::sched::{spawn, yield_now};
use kcoro_core::scope::scope;
use kcoro_core::select::{Order, Select, after_arm, cancelled_arm};
use kcoro_core::time::Instant;
use kcoro_core::wait::{WaitError, block_on};
use kcoro_core::{select, select_async, select_biased};

use crate::Stage;
use crate::tools::{Drops, LONG, MS, parked};

pub(crate) fn a_set_that_does_not_wait_is_nobodys_peer(_: &Stage) {
    let (tx, rx) = rendezvous();
    let (back, answers) = rendezvous();
    let mut set = Select::new();
    set.recv(&rx, |value| value.unwrap());
    let sends = set.send(&back, 7, |sent| sent.map_or_else(SendError::into_inner, |()| 0));
    assert_eq!(set.try_select(), None);
    // It is in both queues now, and first.
    assert_eq!((tx.try_send(1), answers.try_recv()), (Err(TrySendError::Full(1)), Err(TryRecvError::Empty)));
    assert_eq!(set.wait_timeout(MS), Ok(None));
    let (rx2, answers2) = (rx.clone(), answers.clone());
    let receives = parked(move || rx2.recv());
    assert_eq!(tx.try_send(2), Ok(()), "the next one is served");
    assert_eq!(receives.join().unwrap(), Ok(2));
    let (tx2, back2) = (tx.clone(), back.clone());
    let sender = parked(move || back2.send(8));
    assert_eq!(answers2.try_recv(), Ok(8));
    sender.join().unwrap().unwrap();
    assert_eq!((set.try_select(), set.remove(sends)), (None, Some(7)));
    drop((tx2, set));
    assert_eq!(tx.try_send(3), Err(TrySendError::Full(3)));
}

pub(crate) fn what_came_while_a_set_did_not_wait_is_found_by_its_next_wait(_: &Stage) {
    let (tx, rx) = bounded(2);
    let (hand, given) = rendezvous();
    let (end, closed) = rendezvous::<u32>();
    let token = CancelToken::new();
    let mut ends = parked(|| select! {});
    let mut set = Select::with_order(Order::Biased);
    let of_cancel = set.cancelled(&token, |cause| u32::from(cause == Ok(Cause::Cancelled)));
    let of_buffer = set.recv(&rx, |value| value.unwrap());
    let of_sender = set.recv(&given, |value| value.unwrap());
    let of_close = set.recv(&closed, |value| u32::from(value == Err(RecvError::Closed)));
    ends.cancel();
    let of_join = set.add_once(ends.join_arm(), |output| u32::from(output.unwrap() == WaitError::Cancelled));
    assert_eq!(set.wait(), Ok((of_join, 1)));
    assert_eq!(set.try_select(), None);
    // From here on all are registered, and nothing waits.
    tx.try_send(5).unwrap();
    tx.try_send(6).unwrap();
    let hand2 = hand.clone();
    let gives = parked(move || hand2.send(9));
    assert_eq!(set.wait(), Ok((of_buffer, 5)));
    assert_eq!(set.wait(), Ok((of_buffer, 6)), "what was left is found, too");
    assert_eq!(set.wait(), Ok((of_sender, 9)));
    gives.join().unwrap().unwrap();
    assert_eq!(set.try_select(), None);
    end.close();
    assert_eq!(set.wait(), Ok((of_close, 1)));
    assert_eq!(set.remove(of_close), Some(0));
    token.cancel();
    assert_eq!(set.wait(), Ok((of_cancel, 1)));
    assert_eq!(set.wait(), Ok((of_cancel, 1)), "each time");
    drop(hand);
}

pub(crate) fn an_arm_that_did_not_change_is_not_registered_again(_: &Stage) {
    let counted = || channel::Builder::<u32>::rendezvous().with_stats().build();
    let ((_idle_in, idle), (tx, rx)) = (counted(), counted());
    let mut set = Select::new();
    set.recv(&idle, |value| unreachable!("{value:?}"));
    set.recv(&rx, |value| value.ok());
    let sender = spawn(move || (0..20).for_each(|n| tx.send(n).unwrap())).unwrap();
    for n in 0..20 {
        assert_eq!(set.wait().unwrap().1, Some(n));
    }
    sender.join().unwrap();
    assert_eq!(set.wait().unwrap().1, None, "the last sender has gone");
    assert_eq!(idle.stats().unwrap().receive_waits, 1);
}

pub(crate) fn a_set_that_was_served_takes_its_turn_again(_: &Stage) {
    let (tx, rx) = rendezvous();
    let (tx2, rx2) = (tx.clone(), rx.clone());
    let set = parked(move || {
        let mut set = Select::new();
        set.recv(&rx2, |value| value.unwrap());
        [set.wait().unwrap().1, set.wait().unwrap().1]
    });
    let other = parked(move || [rx.recv().unwrap(), rx.recv().unwrap()]);
    // Each send returns when its value has been taken; then the one who has it comes to stand behind the other.
    (0..4).for_each(|n| {
        tx2.send(n).unwrap();
        (0..3).for_each(|_| yield_now());
    });
    let (mut by_set, by_other) = (set.join().unwrap(), other.join().unwrap());
    assert_eq!(by_set[0], 0, "it was there first");
    by_set.sort_unstable();
    let mut all: Vec<u32> = by_set.into_iter().chain(by_other).collect();
    all.sort_unstable();
    assert_eq!(all, [0, 1, 2, 3]);
}

pub(crate) fn sets_that_face_each_other_meet_each_time(stage: &Stage) {
    let rounds = stage.pick(3, 300);
    let (to_b, from_a) = rendezvous();
    let (to_a, from_b) = rendezvous();
    let play = move |to: channel::Sender<u32>, from: channel::Receiver<u32>| {
        let mut set = Select::new();
        set.recv(&from, |value| value.unwrap());
        let (mut sent, mut received) = (0, 0);
        for value in 1..=rounds {
            let sends = set.send(&to, value, |sent| sent.map_or_else(|back| back.into_inner(), |()| 0));
            match set.wait().unwrap() {
                (arm, _) if arm == sends => sent += value,
                (_, value) => received += value,
            }
            if let Some(back) = set.remove(sends) {
                assert_eq!(back, value, "its own value comes back");
            }
        }
        (sent, received)
    };
    let b = spawn(move || play(to_a, from_a)).unwrap();
    let (my_sent, my_received) = play(to_b, from_b);
    let (sent, received) = b.join().unwrap();
    assert_eq!((my_sent, sent), (received, my_received));
}

pub(crate) fn a_set_that_gives_up_again_and_again_loses_nothing(stage: &Stage) {
    let each = stage.pick(3, 200);
    let channels = [0, 1, 2].map(bounded::<u32>);
    let senders: Vec<_> = (channels.iter().enumerate())
        .map(|(nth, (tx, _))| {
            let tx = tx.clone();
            spawn(move || (0..each).for_each(|n| tx.send(nth as u32 * each + n).unwrap())).unwrap()
        })
        .collect();
    let mut set = Select::new();
    channels.iter().for_each(|(_, rx)| _ = set.recv(rx, |value| value.unwrap()));
    let (mut count, mut sum) = (0, 0);
    while count < 3 * each {
        let ended = match count % 3 {
            0 => set.try_select(),
            1 => set.wait_timeout(Duration::from_nanos(1)).unwrap(),
            _ => Some(set.wait().unwrap()),
        };
        match ended {
            Some((_, value)) => (count, sum) = (count + 1, sum + value),
            None => yield_now(),
        }
    }
    senders.into_iter().for_each(|sender| sender.join().unwrap());
    assert_eq!((sum, set.try_select()), (3 * each * (3 * each - 1) / 2, None));
}

pub(crate) fn arms_that_were_come_upon_can_be_removed(_: &Stage) {
    let drops = Drops::new();
    let (tx, rx) = bounded(2);
    let mut set = Select::new();
    let first = set.recv(&rx, |value| value.is_ok());
    let second = set.recv(&rx, |value| value.is_ok());
    assert!(set.try_select().is_none());
    tx.try_send(drops.value()).unwrap();
    assert_eq!(set.remove(first), Some(false));
    assert_eq!(set.wait(), Ok((second, true)));
    // The place of the one that has gone is another's now.
    let third = set.recv(&rx, |value| value.is_ok());
    assert_ne!(first, third);
    assert_eq!((set.remove(first), set.try_select()), (None, None));
    tx.try_send(drops.value()).unwrap();
    drop(set);
    assert_eq!((drops.count(), rx.len()), (1, 1), "what was there stays in the channel");
    let mut by_reference = pin!(tx.send_arm(drops.value()));
    for _ in 0..2 {
        let mut set = Select::new();
        set.add_once(by_reference.as_mut(), |sent| sent.is_ok());
        if rx.len() == 1 {
            assert!(set.wait().unwrap().1);
            break;
        }
    }
    assert_eq!(rx.drain().len(), 2);
}

pub(crate) fn a_set_can_be_taken_elsewhere_between_its_waits(_: &Stage) {
    let (tx, rx) = rendezvous();
    let rx: &'static channel::Receiver<u32> = alloc::boxed::Box::leak(alloc::boxed::Box::new(rx));
    let mut set = Select::new();
    set.recv(rx, |value| value.unwrap());
    assert_eq!(set.wait_timeout(MS), Ok(None));
    let elsewhere = parked(move || set.wait().map(|(_, value)| value));
    // The one that registered it does not wait any more.
    assert_eq!(tx.try_send(4), Ok(()));
    assert_eq!(elsewhere.join().unwrap(), Ok(4));
}

pub(crate) fn a_cancelled_set_keeps_its_arms(_: &Stage) {
    let (tx, rx) = rendezvous::<u32>();
    let (done, is_done) = bounded(1);
    let waits = parked(move || {
        let mut set = Select::new();
        set.recv(&rx, Result::ok);
        let token = CancelToken::new();
        let first = token.run(|| {
            token.cancel();
            set.wait().map(drop)
        });
        done.send(first).unwrap();
        // Out of the region it waits as before.
        let second = set.wait().unwrap().1;
        let cancelled = set.add(cancelled_arm(), |_| None);
        set.add(after_arm(LONG), |_| Some(0));
        (second, set.wait() == Ok((cancelled, None)), set.len())
    });
    assert_eq!(is_done.recv(), Ok(Err(WaitError::Cancelled)));
    tx.send(6).unwrap();
    (0..3).for_each(|_| yield_now());
    waits.cancel();
    assert_eq!(waits.join().unwrap(), (Some(6), true, 3));
}

pub(crate) fn the_cancel_of_a_token_can_be_an_arm(_: &Stage) {
    let (token, (_tx, rx)) = (CancelToken::new(), rendezvous::<u32>());
    let (token2, token3, rx2) = (token.clone(), token.child(), rx.clone());
    let waits = parked(move || {
        select! {
            recv(rx) -> value => unreachable!("{value:?}"),
            cancelled(token2) -> cause => cause,
            cancelled() => unreachable!("it is only told"),
        }
    });
    let awaits = parked(move || {
        block_on(async {
            select_async! {
                recv(rx2) -> value => unreachable!("{value:?}"),
                cancelled(token3) => true,
            }
        })
    });
    token.cancel_with("enough");
    assert_eq!(waits.join().unwrap(), Ok(Cause::Message("enough")));
    assert_eq!(awaits.join().unwrap(), Ok(true));
    let (silent, silence) = rendezvous::<u32>();
    let first = select_biased! {
        recv(silence) -> value => unreachable!("{value:?}"),
        cancelled(token) -> cause => cause,
        default => unreachable!("it has been cancelled"),
    };
    assert_eq!(first, Ok(Cause::Message("enough")));
    drop(silent);
}

pub(crate) fn a_scopes_child_can_be_an_arm(_: &Stage) {
    let (tx, rx) = rendezvous();
    let text = alloc::string::String::from("borrowed");
    let length = scope(|s| {
        let mut child = s.spawn(|| rx.recv().map(|n: usize| n + text.len()).unwrap()).unwrap();
        select! {
            join(child) -> output => unreachable!("{output:?}"),
            send(tx, 1) -> sent => sent.unwrap(),
        }
        select! {
            join(child) -> output => output.unwrap(),
            after(LONG) => unreachable!("it ends"),
        }
    });
    assert_eq!(length, 9);
}

pub(crate) fn many_joins_are_one_set(stage: &Stage) {
    let count = stage.pick(4, 100);
    let mut handles: Vec<_> = (0..count).map(|n| spawn(move || n).unwrap()).collect();
    let mut set = Select::new();
    handles.iter_mut().for_each(|handle| _ = set.add_once(handle.join_arm(), |output| output.unwrap()));
    let mut sum = 0;
    while !set.is_empty() {
        sum += set.wait().unwrap().1;
    }
    assert_eq!(sum, count * (count - 1) / 2);
}

pub(crate) fn time_ends_an_awaited_select_and_never_early(_: &Stage) {
    let (tx, rx) = bounded(1);
    let start = Instant::now().unwrap();
    let late = block_on(async {
        select_async! {
            recv(rx) -> value => unreachable!("{value:?}"),
            after(LONG) -> passed => unreachable!("{passed:?}"),
            default(MS * 2) => "default",
        }
    });
    assert_eq!(late, Ok("default"));
    assert!(Instant::now().unwrap().duration_since(start).unwrap() >= MS * 2);
    tx.send(1).unwrap();
    let first = block_on(async {
        let ready = select_async! {
            after(Duration::ZERO) => unreachable!("a value is there"),
            recv(rx) -> value => value,
            default(Duration::ZERO) => unreachable!("a value is there"),
        };
        let passed = select_async! {
            after(MS) -> passed => passed,
            recv(rx) -> value => unreachable!("{value:?}"),
        };
        (ready, passed)
    });
    assert_eq!(first, Ok((Ok(1), Ok(()))));
    let waits = parked(move || {
        block_on(async {
            select_async! {
                recv(rx) -> value => value,
                default(LONG) => unreachable!("it comes"),
            }
        })
    });
    tx.send(2).unwrap();
    assert_eq!(waits.join().unwrap(), Ok(Ok(2)));
}
