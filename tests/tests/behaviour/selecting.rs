// SPDX-License-Identifier: BSD-3-Clause
//! Select: which arm is carried out, and that it is one.

use std::sync::Arc;

use kcoro_core::channel::{
    Receiver, RecvError, SendError, TryRecvError, TrySendError, bounded, never, rendezvous, unbounded,
};
use kcoro_core::select;
use kcoro_core::time::Instant;
use kcoro_tests::counted::Drops;

use crate::place::{Kind, LONG, Plain, SHORT, everywhere};

#[test]
fn the_arm_that_is_ready_is_chosen() {
    everywhere(|_| {
        let channels = [(); 3].map(|()| unbounded());
        for ready in [0, 2, 1, 2] {
            channels[ready].0.send(ready).unwrap();
            let [(_, first), (_, second), (_, third)] = &channels;
            select! {
                recv(first) -> value => assert_eq!((value, ready), (Ok(0), 0)),
                recv(second) -> value => assert_eq!((value, ready), (Ok(1), 1)),
                recv(third) -> value => assert_eq!((value, ready), (Ok(2), 2)),
            }
        }
    });
}

#[test]
fn a_default_is_for_when_nothing_is_ready() {
    everywhere(|_| {
        let ((tx, rx), (full, _keep)) = (unbounded(), rendezvous());
        let look = || {
            select! {
                recv(rx) -> value => value.ok(),
                send(full, 9) -> _ => unreachable!("nobody receives"),
                default => None,
            }
        };
        assert_eq!(look(), None);
        tx.send(1).unwrap();
        assert_eq!((look(), look()), (Some(1), None));
    });
}

#[test]
fn a_default_with_a_limit_comes_at_its_end_and_not_before() {
    everywhere(|_| {
        let rx = never::<u8>();
        let before = Instant::now().unwrap();
        select! {
            recv(rx) -> value => unreachable!("{value:?}"),
            default(SHORT) => {}
        }
        assert!(Instant::now().unwrap().duration_since(before).unwrap() >= SHORT);
    });
}

#[test]
fn a_default_with_a_limit_is_not_chosen_if_something_comes_before_it() {
    everywhere(|place| {
        for kind in Kind::ALL {
            let (tx, rx) = kind.make();
            let sender = place.go(move || tx.send(6));
            let value = select! {
                recv(rx) -> value => value,
                default(LONG) => unreachable!("a value comes"),
            };
            assert_eq!((value, sender.end()), (Ok(6), Ok(())));
        }
    });
}

#[test]
fn an_arm_whose_channel_is_closed_is_ready() {
    everywhere(|_| {
        for kind in Kind::ALL {
            let ((tx, rx), (other_tx, other_rx)) = (kind.make::<u8>(), kind.make::<u8>());
            drop((tx, other_rx));
            select! {
                recv(rx) -> value => assert_eq!(value, Err(RecvError::Closed)),
                default => unreachable!("the receive is ready"),
            }
            select! {
                send(other_tx, 3) -> sent => assert_eq!(sent, Err(SendError::Closed(3))),
                default(LONG) => unreachable!("the send is ready"),
            }
        }
    });
}

#[test]
fn a_close_wakes_a_select_that_waits() {
    everywhere(|place| {
        for kind in Kind::LIMITED {
            let ((in_tx, in_rx), (out_tx, out_rx, _)) = (kind.make::<u8>(), kind.full(|_| 0u8));
            let waits = |close_in: bool| {
                let (in_rx, out_tx) = (in_rx.clone(), out_tx.clone());
                place.go(move || {
                    select! {
                        recv(in_rx) -> value => (value.err(), close_in),
                        send(out_tx, 1) -> sent => (sent.err().map(|_| RecvError::Closed), !close_in),
                    }
                })
            };
            let waiter = waits(true);
            place.pause();
            in_tx.close();
            assert_eq!(waiter.end(), (Some(RecvError::Closed), true));
            let ((_kept, open), out_tx) = (kind.make::<u8>(), out_tx.clone());
            let waiter = place.go(move || {
                select! {
                    recv(open) -> value => unreachable!("{value:?}"),
                    send(out_tx, 1) -> sent => sent,
                }
            });
            place.pause();
            out_rx.close();
            assert_eq!(waiter.end(), Err(SendError::Closed(1)));
        }
    });
}

