// SPDX-License-Identifier: BSD-3-Clause
//! What an actor's addresses, its handle and the actor itself share: the receiving end of its channel, and whether it is
//! to end.

use crate::channel::Receiver;
use crate::primitive::atomic::{AtomicU8, Ordering};
use crate::scope::catch;

/// What somebody has asked for. It only rises.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
#[repr(u8)]
pub(super) enum Request {
    Nothing = 0,
    Drain = 1,
    Stop = 2,
}

/// A [`Request`] that anyone may raise.
pub(super) struct RequestWord(AtomicU8);

impl RequestWord {
    pub(super) fn new() -> Self {
        Self(AtomicU8::new(Request::Nothing as u8))
    }

    pub(super) fn raise(&self, request: Request) {
        // Release: what the requester did before is seen by who obeys.
        self.0.fetch_max(request as u8, Ordering::Release);
    }

    pub(super) fn get(&self) -> Request {
        // Acquire: as above.
        match self.0.load(Ordering::Acquire) {
            0 => Request::Nothing,
            1 => Request::Drain,
            _ => Request::Stop,
        }
    }
}

/// See the [module](self).
pub(super) struct Mailbox<M> {
    pub(super) receiver: Receiver<M>,
    requested: RequestWord,
    pub(super) name: Option<&'static str>,
}

impl<M> Mailbox<M> {
    pub(super) fn new(receiver: Receiver<M>, name: Option<&'static str>) -> Self {
        Self { receiver, requested: RequestWord::new(), name }
    }

    /// Closes the mailbox, which wakes the actor if it waits for a message; what that makes of it, `request` says.
    pub(super) fn request(&self, request: Request) {
        // Before the close: an actor that sees the close knows why.
        self.requested.raise(request);
        self.receiver.close();
    }

    pub(super) fn requested(&self) -> Request {
        self.requested.get()
    }

    /// Takes no more messages, and gives what is left to the channel's hook. Nobody is to receive after that.
    pub(super) fn finish(&self) {
        self.request(Request::Stop);
        // What panics here is the user's hook, or the drop of a message.
        quietly(|| _ = self.receiver.discard());
    }

    /// A message that was taken out and will not be handled.
    pub(super) fn undelivered(&self, message: M) {
        quietly(|| self.receiver.give_up(message));
    }
}

/// Finishes a mailbox when it goes: on the way out of a coroutine, or with the closure of one that never ran.
pub(super) struct FinishOnDrop<M>(pub(super) alloc::sync::Arc<Mailbox<M>>);

impl<M> Drop for FinishOnDrop<M> {
    fn drop(&mut self) {
        self.0.finish();
    }
}

/// Calls user code whose panic must not go further; the panic hook has reported it.
pub(super) fn quietly(call: impl FnOnce()) {
    if let Err(payload) = catch(call) {
        // Dropping the payload may panic again: it is leaked instead.
        core::mem::forget(payload);
    }
}
