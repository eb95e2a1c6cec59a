// SPDX-License-Identifier: BSD-3-Clause
//! Sets of arms that change at run time.

use std::time::Duration;

use kcoro_posix::channel::{RecvError, SendError, bounded, rendezvous};
use kcoro_posix::sched::spawn;
use kcoro_posix::select;
use kcoro_posix::select::{Order, Select};
use kcoro_posix::wait::WaitError;
use kcoro_sim::{FailureKind, Sim};
use kcoro_tests::{LONG, SHORT, end, runtime};

#[test]
fn ten_thousand_arms_are_selected_from() {
    const ARMS: usize = 10_000;
    let runtime = runtime(2);
    let body = || {
        let channels: Vec<_> = (0..ARMS).map(|_| rendezvous::<usize>()).collect();
        let mut select = Select::new();
        let ids: Vec<_> = channels.iter().map(|(_, rx)| select.recv(rx, Result::unwrap)).collect();
        assert_eq!((select.len(), select.try_select()), (ARMS, None));
        // From all over, while it waits: each sender meets it once.
        let senders: Vec<_> = channels.iter().enumerate().step_by(97).map(|(nth, (tx, _))| (nth, tx.clone())).collect();
        let count = senders.len();
        let sender = spawn(move || senders.into_iter().for_each(|(nth, tx)| tx.send(nth).unwrap())).unwrap();
        for _ in 0..count {
            let (id, nth) = select.wait().unwrap();
            assert_eq!(id, ids[nth]);
        }
        sender.join().unwrap();
        assert_eq!(select.wait_timeout(SHORT), Ok(None));
    };
    runtime.spawn(body).unwrap().join().unwrap();
    end(runtime);
}

#[test]
fn arms_come_and_go_between_the_waits() {
    let (tx, rx) = bounded(2);
    let (out, outside) = rendezvous();
    let mut select = Select::new();
    let receives = select.recv(&rx, |value| value.map_err(|why| why.to_string()));
    let sends = select.send(&out, 7, |sent| match sent {
        Ok(()) => Ok(0),
        Err(why) => Err(format!("{} back", why.into_inner())),
    });
    tx.send(1).unwrap();
    assert_eq!(select.wait(), Ok((receives, Ok(1))));
    // Nobody receives: it stays until it is removed, and its value comes back.
    assert_eq!(select.remove(sends), Some(Err("7 back".into())));
    assert_eq!((select.remove(sends), select.len()), (None, 1));
    let again = select.send(&tx, 8, |sent| sent.map(|()| 8).map_err(|why| why.to_string()));
    assert_ne!(again, sends);
    assert_eq!(select.wait(), Ok((again, Ok(8))));
    assert_eq!(select.len(), 1, "what is sent is sent once");
    assert_eq!(select.wait(), Ok((receives, Ok(8))));
    tx.close();
    for _ in 0..2 {
        assert_eq!(select.wait(), Ok((receives, Err(RecvError::Closed.to_string()))), "a closed arm says so each time");
    }
    drop(outside);
}

#[test]
fn a_set_prefers_the_arm_that_was_added_first_if_it_is_biased() {
    let (tx, rx) = bounded(8);
    (0..8).for_each(|n| tx.send(n).unwrap());
    let mut select = Select::with_order(Order::Biased);
    let first = select.recv(&rx, Result::unwrap);
    select.recv(&rx, Result::unwrap);
    assert!((0..8).all(|n| select.wait() == Ok((first, n))), "the same channel twice, and always the first");
}

#[test]
fn a_set_without_arms_waits_for_a_cancel() {
    let runtime = runtime(1);
    let waits = runtime.spawn(|| Select::<()>::new().wait()).unwrap();
    let rendezvous = runtime.spawn(kcoro_posix::sched::yield_now).unwrap();
    rendezvous.join().unwrap();
    waits.cancel();
    assert!(matches!(waits.join(), Ok(Err(WaitError::Cancelled)) | Err(_)));
    assert_eq!(Select::<()>::new().wait_timeout(Duration::ZERO), Ok(None));
    assert_eq!(Select::<()>::new().try_select(), None);
    end(runtime);
    let stuck = Sim::new().run(1, || Select::<()>::new().wait()).unwrap_err();
    assert!(matches!(stuck.kind, FailureKind::Deadlock(_)), "{stuck}");
    assert!(stuck.to_string().contains("one of the arms of a select"), "{stuck}");
    let stuck = Sim::new().run(1, || select! {}).unwrap_err();
    assert!(matches!(stuck.kind, FailureKind::Deadlock(_)), "{stuck}");
}

#[test]
fn a_cancelled_wait_leaves_the_arms_as_they_were() {
    let runtime = runtime(1);
    let (tx, rx) = rendezvous();
    let body = move || {
        let mut select = Select::new();
        let sends = select.send(&tx, 5, |sent| sent.map_err(SendError::into_inner));
        (select.wait().map(drop), select.try_select().map(|(_, sent)| sent), select.remove(sends))
    };
    let waits = runtime.spawn(body).unwrap();
    while runtime.handle().stats().parks == 0 {
        std::thread::yield_now();
    }
    waits.cancel();
    assert_eq!(waits.join().unwrap(), (Err(WaitError::Cancelled), None, Some(Err(5))));
    assert!(rx.recv_timeout(LONG).is_err());
    end(runtime);
}
