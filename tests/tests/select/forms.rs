// SPDX-License-Identifier: BSD-3-Clause
//! The forms of the macros: what is evaluated when, and what the arms' code can do.

use std::cell::{Cell, RefCell};
use std::panic::{AssertUnwindSafe, catch_unwind};

use kcoro_posix::channel::{Receiver, Sender, TryRecvError, TrySendError, bounded, rendezvous};
use kcoro_posix::{select, select_biased};
use kcoro_tests::SHORT;

#[test]
fn each_expression_is_evaluated_once_in_the_order_in_which_it_is_written() {
    let (tx, rx) = bounded(1);
    let log = RefCell::new(Vec::new());
    let say = |what: &'static str| log.borrow_mut().push(what);
    let chosen = select! {
        recv({ say("receiver"); &rx }) -> _ => unreachable!("it is empty"),
        send({ say("sender"); tx.clone() }, { say("value"); 1 }) -> sent => {
            say("code");
            sent.is_ok()
        }
        default({ say("limit"); SHORT }) => unreachable!("there is room"),
    };
    assert!(chosen);
    assert_eq!(*log.borrow(), ["receiver", "sender", "value", "limit", "code"]);
}

#[test]
fn a_panic_in_an_expression_leaves_nothing_registered() {
    let (tx, rx) = rendezvous::<u32>();
    let fails = || -> u32 { panic!("no value") };
    let caught = catch_unwind(AssertUnwindSafe(|| {
        select! {
            recv(rx) -> value => value.is_ok(),
            send(tx, fails()) -> sent => sent.is_ok(),
        }
    }));
    assert!(caught.is_err());
    assert_eq!((tx.try_send(1), rx.try_recv()), (Err(TrySendError::Full(1)), Err(TryRecvError::Empty)));
}

#[test]
fn the_code_of_an_arm_is_outside_of_the_select() {
    fn first_even(rx: &Receiver<u32>) -> Result<u32, kcoro_posix::channel::RecvError> {
        let odd = Cell::new(0);
        'search: loop {
            let value = select! {
                recv(rx) -> value => value?,
            };
            select! {
                default => if value % 2 == 0 { return Ok(value) },
                recv(Receiver::clone(rx)) -> next => match next {
                    Ok(next) if next % 2 == 0 => break 'search Ok(next),
                    Ok(_) => { odd.set(odd.get() + 1); continue 'search }
                    Err(why) => return Err(why),
                }
            }
        }
    }
    let (tx, rx) = bounded(8);
    [1, 3, 5, 6].into_iter().for_each(|n| tx.send(n).unwrap());
    assert_eq!(first_even(&rx), Ok(6));
    tx.send(7).unwrap();
    drop(tx);
    assert!(first_even(&rx).is_err());
}

#[test]
fn what_the_expressions_borrow_is_free_in_the_code_of_the_arms() {
    let mut channels: Vec<(Sender<u32>, Receiver<u32>)> = vec![bounded(1), bounded(1)];
    channels[1].0.send(9).unwrap();
    let value = select_biased! {
        recv(channels[0].1) -> value => value.unwrap(),
        recv(&channels[1].1) -> value => {
            channels.pop();
            value.unwrap()
        }
    };
    assert_eq!((value, channels.len()), (9, 1));
}

#[test]
fn sixteen_arms_and_a_default() {
    let (tx, rx) = bounded(1);
    tx.send(1).unwrap();
    let idle = kcoro_posix::channel::never::<u32>();
    let arm = select! {
        recv(idle) -> _ => 0, recv(idle) -> _ => 1, recv(idle) -> _ => 2, recv(idle) -> _ => 3,
        recv(idle) -> _ => 4, recv(idle) -> _ => 5, recv(idle) -> _ => 6, recv(idle) -> _ => 7,
        recv(idle) -> _ => 8, recv(idle) -> _ => 9, recv(idle) -> _ => 10, recv(idle) -> _ => 11,
        recv(idle) -> _ => 12, recv(idle) -> _ => 13, recv(idle) -> _ => 14, recv(rx) -> _ => 15,
        default() => 16
    };
    assert_eq!(arm, 15);
}
