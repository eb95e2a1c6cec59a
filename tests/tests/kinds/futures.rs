// SPDX-License-Identifier: BSD-3-Clause
//! Receivers as streams and senders as sinks: they end, they wait, and what is dropped between two polls loses nothing.

use std::future::poll_fn;
use std::pin::{Pin, pin};
use std::task::{Context, Poll, Waker};

use futures_core::stream::{FusedStream, Stream};
use futures_sink::Sink;
use kcoro_posix::channel::{Builder, SendError, TryRecvError, bounded, rendezvous, unbounded};
use kcoro_posix::sched::{spawn, yield_now};
use kcoro_posix::wait::block_on;
use kcoro_tests::counted::Drops;
use kcoro_tests::{end, runtime};

fn context() -> Context<'static> {
    Context::from_waker(Waker::noop())
}

fn next<S: Stream + ?Sized>(stream: Pin<&mut S>) -> Poll<Option<S::Item>> {
    stream.poll_next(&mut context())
}

#[test]
fn a_stream_yields_what_is_sent_and_ends_with_the_channel() {
    let (tx, rx) = bounded(2);
    let mut stream = pin!(rx.stream());
    assert!(next(stream.as_mut()).is_pending());
    tx.try_send(1).unwrap();
    assert_eq!(next(stream.as_mut()), Poll::Ready(Some(1)));
    (2..4).for_each(|n| tx.try_send(n).unwrap());
    tx.close();
    assert_eq!(next(stream.as_mut()), Poll::Ready(Some(2)));
    assert!(!stream.is_terminated());
    assert_eq!(next(stream.as_mut()), Poll::Ready(Some(3)));
    assert_eq!((next(stream.as_mut()), next(stream.as_mut())), (Poll::Ready(None), Poll::Ready(None)));
    assert!(stream.is_terminated());
}

#[test]
fn a_stream_that_is_dropped_gives_back_what_it_has_won() {
    for owned in [false, true] {
        let (tx, rx) = bounded(1);
        let won = |mut stream: Pin<Box<dyn Stream<Item = u32> + '_>>| {
            assert!(next(stream.as_mut()).is_pending());
            // Won by the stream while nobody polls it; what comes later is behind it.
            tx.try_send(1).unwrap();
            tx.try_send(2).unwrap();
        };
        match owned {
            true => won(Box::pin(rx.clone().into_stream())),
            false => won(Box::pin(rx.stream())),
        }
        assert!(rx.try_iter().eq([1, 2]));
    }
}

#[test]
fn the_last_receiver_may_go_with_its_stream() {
    let drops = Drops::new();
    let (tx, rx) = bounded(1);
    let mut stream = Box::pin(rx.into_stream());
    assert!(next(stream.as_mut()).is_pending());
    tx.try_send(drops.value()).unwrap();
    assert_eq!(drops.count(), 0);
    drop(stream);
    assert_eq!((drops.count(), tx.is_closed()), (1, true));
}

#[test]
fn a_sink_sends_at_once_what_there_is_room_for_and_keeps_one_more() {
    let (tx, rx) = bounded(1);
    let mut sink = pin!(tx.sink());
    let ready = Poll::Ready(Ok(()));
    assert_eq!(sink.as_mut().poll_ready(&mut context()), ready);
    sink.as_mut().start_send(1).unwrap();
    assert_eq!((rx.len(), sink.as_mut().poll_ready(&mut context())), (1, ready));
    sink.as_mut().start_send(2).unwrap();
    assert!(sink.as_mut().poll_ready(&mut context()).is_pending());
    assert!(sink.as_mut().poll_flush(&mut context()).is_pending());
    assert_eq!(rx.try_recv(), Ok(1));
    assert_eq!((sink.as_mut().poll_close(&mut context()), rx.try_recv()), (ready, Ok(2)));
    assert!(!tx.is_closed(), "its owner closes it");
    // The one that it keeps comes back when the channel is closed.
    sink.as_mut().start_send(3).unwrap();
    sink.as_mut().start_send(4).unwrap();
    assert!(sink.as_mut().poll_flush(&mut context()).is_pending());
    rx.close();
    assert_eq!(sink.as_mut().poll_flush(&mut context()), Poll::Ready(Err(SendError::Closed(4))));
    assert_eq!(sink.as_mut().start_send(5), Err(SendError::Closed(5)));
    assert_eq!(sink.as_mut().poll_flush(&mut context()), ready);
}

