// SPDX-License-Identifier: BSD-3-Clause
//! Select: one arm is carried out, the others leave no trace.

use alloc::vec::Vec;
use core::pin::pin;
use core::time::Duration;

use kcoro_core::channel::{RecvError, SendError, TryRecvError, TrySendError, bounded, rendezvous};
use kcoro_core::sched::{JoinError, spawn};
use kcoro_core::time::{Instant, timeout};
use kcoro_core::wait::WaitError;
use kcoro_core::{select, select_biased};

use crate::Stage;
use crate::tools::{Drops, LONG, MS, parked};

pub(crate) fn what_is_ready_is_taken_at_once(_: &Stage) {
    let (tx, rx) = bounded(1);
    let (_other, nothing) = rendezvous::<u32>();
    tx.send(5).unwrap();
    let received = select! {
        recv(rx) -> value => value,
        recv(nothing) -> value => value,
    };
    assert_eq!(received, Ok(5));
    select! {
        send(tx, 6) -> sent => assert_eq!(sent, Ok(())),
        recv(nothing) -> value => unreachable!("{value:?}"),
        default => unreachable!("there is room"),
    }
    assert_eq!(rx.try_recv(), Ok(6));
    select! {
        recv(rx) -> value => unreachable!("{value:?}"),
        recv(nothing) -> value => unreachable!("{value:?}"),
        default => {}
    }
}

pub(crate) fn a_select_waits_for_the_first_and_leaves_the_others_alone(_: &Stage) {
    let (a_in, a) = rendezvous();
    let (b_in, b) = rendezvous::<u32>();
    let (c_in, c) = rendezvous();
    let (a2, b2, c_in2) = (a.clone(), b.clone(), c_in.clone());
    let waits = parked(move || {
        select! {
            recv(a2) -> value => value.unwrap(),
            recv(b2) -> value => value.unwrap(),
            send(c_in2, 9) -> sent => unreachable!("{sent:?}"),
        }
    });
    a_in.try_send(1).unwrap();
    // It has lost its other places: nobody is found there.
    assert_eq!((b_in.try_send(2), c.try_recv()), (Err(TrySendError::Full(2)), Err(TryRecvError::Empty)));
    assert_eq!(waits.join().unwrap(), 1);
    assert_eq!(a_in.try_send(3), Err(TrySendError::Full(3)));
    drop((c_in, a, b));
}

pub(crate) fn a_waiting_send_hands_its_value_over(_: &Stage) {
    let (tx, rx) = rendezvous();
    let (_silent, silence) = rendezvous::<()>();
    let waits = parked(move || {
        select! {
            recv(silence) -> never => unreachable!("{never:?}"),
            send(tx, 7) -> sent => sent,
        }
    });
    assert_eq!(rx.try_recv(), Ok(7));
    assert_eq!(waits.join().unwrap(), Ok(()));
}

pub(crate) fn two_selects_that_face_each_other_meet(_: &Stage) {
    let (to_b, from_a) = rendezvous();
    let (to_a, from_b) = rendezvous();
    let b = spawn(move || {
        select! {
            recv(from_a) -> value => value.map(Some).unwrap(),
            send(to_a, 2) -> sent => sent.map(|()| None).unwrap(),
        }
    });
    let mine = select! {
        recv(from_b) -> value => value.map(Some).unwrap(),
        send(to_b, 1) -> sent => sent.map(|()| None).unwrap(),
    };
    let theirs = b.unwrap().join().unwrap();
    assert!(matches!((mine, theirs), (Some(2), None) | (None, Some(1))), "{mine:?} {theirs:?}");
}

