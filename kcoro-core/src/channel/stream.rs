// SPDX-License-Identifier: BSD-3-Clause
//! Receivers as [`Stream`]s.
#![expect(unsafe_code, reason = "projects pins to their parts")]

use core::fmt;
use core::pin::Pin;
use core::task::{Context, Poll, ready};

use futures_core::stream::{FusedStream, Stream};

use super::core::Shared;
use super::future::Receiving;
use super::receiver::Receiver;

/// One receive after the other, until the channel is closed and drained.
struct Streaming<T> {
    receiving: Receiving<T>,
    has_ended: bool,
}

impl<T> Streaming<T> {
    fn new() -> Self {
        Self { receiving: Receiving::new(), has_ended: false }
    }

    fn poll_next(self: Pin<&mut Self>, channel: &Shared<T>, context: &Context<'_>) -> Poll<Option<T>> {
        // SAFETY: only `receiving` needs to be pinned, and stays so.
        let this = unsafe { self.get_unchecked_mut() };
        if this.has_ended {
            return Poll::Ready(None);
        }
        // SAFETY: as above.
        let mut receiving = unsafe { Pin::new_unchecked(&mut this.receiving) };
        let received = ready!(receiving.as_mut().poll(channel, context));
        match received {
            Ok(_) => receiving.begin_anew(),
            Err(_) => this.has_ended = true,
        }
        Poll::Ready(received.ok())
    }
}

impl<T> Receiver<T> {
    /// The values to come, as a [`Stream`] that ends when the channel is closed and drained.
    ///
    /// It waits in place, hence must be pinned, and allocates nothing. Dropping what awaits its next value loses nothing:
    /// a value that came meanwhile is the next that the stream yields. One that the stream has when it is dropped goes to
    /// the next receiver that waits, or else is the next to be received.
    ///
    /// ```
    /// # #[cfg(feature = "std")] {
    /// use core::future::poll_fn;
    /// use core::pin::pin;
    /// use futures_core::Stream;
    /// use kcoro_core::channel::bounded;
    /// use kcoro_core::wait::block_on;
    ///
    /// let (tx, rx) = bounded(2);
    /// [1, 2].map(|n| tx.send(n).unwrap());
    /// drop(tx);
    /// let mut values = pin!(rx.stream());
    /// let sum = block_on(async {
    ///     let mut sum = 0;
    ///     while let Some(value) = poll_fn(|context| values.as_mut().poll_next(context)).await {
    ///         sum += value;
    ///     }
    ///     sum
    /// });
    /// assert_eq!(sum, Ok(3));
    /// # }
    /// ```
    pub fn stream(&self) -> RecvStream<'_, T> {
        RecvStream { channel: self.shared(), streaming: Streaming::new() }
    }

    /// As [`Receiver::stream`], owning the receiver.
    pub fn into_stream(self) -> IntoStream<T> {
        IntoStream { receiver: self, streaming: Streaming::new() }
    }
}

/// See [`Receiver::stream`].
#[must_use = "a stream does nothing until it is polled"]
pub struct RecvStream<'a, T> {
    channel: &'a Shared<T>,
    streaming: Streaming<T>,
}

impl<T> Stream for RecvStream<'_, T> {
    type Item = T;

    fn poll_next(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<T>> {
        let channel = self.channel;
        // SAFETY: pinned with the stream.
        unsafe { self.map_unchecked_mut(|this| &mut this.streaming) }.poll_next(channel, context)
    }
}

impl<T> FusedStream for RecvStream<'_, T> {
    fn is_terminated(&self) -> bool {
        self.streaming.has_ended
    }
}

impl<T> Drop for RecvStream<'_, T> {
    fn drop(&mut self) {
        self.streaming.receiving.abandon(self.channel);
    }
}

impl<T> fmt::Debug for RecvStream<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RecvStream").finish_non_exhaustive()
    }
}

/// Owns the receiver; see [`Receiver::into_stream`].
#[must_use = "a stream does nothing until it is polled"]
pub struct IntoStream<T> {
    streaming: Streaming<T>,
    receiver: Receiver<T>,
}

impl<T> Stream for IntoStream<T> {
    type Item = T;

    fn poll_next(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<T>> {
        // SAFETY: only `streaming` needs to be pinned, and stays so.
        let this = unsafe { self.get_unchecked_mut() };
        // SAFETY: as above.
        unsafe { Pin::new_unchecked(&mut this.streaming) }.poll_next(this.receiver.shared(), context)
    }
}

impl<T> FusedStream for IntoStream<T> {
    fn is_terminated(&self) -> bool {
        self.streaming.has_ended
    }
}

impl<T> Drop for IntoStream<T> {
    fn drop(&mut self) {
        // The receiver goes after this: if it is the last, what is given back is discarded with the rest.
        self.streaming.receiving.abandon(self.receiver.shared());
    }
}

impl<T> fmt::Debug for IntoStream<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("IntoStream").field("receiver", &self.receiver).finish_non_exhaustive()
    }
}
