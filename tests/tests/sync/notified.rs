// SPDX-License-Identifier: BSD-3-Clause
//! A notification is never lost, whoever gives up at the moment when it comes.

use std::future::Future;
use std::pin::pin;
use std::sync::Arc;
use std::task::{Context, Waker};
use std::time::Duration;

use kcoro_sim::sched::{JoinHandle, TryJoinError, spawn, yield_now};
use kcoro_sim::sync::{Condvar, Mutex};
use kcoro_sim::time::sleep;
use kcoro_tests::random::Random;
use kcoro_tests::sweep::everywhere;
use kcoro_tests::{LONG, end, runtime};

/// So many are there to be taken, and notified one by one.
#[derive(Default)]
struct Store {
    values: Mutex<usize>,
    came: Condvar,
}

impl Store {
    fn put(&self) {
        *self.values.lock().unwrap() += 1;
        self.came.notify_one();
    }

    /// Waits without a limit: a notification that is lost leaves it here.
    fn take(&self) {
        *self.came.wait_while(self.values.lock().unwrap(), |values| *values == 0).unwrap() -= 1;
    }

    /// Waits and gives up in one way or another, and takes nothing. A notification that it was told of is passed on, as
    /// whoever uses a condition variable has to.
    fn look(&self, random: &mut Random) {
        let patience = Duration::from_nanos(random.below(3_000));
        let held = self.values.lock().unwrap();
        let notified = match random.below(3) {
            0 => self.came.wait_timeout(held, patience).is_ok(),
            1 => self.came.wait_cancellable(held).is_ok(),
            _ => {
                let mut waits = pin!(self.came.wait_async(held));
                let mut polls = 1 + random.below(3);
                loop {
                    let is_ready = waits.as_mut().poll(&mut Context::from_waker(Waker::noop())).is_ready();
                    polls -= 1;
                    if is_ready || polls == 0 {
                        break is_ready;
                    }
                    yield_now();
                }
            }
        };
        if notified {
            self.came.notify_one();
        }
    }
}

/// Starts one of the takers and lookers on.
type Start = fn(usize, Box<dyn FnOnce() + Send>) -> JoinHandle<()>;

/// Some take, as many as are put; others look on and give up.
fn take_and_look(seed: u64, count: usize, start: Start) {
    let store = Arc::new(Store::default());
    let takes = |nth| {
        let store = store.clone();
        start(nth, Box::new(move || store.take()))
    };
    let looks = |nth: usize| {
        let (store, mut random) = (store.clone(), Random::new(seed * 64 + nth as u64));
        start(nth, Box::new(move || (0..2).for_each(|_| store.look(&mut random))))
    };
    let takers: Vec<_> = (0..count).map(takes).collect();
    let lookers: Vec<_> = (0..count).map(looks).collect();
    let mut random = Random::new(seed);
    for looker in &lookers {
        (0..random.below(4)).for_each(|_| yield_now());
        store.put();
        if random.below(2) == 0 {
            let _ = sleep(Duration::from_nanos(random.below(2_000)));
        }
        looker.cancel();
    }
    let joined = |mut one: JoinHandle<()>| one.join_timeout(LONG);
    assert!(takers.into_iter().all(|one| joined(one).is_ok()), "a notification was lost");
    // A looker that is cancelled before its first run has not looked.
    lookers.into_iter().for_each(|one| assert!(!matches!(joined(one), Err(TryJoinError::NotYet))));
    assert_eq!(*store.values.lock().unwrap(), 0);
}

#[test]
fn no_notification_is_lost_under_any_seed() {
    everywhere(|| take_and_look(1, 3, |_, body| spawn(body).unwrap()));
}

#[test]
fn no_notification_is_lost_on_real_workers() {
    let runtime = runtime(2);
    for seed in 0..2_000 {
        runtime
            .run(move || {
                let start = |nth, body| kcoro_posix::sched::Builder::new().worker(nth % 2).spawn(body).unwrap();
                take_and_look(seed, 4, start);
            })
            .unwrap();
    }
    end(runtime);
}
