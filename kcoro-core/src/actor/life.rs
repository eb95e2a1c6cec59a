// SPDX-License-Identifier: BSD-3-Clause
//! One life of an actor: from its start to its stop.

use alloc::sync::{Arc, Weak};
use core::fmt;

use super::Actor;
use super::address::{Address, Entrance};
use super::mailbox::{Mailbox, Request};
use crate::channel::RecvError;
use crate::sched::Panicked;
use crate::scope::catch;

/// What an actor ends by.
#[non_exhaustive]
pub enum StopReason<E> {
    /// It was stopped.
    Stopped,
    /// It has finished its mailbox: it was drained, or nobody could reach it any more.
    Drained,
    /// Its coroutine was cancelled: by its handle, its supervisor or the shutdown of its runtime.
    Cancelled,
    /// It returned this error.
    Failed(E),
    /// It panicked. Who joins it gets this as [`JoinError::Panicked`](crate::sched::JoinError).
    Panicked(Panicked),
}

impl<E: fmt::Display> fmt::Display for StopReason<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Stopped => f.write_str("stopped"),
            Self::Drained => f.write_str("drained"),
            Self::Cancelled => f.write_str("cancelled"),
            Self::Failed(error) => write!(f, "failed: {error}"),
            Self::Panicked(panicked) => write!(f, "panicked: {panicked}"),
        }
    }
}

impl<E: fmt::Display> fmt::Debug for StopReason<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "StopReason({self})")
    }
}

/// The actor's own view of itself, in its methods.
pub struct Context<M> {
    pub(super) mailbox: Arc<Mailbox<M>>,
    pub(super) entrance: Weak<Entrance<M>>,
}

impl<M> Context<M> {
    /// The actor's address, unless nobody has one any more. Keep none in the actor: it could then always be reached, and
    /// would never end for want of messages.
    pub fn address(&self) -> Option<Address<M>> {
        self.entrance.upgrade().map(Address)
    }

    /// As [`Address::stop`]: this is the last message.
    pub fn stop(&self) {
        self.mailbox.request(Request::Stop);
    }

    /// As [`Address::drain`].
    pub fn drain(&self) {
        self.mailbox.request(Request::Drain);
    }

    /// Whether this is the last message, because the actor is to stop.
    pub fn is_stopping(&self) -> bool {
        self.mailbox.requested() == Request::Stop
    }

    /// The actor's name, if it was given one.
    pub fn name(&self) -> Option<&'static str> {
        self.mailbox.name
    }
}

impl<M> fmt::Debug for Context<M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Context").field("name", &self.name()).finish_non_exhaustive()
    }
}

/// Lives the life of the actor that `birth` makes. `before_stop` is called when it has handled its last message.
///
/// Panics of the actor end here: the first one is the reason.
pub(super) fn live<A: Actor>(
    birth: impl FnOnce() -> A,
    context: &Context<A::Message>,
    before_stop: impl FnOnce(),
) -> StopReason<A::Error> {
    crate::sched::serve(context.mailbox.receiver.id());
    let mut actor = match catch(birth) {
        Ok(actor) => actor,
        Err(payload) => {
            before_stop();
            return StopReason::Panicked(Panicked::new(payload));
        }
    };
    let served = catch(|| serve(&mut actor, context));
    let mut why = served.unwrap_or_else(|payload| StopReason::Panicked(Panicked::new(payload)));
    before_stop();
    for last in [catch(|| actor.on_stop(&why)), catch(|| drop(actor))] {
        match last {
            Err(payload) if !matches!(why, StopReason::Failed(_) | StopReason::Panicked(_)) => {
                why = StopReason::Panicked(Panicked::new(payload));
            }
            // It had failed before, which is what others must hear of; the panic hook has reported this one.
            Err(payload) => core::mem::forget(payload),
            Ok(()) => {}
        }
    }
    why
}

fn serve<A: Actor>(actor: &mut A, context: &Context<A::Message>) -> StopReason<A::Error> {
    let mailbox = &context.mailbox;
    if let Err(error) = actor.on_start(context) {
        return StopReason::Failed(error);
    }
    loop {
        match mailbox.receiver.recv() {
            Ok(message) if context.is_stopping() => {
                mailbox.undelivered(message);
                return StopReason::Stopped;
            }
            Ok(message) => {
                if let Err(error) = actor.handle(message, context) {
                    return StopReason::Failed(error);
                }
            }
            Err(RecvError::Closed) if context.is_stopping() => return StopReason::Stopped,
            Err(RecvError::Closed) => return StopReason::Drained,
            // Whoever runs an actor can wait, so this is a cancel.
            Err(_) => return StopReason::Cancelled,
        }
    }
}

/// Goes on with the panic that an actor ended by, so that it arrives where panics of coroutines do.
pub(super) fn resume_panic<E>(why: StopReason<E>) -> StopReason<E> {
    match why {
        StopReason::Panicked(panicked) => crate::scope::resume(panicked.into_payload()),
        why => why,
    }
}