pub(crate) fn a_select_never_meets_itself(_: &Stage) {
    let (tx, rx) = rendezvous();
    let both = |value| {
        let (tx, rx) = (tx.clone(), rx.clone());
        move || {
            select! {
                send(tx, value) -> sent => sent.map(|()| None).unwrap(),
                recv(rx) -> value => value.map(Some).unwrap(),
                after(MS) => Some(0),
            }
        }
    };
    assert_eq!(both(1)(), Some(0), "alone it waits until its time is over");
    let (one, other) = (parked(both(2)), parked(both(3)));
    match (one.join().unwrap(), other.join().unwrap()) {
        (None, Some(2)) | (Some(3), None) => {}
        // Where time passes by itself the first may have given up before the second came.
        (Some(0), Some(0)) => {}
        ended => panic!("{ended:?}"),
    }
}

pub(crate) fn a_close_ends_a_select_and_values_come_back(_: &Stage) {
    let (tx, rx) = rendezvous::<u32>();
    let (_silent, silence) = rendezvous::<()>();
    let (silence2, tx2, rx2) = (silence.clone(), tx.clone(), rx.clone());
    let receives = parked(move || {
        select! {
            recv(rx2) -> value => value,
            recv(silence2) -> never => unreachable!("{never:?}"),
        }
    });
    tx.close();
    assert_eq!(receives.join().unwrap(), Err(RecvError::Closed));
    let sent = select! {
        send(tx2, 4) -> sent => sent,
        recv(silence) -> never => unreachable!("{never:?}"),
    };
    assert_eq!(sent, Err(SendError::Closed(4)));
}

pub(crate) fn the_value_of_a_send_that_was_not_chosen_is_dropped_once_or_stays(_: &Stage) {
    let drops = Drops::new();
    let (tx, rx) = rendezvous();
    let (ready_in, ready) = bounded(2);
    ready_in.send(()).unwrap();
    ready_in.send(()).unwrap();
    select! {
        send(tx, drops.value()) -> _ => unreachable!("nobody receives"),
        recv(ready) -> _ => assert_eq!(drops.count(), 1, "before the code of the arm"),
    }
    let mut kept = pin!(tx.send_arm(drops.value()));
    for _ in 0..2 {
        select! {
            arm(kept.as_mut()) -> _ => unreachable!("nobody receives"),
            recv(ready) -> _ => {}
            after(MS) => {}
        }
    }
    assert_eq!(drops.count(), 1);
    let receives = parked(move || rx.recv().map(drop));
    select! {
        arm(kept.as_mut()) -> sent => assert!(sent.is_ok()),
        recv(ready) -> _ => unreachable!("it is empty"),
    }
    assert!(kept.take_value().is_none());
    receives.join().unwrap().unwrap();
    assert_eq!(drops.count(), 2);
}

pub(crate) fn time_ends_a_select_and_never_early(_: &Stage) {
    let (_silent, silence) = rendezvous::<()>();
    let start = Instant::now().unwrap();
    let late = select! {
        recv(silence) -> never => unreachable!("{never:?}"),
        after(LONG) => "after",
        default(MS * 2) => "default",
    };
    assert_eq!(late, "default");
    assert!(Instant::now().unwrap().duration_since(start).unwrap() >= MS * 2);
    select! {
        recv(silence) -> never => unreachable!("{never:?}"),
        after(MS) -> passed => assert_eq!(passed, Ok(())),
        default(LONG) => unreachable!("that is later"),
    }
    // What is ready comes before what is late.
    let (tx, rx) = bounded(1);
    tx.send(1).unwrap();
    select! {
        after(Duration::ZERO) => unreachable!("a value is there"),
        recv(rx) -> value => assert_eq!(value, Ok(1)),
        default(Duration::ZERO) => unreachable!("a value is there"),
    }
}

