// SPDX-License-Identifier: BSD-3-Clause
//! The receiving half, and its iterators.

use alloc::sync::Arc;
use core::fmt;
use core::time::Duration;

use super::core::Shared;
use super::drain::Drain;
use super::error::{RecvError, RecvTimeoutError, TryRecvError};
use super::future::RecvFuture;
use super::stats::Stats;
use super::waiting::limit_at;
use crate::task::wait_record::{ChannelId, WaitsFor};
use crate::time::{Instant, ns_of};
use crate::wait::Limit;

/// Receives values from a channel; clone it for more receivers, each value goes to one of them. Dropping the last one
/// closes the channel and discards what is buffered: it goes to the [hook](super::Builder::on_undelivered), or is dropped.
pub struct Receiver<T>(Arc<Shared<T>>);

impl<T> Receiver<T> {
    pub(super) fn new(shared: Arc<Shared<T>>) -> Self {
        Self(shared)
    }

    pub(super) fn shared(&self) -> &Shared<T> {
        &self.0
    }

    /// Receives a value, waiting for one.
    ///
    /// # Errors
    ///
    /// See [`RecvError`].
    #[inline]
    pub fn recv(&self) -> Result<T, RecvError> {
        self.0.recv(Limit::Never).map_err(RecvTimeoutError::without_deadline)
    }

    /// Receives a value if one is there, buffered or with a waiting sender. Never a cancellation point.
    ///
    /// # Errors
    ///
    /// See [`TryRecvError`].
    pub fn try_recv(&self) -> Result<T, TryRecvError> {
        self.0.try_recv()
    }

    /// As [`Receiver::recv`], for at most `timeout`.
    ///
    /// # Errors
    ///
    /// See [`RecvTimeoutError`].
    pub fn recv_timeout(&self, timeout: Duration) -> Result<T, RecvTimeoutError> {
        self.0.recv(Limit::AfterNs(ns_of(timeout)))
    }

    /// As [`Receiver::recv`], until `deadline` at the latest.
    ///
    /// # Errors
    ///
    /// See [`RecvTimeoutError`].
    pub fn recv_deadline(&self, deadline: Instant) -> Result<T, RecvTimeoutError> {
        self.0.recv(limit_at(deadline).map_err(RecvTimeoutError::Clock)?)
    }

    /// As [`Receiver::recv`] or, with a `deadline`, [`Receiver::recv_deadline`]; dumps say that the value is the reply of the
    /// actor with this mailbox.
    #[cfg(not(loom))]
    pub(crate) fn recv_reply(&self, of: ChannelId, deadline: Option<Instant>) -> Result<T, RecvTimeoutError> {
        let limit = deadline.map_or(Ok(Limit::Never), limit_at).map_err(RecvTimeoutError::Clock)?;
        self.0.recv_as(limit, |_| WaitsFor::Reply(of))
    }

