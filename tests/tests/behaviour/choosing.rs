// SPDX-License-Identifier: BSD-3-Clause
//! Select: how it chooses, and how it is written.

use kcoro_core::channel::{Receiver, RecvError, Sender, bounded, never, rendezvous, unbounded};
use kcoro_core::{select, select_biased};

use crate::place::{Kind, everywhere};

/// Each of `times` counts of one of so many arms is close enough to its share: a fair choice misses this once in a billion
/// rounds, an unfair one that starves an arm always.
fn assert_fair(times: &[u64]) {
    let all: u64 = times.iter().sum();
    let share = all / times.len() as u64;
    assert!(times.iter().all(|times| *times > share / 2 && *times < 2 * share), "{times:?}");
}

const ROUNDS: u64 = 2000;

#[test]
fn receives_that_are_ready_are_chosen_equally_often() {
    everywhere(|_| {
        let [first, second, third] = [(); 3].map(|()| {
            let (tx, rx) = unbounded();
            (0..ROUNDS).for_each(|_| tx.send(()).unwrap());
            rx
        });
        let mut times = [0; 3];
        for _ in 0..ROUNDS {
            let chosen = select! {
                recv(first) -> value => value.map(|()| 0).unwrap(),
                recv(second) -> value => value.map(|()| 1).unwrap(),
                recv(third) -> value => value.map(|()| 2).unwrap(),
            };
            times[chosen] += 1;
        }
        assert_fair(&times);
    });
}

#[test]
fn sends_that_are_ready_are_chosen_equally_often() {
    everywhere(|_| {
        let (tx, rx) = unbounded();
        for _ in 0..ROUNDS {
            select! {
                send(tx, false) -> sent => sent.unwrap(),
                send(tx, true) -> sent => sent.unwrap(),
            }
        }
        let ones = rx.try_iter().filter(|value| *value).count() as u64;
        assert_fair(&[ones, ROUNDS - ones]);
    });
}

#[test]
fn a_send_and_a_receive_that_are_ready_are_chosen_equally_often() {
    everywhere(|_| {
        let ((in_tx, in_rx), (out_tx, out_rx)) = (unbounded(), unbounded());
        (0..ROUNDS).for_each(|_| in_tx.send(()).unwrap());
        for _ in 0..ROUNDS {
            select! {
                recv(in_rx) -> value => value.unwrap(),
                send(out_tx, ()) -> sent => sent.unwrap(),
            }
        }
        assert_fair(&[ROUNDS - in_rx.len() as u64, out_rx.len() as u64]);
    });
}

#[test]
fn closed_channels_are_chosen_as_often_as_others() {
    everywhere(|_| {
        let ((tx, rx), closed) = (unbounded(), rendezvous::<()>().1);
        (0..ROUNDS).for_each(|_| tx.send(()).unwrap());
        for _ in 0..ROUNDS {
            select! {
                recv(rx) -> value => value.unwrap(),
                recv(closed) -> value => assert_eq!(value, Err(RecvError::Closed)),
            }
        }
        assert_fair(&[rx.len() as u64, ROUNDS - rx.len() as u64]);
    });
}

#[test]
fn a_channel_in_two_arms_has_two_chances() {
    everywhere(|_| {
        let ((tx, rx), (other_tx, other_rx)) = (unbounded(), unbounded());
        (0..ROUNDS).for_each(|_| {
            tx.send(()).unwrap();
            other_tx.send(()).unwrap();
        });
        let mut times = [0; 3];
        for _ in 0..ROUNDS {
            times[select! {
                recv(rx) -> _ => 0,
                recv(rx) -> _ => 1,
                recv(other_rx) -> _ => 2,
            }] += 1;
        }
        assert_fair(&times);
    });
}

#[test]
fn senders_that_wait_all_have_their_turn() {
    everywhere(|place| {
        let each = place.pick(4, 300);
        let channels = [(); 3].map(|()| rendezvous());
        let senders = [0, 1, 2].map(|n: usize| {
            let tx = channels[n].0.clone();
            place.go(move || (0..each).for_each(|_| tx.send(n).unwrap()))
        });
        let [(_, first), (_, second), (_, third)] = &channels;
        let mut times = [0; 3];
        for _ in 0..3 * each {
            let sender: Result<usize, _> = select! {
                recv(first) -> value => value,
                recv(second) -> value => value,
                recv(third) -> value => value,
            };
            times[sender.unwrap()] += 1;
        }
        assert_eq!(times, [each; 3]);
        senders.into_iter().for_each(|sender| sender.end());
    });
}

