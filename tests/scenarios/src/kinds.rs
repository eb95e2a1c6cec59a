// SPDX-License-Identifier: BSD-3-Clause
//! The kinds of channels beyond bounded and rendezvous: what a full one does, and what becomes of values that nobody
//! receives.

use alloc::sync::Arc;
use alloc::vec;
use alloc::vec::Vec;
use core::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use kcoro_core::channel::{
    Builder, Overflow, Receiver, RecvError, RecvTimeoutError, SendError, Sender, StaticChannel, TryRecvError,
    TrySendError, Undelivered, bounded, conflated, never, unbounded,
};
use kcoro_core::sched::spawn;

use crate::Stage;
use crate::tools::{Drops, MS, parked};

/// What a hook was given, in order. Sent through an unbounded channel, because a hook may be called anywhere.
struct Ledger(Receiver<(u32, Undelivered)>);

impl Ledger {
    fn hook() -> (Self, impl Fn(u32, Undelivered) + Send + Sync + 'static) {
        let (tx, rx) = unbounded();
        (Self(rx), move |value, why| tx.try_send((value, why)).unwrap())
    }

    fn take(&self) -> Vec<(u32, Undelivered)> {
        self.0.try_iter().collect()
    }
}

fn with_ledger(builder: Builder<u32>) -> (Sender<u32>, Receiver<u32>, Ledger) {
    let (ledger, hook) = Ledger::hook();
    let (tx, rx) = builder.on_undelivered(hook).build();
    (tx, rx, ledger)
}

pub(crate) fn a_send_into_an_unbounded_channel_never_waits(stage: &Stage) {
    let (tx, rx) = unbounded();
    let count = stage.pick(600, 20_000);
    assert_eq!((tx.capacity(), tx.is_full()), (usize::MAX, false));
    for round in 1..=2 {
        // Nobody receives, so a send that waited would wait for ever.
        (0..count).for_each(|n| tx.send(n).unwrap());
        assert_eq!(rx.len(), count as usize);
        assert!(rx.try_iter().eq(0..count), "round {round}");
    }
    let receiver = parked(move || rx.recv());
    tx.send(7).unwrap();
    assert!(tx.is_empty(), "it went to the one who waits");
    assert_eq!(receiver.join().unwrap(), Ok(7));
    assert_eq!(tx.send(8), Err(SendError::Closed(8)));
}

pub(crate) fn a_conflated_channel_holds_the_newest(_: &Stage) {
    let (tx, rx, ledger) = with_ledger(Builder::conflated());
    (1..=4).for_each(|n| tx.send(n).unwrap());
    tx.try_send(5).unwrap();
    assert_eq!((rx.len(), rx.recv(), rx.try_recv()), (1, Ok(5), Err(TryRecvError::Empty)));
    assert!(ledger.take().into_iter().eq((1..=4).map(|n| (n, Undelivered::Replaced))));
    // Who waits gets the first that comes; what comes before it runs is for the next.
    let receiver = parked({
        let rx = rx.clone();
        move || rx.recv()
    });
    (6..=8).for_each(|n| tx.send(n).unwrap());
    assert_eq!((receiver.join().unwrap(), rx.recv()), (Ok(6), Ok(8)));
    assert_eq!(ledger.take(), [(7, Undelivered::Replaced)]);
}

pub(crate) fn a_full_channel_drops_what_its_policy_says(_: &Stage) {
    for capacity in [0, 1, 3, 4] {
        let (tx, rx, ledger) = with_ledger(Builder::bounded(capacity).overflow(Overflow::DropOldest));
        let (kept, all) = (capacity as u32, capacity as u32 + 3);
        (0..all).for_each(|n| tx.send(n).unwrap());
        assert_eq!(tx.len(), capacity, "exactly");
        assert!(rx.try_iter().eq(all - kept..all));
        let why = if capacity == 0 { Undelivered::Refused } else { Undelivered::Replaced };
        assert!(ledger.take().into_iter().eq((0..all - kept).map(|n| (n, why))));

        let (tx, rx, ledger) = with_ledger(Builder::bounded(capacity).overflow(Overflow::DropLatest));
        (0..all).for_each(|n| tx.send(n).unwrap());
        assert!(rx.try_iter().eq(0..kept));
        assert!(ledger.take().into_iter().eq((kept..all).map(|n| (n, Undelivered::Refused))));
        // A receiver that waits is room, also where there is no buffer.
        let receiver = parked(move || rx.recv());
        tx.send(9).unwrap();
        assert_eq!((receiver.join().unwrap(), ledger.take()), (Ok(9), vec![]));
        assert_eq!(tx.try_send(10), Err(TrySendError::Closed(10)), "what comes back is not for the hook");
        assert_eq!(ledger.take(), []);
    }
}