#[test]
#[should_panic(expected = "not ready")]
fn a_sink_that_is_not_ready_takes_no_value() {
    let (tx, _rx) = rendezvous();
    let mut sink = pin!(tx.sink());
    sink.as_mut().start_send(1).unwrap();
    let _ = sink.as_mut().start_send(2);
}

#[test]
fn a_sink_that_is_dropped_drops_what_it_keeps_once() {
    let drops = Drops::new();
    let (tx, rx) = rendezvous();
    // Not yet polled, and waiting.
    for polls in [0, 1] {
        let before = drops.count();
        let mut sink = Box::pin(tx.sink());
        sink.as_mut().start_send(drops.value()).unwrap();
        (0..polls).for_each(|_| assert!(sink.as_mut().poll_flush(&mut context()).is_pending()));
        drop(sink);
        assert_eq!(drops.count(), before + 1);
    }
    // Taken by a receiver, and not polled since.
    let mut sink = Box::pin(tx.sink());
    sink.as_mut().start_send(drops.value()).unwrap();
    assert!(sink.as_mut().poll_flush(&mut context()).is_pending());
    let taken = rx.try_recv().unwrap();
    drop(sink);
    assert_eq!(drops.count(), 2);
    drop(taken);
    assert_eq!(drops.count(), 3);
}

#[test]
fn an_owning_sink_that_is_closed_lets_its_sender_go() {
    let (tx, rx) = bounded(1);
    let mut sink = pin!(tx.into_sink());
    sink.as_mut().start_send(1).unwrap();
    sink.as_mut().start_send(2).unwrap();
    assert!(sink.as_mut().poll_close(&mut context()).is_pending());
    assert!(!rx.is_closed());
    assert_eq!(rx.try_recv(), Ok(1));
    assert_eq!(sink.as_mut().poll_close(&mut context()), Poll::Ready(Ok(())));
    assert_eq!((rx.is_closed(), rx.try_recv(), rx.try_recv()), (true, Ok(2), Err(TryRecvError::Closed)));
    assert_eq!(sink.as_mut().poll_ready(&mut context()), Poll::Ready(Ok(())));
    assert_eq!(sink.as_mut().start_send(3), Err(SendError::Closed(3)));
}

#[test]
fn a_sink_feeds_a_stream_through_every_kind() {
    const VALUES: u32 = 500;
    for builder in [Builder::rendezvous(), Builder::bounded(1), Builder::bounded(7), Builder::unbounded()] {
        let runtime = runtime(2);
        let (tx, rx) = builder.build();
        let feeds = runtime.spawn(move || {
            block_on(async {
                let mut sink = pin!(tx.into_sink());
                for n in 0..VALUES {
                    poll_fn(|context| sink.as_mut().poll_ready(context)).await.unwrap();
                    sink.as_mut().start_send(n).unwrap();
                }
                poll_fn(|context| sink.as_mut().poll_close(context)).await.unwrap();
            })
            .unwrap();
        });
        let drains = runtime.spawn(move || {
            block_on(async {
                let mut stream = pin!(rx.into_stream());
                let mut values = Vec::new();
                while let Some(value) = poll_fn(|context| stream.as_mut().poll_next(context)).await {
                    values.push(value);
                }
                values
            })
            .unwrap()
        });
        feeds.unwrap().join().unwrap();
        assert!(drains.unwrap().join().unwrap().into_iter().eq(0..VALUES));
        end(runtime);
    }
}

/// What awaits the next value is dropped again and again (a time-out, say); the stream stays, and misses nothing.
#[test]
fn a_next_that_is_dropped_loses_no_value() {
    let runtime = runtime(1);
    runtime
        .run(|| {
            let (tx, rx) = unbounded();
            let sender = spawn(move || {
                for n in 0..50 {
                    tx.send(n).unwrap();
                    yield_now();
                }
            })
            .unwrap();
            let mut stream = pin!(rx.stream());
            let mut values = Vec::new();
            loop {
                match next(stream.as_mut()) {
                    Poll::Pending => yield_now(),
                    Poll::Ready(Some(value)) => values.push(value),
                    Poll::Ready(None) => break,
                }
            }
            assert!(values.into_iter().eq(0..50));
            sender.join().unwrap();
        })
        .unwrap();
    end(runtime);
}
