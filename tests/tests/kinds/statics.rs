// SPDX-License-Identifier: BSD-3-Clause
//! Channels in statics: from coroutines, threads, futures and handlers, and what they do where there is no more memory.

use std::future::Future;
use std::pin::{Pin, pin};
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll, Waker};

use kcoro_posix::channel::{
    Overflow, RecvError, RecvTimeoutError, SendError, SendTimeoutError, StaticChannel, StatsMemory, TryRecvError,
    TrySendError, Undelivered,
};
use kcoro_posix::platform::ambient::in_interrupt;
use kcoro_posix::sched::spawn;
use kcoro_posix::wait::{CannotWait, block_on};
use kcoro_tests::{SHORT, end, runtime, until_parks};

fn poll<F: Future>(future: Pin<&mut F>) -> Poll<F::Output> {
    future.poll(&mut Context::from_waker(Waker::noop()))
}

#[test]
fn threads_coroutines_and_futures_share_a_static_channel() {
    static CHANNEL: StaticChannel<u64, 3> = StaticChannel::new();
    const EACH: u64 = 2_000;
    let runtime = runtime(2);
    let thread = std::thread::spawn(|| (0..EACH).for_each(|n| CHANNEL.send(n).unwrap()));
    let coroutine = runtime.spawn(|| (0..EACH).for_each(|n| CHANNEL.send(n).unwrap())).unwrap();
    let future = runtime
        .spawn(|| {
            block_on(async {
                for n in 0..EACH {
                    CHANNEL.send_async(n).await.unwrap()
                }
            })
            .unwrap()
        })
        .unwrap();
    let by_future = runtime
        .spawn(|| {
            block_on(async {
                let mut sum = 0;
                while let Ok(n) = CHANNEL.recv_async().await {
                    sum += n;
                }
                sum
            })
            .unwrap()
        })
        .unwrap();
    let by_thread = std::thread::spawn(|| std::iter::from_fn(|| CHANNEL.recv().ok()).sum::<u64>());
    thread.join().unwrap();
    coroutine.join().unwrap();
    future.join().unwrap();
    assert!(CHANNEL.close() && !CHANNEL.close() && CHANNEL.is_closed());
    assert_eq!(by_future.join().unwrap() + by_thread.join().unwrap(), 3 * EACH * (EACH - 1) / 2);
    assert_eq!((CHANNEL.recv(), CHANNEL.send(1)), (Err(RecvError::Closed), Err(SendError::Closed(1))));
    end(runtime);
}

#[test]
fn a_static_rendezvous_has_no_room() {
    static CHANNEL: StaticChannel<String, 0> = StaticChannel::new();
    assert!(CHANNEL.is_full() && CHANNEL.is_empty());
    let full = CHANNEL.try_send("value".to_owned());
    assert_eq!(full, Err(TrySendError::Full("value".to_owned())));
    let late = CHANNEL.send_timeout("value".to_owned(), SHORT);
    assert_eq!(late, Err(SendTimeoutError::TimedOut("value".to_owned())));
    assert_eq!(CHANNEL.recv_timeout(SHORT), Err(RecvTimeoutError::TimedOut));
    let runtime = runtime(1);
    let receiver = runtime.spawn(|| CHANNEL.recv()).unwrap();
    until_parks(&runtime, 1);
    CHANNEL.try_send("taken".to_owned()).unwrap();
    assert_eq!(receiver.join().unwrap(), Ok("taken".to_owned()));
    end(runtime);
}

#[test]
fn values_without_a_size_are_counted() {
    static CHANNEL: StaticChannel<(), { usize::MAX }> = StaticChannel::new();
    (0..1000).for_each(|_| CHANNEL.try_send(()).unwrap());
    assert_eq!((CHANNEL.len(), CHANNEL.capacity()), (1000, usize::MAX));
    assert_eq!((0..1000).map(|_| CHANNEL.recv()).filter(Result::is_ok).count(), 1000);
    assert_eq!(CHANNEL.try_recv(), Err(TryRecvError::Empty));
}

static LOST: Mutex<Vec<(u32, Undelivered)>> = Mutex::new(Vec::new());

fn note(value: u32, why: Undelivered) {
    LOST.lock().unwrap().push((value, why));
}

fn lost() -> Vec<(u32, Undelivered)> {
    std::mem::take(&mut *LOST.lock().unwrap())
}

