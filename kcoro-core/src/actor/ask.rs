// SPDX-License-Identifier: BSD-3-Clause
//! Asking: a message that carries the right to answer it once.
//!
//! The answer goes through a channel of its own, with room for it, so that who answers never waits for who asks.

use core::fmt;
use core::time::Duration;

use super::address::Address;
use crate::channel::{Receiver, RecvTimeoutError, SendError, SendTimeoutError, Sender, bounded};
use crate::time::Instant;
use crate::wait::CannotWait;

/// The right to answer once. Dropping it unanswered is an error at who asked.
#[must_use = "dropping it tells who asked that there is no answer"]
pub struct Reply<R>(Sender<R>);

impl<R> Reply<R> {
    fn new() -> (Self, Receiver<R>) {
        let (answer, answered) = bounded(1);
        (Self(answer), answered)
    }

    /// Answers. Never waits.
    ///
    /// # Errors
    ///
    /// Nobody waits for the answer any more; it comes back.
    pub fn send(self, answer: R) -> Result<(), R> {
        self.0.try_send(answer).map_err(crate::channel::TrySendError::into_inner)
    }

    /// Whether somebody still waits for the answer.
    pub fn is_wanted(&self) -> bool {
        !self.0.is_closed()
    }
}

impl<R> fmt::Debug for Reply<R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Reply").field("is_wanted", &self.is_wanted()).finish_non_exhaustive()
    }
}

/// Why an ask has no answer.
#[derive(Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum AskError<M> {
    /// The actor was not told, and never will be: the message comes back. `Closed` inside says that it has ended, or is
    /// about to.
    NotTold(SendTimeoutError<M>),
    /// The actor was told, and has ended without an answer.
    Ended,
    /// The actor has dropped the [`Reply`], or its mailbox has dropped the message.
    NoReply,
    /// The time ran out. The actor was told and may still act, but its answer will come back to it.
    TimedOut,
    /// The asking coroutine has been cancelled. The actor was told, as above.
    Cancelled,
    /// The actor was told, but the caller cannot wait for the answer.
    CannotWait(CannotWait),
}

impl<M> AskError<M> {
    /// The message, if the actor was not told.
    pub fn into_message(self) -> Option<M> {
        match self {
            Self::NotTold(why) => Some(why.into_inner()),
            _ => None,
        }
    }

    /// Whether the actor has ended, or is about to, so that asking again is in vain.
    pub fn is_ended(&self) -> bool {
        matches!(self, Self::Ended | Self::NotTold(SendTimeoutError::Closed(_)))
    }

    fn not_told(why: SendError<M>) -> Self {
        Self::NotTold(match why {
            SendError::Closed(message) => SendTimeoutError::Closed(message),
            SendError::Cancelled(message) => SendTimeoutError::Cancelled(message),
            SendError::CannotWait(message, why) => SendTimeoutError::CannotWait(message, why),
        })
    }
}

impl<M> fmt::Debug for AskError<M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "AskError({self})")
    }
}

impl<M> fmt::Display for AskError<M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotTold(SendTimeoutError::Closed(_)) => f.write_str("the actor has ended"),
            Self::NotTold(why) => write!(f, "the actor was not told: {why}"),
            Self::Ended => f.write_str("the actor has ended without an answer"),
            Self::NoReply => f.write_str("the actor gave no answer"),
            Self::TimedOut => f.write_str("timed out waiting for an actor's answer"),
            Self::Cancelled => f.write_str("cancelled while waiting for an actor's answer"),
            Self::CannotWait(why) => why.fmt(f),
        }
    }
}

impl<M> core::error::Error for AskError<M> {}

impl<M> Address<M> {
    /// Tells the message that `message` makes of a [`Reply`], and waits for the answer.
    ///
    /// An actor that asks itself waits for ever.
    ///
    /// # Errors
    ///
    /// See [`AskError`]; at once if the actor has ended. An answer that came before the error is returned instead of it.
    pub fn ask<R>(&self, message: impl FnOnce(Reply<R>) -> M) -> Result<R, AskError<M>> {
        let (reply, answered) = Reply::new();
        self.tell(message(reply)).map_err(AskError::not_told)?;
        self.answer(&answered, None)
    }

    /// As [`Address::ask`], for at most `timeout` in all: for room in the mailbox and for the answer.
    ///
    /// # Errors
    ///
    /// See [`AskError`].
    pub fn ask_timeout<R>(&self, message: impl FnOnce(Reply<R>) -> M, timeout: Duration) -> Result<R, AskError<M>> {
        let (reply, answered) = Reply::new();
        let message = message(reply);
        match Instant::now() {
            Ok(now) => self.ask_until(message, &answered, now.saturating_add(timeout)),
            Err(why) => Err(AskError::NotTold(SendTimeoutError::CannotWait(message, why))),
        }
    }

    /// As [`Address::ask`], until `deadline` at the latest.
    ///
    /// # Errors
    ///
    /// See [`AskError`].
    pub fn ask_deadline<R>(&self, message: impl FnOnce(Reply<R>) -> M, deadline: Instant) -> Result<R, AskError<M>> {
        let (reply, answered) = Reply::new();
        self.ask_until(message(reply), &answered, deadline)
    }

    fn ask_until<R>(&self, message: M, answered: &Receiver<R>, deadline: Instant) -> Result<R, AskError<M>> {
        self.tell_deadline(message, deadline).map_err(AskError::NotTold)?;
        self.answer(answered, Some(deadline))
    }

    /// As [`Address::ask`], from async code. Dropping the future gives up: an answer that comes later goes back to the
    /// actor, one that has come is dropped.
    ///
    /// # Errors
    ///
    /// See [`AskError`].
    pub async fn ask_async<R>(&self, message: impl FnOnce(Reply<R>) -> M) -> Result<R, AskError<M>> {
        let (reply, answered) = Reply::new();
        self.tell_async(message(reply)).await.map_err(AskError::not_told)?;
        answered.recv_async().await.map_err(|_| self.no_answer())
    }

    /// Waits for the answer. Whoever gives up first makes sure that no answer is on its way.
    fn answer<R>(&self, answered: &Receiver<R>, deadline: Option<Instant>) -> Result<R, AskError<M>> {
        let why = match answered.recv_reply(self.id(), deadline) {
            Ok(answer) => return Ok(answer),
            Err(RecvTimeoutError::Closed) => return Err(self.no_answer()),
            Err(why) => why,
        };
        // From here on an answer goes back to the actor.
        answered.close();
        if let Ok(answer) = answered.try_recv() {
            return Ok(answer);
        }
        Err(match why {
            RecvTimeoutError::TimedOut => AskError::TimedOut,
            RecvTimeoutError::CannotWait(why) => AskError::CannotWait(why),
            _ => AskError::Cancelled,
        })
    }

    fn no_answer(&self) -> AskError<M> {
        if self.is_closed() { AskError::Ended } else { AskError::NoReply }
    }
}