pub(crate) fn a_drain_takes_all_and_lets_waiting_senders_in_in_order(stage: &Stage) {
    let waiting = stage.pick(3, 40);
    for capacity in [1, 3] {
        let (tx, rx) = bounded(capacity as usize);
        (0..capacity).for_each(|n| tx.send(n).unwrap());
        let waits = |n| {
            let tx = tx.clone();
            parked(move || tx.send(n).unwrap())
        };
        let senders: Vec<_> = (capacity..capacity + waiting).map(waits).collect();
        assert!(rx.drain().eq(0..capacity));
        assert_eq!(rx.len(), capacity as usize);
        assert_eq!(tx.try_send(99), Err(TrySendError::Full(99)), "more wait than there is room for");
        let rest: Vec<_> = rx.iter().take(waiting as usize).collect();
        assert!(rest.into_iter().eq(capacity..capacity + waiting));
        senders.into_iter().for_each(|sender| sender.join().unwrap());
    }
    let (tx, rx) = unbounded();
    (0..600).for_each(|n| tx.send(n).unwrap());
    let values = rx.drain();
    tx.send(5).unwrap();
    assert_eq!((values.len(), rx.len()), (600, 1));
    assert!(values.eq(0..600));
}

pub(crate) fn a_discard_gives_the_hook_what_is_buffered(_: &Stage) {
    let (tx, rx, ledger) = with_ledger(Builder::bounded(3));
    (0..3).for_each(|n| tx.send(n).unwrap());
    let sender = {
        let tx = tx.clone();
        parked(move || tx.send(3))
    };
    assert_eq!(rx.discard(), 3);
    assert!(ledger.take().into_iter().eq((0..3).map(|n| (n, Undelivered::Discarded))));
    assert_eq!((sender.join().unwrap(), rx.recv(), rx.discard()), (Ok(()), Ok(3), 0));
    // So does the drop of the last receiver, and only that.
    (4..6).for_each(|n| tx.send(n).unwrap());
    drop(rx.clone());
    assert_eq!(ledger.take(), []);
    drop(rx);
    assert_eq!(ledger.take(), [(4, Undelivered::Discarded), (5, Undelivered::Discarded)]);
}

pub(crate) fn values_that_no_hook_takes_are_dropped_once(_: &Stage) {
    let drops = Drops::new();
    let (tx, rx) = conflated();
    (0..4).for_each(|_| tx.send(drops.value()).unwrap());
    assert_eq!(drops.count(), 3);
    assert_eq!((rx.discard(), drops.count()), (1, 4));
    tx.send(drops.value()).unwrap();
    drop(rx);
    assert_eq!(drops.count(), 5);
    let (tx, rx) = unbounded();
    (0..700).for_each(|_| tx.send(drops.value()).unwrap());
    let mut taken = rx.drain();
    taken.by_ref().take(300).for_each(drop);
    assert_eq!(drops.count(), 305);
    drop(taken);
    assert_eq!(drops.count(), 705);
}

pub(crate) fn a_hook_may_use_its_own_channel(_: &Stage) {
    // It closes.
    let (late_tx, late_rx) = unbounded::<Sender<u32>>();
    let hook = move |_, _| assert!(late_rx.try_recv().unwrap().close());
    let (tx, rx) = Builder::conflated().on_undelivered(hook).build();
    late_tx.send(tx.clone()).unwrap();
    tx.send(1).unwrap();
    tx.send(2).unwrap();
    assert_eq!((tx.send(3), rx.recv(), rx.recv()), (Err(SendError::Closed(3)), Ok(2), Err(RecvError::Closed)));
    // It sends: what is refused goes round once more, when there is room.
    let (late_tx, late_rx) = unbounded::<(Sender<u32>, Receiver<u32>)>();
    let hook = move |value, _| {
        let (tx, rx) = late_rx.try_recv().unwrap();
        assert_eq!(rx.recv(), Ok(1));
        tx.send(value).unwrap();
    };
    let (tx, rx) = Builder::bounded(1).overflow(Overflow::DropLatest).on_undelivered(hook).build();
    late_tx.send((tx.clone(), rx.clone())).unwrap();
    tx.send(1).unwrap();
    tx.send(2).unwrap();
    assert_eq!(rx.recv(), Ok(2));
}

pub(crate) fn nothing_ever_comes_from_never(_: &Stage) {
    let rx = never::<u32>();
    assert_eq!((rx.try_recv(), rx.is_closed(), rx.len()), (Err(TryRecvError::Empty), false, 0));
    assert_eq!(rx.recv_timeout(MS), Err(RecvTimeoutError::TimedOut));
    let receives = rx.clone();
    let cancelled = parked(move || receives.recv());
    cancelled.cancel();
    assert_eq!(cancelled.join().unwrap(), Err(RecvError::Cancelled));
    let receives = rx.clone();
    let closed = parked(move || receives.recv());
    assert!(rx.close());
    assert_eq!((closed.join().unwrap(), rx.recv()), (Err(RecvError::Closed), Err(RecvError::Closed)));
}

