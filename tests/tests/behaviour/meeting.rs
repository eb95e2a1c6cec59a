// SPDX-License-Identifier: BSD-3-Clause
//! Selects that meet selects, themselves, and others without end.

use std::sync::Arc;

use kcoro_core::channel::{RecvError, TryRecvError, bounded, rendezvous, unbounded};
use kcoro_core::{select, select_biased};

use crate::place::{Kind, Plain, SHORT, everywhere};

#[test]
fn a_select_that_sends_and_receives_on_one_channel_does_not_meet_itself() {
    everywhere(|_| {
        let (tx, rx) = rendezvous();
        select! {
            send(tx, 1) -> sent => unreachable!("{sent:?}"),
            recv(rx) -> value => unreachable!("{value:?}"),
            default(SHORT) => {}
        }
        select! {
            recv(rx) -> value => unreachable!("{value:?}"),
            send(tx, 1) -> sent => unreachable!("{sent:?}"),
            default => {}
        }
    });
}

#[test]
fn parts_that_select_both_ways_on_one_channel_meet_in_pairs() {
    everywhere(|place| {
        for parts in [2, 4, place.pick(6, 40)] {
            let (tx, rx) = rendezvous();
            let parts = (0..parts).map(|own| {
                let (tx, rx) = (tx.clone(), rx.clone());
                place.go(move || {
                    select! {
                        send(tx, own) -> sent => sent.map(|()| 0).unwrap(),
                        recv(rx) -> other => {
                            assert_ne!(other, Ok(own), "that is its own");
                            1
                        }
                    }
                })
            });
            let parts: Vec<_> = parts.collect();
            let (all, received) = (parts.len(), parts.into_iter().map(|part| part.end()).sum::<usize>());
            assert_eq!(2 * received, all);
            assert_eq!(rx.try_recv(), Err(TryRecvError::Empty), "nobody is left");
        }
    });
}

#[test]
fn of_an_odd_number_one_is_left_for_who_comes_later() {
    everywhere(|place| {
        let (tx, rx) = rendezvous();
        let parts: Vec<_> = (0..5u64)
            .map(|own| {
                let (tx, rx) = (tx.clone(), rx.clone());
                place.go(move || {
                    select! {
                        send(tx, own) -> sent => sent.unwrap(),
                        recv(rx) -> other => assert_ne!(other, Ok(own)),
                    }
                })
            })
            .collect();
        tx.send(99).unwrap();
        parts.into_iter().for_each(|part| part.end());
        assert_eq!(rx.try_recv(), Err(TryRecvError::Empty));
    });
}

/// Two that meet crosswise over two channels, again and again, in opposite orders of their arms.
#[test]
fn two_selects_over_two_channels_agree_on_one() {
    everywhere(|place| {
        let rounds = place.pick(5, 1000);
        let ((left_tx, left_rx), (right_tx, right_rx)) = (rendezvous(), rendezvous());
        let sender = place.go(move || {
            (0..rounds).fold((0, 0), |(left, right), n| {
                select! {
                    send(left_tx, n) -> sent => (left + sent.map(|()| 1).unwrap(), right),
                    send(right_tx, n) -> sent => (left, right + sent.map(|()| 1).unwrap()),
                }
            })
        });
        let received = (0..rounds).fold((0, 0), |(left, right), n| {
            select! {
                recv(right_rx) -> value => (left, right + value.map(|value| u64::from(value == n)).unwrap()),
                recv(left_rx) -> value => (left + value.map(|value| u64::from(value == n)).unwrap(), right),
            }
        });
        assert_eq!((sender.end(), received.0 + received.1), (received, rounds));
    });
}

#[test]
fn a_channel_may_be_in_several_arms_and_loses_nothing_for_it() {
    everywhere(|place| {
        for kind in Kind::ALL {
            let count = place.pick(6, 600);
            let (tx, rx) = kind.make();
            let sender = place.go(move || {
                for n in 0..count {
                    select! {
                        send(tx, n) -> sent => sent.unwrap(),
                        send(tx, n) -> sent => sent.unwrap(),
                    }
                }
            });
            for n in 0..count {
                let value = select! {
                    recv(rx) -> value => value,
                    recv(rx) -> value => value,
                    recv(rx) -> value => value,
                };
                assert_eq!(value, Ok(n));
            }
            assert_eq!(rx.recv(), Err(RecvError::Closed));
            sender.end();
        }
    });
}

