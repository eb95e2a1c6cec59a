// SPDX-License-Identifier: BSD-3-Clause
//! Senders as [`Sink`]s.
#![expect(unsafe_code, reason = "projects pins to their parts")]

use core::fmt;
use core::pin::Pin;
use core::task::{Context, Poll, ready};

use futures_sink::Sink;

use super::core::Shared;
use super::error::{SendError, TrySendError};
use super::future::Sending;
use super::sender::Sender;

/// One send after the other. At most one value waits here for room.
struct Sinking<T>(Option<Sending<T>>);

impl<T> Sinking<T> {
    fn start_send(self: Pin<&mut Self>, channel: &Shared<T>, value: T) -> Result<(), SendError<T>> {
        assert!(self.0.is_none(), "a sink was not ready for another value");
        match channel.try_send(value) {
            Ok(()) => Ok(()),
            Err(TrySendError::Closed(value)) => Err(SendError::Closed(value)),
            Err(TrySendError::Full(value)) => {
                // SAFETY: what was there is `None`, which needs no place.
                unsafe { self.get_unchecked_mut() }.0 = Some(Sending::new(value));
                Ok(())
            }
        }
    }

    fn poll_flush(self: Pin<&mut Self>, channel: &Shared<T>, context: &Context<'_>) -> Poll<Result<(), SendError<T>>> {
        // SAFETY: a send that is there stays in place until it is over.
        let this = unsafe { self.get_unchecked_mut() };
        let Some(sending) = &mut this.0 else { return Poll::Ready(Ok(())) };
        // SAFETY: as above.
        let sent = ready!(unsafe { Pin::new_unchecked(sending) }.poll(channel, context));
        this.0 = None;
        Poll::Ready(sent)
    }

    fn abandon(&mut self, channel: &Shared<T>) {
        if let Some(sending) = &mut self.0 {
            sending.abandon(channel);
        }
    }
}

impl<T> Sender<T> {
    /// The channel as a [`Sink`].
    ///
    /// A value for which there is room, or a receiver, is sent as it is given to the sink; one value more is kept in the
    /// sink until the next that is to be sent, or a flush, has waited for room. Dropping what awaits the sink loses nothing;
    /// dropping the sink drops the value that it keeps. It waits in place, hence must be pinned, and allocates nothing.
    /// Closing it flushes it; the channel stays open.
    ///
    /// When the channel is closed, the value that cannot be sent comes back in the error.
    pub fn sink(&self) -> SendSink<'_, T> {
        SendSink { channel: self.shared(), sinking: Sinking(None) }
    }

    /// As [`Sender::sink`], owning the sender: closing it, once it is flushed, drops the sender.
    pub fn into_sink(self) -> IntoSink<T> {
        IntoSink { sender: Some(self), sinking: Sinking(None) }
    }
}

/// See [`Sender::sink`].
#[must_use = "a sink does nothing until it is used"]
pub struct SendSink<'a, T> {
    channel: &'a Shared<T>,
    sinking: Sinking<T>,
}

impl<T> SendSink<'_, T> {
    fn parts(self: Pin<&mut Self>) -> (&Shared<T>, Pin<&mut Sinking<T>>) {
        let channel = self.channel;
        // SAFETY: pinned with the sink.
        (channel, unsafe { self.map_unchecked_mut(|this| &mut this.sinking) })
    }
}

impl<T> Sink<T> for SendSink<'_, T> {
    type Error = SendError<T>;

    fn poll_ready(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Result<(), SendError<T>>> {
        self.poll_flush(context)
    }

    fn start_send(self: Pin<&mut Self>, value: T) -> Result<(), SendError<T>> {
        let (channel, sinking) = self.parts();
        sinking.start_send(channel, value)
    }

    fn poll_flush(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Result<(), SendError<T>>> {
        let (channel, sinking) = self.parts();
        sinking.poll_flush(channel, context)
    }

    fn poll_close(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Result<(), SendError<T>>> {
        self.poll_flush(context)
    }
}

impl<T> Drop for SendSink<'_, T> {
    fn drop(&mut self) {
        self.sinking.abandon(self.channel);
    }
}

impl<T> fmt::Debug for SendSink<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SendSink").finish_non_exhaustive()
    }
}

/// Owns the sender; see [`Sender::into_sink`].
#[must_use = "a sink does nothing until it is used"]
pub struct IntoSink<T> {
    sinking: Sinking<T>,
    /// There until the sink is closed.
    sender: Option<Sender<T>>,
}

impl<T> IntoSink<T> {
    /// The parts of one that is not closed.
    fn parts(self: Pin<&mut Self>) -> Option<(&Shared<T>, Pin<&mut Sinking<T>>)> {
        // SAFETY: only `sinking` needs to be pinned, and stays so.
        let this = unsafe { self.get_unchecked_mut() };
        // SAFETY: as above.
        Some((this.sender.as_ref()?.shared(), unsafe { Pin::new_unchecked(&mut this.sinking) }))
    }
}

impl<T> Sink<T> for IntoSink<T> {
    type Error = SendError<T>;

    fn poll_ready(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Result<(), SendError<T>>> {
        self.poll_flush(context)
    }

    fn start_send(self: Pin<&mut Self>, value: T) -> Result<(), SendError<T>> {
        match self.parts() {
            Some((channel, sinking)) => sinking.start_send(channel, value),
            None => Err(SendError::Closed(value)),
        }
    }

    fn poll_flush(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Result<(), SendError<T>>> {
        match self.parts() {
            Some((channel, sinking)) => sinking.poll_flush(channel, context),
            None => Poll::Ready(Ok(())),
        }
    }

    fn poll_close(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Result<(), SendError<T>>> {
        let flushed = ready!(self.as_mut().poll_flush(context));
        // SAFETY: the sender needs no place.
        unsafe { self.get_unchecked_mut() }.sender = None;
        Poll::Ready(flushed)
    }
}

impl<T> Drop for IntoSink<T> {
    fn drop(&mut self) {
        if let Some(sender) = &self.sender {
            self.sinking.abandon(sender.shared());
        }
    }
}

impl<T> fmt::Debug for IntoSink<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("IntoSink").field("sender", &self.sender).finish_non_exhaustive()
    }
}