pub(crate) fn a_cancelled_select_tells_one_of_its_arms(_: &Stage) {
    let (tx, rx) = rendezvous::<u32>();
    let run = |with_arm: &'static str| {
        let (tx, rx) = (tx.clone(), rx.clone());
        move || {
            let first: Result<u32, _> = match with_arm {
                "cancelled" => select! {
                    recv(rx) -> value => unreachable!("{value:?}"),
                    cancelled() => Err(RecvError::Cancelled),
                },
                "send" => select! {
                    after(LONG) => unreachable!("it can say nothing"),
                    send(tx, 1) -> sent => match sent {
                        Err(SendError::Cancelled(1)) => Err(RecvError::Cancelled),
                        sent => unreachable!("{sent:?}"),
                    },
                    recv(rx) -> value => unreachable!("{value:?} and not the first"),
                },
                _ => select! {
                    after(LONG) -> passed => match passed {
                        Err(WaitError::Cancelled) => Err(RecvError::Cancelled),
                        passed => unreachable!("{passed:?}"),
                    },
                },
            };
            // The next one does not even look.
            let second = select_biased! {
                recv(rx) -> value => value,
                after(MS) => unreachable!("it is cancelled"),
            };
            // But who does not wait may go on.
            select! {
                recv(rx) -> value => unreachable!("{value:?}"),
                default => (first, second),
            }
        }
    };
    for with_arm in ["cancelled", "send", "after"] {
        let waits = parked(run(with_arm));
        waits.cancel();
        assert_eq!(waits.join().unwrap(), (Err(RecvError::Cancelled), Err(RecvError::Cancelled)));
    }
    assert_eq!(rx.try_recv(), Err(TryRecvError::Empty), "nothing was left behind");
}

pub(crate) fn a_timeout_around_a_select_cancels_it(_: &Stage) {
    let (_silent, silence) = rendezvous::<()>();
    let ended = timeout(MS, || {
        select! {
            recv(silence) -> value => value,
            after(LONG) => unreachable!("that is later"),
        }
    });
    assert_eq!(ended.unwrap_err().0, Err(RecvError::Cancelled));
}

pub(crate) fn a_select_without_arms_waits_for_a_cancel(_: &Stage) {
    let waits = parked(|| select! {});
    waits.cancel();
    assert_eq!(waits.join().unwrap(), WaitError::Cancelled);
}

pub(crate) fn a_join_can_be_an_arm(_: &Stage) {
    let (tx, rx) = rendezvous();
    let mut first = spawn(move || rx.recv().unwrap()).unwrap();
    let mut second = parked(|| select! {});
    select! {
        join(first) -> output => unreachable!("{output:?}"),
        join(second) -> output => unreachable!("{output:?}"),
        send(tx, 3) -> sent => sent.unwrap(),
    }
    let output = select! {
        join(first) -> output => output.unwrap(),
        join(second) -> output => unreachable!("{output:?}"),
    };
    assert_eq!(output, 3);
    second.cancel();
    select! {
        join(second) -> output => assert_eq!(output.unwrap(), WaitError::Cancelled),
        after(LONG) => unreachable!("it ends"),
    }
    let taken = select! { join(second) -> output => output };
    assert!(matches!(taken, Err(JoinError::AlreadyTaken)));
}

pub(crate) fn each_value_is_selected_once_under_contention(stage: &Stage) {
    let each = stage.pick(4, 500);
    let channels = [0, 1, 2].map(bounded::<u32>);
    let senders: Vec<_> = (0..3)
        .map(|sender| {
            let to: Vec<_> = channels.iter().map(|(tx, _)| tx.clone()).collect();
            let body = move || {
                for nth in 0..each {
                    let value = sender * each + nth;
                    select! {
                        send(to[0], value) -> sent => sent.unwrap(),
                        send(to[1], value) -> sent => sent.unwrap(),
                        send(to[2], value) -> sent => sent.unwrap(),
                    }
                }
            };
            spawn(body).unwrap()
        })
        .collect();
    let (mut sum, mut count) = (0, 0);
    while count < 3 * each {
        let value = select! {
            recv(channels[0].1) -> value => value.unwrap(),
            recv(channels[1].1) -> value => value.unwrap(),
            recv(channels[2].1) -> value => value.unwrap(),
        };
        sum += value;
        count += 1;
    }
    senders.into_iter().for_each(|sender| sender.join().unwrap());
    assert_eq!(sum, 3 * each * (3 * each - 1) / 2);
    assert!(channels.iter().all(|(_, rx)| rx.is_empty()));
}
