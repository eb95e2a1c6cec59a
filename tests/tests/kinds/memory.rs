// SPDX-License-Identifier: BSD-3-Clause
//! Unbounded channels give their memory back, and the others take theirs once.
#![expect(unsafe_code, reason = "an allocator that counts")]

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;

use kcoro_posix::channel::{Builder, Overflow, StaticChannel, bounded, unbounded};

/// The system's allocator, counting for each thread.
pub(crate) struct Counting;

std::thread_local! {
    static LIVE_BYTES: Cell<isize> = const { Cell::new(0) };
    static ALLOCATIONS: Cell<usize> = const { Cell::new(0) };
}

fn count(bytes: isize) {
    LIVE_BYTES.set(LIVE_BYTES.get() + bytes);
    ALLOCATIONS.set(ALLOCATIONS.get() + usize::from(bytes > 0));
}

// SAFETY: forwards to the system's allocator. The counters have neither an initialiser nor a destructor.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        count(layout.size() as isize);
        // SAFETY: forwarded.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, memory: *mut u8, layout: Layout) {
        count(-(layout.size() as isize));
        // SAFETY: forwarded.
        unsafe { System.dealloc(memory, layout) }
    }
}

/// What `act` leaves allocated, in bytes, and how often it allocated.
fn cost<R>(act: impl FnOnce() -> R) -> (isize, usize, R) {
    let before = (LIVE_BYTES.get(), ALLOCATIONS.get());
    let result = act();
    (LIVE_BYTES.get() - before.0, ALLOCATIONS.get() - before.1, result)
}

/// More than two segments take: one that is in use, and one in reserve.
const SLACK_BYTES: isize = 3 * 4096;

#[test]
fn an_unbounded_channel_gives_back_what_its_values_have_taken() {
    const VALUES: u64 = 100_000;
    let (tx, rx) = unbounded();
    for _ in 0..3 {
        let (full, ..) = cost(|| (0..VALUES).for_each(|n| tx.try_send(n).unwrap()));
        assert!(full >= 8 * VALUES as isize - SLACK_BYTES, "{full}");
        let (half, ..) = cost(|| (0..VALUES / 2).for_each(|n| assert_eq!(rx.try_recv(), Ok(n))));
        assert!(half <= -4 * VALUES as isize + SLACK_BYTES, "while values are there: {half}");
        let (rest, ..) = cost(|| assert!(rx.try_iter().eq(VALUES / 2..VALUES)));
        assert!(full + half + rest <= SLACK_BYTES, "{full} {half} {rest}");
    }
    let (drained, ..) = cost(|| {
        (0..VALUES).for_each(|n| tx.try_send(n).unwrap());
        drop(rx.drain());
    });
    assert!(drained <= SLACK_BYTES, "{drained}");
}

#[test]
fn all_memory_is_given_back_with_the_channel() {
    for values in [0, 1, 511, 512, 513, 5000] {
        for take in [0, 1, 513, 5000] {
            let (left, ..) = cost(|| {
                let (tx, rx) = unbounded();
                (0..values).for_each(|n| tx.try_send(n as u64).unwrap());
                rx.try_iter().take(take).for_each(drop);
            });
            assert_eq!(left, 0, "{values} {take}");
        }
    }
}

#[test]
fn a_length_that_goes_up_and_down_allocates_nothing() {
    let (tx, rx) = unbounded::<u64>();
    // Around the end of a segment, wherever that is.
    for length in [0, 1, 500, 1023] {
        (0..length).for_each(|n| tx.try_send(n).unwrap());
        let round = || {
            (0..600).for_each(|n| tx.try_send(n).unwrap());
            (0..600).for_each(|_| assert!(rx.try_recv().is_ok()));
        };
        (0..3).for_each(|_| round());
        let (_, allocations, ()) = cost(|| {
            (0..2000).for_each(|_| {
                tx.try_send(1).unwrap();
                rx.try_recv().unwrap();
            })
        });
        assert_eq!(allocations, 0, "with {length} values in it");
        drop(rx.drain());
    }
}

#[test]
fn a_channel_with_a_capacity_allocates_as_it_is_made_and_not_again() {
    let channels = [
        bounded(0),
        bounded(8),
        bounded(1000),
        Builder::conflated().build(),
        Builder::bounded(3).overflow(Overflow::DropLatest).build(),
    ];
    for (tx, rx) in channels {
        let (left, allocations, ()) = cost(|| {
            for n in 0..3000_u64 {
                let _ = tx.try_send(n);
                if n % 3 > 0 {
                    let _ = rx.try_recv();
                }
            }
            rx.try_iter().for_each(drop);
        });
        assert_eq!((left, allocations), (0, 0), "{tx:?}");
    }
}

#[test]
fn a_static_channel_allocates_nothing() {
    static CHANNEL: StaticChannel<u64, 7> = StaticChannel::new();
    let (left, allocations, ()) = cost(|| {
        for n in 0..100 {
            let _ = CHANNEL.try_send(n);
            if n.is_multiple_of(2) {
                CHANNEL.try_recv().unwrap();
            }
        }
        let mut context = std::task::Context::from_waker(std::task::Waker::noop());
        CHANNEL.try_iter().for_each(drop);
        let mut receive = std::pin::pin!(CHANNEL.recv_async());
        assert!(receive.as_mut().poll(&mut context).is_pending());
        CHANNEL.try_send(5).unwrap();
        assert!(receive.as_mut().poll(&mut context).is_ready());
    });
    assert_eq!((left, allocations), (0, 0));
}

/// A value of a page or more has a segment of its own.
#[test]
fn large_values_take_memory_one_by_one() {
    const SIZE: usize = 32 << 10;
    const WORDS: usize = SIZE / size_of::<u64>();
    let (empty, _, (tx, rx)) = cost(unbounded::<Box<u8>>);
    drop((tx, rx));
    let (empty_of_large, _, (tx, rx)) = cost(unbounded::<[u64; WORDS]>);
    assert!(empty < 1024 && empty_of_large < 1024, "{empty} {empty_of_large}");
    let (three, ..) = cost(|| (0..3).for_each(|n| tx.try_send([n; WORDS]).unwrap()));
    assert!((3 * SIZE as isize..3 * SIZE as isize + 1024).contains(&three), "{three}");
    assert!((0..3).all(|n| rx.try_recv().unwrap()[WORDS - 1] == n));
    // The first of many slots are taken at once only if they are small.
    let (bounded_of_large, ..) = cost(|| drop(bounded::<[u64; WORDS]>(1000)));
    assert_eq!(bounded_of_large, 0);
    let (first, _, _channel) = cost(|| bounded::<[u64; WORDS]>(1000));
    assert!((1..=64 * 1024 + 1024).contains(&first), "{first}");
}
