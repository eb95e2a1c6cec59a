// SPDX-License-Identifier: BSD-3-Clause
//! Channels that time sends into: never early, without drift, and gone with their last receiver.

use alloc::vec::Vec;
use core::time::Duration;

use kcoro_core::cancel::CancelToken;
use kcoro_core::channel::{RecvError, RecvTimeoutError, TryRecvError, after, at, tick};
use kcoro_core::platform::ClockId;
use kcoro_core::time::{Instant, TimeError, sleep};
use kcoro_core::wait::block_on;

use crate::Stage;
use crate::tools::{LONG, MS, parked};

fn now() -> Instant {
    Instant::now().unwrap()
}

pub(crate) fn an_instant_comes_once_and_never_early(_: &Stage) {
    let start = now();
    let rx = after(MS).unwrap();
    let due = rx.recv().unwrap();
    assert!(due >= start.saturating_add(MS) && now() >= due);
    assert_eq!(rx.recv_timeout(MS), Err(RecvTimeoutError::TimedOut), "once");
    assert_eq!((rx.try_recv(), rx.is_closed()), (Err(TryRecvError::Empty), false));
    assert_eq!(at(start).unwrap().recv(), Ok(start), "it is past");
    assert_eq!(at(due.saturating_add(MS)).unwrap().recv(), Ok(due.saturating_add(MS)));
    assert!(now() >= due.saturating_add(MS));
    assert_eq!(after(Duration::MAX).unwrap().recv_timeout(MS), Err(RecvTimeoutError::TimedOut));
    assert!(matches!(at(Instant::from_clock(ClockId(7_777), 1)), Err(TimeError::Clock(_))));
}

pub(crate) fn ticks_do_not_drift_and_those_missed_are_dropped(stage: &Stage) {
    let (start, period) = (now(), Duration::from_micros(100));
    let ticks = tick(period).unwrap();
    let first = ticks.recv().unwrap();
    assert!(first.duration_since(start).unwrap() >= period);
    let mut last = first;
    for round in 0..stage.pick(4, 30) {
        if round % 2 == 1 {
            sleep(period * 5 / 2).unwrap();
        }
        let due = ticks.recv().unwrap();
        assert!(due > last && now() >= due, "neither twice nor early");
        assert_eq!(due.duration_since(first).unwrap().as_nanos() % period.as_nanos(), 0, "no drift");
        last = due;
    }
    sleep(period * 10).unwrap();
    assert_eq!(ticks.len(), 1, "one waits, however many were due");
    ticks.close();
    assert!(ticks.recv().is_ok());
    assert_eq!(ticks.recv(), Err(RecvError::Closed));
}

pub(crate) fn futures_and_regions_receive_ticks(_: &Stage) {
    let ticks = tick(MS).unwrap();
    let other = ticks.clone();
    drop(ticks);
    assert!(block_on(async { other.recv_async().await }).unwrap().is_ok());
    let (token, obeys) = (CancelToken::new(), CancelToken::new());
    let ends = token.clone();
    let counts = parked(move || ends.run(|| after(LONG).unwrap().iter().count()));
    token.cancel();
    assert_eq!(counts.join().unwrap(), 0);
    assert!(obeys.run(|| other.recv()).is_ok());
}

pub(crate) fn nothing_ticks_when_the_last_receiver_has_gone(_: &Stage) {
    // Each tick of these would hold up time, for longer than anybody waits.
    let (first, second) = (tick(Duration::from_nanos(10)).unwrap(), tick(Duration::from_nanos(10)).unwrap());
    drop(first.clone());
    assert!(first.recv().is_ok());
    drop(first);
    second.close();
    let _rest = after(Duration::MAX);
    assert_eq!(sleep(LONG), Ok(()));
}

pub(crate) fn a_tick_that_nobody_takes_wakes_nobody(_: &Stage) {
    // Each tick of this would hold up time, as above.
    let period = Duration::from_nanos(10);
    let ticks = tick(period).unwrap();
    assert_eq!(sleep(LONG), Ok(()));
    let slept = now();
    let first = ticks.recv().unwrap();
    assert!(first < slept, "it came long ago");
    // Taking it has made it tick again, in the same beat.
    let next = ticks.recv().unwrap();
    assert!(next > slept && next <= now());
    assert_eq!(next.duration_since(first).unwrap().as_nanos() % period.as_nanos(), 0, "no drift");
    // So does a drain, and a future that receives.
    sleep(LONG).unwrap();
    let drained: Vec<_> = ticks.drain().collect();
    assert!(drained.len() == 1 && ticks.recv().unwrap() > drained[0]);
    sleep(LONG).unwrap();
    assert!(block_on(ticks.recv_async()).unwrap().is_ok());
    assert!(ticks.recv().is_ok());
}
