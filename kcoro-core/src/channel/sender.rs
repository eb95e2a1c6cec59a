// SPDX-License-Identifier: BSD-3-Clause
//! The sending half.

use alloc::sync::Arc;
use core::fmt;
use core::time::Duration;

use super::core::Shared;
use super::error::{SendError, SendTimeoutError, TrySendError};
use super::future::SendFuture;
use super::stats::Stats;
use super::waiting::limit_at;
use crate::task::wait_record::ChannelId;
use crate::time::{Instant, ns_of};
use crate::wait::Limit;

/// Sends values into a channel; clone it for more senders. Dropping the last one closes the channel.
pub struct Sender<T>(Arc<Shared<T>>);

impl<T> Sender<T> {
    pub(super) fn new(shared: Arc<Shared<T>>) -> Self {
        Self(shared)
    }

    pub(super) fn shared(&self) -> &Shared<T> {
        &self.0
    }

    /// Sends `value`, waiting for room (bounded) or for the receive that takes it (rendezvous). A channel that is unbounded,
    /// conflated, or [drops what is too much](super::Overflow) never waits; the values that it drops go to its hook.
    ///
    /// # Errors
    ///
    /// See [`SendError`]; the value comes back.
    // Not inlined: where many senders share one copy, more returns after a switch go where the processor expects them.
    pub fn send(&self, value: T) -> Result<(), SendError<T>> {
        self.0.send(value, Limit::Never).map_err(SendTimeoutError::without_deadline)
    }

    /// Sends `value` if that needs no wait: there is room, or can be made, or a receiver waits. Never a cancellation point.
    ///
    /// ```
    /// use kcoro_core::channel::{TrySendError, bounded};
    ///
    /// let (tx, rx) = bounded(1);
    /// assert_eq!(tx.try_send("first"), Ok(()));
    /// assert_eq!(tx.try_send("second"), Err(TrySendError::Full("second")));
    /// tx.close();
    /// assert_eq!(tx.try_send("third"), Err(TrySendError::Closed("third")));
    /// // What was in before stays.
    /// assert_eq!(rx.try_iter().collect::<Vec<_>>(), ["first"]);
    /// ```
    ///
    /// # Errors
    ///
    /// See [`TrySendError`]; the value comes back.
    pub fn try_send(&self, value: T) -> Result<(), TrySendError<T>> {
        self.0.try_send(value)
    }

    /// As [`Sender::send`], for at most `timeout`.
    ///
    /// ```
    /// # #[cfg(feature = "std")] {
    /// use core::time::Duration;
    /// use kcoro_core::channel::{SendTimeoutError, rendezvous};
    ///
    /// let (tx, _rx) = rendezvous();
    /// let late = tx.send_timeout("value", Duration::from_millis(1));
    /// assert_eq!(late, Err(SendTimeoutError::TimedOut("value")));
    /// # }
    /// ```
    ///
    /// # Errors
    ///
    /// See [`SendTimeoutError`]; the value comes back.
    pub fn send_timeout(&self, value: T, timeout: Duration) -> Result<(), SendTimeoutError<T>> {
        self.0.send(value, Limit::AfterNs(ns_of(timeout)))
    }

    /// As [`Sender::send`], until `deadline` at the latest.
    ///
    /// # Errors
    ///
    /// See [`SendTimeoutError`]; the value comes back.
    pub fn send_deadline(&self, value: T, deadline: Instant) -> Result<(), SendTimeoutError<T>> {
        match limit_at(deadline) {
            Ok(limit) => self.0.send(value, limit),
            Err(why) => Err(SendTimeoutError::Clock(value, why)),
        }
    }

    /// Sends `value` from async code. Dropping the future before it is ready drops the value, unless a receiver has just
    /// taken it.
    ///
    /// The future does not know the coroutine that polls it, so it is no cancellation point.
    ///
    /// ```
    /// # #[cfg(feature = "std")] {
    /// use kcoro_core::channel::bounded;
    /// use kcoro_core::wait::block_on;
    ///
    /// let (tx, rx) = bounded(1);
    /// let sum = block_on(async {
    ///     tx.send_async(1).await.unwrap();
    ///     rx.recv_async().await.unwrap() + 1
    /// });
    /// assert_eq!(sum, Ok(2));
    /// # }
    /// ```
    pub fn send_async(&self, value: T) -> SendFuture<'_, T> {
        SendFuture::new(&self.0, value)
    }

    /// Closes the channel for everyone: sends fail, receives drain what is buffered. Says whether it was open.
    pub fn close(&self) -> bool {
        self.0.close()
    }

    /// Whether the channel is closed.
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

    /// Whether the two send into the same channel.
    pub fn same_channel(&self, other: &Sender<T>) -> bool {
        Arc::ptr_eq(&self.0, &other.0)
    }
}

impl<T> Clone for Sender<T> {
    fn clone(&self) -> Self {
        Self(self.0.add_sender())
    }
}

impl<T> Drop for Sender<T> {
    fn drop(&mut self) {
        self.0.drop_sender();
    }
}

impl<T> fmt::Debug for Sender<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Sender").field("len", &self.len()).field("capacity", &self.capacity()).finish_non_exhaustive()
    }
}