    /// Receives a value from async code. Dropping the future gives up; a value that it had already won goes to the next
    /// receiver that waits, or else is the next to be received.
    ///
    /// The future does not know the coroutine that polls it, so it is no cancellation point.
    pub fn recv_async(&self) -> RecvFuture<'_, T> {
        RecvFuture::new(&self.0)
    }

    /// Receives until the channel is closed and drained, or the coroutine is cancelled. When that was the cancel of a
    /// [region](crate::cancel::CancelToken::run), the iterator can go on after it.
    ///
    /// ```
    /// # #[cfg(feature = "std")] {
    /// use kcoro_core::channel::{RecvError, bounded};
    ///
    /// let (tx, rx) = bounded(4);
    /// [1, 2, 3].map(|n| tx.send(n).unwrap());
    /// drop(tx);
    /// assert_eq!(rx.iter().collect::<Vec<_>>(), [1, 2, 3]);
    /// assert_eq!(rx.recv(), Err(RecvError::Closed));
    /// # }
    /// ```
    pub fn iter(&self) -> Iter<'_, T> {
        Iter(self)
    }

    /// Receives what is there now.
    pub fn try_iter(&self) -> TryIter<'_, T> {
        TryIter(self)
    }

    /// Takes all that is buffered, in one step, and lets waiting senders into the room that this makes.
    ///
    /// The values are received: those that the iterator is dropped with are dropped, and do not go to the hook. Of a
    /// rendezvous channel it takes nothing, for nothing is buffered. Not a cancellation point.
    ///
    /// ```
    /// # #[cfg(feature = "std")] {
    /// use kcoro_core::channel::bounded;
    ///
    /// let (tx, rx) = bounded(3);
    /// [1, 2, 3].map(|n| tx.send(n).unwrap());
    /// let values = rx.drain();
    /// assert!(rx.is_empty() && values.len() == 3);
    /// tx.send(4).unwrap();
    /// assert_eq!(values.collect::<Vec<_>>(), [1, 2, 3]);
    /// # }
    /// ```
    pub fn drain(&self) -> Drain<T> {
        Drain::new(self.0.drain())
    }

    /// As [`Receiver::drain`], but the values go to the [hook](super::Builder::on_undelivered), as
    /// [`Undelivered::Discarded`](super::Undelivered::Discarded), or are dropped. Says how many they were.
    ///
    /// # Panics
    ///
    /// When the hook or a destructor does, after all values have gone their way.
    pub fn discard(&self) -> usize {
        self.0.discard()
    }

    /// Gives a value that was received and that its receiver has no use for to the hook, or drops it.
    #[cfg(not(loom))]
    pub(crate) fn give_up(&self, value: T) {
        self.0.hook.give(value, super::Undelivered::Discarded);
    }

    /// Closes the channel for everyone: sends fail, receives drain what is buffered. Says whether it was open.
    pub fn close(&self) -> bool {
        self.0.close()
    }

    /// Whether the channel is closed; values may still be buffered.
    pub fn is_closed(&self) -> bool {
        self.0.is_closed()
    }

    /// How many values are buffered.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether nothing is buffered.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Whether the buffer is full; that of a rendezvous channel always is.
    pub fn is_full(&self) -> bool {
        self.len() >= self.capacity()
    }

    /// How many values the channel can hold: zero for rendezvous, `usize::MAX` for unbounded.
    pub fn capacity(&self) -> usize {
        self.0.capacity
    }

    /// What the channel has done until now, if it was built [with stats](super::Builder::with_stats).
    pub fn stats(&self) -> Option<Stats> {
        self.0.stats()
    }

    /// What tells this channel from others, in a [`Dump`](crate::sched::Dump) for example.
    pub fn id(&self) -> ChannelId {
        self.0.id()
    }

    /// Whether the two receive from the same channel.
    pub fn same_channel(&self, other: &Receiver<T>) -> bool {
        Arc::ptr_eq(&self.0, &other.0)
    }
}

impl<T> Clone for Receiver<T> {
    fn clone(&self) -> Self {
        Self(self.0.add_receiver())
    }
}

impl<T> Drop for Receiver<T> {
    fn drop(&mut self) {
        self.0.drop_receiver();
    }
}

impl<T> fmt::Debug for Receiver<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Receiver").field("len", &self.len()).field("capacity", &self.capacity()).finish_non_exhaustive()
    }
}

/// See [`Receiver::iter`].
#[derive(Debug)]
pub struct Iter<'a, T>(&'a Receiver<T>);

impl<T> Iterator for Iter<'_, T> {
    type Item = T;

    fn next(&mut self) -> Option<T> {
        self.0.recv().ok()
    }
}

/// See [`Receiver::try_iter`].
#[derive(Debug)]
pub struct TryIter<'a, T>(&'a Receiver<T>);

impl<T> Iterator for TryIter<'_, T> {
    type Item = T;

    fn next(&mut self) -> Option<T> {
        self.0.try_recv().ok()
    }
}

/// Owns the receiver; see [`Receiver::iter`].
#[derive(Debug)]
pub struct IntoIter<T>(Receiver<T>);

impl<T> Iterator for IntoIter<T> {
    type Item = T;

    fn next(&mut self) -> Option<T> {
        self.0.recv().ok()
    }
}

impl<T> IntoIterator for Receiver<T> {
    type Item = T;
    type IntoIter = IntoIter<T>;

    fn into_iter(self) -> IntoIter<T> {
        IntoIter(self)
    }
}

impl<'a, T> IntoIterator for &'a Receiver<T> {
    type Item = T;
    type IntoIter = Iter<'a, T>;

    fn into_iter(self) -> Iter<'a, T> {
        self.iter()
    }
}