#[test]
fn a_biased_select_takes_the_first_that_is_ready() {
    everywhere(|_| {
        let ((tx, rx), (other_tx, other_rx)) = (unbounded(), unbounded());
        (0..100).for_each(|n| {
            tx.send(n).unwrap();
            other_tx.send(100 + n).unwrap();
        });
        let received = (0..200).map(|_| {
            select_biased! {
                recv(rx) -> value => value.unwrap(),
                recv(other_rx) -> value => value.unwrap(),
            }
        });
        assert!(rx.len() == 100 && received.eq(0..200));
    });
}

#[test]
fn handles_and_values_are_evaluated_once_in_order_and_before_anything_is_tried() {
    everywhere(|_| {
        let log = std::cell::RefCell::new(Vec::new());
        let ((tx, rx), (out_tx, out_rx)) = (unbounded(), rendezvous());
        tx.send(5).unwrap();
        let noted = |what: &'static str| log.borrow_mut().push(what);
        let value = select_biased! {
            recv((noted("receiver"), &rx).1) -> value => value,
            send((noted("sender"), &out_tx).1, (noted("value"), 7).1) -> sent => unreachable!("{sent:?}"),
            recv((noted("other"), &out_rx).1) -> other => other,
        };
        assert_eq!(value, Ok(5));
        assert_eq!(*log.borrow(), ["receiver", "sender", "value", "other"]);
    });
}

#[test]
fn it_is_an_expression_and_its_arms_may_leave_the_loop_or_the_function() {
    fn first_even(rx: &Receiver<u32>) -> Result<u32, RecvError> {
        loop {
            let value = select! {
                recv(rx) -> value => value?,
                default => return Ok(0),
            };
            if value % 2 == 1 {
                continue;
            }
            return Ok(value);
        }
    }
    everywhere(|_| {
        let (tx, rx) = unbounded();
        [1, 3, 4, 5].iter().for_each(|n| tx.send(*n).unwrap());
        assert_eq!((first_even(&rx), first_even(&rx)), (Ok(4), Ok(0)));
        drop(tx);
        assert_eq!(first_even(&rx), Err(RecvError::Closed));
        let mut rounds = 0;
        let left = 'outer: loop {
            for _ in 0..5 {
                rounds += 1;
                select! {
                    recv(rx) -> _ => match rounds {
                        1 => continue,
                        2 => continue 'outer,
                        _ => break 'outer rounds,
                    },
                }
            }
        };
        assert_eq!(left, 3);
    });
}

#[test]
fn an_arm_may_move_and_borrow_what_another_does_too() {
    everywhere(|_| {
        let ((tx, rx), (out_tx, _out_rx)) = (unbounded(), bounded(1));
        tx.send(1).unwrap();
        let (text, mut log) = (String::from("moved"), Vec::new());
        select! {
            recv(rx) -> value => {
                log.push(value.unwrap());
                drop((text, rx));
            }
            send(out_tx, 2) -> sent => {
                log.extend(sent.ok().map(|()| 2));
                drop((text, tx, out_tx));
            }
        }
        assert!(log == [1] || log == [2]);
    });
}

#[test]
fn handles_may_be_boxed_referenced_or_made_on_the_spot() {
    everywhere(|_| {
        let (tx, rx) = unbounded();
        let (tx, rx): (Box<Sender<u8>>, Box<Receiver<u8>>) = (Box::new(tx), Box::new(rx));
        let many = [never(), (*rx).clone()];
        for n in 0..3 {
            select! {
                send(*tx, n) -> sent => sent.unwrap(),
                recv(never::<()>()) -> value => unreachable!("{value:?}"),
            }
            let value = select! {
                recv(many[0]) -> value => value,
                recv(&many[1]) -> value => value,
                recv(*rx) -> value => value,
            };
            assert_eq!(value, Ok(n));
        }
    });
}

#[test]
fn clones_select_from_the_same_channel() {
    everywhere(|place| {
        for kind in Kind::ALL {
            let count = place.pick(5, 400);
            let (tx, rx) = kind.make();
            let parts = [(); 3].map(|()| {
                let rx = rx.clone();
                place.go(move || {
                    let mut sum = 0;
                    loop {
                        select! {
                            recv(rx.clone()) -> value => match value {
                                Ok(value) => sum += value,
                                Err(_) => return sum,
                            },
                        }
                    }
                })
            });
            for n in 0..count {
                select! { send(tx.clone(), n) -> sent => sent.unwrap() }
            }
            drop(tx);
            let sum: u64 = parts.into_iter().map(|part| part.end()).sum();
            assert_eq!(sum, count * (count - 1) / 2);
        }
    });
}