pub(crate) fn every_value_of_every_kind_is_accounted_for(stage: &Stage) {
    let each = stage.pick(5, 1500);
    let kinds = [
        Builder::unbounded(),
        Builder::conflated(),
        Builder::bounded(2).overflow(Overflow::DropOldest),
        Builder::bounded(2).overflow(Overflow::DropLatest),
        Builder::rendezvous().overflow(Overflow::DropLatest),
    ];
    for builder in kinds {
        let undelivered = Arc::new(AtomicUsize::new(0));
        let counts = undelivered.clone();
        let hook = move |_: u32, _| _ = counts.fetch_add(1, Ordering::SeqCst);
        let (tx, rx) = builder.on_undelivered(hook).with_stats().build();
        let send = |_| {
            let tx = tx.clone();
            spawn(move || (0..each).for_each(|n| tx.send(n).unwrap())).unwrap()
        };
        let senders: Vec<_> = (0..3).map(send).collect();
        let receive = |_| {
            let rx = rx.clone();
            spawn(move || rx.iter().count()).unwrap()
        };
        let receivers: Vec<_> = (0..2).map(receive).collect();
        senders.into_iter().for_each(|sender| sender.join().unwrap());
        tx.close();
        let received: usize = receivers.into_iter().map(|receiver| receiver.join().unwrap()).sum();
        assert_eq!(received + undelivered.load(Ordering::SeqCst), 3 * each as usize);
        let stats = rx.stats().unwrap();
        assert_eq!((stats.receives, stats.sends + stats.refused), (received as u64, 3 * u64::from(each)));
        assert_eq!(stats.sends, stats.receives + stats.replaced);
    }
}

/// Plays may overlap: each borrows one that is free, and leaves it empty.
static STATICS: [StaticChannel<u32, 2>; 64] = [const { StaticChannel::new() }; 64];
static BORROWED: [AtomicBool; STATICS.len()] = [const { AtomicBool::new(false) }; STATICS.len()];

/// Does what statics do at their first use only, so that the first play is like all others. Not from inside of one.
pub fn prepare() {
    STATICS.iter().for_each(|channel| _ = channel.try_recv());
}

struct Borrowed(usize);

impl Borrowed {
    fn new() -> Self {
        let free = BORROWED.iter().position(|borrowed| !borrowed.swap(true, Ordering::Acquire));
        Self(free.expect("fewer plays at once"))
    }

    fn channel(&self) -> &'static StaticChannel<u32, 2> {
        &STATICS[self.0]
    }
}

impl Drop for Borrowed {
    fn drop(&mut self) {
        BORROWED[self.0].store(false, Ordering::Release);
    }
}

pub(crate) fn a_static_channel_is_a_bounded_one(_: &Stage) {
    let borrowed = Borrowed::new();
    let channel = borrowed.channel();
    assert_eq!((channel.capacity(), channel.len(), channel.is_closed()), (2, 0, false));
    let receiver = parked(move || channel.recv().unwrap());
    channel.send(1).unwrap();
    assert_eq!((receiver.join().unwrap(), channel.len()), (1, 0));
    (2..4).for_each(|n| channel.send(n).unwrap());
    assert_eq!(channel.try_send(9), Err(TrySendError::Full(9)));
    let senders: Vec<_> = (4..7).map(|n| parked(move || channel.send(n).unwrap())).collect();
    assert!(channel.is_full());
    assert!((2..7).all(|n| channel.recv() == Ok(n)));
    senders.into_iter().for_each(|sender| sender.join().unwrap());
    assert_eq!(channel.recv_timeout(MS), Err(RecvTimeoutError::TimedOut));
    assert!(channel.is_empty());
}

pub(crate) fn a_static_channel_is_drained_in_one_step(_: &Stage) {
    let borrowed = Borrowed::new();
    let channel = borrowed.channel();
    (0..2).for_each(|n| channel.send(n).unwrap());
    let senders: Vec<_> = (2..7).map(|n| parked(move || channel.send(n).unwrap())).collect();
    let values = channel.drain();
    assert_eq!((values.len(), channel.len()), (2, 2), "those who waited longest have come in");
    assert!(values.eq(0..2));
    assert_eq!(channel.try_send(9), Err(TrySendError::Full(9)), "more wait than there is room for");
    assert_eq!(channel.discard(), 2);
    assert!((4..7).all(|n| channel.recv() == Ok(n)));
    senders.into_iter().for_each(|sender| sender.join().unwrap());
    assert_eq!((channel.drain().len(), channel.discard()), (0, 0));
}
