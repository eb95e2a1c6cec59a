// SPDX-License-Identifier: BSD-3-Clause
//! Regions are entered and left while others cancel: no cancel is lost, and no level outlasts its region.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use kcoro_posix::cancel::{CancelToken, cause, shield};
use kcoro_posix::channel::{Receiver, RecvTimeoutError, bounded};
use kcoro_posix::sched::{spawn, yield_now};
use kcoro_posix::time::sleep;
use kcoro_tests::random::Random;
use kcoro_tests::{end, runtime};

const ROUNDS: usize = match () {
    () if cfg!(miri) => 5,
    () if cfg!(any(kcoro_tsan, kcoro_asan)) => 150,
    () => 2_000,
};
const COROUTINES: usize = if cfg!(miri) { 2 } else { 8 };

/// One coroutine's way through `depth` regions and shields, whose tokens others cancel at any time.
fn enter(random: &mut Random, tokens: &[CancelToken], never: &Receiver<u8>, depth: usize) {
    let [token, inner @ ..] = tokens else { return };
    let was_cancelled = cause().is_some();
    token.run(|| {
        match random.below(4) {
            // The token will be cancelled: a wait for ever ends, or the storm does not.
            0 => assert!(never.recv().is_err()),
            1 => shield(|| {
                assert_eq!(cause(), None);
                assert_eq!(sleep(Duration::ZERO), Ok(()), "nothing gets past a shield");
                let child = token.child();
                child.run(|| assert!(never.recv().is_err()));
            }),
            2 => {
                let ended = never.recv_timeout(Duration::from_micros(random.below(50)));
                assert!(matches!(ended, Err(RecvTimeoutError::TimedOut | RecvTimeoutError::Cancelled)));
            }
            _ => yield_now(),
        }
        enter(random, inner, never, depth + 1);
    });
    // A region around may have been cancelled meanwhile, but at the top there is none.
    assert!(!was_cancelled || cause().is_some(), "no level is lost");
    if depth == 0 {
        assert_eq!((sleep(Duration::ZERO), cause()), (Ok(()), None), "no level sticks");
    }
}

#[test]
fn no_cancel_is_lost_and_no_level_outlasts_its_region() {
    let runtime = runtime(3);
    let (cancelled, entered) = (Arc::new(AtomicU64::new(0)), Arc::new(AtomicU64::new(0)));
    runtime
        .run(|| {
            let all: Vec<_> = (0..COROUTINES)
                .map(|number| {
                    let (cancelled, entered) = (cancelled.clone(), entered.clone());
                    let storm = move || {
                        let mut random = Random::new(number as u64 + 1);
                        let (_tx, never) = bounded::<u8>(1);
                        for _ in 0..ROUNDS {
                            let root = CancelToken::new();
                            let tokens = [root.clone(), root.child(), CancelToken::new(), root.child().child()];
                            let (mut order, by) = (tokens.clone(), cancelled.clone());
                            order.rotate_left(random.below(4) as usize);
                            let canceller = move || {
                                order
                                    .iter()
                                    .for_each(|token| _ = by.fetch_add(token.cancel().into(), Ordering::Relaxed));
                            };
                            let canceller = spawn(canceller).unwrap();
                            enter(&mut random, &tokens, &never, 0);
                            entered.fetch_add(1, Ordering::Relaxed);
                            canceller.join().unwrap();
                        }
                    };
                    spawn(storm).unwrap()
                })
                .collect();
            all.into_iter().for_each(|storm| storm.join().unwrap());
        })
        .unwrap();
    end(runtime);
    assert_eq!(entered.load(Ordering::Relaxed), (COROUTINES * ROUNDS) as u64);
    // The root is cancelled by one call, or found cancelled never; those below it by their own call or with it.
    assert!((2 * entered.load(Ordering::Relaxed)..).contains(&cancelled.load(Ordering::Relaxed)));
}
