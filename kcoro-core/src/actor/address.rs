// SPDX-License-Identifier: BSD-3-Clause
//! [`Address`]: how others reach an actor.

use alloc::sync::Arc;
use core::fmt;
use core::time::Duration;

use super::mailbox::{Mailbox, Request};
use crate::channel::{ChannelId, SendError, SendFuture, SendTimeoutError, Sender, TrySendError};
use crate::time::Instant;

/// Tells an actor messages, asks it, and ends it. Cheap to clone, and good for all lives of a supervised actor.
///
/// When the last address is gone, no message can come any more: the actor finishes its mailbox and ends.
pub struct Address<M>(pub(super) Arc<Entrance<M>>);

/// What addresses share. The actor itself holds it weakly.
pub(super) struct Entrance<M> {
    pub(super) sender: Sender<M>,
    pub(super) mailbox: Arc<Mailbox<M>>,
}

impl<M> Address<M> {
    /// Puts `message` into the mailbox, waiting for room as its channel says.
    ///
    /// # Errors
    ///
    /// See [`SendError`]; the message comes back. `Closed`: the actor has ended, or is about to.
    pub fn tell(&self, message: M) -> Result<(), SendError<M>> {
        self.0.sender.send(message)
    }

    /// Puts `message` into the mailbox if there is room. Never waits; no cancellation point.
    ///
    /// # Errors
    ///
    /// See [`TrySendError`]; the message comes back.
    pub fn try_tell(&self, message: M) -> Result<(), TrySendError<M>> {
        self.0.sender.try_send(message)
    }

    /// As [`Address::tell`], for at most `timeout`.
    ///
    /// # Errors
    ///
    /// See [`SendTimeoutError`]; the message comes back.
    pub fn tell_timeout(&self, message: M, timeout: Duration) -> Result<(), SendTimeoutError<M>> {
        self.0.sender.send_timeout(message, timeout)
    }

    /// As [`Address::tell`], until `deadline` at the latest.
    ///
    /// # Errors
    ///
    /// See [`SendTimeoutError`]; the message comes back.
    pub fn tell_deadline(&self, message: M, deadline: Instant) -> Result<(), SendTimeoutError<M>> {
        self.0.sender.send_deadline(message, deadline)
    }

    /// As [`Address::tell`], from async code: see [`Sender::send_async`].
    pub fn tell_async(&self, message: M) -> SendFuture<'_, M> {
        self.0.sender.send_async(message)
    }

    /// Ends the actor when it has finished the message in hand; what is in the mailbox stays undelivered. Does not wait.
    ///
    /// A handler that waits goes on waiting: [cancel](super::ActorHandle::cancel) the actor to interrupt it.
    pub fn stop(&self) {
        self.0.mailbox.request(Request::Stop);
    }

    /// Ends the actor when it has finished all that is in its mailbox; no more is taken. Does not wait.
    pub fn drain(&self) {
        self.0.mailbox.request(Request::Drain);
    }

    /// Whether the actor takes no more messages: it has ended, or is about to.
    pub fn is_closed(&self) -> bool {
        self.0.sender.is_closed()
    }

    /// How many messages are in the mailbox.
    pub fn len(&self) -> usize {
        self.0.sender.len()
    }

    /// Whether the mailbox is empty.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The actor's name, if it was given one.
    pub fn name(&self) -> Option<&'static str> {
        self.0.mailbox.name
    }

    /// The mailbox as dumps name it.
    pub fn id(&self) -> ChannelId {
        self.0.sender.id()
    }

    /// Whether the two are of the same actor.
    pub fn same_actor(&self, other: &Address<M>) -> bool {
        Arc::ptr_eq(&self.0, &other.0)
    }
}

impl<M> Clone for Address<M> {
    fn clone(&self) -> Self {
        Self(self.0.clone())
    }
}

impl<M> fmt::Debug for Address<M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Address").field("name", &self.name()).field("len", &self.len()).finish_non_exhaustive()
    }
}