/// One test, for it has one hook.
#[test]
fn a_static_channel_has_policies_and_a_hook() {
    static OLDEST: StaticChannel<u32, 2> = StaticChannel::with(Overflow::DropOldest, Some(note));
    (1..=4).for_each(|n| OLDEST.send(n).unwrap());
    assert_eq!(lost(), [(1, Undelivered::Replaced), (2, Undelivered::Replaced)]);
    assert!(OLDEST.try_iter().eq([3, 4]));

    static LATEST: StaticChannel<u32, 2> = StaticChannel::with(Overflow::DropLatest, Some(note));
    (1..=4).for_each(|n| LATEST.try_send(n).unwrap());
    assert_eq!(lost(), [(3, Undelivered::Refused), (4, Undelivered::Refused)]);
    assert!(LATEST.try_iter().eq([1, 2]));

    // A receive future won a value, and went away when the buffer had been filled: there is no memory for one more.
    static SUSPENDS: StaticChannel<u32, 2> = StaticChannel::with(Overflow::Suspend, Some(note));
    {
        let mut first = Box::pin(SUSPENDS.recv_async());
        let mut second = Box::pin(SUSPENDS.recv_async());
        assert!(poll(first.as_mut()).is_pending() && poll(second.as_mut()).is_pending());
        (1..=3).for_each(|n| SUSPENDS.try_send(n).unwrap());
        // One is left: it fits, before the others.
        drop(first);
        assert_eq!((SUSPENDS.len(), lost()), (2, vec![]));
        drop(second);
    }
    assert_eq!(lost(), [(2, Undelivered::Abandoned)]);
    assert!(SUSPENDS.try_iter().eq([1, 3]));
}

#[test]
fn a_handler_sends_what_there_is_room_for_and_neither_waits_nor_calls_the_hook() {
    static CHANNEL: StaticChannel<u32, 2> = StaticChannel::new();
    // Its first use is in a handler.
    in_interrupt(|| CHANNEL.try_send(1)).unwrap();
    let runtime = runtime(1);
    runtime
        .run(|| {
            assert_eq!(CHANNEL.recv(), Ok(1));
            let receiver = spawn(|| CHANNEL.recv()).unwrap();
            kcoro_posix::sched::yield_now();
            in_interrupt(|| CHANNEL.try_send(2)).unwrap();
            assert_eq!(receiver.join().unwrap(), Ok(2), "woken from the handler");
            in_interrupt(|| {
                assert_eq!((CHANNEL.try_send(3), CHANNEL.try_send(4)), (Ok(()), Ok(())));
                assert_eq!(CHANNEL.try_send(5), Err(TrySendError::Full(5)));
                assert_eq!(CHANNEL.send(5), Err(SendError::CannotWait(5, CannotWait::InInterrupt)));
            });
            assert!(CHANNEL.try_iter().eq([3, 4]));
        })
        .unwrap();
    end(runtime);

    static DROPS: StaticChannel<u32, 1> = StaticChannel::with(Overflow::DropOldest, Some(|_, _| unreachable!()));
    in_interrupt(|| DROPS.try_send(1)).unwrap();
    assert_eq!(in_interrupt(|| DROPS.try_send(2)), Err(TrySendError::Full(2)), "the hook is not for handlers");
    DROPS.close();
    assert_eq!(in_interrupt(|| DROPS.try_send(2)), Err(TrySendError::Closed(2)));
}

#[test]
fn a_send_future_of_a_static_channel_waits_for_room() {
    static CHANNEL: StaticChannel<u32, 1> = StaticChannel::new();
    CHANNEL.try_send(1).unwrap();
    let mut send = pin!(CHANNEL.send_async(2));
    assert!(poll(send.as_mut()).is_pending());
    assert_eq!(CHANNEL.try_recv(), Ok(1));
    assert!(matches!(poll(send), Poll::Ready(Ok(()))));
    assert_eq!(CHANNEL.recv(), Ok(2));
}

#[test]
fn a_static_channel_counts_in_the_memory_that_it_has_been_given() {
    static COUNTS: StatsMemory = StatsMemory::new();
    static CHANNEL: StaticChannel<u32, 2> = StaticChannel::new().with_stats(&COUNTS);
    static COMES_LATER: StaticChannel<u32, 2> = StaticChannel::new().with_stats(&COUNTS);
    in_interrupt(|| CHANNEL.try_send(1)).unwrap();
    COMES_LATER.send(7).unwrap();
    assert_eq!(COMES_LATER.stats(), None, "the memory is that of the other");
    CHANNEL.send(2).unwrap();
    assert!(CHANNEL.try_send(3).is_err());
    assert!(CHANNEL.drain().eq([1, 2]));
    (4..6).for_each(|n| CHANNEL.send(n).unwrap());
    assert_eq!(CHANNEL.discard(), 2);
    assert_eq!(CHANNEL.recv_timeout(SHORT), Err(RecvTimeoutError::TimedOut));
    let stats = CHANNEL.stats().unwrap();
    assert_eq!((stats.sends, stats.receives, stats.discarded, stats.high_water), (4, 2, 2, 2));
    assert_eq!((stats.failed_sends.full, stats.failed_receives.timed_out, stats.receive_waits), (1, 1, 1));
    CHANNEL.close();
    assert!(CHANNEL.iter().next().is_none());
    assert_eq!(CHANNEL.stats().unwrap().failed_receives.closed, 1);
}

#[test]
fn what_a_drain_of_a_static_channel_is_dropped_with_is_dropped_once() {
    static CHANNEL: StaticChannel<Arc<()>, 3> = StaticChannel::new();
    let value = Arc::new(());
    (0..3).for_each(|_| CHANNEL.send(value.clone()).unwrap());
    let mut values = CHANNEL.drain();
    drop(values.next());
    assert_eq!((values.len(), Arc::strong_count(&value)), (2, 3));
    drop(values);
    assert_eq!(Arc::strong_count(&value), 1);
}