#[test]
fn a_select_goes_on_when_an_arm_becomes_ready() {
    everywhere(|place| {
        for receives in [true, false] {
            let ((in_tx, in_rx), (out_tx, out_rx)) = (rendezvous(), rendezvous());
            let chosen = Arc::new(Plain::default());
            let choice = chosen.clone();
            let waiter = place.go(move || {
                choice.set(select! {
                    recv(in_rx) -> value => value.unwrap(),
                    send(out_tx, 7) -> sent => sent.map(|()| 8).unwrap(),
                })
            });
            (0..20).for_each(|_| place.pause());
            assert_eq!(chosen.get(), 0, "nothing is ready");
            if receives {
                in_tx.send(5).unwrap();
            } else {
                assert_eq!(out_rx.recv(), Ok(7));
            }
            waiter.end();
            assert_eq!(chosen.get(), if receives { 5 } else { 8 });
        }
    });
}

#[test]
fn of_two_that_are_ready_one_is_carried_out_and_the_other_left_alone() {
    everywhere(|place| {
        for _ in 0..place.pick(2, 100) {
            let ((in_tx, in_rx), (out_tx, out_rx)) = (bounded(1), bounded(1));
            in_tx.send(1).unwrap();
            let received = select! {
                recv(in_rx) -> value => value == Ok(1),
                send(out_tx, 2) -> sent => sent.is_err(),
            };
            assert_eq!((in_rx.len(), out_rx.len()), if received { (0, 0) } else { (1, 1) });
        }
    });
}

#[test]
fn a_select_leaves_nobody_behind_in_the_channels_that_lost() {
    everywhere(|place| {
        let ((in_tx, in_rx), (out_tx, out_rx)) = (rendezvous::<u8>(), rendezvous::<u8>());
        for _ in 0..place.pick(3, 300) {
            select! {
                recv(in_rx) -> value => unreachable!("{value:?}"),
                send(out_tx, 1) -> sent => unreachable!("{sent:?}"),
                default(SHORT / 100) => {}
            }
            assert_eq!(in_tx.try_send(2), Err(TrySendError::Full(2)), "no receiver waits");
            assert_eq!(out_rx.try_recv(), Err(TryRecvError::Empty), "no sender waits");
        }
    });
}

#[test]
fn a_value_that_is_not_sent_goes_with_its_arm() {
    everywhere(|_| {
        let drops = Drops::new();
        let ((tx, rx), (out_tx, out_rx)) = (unbounded(), bounded(1));
        tx.send(()).unwrap();
        out_tx.send(drops.value()).unwrap();
        select! {
            send(out_tx, drops.value()) -> _ => unreachable!("it is full"),
            recv(rx) -> value => assert_eq!((value, drops.count()), (Ok(()), 1)),
        }
        drop(out_rx);
        assert_eq!(drops.count(), 2);
        select! {
            send(out_tx, drops.value()) -> sent => assert!(matches!(sent, Err(SendError::Closed(_)))),
        }
        assert_eq!(drops.count(), 3);
    });
}

/// Each looks after its own send, so there are never more who look than values.
#[test]
fn who_has_sent_a_value_selects_one() {
    everywhere(|place| {
        let (tx, rx) = bounded(4);
        let parts = [(); 4].map(|()| {
            let (tx, rx) = (tx.clone(), rx.clone());
            place.go(move || {
                for _ in 0..place.pick(3, 500) {
                    tx.send(()).unwrap();
                    select! {
                        recv(rx) -> value => assert_eq!(value, Ok(())),
                        default => unreachable!("there is one for each"),
                    }
                    tx.send(()).unwrap();
                    select! {
                        recv(rx) -> value => assert_eq!(value, Ok(())),
                        default(LONG) => unreachable!("there is one for each"),
                    }
                }
            })
        });
        parts.into_iter().for_each(|part| part.end());
    });
}

#[test]
fn a_channel_on_which_nothing_comes_turns_its_arm_off() {
    everywhere(|place| {
        let count = place.pick(5, 500);
        let ((even_tx, even), (odd_tx, odd)) = (rendezvous::<u64>(), rendezvous::<u64>());
        let senders = [(0, even_tx), (1, odd_tx)]
            .map(|(first, tx)| place.go(move || (0..count).for_each(|n| tx.send(2 * n + first).unwrap())));
        let (mut even, mut odd): (Receiver<_>, Receiver<_>) = (even, odd);
        let (mut sum, mut ends) = (0, 0);
        while ends < 2 {
            select! {
                recv(even) -> value => match value {
                    Ok(value) => sum += value,
                    Err(_) => (even, ends) = (never(), ends + 1),
                },
                recv(odd) -> value => match value {
                    Ok(value) => sum += value,
                    Err(_) => (odd, ends) = (never(), ends + 1),
                },
            }
        }
        senders.into_iter().for_each(|sender| sender.end());
        assert_eq!(sum, count * (2 * count - 1));
    });
}
