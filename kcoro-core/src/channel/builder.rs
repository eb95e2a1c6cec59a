// SPDX-License-Identifier: BSD-3-Clause
//! How channels are made: by a function for each kind, or by a builder for what is out of the ordinary.

use alloc::boxed::Box;
use alloc::sync::Arc;
use core::fmt;

use super::core::{Shared, State};
use super::receiver::Receiver;
use super::sender::Sender;
use super::store::Store;
use super::tally::Tally;
use super::undelivered::{Hook, Overflow, Undelivered};

/// Makes a channel, of any kind, with a hook for what nobody receives, another policy when it is full, or stats.
///
/// ```
/// use std::sync::atomic::{AtomicU32, Ordering};
/// use kcoro_core::channel::{Builder, Overflow, Undelivered};
///
/// static LOST: AtomicU32 = AtomicU32::new(0);
///
/// let builder = Builder::bounded(2).overflow(Overflow::DropOldest);
/// let (tx, rx) = builder.on_undelivered(|_value: u32, _why| _ = LOST.fetch_add(1, Ordering::Relaxed)).build();
/// (0..5).for_each(|n| tx.try_send(n).unwrap());
/// assert_eq!(rx.try_iter().collect::<Vec<_>>(), [3, 4]);
/// assert_eq!(LOST.load(Ordering::Relaxed), 3);
/// ```
#[must_use = "a builder makes nothing until `build`"]
pub struct Builder<T> {
    capacity: usize,
    overflow: Overflow,
    hook: Hook<T>,
    has_stats: bool,
}

impl<T> Builder<T> {
    fn new(capacity: usize, overflow: Overflow) -> Self {
        Self { capacity, overflow, hook: Hook::None, has_stats: false }
    }

    /// A channel that holds up to `capacity` values, exactly; none is [`Builder::rendezvous`], `usize::MAX` is
    /// [`Builder::unbounded`].
    pub fn bounded(capacity: usize) -> Self {
        Self::new(capacity, Overflow::Suspend)
    }

    /// A channel without a buffer.
    pub fn rendezvous() -> Self {
        Self::bounded(0)
    }

    /// A channel that holds as many values as there is memory for.
    pub fn unbounded() -> Self {
        Self::bounded(usize::MAX)
    }

    /// A channel that holds the newest value: one, with [`Overflow::DropOldest`].
    pub fn conflated() -> Self {
        Self::new(1, Overflow::DropOldest)
    }

    /// What happens with a value that is sent when the channel is full. Without a buffer, a value that nobody waits for is
    /// refused under both policies that do not wait.
    pub fn overflow(self, overflow: Overflow) -> Self {
        Self { overflow, ..self }
    }

    /// What gets each value that has been sent and that nobody will receive, once, with the reason. Without a hook such
    /// values are dropped.
    ///
    /// It is called by whoever causes that, on their stack: a sender, a receiver that discards, the drop of the last
    /// receiver. No lock is held, so it may use this very channel, and may wait where its caller may. Two senders may be in
    /// it at the same time. If it panics, its caller does, when all values at hand have had their turn.
    ///
    /// A hook that owns a [`Sender`] of its channel keeps that open; one that owns a [`Receiver`] keeps its memory for
    /// ever.
    pub fn on_undelivered(self, hook: impl Fn(T, Undelivered) + Send + Sync + 'static) -> Self {
        Self { hook: Hook::Closure(Box::new(hook)), ..self }
    }

    /// Counts what the channel does: see [`Sender::stats`]. A channel without stats spends one branch per operation on not
    /// counting.
    pub fn with_stats(self) -> Self {
        Self { has_stats: true, ..self }
    }

    /// Makes the channel.
    pub fn build(self) -> (Sender<T>, Receiver<T>) {
        let tally = if self.has_stats { Tally::on() } else { Tally::OFF };
        let state = State::new(Store::new(self.capacity), self.overflow, tally);
        let shared = Arc::new(Shared::new(state, self.capacity, self.hook));
        (Sender::new(shared.clone()), Receiver::new(shared))
    }
}

impl<T> fmt::Debug for Builder<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut builder = f.debug_struct("Builder");
        builder.field("capacity", &self.capacity).field("overflow", &self.overflow);
        builder.field("has_stats", &self.has_stats).finish_non_exhaustive()
    }
}

/// A channel that holds up to `capacity` values, exactly.
///
/// Capacity zero is [`rendezvous`], and `usize::MAX` is [`unbounded`]. Memory for large capacities is taken as it is needed.
pub fn bounded<T>(capacity: usize) -> (Sender<T>, Receiver<T>) {
    Builder::bounded(capacity).build()
}

/// A channel without a buffer: each send waits for the receive that takes its value.
pub fn rendezvous<T>() -> (Sender<T>, Receiver<T>) {
    Builder::rendezvous().build()
}

/// A channel in which no send waits: it holds as many values as there is memory for, and gives the memory back when they
/// have been received.
///
/// ```
/// # #[cfg(feature = "std")] {
/// use kcoro_core::channel::unbounded;
///
/// let (tx, rx) = unbounded();
/// (0..10_000).for_each(|n| tx.send(n).unwrap());
/// drop(tx);
/// assert!(rx.iter().eq(0..10_000));
/// # }
/// ```
pub fn unbounded<T>() -> (Sender<T>, Receiver<T>) {
    Builder::unbounded().build()
}

/// A channel for what is current: it holds the newest value, and each send replaces the one before that nobody has
/// received. No send waits.
///
/// ```
/// # #[cfg(feature = "std")] {
/// use kcoro_core::channel::conflated;
///
/// let (position, now) = conflated();
/// [1, 2, 3].map(|at| position.send(at).unwrap());
/// assert_eq!(now.recv(), Ok(3));
/// # }
/// ```
pub fn conflated<T>() -> (Sender<T>, Receiver<T>) {
    Builder::conflated().build()
}

/// A receiver to which nothing comes, ever: an arm of a select that is not ready, or a wait that only its limit ends.
///
/// No sender is left, and yet it is open; [`Receiver::close`] closes it.
///
/// ```
/// # #[cfg(feature = "std")] {
/// use core::time::Duration;
/// use kcoro_core::channel::{RecvTimeoutError, TryRecvError, never};
///
/// let rx = never::<u8>();
/// assert_eq!(rx.try_recv(), Err(TryRecvError::Empty));
/// assert_eq!(rx.recv_timeout(Duration::from_millis(1)), Err(RecvTimeoutError::TimedOut));
/// # }
/// ```
pub fn never<T>() -> Receiver<T> {
    let state = State::new(Store::new(0), Overflow::Suspend, Tally::OFF);
    // It counts one sender, which nobody has, so that none can be the last to go.
    Receiver::new(Arc::new(Shared::new(state, 0, Hook::None)))
}
