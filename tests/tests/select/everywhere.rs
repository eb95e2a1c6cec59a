// SPDX-License-Identifier: BSD-3-Clause
//! The same select from plain threads, coroutines and async tasks, over the same channels: they meet each other.

use std::future::Future;
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::task::{Context, Poll, Wake, Waker};

use kcoro_posix::channel::{Receiver, Sender, StaticChannel, TrySendError, bounded, rendezvous};
use kcoro_posix::select::{Order, wait_async};
use kcoro_posix::wait::block_on;
use kcoro_posix::{select, select_async};
use kcoro_tests::{LONG, end, runtime};

const MEETINGS: u64 = 6_000;

/// Both ends of a channel, in one select: whoever plays meets whoever else does.
#[derive(Clone)]
struct Table {
    to: Sender<u64>,
    from: Receiver<u64>,
    meetings: Arc<AtomicU64>,
}

enum Round {
    Sent,
    Received(u64),
    Closed,
}

impl Table {
    fn play(&self, value: u64) -> Round {
        select! {
            send(self.to, value) -> sent => sent.map_or(Round::Closed, |()| Round::Sent),
            recv(self.from) -> received => received.map_or(Round::Closed, Round::Received),
        }
    }

    async fn play_async(&self, value: u64) -> Round {
        select_async! {
            send(self.to, value) -> sent => sent.map_or(Round::Closed, |()| Round::Sent),
            recv(self.from) -> received => received.map_or(Round::Closed, Round::Received),
        }
    }

    /// Plays until there were enough meetings; the sums of what was sent and of what was received.
    fn play_all(&self, play: impl Fn(&Self, u64) -> Round) -> (u64, u64) {
        let mut sums = (0, 0);
        for value in 1.. {
            match play(self, value) {
                Round::Sent => sums.0 += value,
                Round::Received(received) => {
                    sums.1 += received;
                    if self.meetings.fetch_add(1, Ordering::SeqCst) == MEETINGS {
                        self.to.close();
                    }
                }
                Round::Closed => break,
            }
        }
        sums
    }
}

#[test]
fn threads_coroutines_and_tasks_meet_in_the_same_select() {
    let (to, from) = rendezvous();
    let table = Table { to, from, meetings: Arc::default() };
    let runtime = runtime(2);
    let own = || table.clone();
    let awaits = |table: &Table, value| block_on(table.play_async(value)).unwrap();
    let coroutines = [own(), own()].map(|table| runtime.spawn(move || table.play_all(Table::play)).unwrap());
    let task = own();
    let task = runtime.spawn(move || task.play_all(awaits)).unwrap();
    let thread = own();
    let thread = std::thread::spawn(move || thread.play_all(Table::play));
    let mine = table.play_all(awaits);
    let sums = [mine, thread.join().unwrap(), task.join().unwrap()];
    let sums = sums.into_iter().chain(coroutines.map(|handle| handle.join().unwrap()));
    let (sent, received) = sums.fold((0, 0), |sum, (sent, received)| (sum.0 + sent, sum.1 + received));
    assert_eq!(sent, received);
    end(runtime);
}

/// Counts its wakes.
struct Wakes(AtomicUsize);

impl Wake for Wakes {
    fn wake(self: Arc<Self>) {
        self.0.fetch_add(1, Ordering::SeqCst);
    }
}

fn waker() -> (Arc<Wakes>, Waker) {
    let wakes = Arc::new(Wakes(AtomicUsize::new(0)));
    (wakes.clone(), wakes.into())
}

#[test]
fn a_select_future_wakes_its_latest_waker_once() {
    let (tx, rx) = rendezvous();
    let (silent, silence) = rendezvous::<()>();
    let mut future = pin!(wait_async(Order::Fair, (silence.recv_arm(), rx.recv_arm())));
    let ((first, first_waker), (second, second_waker)) = (waker(), waker());
    assert!(future.as_mut().poll(&mut Context::from_waker(&first_waker)).is_pending());
    assert!(future.as_mut().poll(&mut Context::from_waker(&second_waker)).is_pending());
    assert_eq!(tx.try_send(5), Ok(()));
    assert_eq!((first.0.load(Ordering::SeqCst), second.0.load(Ordering::SeqCst)), (0, 1));
    assert!(silent.try_send(()).is_err(), "it is still queued, but nobody can win it any more");
    let Poll::Ready(chosen) = future.as_mut().poll(&mut Context::from_waker(&second_waker)) else {
        panic!("not ready")
    };
    assert_eq!(format!("{chosen:?}"), "A1(Ok(5))");
}

#[test]
fn a_select_future_that_is_dropped_leaves_no_trace_and_passes_on_what_it_received() {
    let (tx, rx) = rendezvous();
    let (other_tx, other_rx) = rendezvous();
    let (_wakes, waker) = waker();
    {
        let mut future = pin!(wait_async(Order::Fair, (rx.recv_arm(), other_tx.send_arm("lost"))));
        assert!(future.as_mut().poll(&mut Context::from_waker(&waker)).is_pending());
        assert_eq!(tx.try_send("found"), Ok(()));
        assert!(other_rx.try_recv().is_err(), "it has received, so it does not send");
    }
    assert_eq!(rx.try_recv(), Ok("found"));
    {
        let mut future = pin!(wait_async(Order::Fair, (rx.recv_arm(), other_tx.send_arm("sent"))));
        assert!(future.as_mut().poll(&mut Context::from_waker(&waker)).is_pending());
    }
    assert_eq!(tx.try_send("nobody"), Err(TrySendError::Full("nobody")));
    assert!(other_rx.try_recv().is_err());
}

#[test]
fn a_thread_that_has_nothing_to_cancel_it_waits_for_its_arms() {
    let (tx, rx) = bounded(1);
    let sender = std::thread::spawn(move || tx.send(3).unwrap());
    let received = select! {
        cancelled() => unreachable!("a thread is never cancelled"),
        recv(rx) -> value => value,
        default(LONG) => unreachable!("it comes"),
    };
    assert_eq!(received, Ok(3));
    sender.join().unwrap();
}

#[test]
fn a_static_channel_is_selected_from() {
    static EVENTS: StaticChannel<u32, 1> = StaticChannel::new();
    for round in 0..4 {
        select! {
            send(EVENTS, round) -> sent => assert_eq!((sent, round % 2), (Ok(()), 0)),
            recv(EVENTS) -> value => assert_eq!(value, Ok(round - 1)),
        }
    }
}

#[test]
fn who_cannot_wait_is_told_after_all_was_tried() {
    struct SelectsInItsDrop(Receiver<u32>, Receiver<u32>);
    impl Drop for SelectsInItsDrop {
        fn drop(&mut self) {
            let ready = select! { recv(self.0) -> value => value, recv(self.1) -> value => value };
            assert_eq!(ready, Ok(1));
            let refused = select! {
                after(LONG) => unreachable!("it can say nothing"),
                cancelled() => unreachable!("it is not cancelled"),
                recv(self.1) -> value => value.unwrap_err(),
            };
            assert!(refused.to_string().contains("unwinding"), "{refused}");
        }
    }
    let runtime = runtime(1);
    let body = || {
        let (tx, rx) = bounded(1);
        let (_silent, silence) = bounded(1);
        tx.send(1).unwrap();
        let _selects = SelectsInItsDrop(rx, silence);
        panic!("unwinds");
    };
    let ended = runtime.spawn(body).unwrap().join();
    assert!(ended.unwrap_err().to_string().contains("unwinds"));
    end(runtime);
}