#[test]
fn selects_in_loops_lose_and_double_nothing() {
    everywhere(|place| {
        let count = place.pick(6, 1000);
        for (left_kind, right_kind) in [
            (Kind::Rendezvous, Kind::Rendezvous),
            (Kind::Bounded(1), Kind::Rendezvous),
            (Kind::Unbounded, Kind::Bounded(7)),
        ] {
            let ((left_tx, left_rx), (right_tx, right_rx)) = (left_kind.make(), right_kind.make());
            let senders = [0, 1].map(|first| {
                let (left_tx, right_tx) = (left_tx.clone(), right_tx.clone());
                place.go(move || {
                    for n in 0..count {
                        select! {
                            send(left_tx, 2 * n + first) -> sent => sent.unwrap(),
                            send(right_tx, 2 * n + first) -> sent => sent.unwrap(),
                        }
                    }
                })
            });
            drop((left_tx, right_tx));
            let receivers = [(); 2].map(|()| {
                let (left_rx, right_rx) = (left_rx.clone(), right_rx.clone());
                place.go(move || {
                    let mut received = Vec::new();
                    loop {
                        let value: Result<u64, _> = select! {
                            recv(left_rx) -> value => value.or_else(|_| right_rx.recv()),
                            recv(right_rx) -> value => value.or_else(|_| left_rx.recv()),
                        };
                        match value {
                            Ok(value) => received.push(value),
                            Err(_) => return received,
                        }
                    }
                })
            });
            senders.into_iter().for_each(|sender| sender.end());
            let mut received: Vec<_> = receivers.into_iter().flat_map(|receiver| receiver.end()).collect();
            received.sort_unstable();
            assert!(received.into_iter().eq(0..2 * count), "{left_kind:?}, {right_kind:?}");
        }
    });
}

#[test]
fn senders_and_receivers_that_give_up_again_and_again_still_meet() {
    everywhere(|place| {
        let count = place.pick(3, 100);
        let (tx, rx) = rendezvous();
        let sender = place.go(move || {
            for n in 0..count {
                place.until(|| {
                    select! {
                        send(tx, n) -> sent => sent.is_ok(),
                        default(SHORT / 50) => false,
                    }
                });
            }
        });
        for n in 0..count {
            place.until(|| {
                select! {
                    recv(rx) -> value => value.map(|value| value == n).unwrap(),
                    default(SHORT / 70) => false,
                }
            });
        }
        sender.end();
    });
}

/// Whoever takes the token puts it back on the one side or on the other: who waits on both has it in the end.
#[test]
fn a_token_that_goes_to_and_fro_is_seen_by_who_takes_it_from_either_side() {
    everywhere(|place| {
        let (over, rounds) = (Arc::new(Plain::default()), place.pick(4, 500));
        let ((left_tx, left_rx), (right_tx, right_rx)) = (bounded(1), bounded(1));
        let seen = over.clone();
        let carrier = place.go({
            let (left_tx, right_rx) = (left_tx.clone(), right_rx.clone());
            move || {
                while seen.get() == 0 {
                    if right_rx.try_recv().is_ok() {
                        left_tx.send(()).unwrap();
                    }
                    place.pause();
                }
            }
        });
        right_tx.send(()).unwrap();
        for _ in 0..rounds {
            select! {
                recv(left_rx) -> token => token.unwrap(),
                recv(right_rx) -> token => token.unwrap(),
            }
            right_tx.send(()).unwrap();
        }
        over.set(1);
        carrier.end();
        assert_eq!(left_rx.len() + right_rx.len(), 1);
    });
}

#[test]
fn a_select_inside_of_an_arm_is_a_select_of_its_own() {
    everywhere(|_| {
        let ((tx, rx), (other_tx, other_rx)) = (unbounded(), unbounded());
        tx.send(1).unwrap();
        let order = select! {
            recv(rx) -> first => {
                tx.send(2).unwrap();
                select_biased! {
                    recv(other_rx) -> value => unreachable!("{value:?}"),
                    recv(rx) -> second => {
                        select! {
                            send(other_tx, 3) -> sent => (first, second, sent.is_ok(), other_rx.try_recv()),
                        }
                    }
                }
            }
        };
        assert_eq!(order, (Ok(1), Ok(2), true, Ok(3)));
    });
}
