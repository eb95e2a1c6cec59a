// SPDX-License-Identifier: BSD-3-Clause
//! `block_on` in coroutines and on threads: wakers fire early, late, often and from anywhere.

use std::future::{Future, poll_fn};
use std::pin::Pin;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex, mpsc};
use std::task::{Context, Poll, Waker};

use kcoro_posix::channel::{RecvError, bounded};
use kcoro_posix::sched::{spawn, yield_now};
use kcoro_posix::time::sleep;
use kcoro_posix::wait::block_on;
use kcoro_tests::{SHORT, end, runtime};

/// Gives its waker to another thread at each poll, and is ready after `polls` polls.
struct WokenElsewhere {
    to: mpsc::Sender<Waker>,
    polls: u32,
}

impl Future for WokenElsewhere {
    type Output = u32;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<u32> {
        match self.polls.checked_sub(1) {
            None => Poll::Ready(7),
            Some(rest) => {
                self.polls = rest;
                self.to.send(context.waker().clone()).expect("the waker lives");
                Poll::Pending
            }
        }
    }
}

/// A thread that wakes whatever it is sent, `times` times each.
fn waker_thread(times: usize) -> mpsc::Sender<Waker> {
    let (to, wakers) = mpsc::channel::<Waker>();
    std::thread::spawn(move || wakers.iter().for_each(|waker| (0..times).for_each(|_| waker.wake_by_ref())));
    to
}

#[test]
fn a_future_is_woken_from_another_thread() {
    for times in [1, 3] {
        let to = waker_thread(times);
        assert_eq!(block_on(WokenElsewhere { to: to.clone(), polls: 500 }), Ok(7));
        for workers in [1, 2] {
            let runtime = runtime(workers);
            let body = |to: mpsc::Sender<Waker>| move || block_on(WokenElsewhere { to, polls: 500 });
            let handles: Vec<_> = (0..4).map(|_| runtime.spawn(body(to.clone())).unwrap()).collect();
            handles.into_iter().for_each(|handle| assert_eq!(handle.join().unwrap(), Ok(7)));
            end(runtime);
        }
    }
}

/// Polls until `polls` have happened; `wake` is called inside of each poll.
fn wakes_itself(polls: u32, wake: impl Fn(&Waker)) -> impl Future<Output = u32> {
    let mut count = 0;
    poll_fn(move |context| {
        count += 1;
        wake(context.waker());
        if count == polls { Poll::Ready(count) } else { Poll::Pending }
    })
}

#[test]
fn a_wake_that_comes_before_the_park_is_not_lost() {
    let everywhere = || {
        assert_eq!(block_on(wakes_itself(1000, Waker::wake_by_ref)), Ok(1000));
        let consume = |waker: &Waker| {
            let clones = [waker.clone(), waker.clone()];
            clones.into_iter().for_each(Waker::wake);
        };
        assert_eq!(block_on(wakes_itself(1000, consume)), Ok(1000));
        let often = |waker: &Waker| (0..10).for_each(|_| waker.wake_by_ref());
        assert_eq!(block_on(wakes_itself(1000, often)), Ok(1000));
    };
    everywhere();
    let runtime = runtime(2);
    runtime.run(everywhere).unwrap();
    end(runtime);
}

#[test]
fn wakes_left_over_do_not_disturb_other_waits() {
    let runtime = runtime(1);
    let body = || {
        let kept = Mutex::new(None);
        let keep = |waker: &Waker| {
            waker.wake_by_ref();
            *kept.lock().unwrap() = Some(waker.clone());
        };
        assert_eq!(block_on(wakes_itself(2, keep)), Ok(2));
        let waker = kept.into_inner().unwrap().unwrap();
        waker.wake_by_ref();
        // A token is left: neither a sleep, nor a receive, nor a join takes it for its own event.
        let before = kcoro_posix::time::Instant::now().unwrap();
        sleep(SHORT).unwrap();
        assert!(kcoro_posix::time::Instant::now().unwrap().duration_since(before).unwrap() >= SHORT);
        let (tx, rx) = bounded(1);
        let child = spawn(move || {
            (0..5).for_each(|_| yield_now());
            waker.wake();
            tx.send(3).unwrap();
        });
        let child = child.unwrap();
        assert_eq!(rx.recv(), Ok(3));
        child.join().unwrap();
        assert_eq!(block_on(wakes_itself(3, Waker::wake_by_ref)), Ok(3));
    };
    runtime.run(body).unwrap();
    end(runtime);
}

#[test]
fn a_waker_outlives_its_coroutine_and_its_runtime() {
    let runtime = runtime(1);
    let kept = Arc::new(Mutex::new(None));
    let own = kept.clone();
    let body = move || {
        block_on(poll_fn(|context| {
            *own.lock().unwrap() = Some(context.waker().clone());
            Poll::Ready(())
        }))
    };
    runtime.spawn(body).unwrap().join().unwrap().unwrap();
    let waker: Waker = kept.lock().unwrap().take().unwrap();
    (0..3).for_each(|_| waker.wake_by_ref());
    end(runtime);
    let clone = waker.clone();
    waker.wake();
    drop(clone);
}

#[test]
fn a_poll_may_wait_itself() {
    let runtime = runtime(2);
    let body = || {
        let polls = AtomicU32::new(0);
        block_on(poll_fn(|context| {
            let (tx, rx) = bounded(1);
            spawn(move || tx.send(1).unwrap()).unwrap().detach();
            assert_eq!(rx.recv(), Ok(1));
            assert_eq!(block_on(std::future::ready(2)), Ok(2));
            context.waker().wake_by_ref();
            if polls.fetch_add(1, Ordering::SeqCst) < 50 { Poll::Pending } else { Poll::Ready(()) }
        }))
    };
    assert_eq!(runtime.run(body).unwrap(), Ok(()));
    end(runtime);
}

#[test]
fn two_runtimes_talk_over_channels() {
    for (left, right) in [(1, 1), (2, 1), (2, 2)] {
        for capacity in [0, 1, 16] {
            let (left, right) = (runtime(left), runtime(right));
            let ((ping, pings), (pong, pongs)) = (bounded::<u32>(capacity), bounded::<u32>(capacity));
            let echo = |_| {
                let (pings, pong) = (pings.clone(), pong.clone());
                right.spawn(move || pings.iter().for_each(|n| pong.send(n + 1).unwrap())).unwrap()
            };
            let echoes: Vec<_> = (0..4).map(echo).collect();
            let asker = |_| {
                let (ping, pongs) = (ping.clone(), pongs.clone());
                left.spawn(move || {
                    (0..500).map(|n| (ping.send(n).unwrap(), pongs.recv().unwrap()).1).map(u64::from).sum::<u64>()
                })
            };
            let askers: Vec<_> = (0..4).map(asker).collect();
            let sum: u64 = askers.into_iter().map(|handle| handle.unwrap().join().unwrap()).sum();
            assert_eq!(sum, 4 * (500 * 499 / 2 + 500));
            assert_eq!(pongs.try_recv(), Err(kcoro_posix::channel::TryRecvError::Empty));
            drop((ping, pings));
            echoes.into_iter().for_each(|handle| handle.join().unwrap());
            drop(pong);
            assert_eq!(pongs.recv(), Err(RecvError::Closed));
            end(left);
            end(right);
        }
    }
}
