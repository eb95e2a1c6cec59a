// SPDX-License-Identifier: BSD-3-Clause
//! What a supervisor supervises.

use alloc::boxed::Box;
use alloc::string::ToString;
use alloc::sync::{Arc, Weak};

use super::super::Actor;
use super::super::address::Entrance;
use super::super::builder::Body;
use super::super::life::{Context, StopReason, live};
use super::super::mailbox::{Mailbox, Request};
use super::report::Cause;
use super::{Escalated, Supervisor};

/// How one life of a child ended.
pub(super) enum Exit {
    /// By itself, or because it was asked to.
    Done,
    /// Its coroutine was cancelled.
    Cancelled,
    /// By a failure.
    Failed(Cause),
    /// It had none. Why, its join handle says.
    NeverRan,
}

/// An actor or a supervisor, over all its lives.
pub(super) trait Child: Send + Sync {
    fn name(&self) -> &'static str;

    fn stack_size_bytes(&self) -> Option<usize>;

    /// Lives one life, in the calling coroutine.
    fn live(&self) -> Exit;

    /// Asks it to end.
    fn request(&self, request: Request);

    /// It gets no more lives: whatever is in its mailbox is undelivered.
    fn finish(&self);

    /// Whether it gets no more lives: it was asked to stop, or has been finished. One that is to drain may still need another
    /// to do so.
    fn is_over(&self) -> bool;
}

/// See [`Builder::under`](super::super::Builder::under).
pub(super) struct ActorChild<M, F> {
    mailbox: Arc<Mailbox<M>>,
    entrance: Weak<Entrance<M>>,
    stack_size_bytes: Option<usize>,
    birth: F,
}

impl<M, F> ActorChild<M, F> {
    pub(super) fn new(body: Body<M>, birth: F) -> Self {
        let Body { mailbox, entrance, stack_size_bytes } = body;
        Self { mailbox, entrance: Arc::downgrade(&entrance), stack_size_bytes, birth }
    }
}

impl<A, F> Child for ActorChild<A::Message, F>
where
    A: Actor,
    F: Fn() -> A + Send + Sync,
{
    fn name(&self) -> &'static str {
        self.mailbox.name.unwrap_or("actor")
    }

    fn stack_size_bytes(&self) -> Option<usize> {
        self.stack_size_bytes
    }

    fn live(&self) -> Exit {
        let context = Context { mailbox: self.mailbox.clone(), entrance: self.entrance.clone() };
        let is_last = || self.mailbox.requested() == Request::Stop;
        match live(&self.birth, &context, || {
            if is_last() {
                self.mailbox.finish()
            }
        }) {
            StopReason::Stopped | StopReason::Drained => Exit::Done,
            StopReason::Cancelled => Exit::Cancelled,
            StopReason::Failed(error) => Exit::Failed(Cause::Error(error.to_string())),
            StopReason::Panicked(panicked) => Exit::Failed(Cause::Panicked(panicked)),
        }
    }

    fn request(&self, request: Request) {
        self.mailbox.request(request);
    }

    fn finish(&self) {
        self.mailbox.finish();
    }

    fn is_over(&self) -> bool {
        self.mailbox.requested() == Request::Stop
    }
}

impl Child for Supervisor {
    fn name(&self) -> &'static str {
        self.name
    }

    fn stack_size_bytes(&self) -> Option<usize> {
        None
    }

    fn live(&self) -> Exit {
        match Supervisor::live(self) {
            StopReason::Stopped | StopReason::Drained => Exit::Done,
            StopReason::Cancelled => Exit::Cancelled,
            StopReason::Failed(escalated) => Exit::Failed(Cause::Escalated(Box::<Escalated>::new(escalated))),
            StopReason::Panicked(panicked) => Exit::Failed(Cause::Panicked(panicked)),
        }
    }

    fn request(&self, request: Request) {
        self.requests.raise(request);
    }

    fn finish(&self) {
        self.requests.word.raise(Request::Stop);
        self.children.iter().for_each(|child| child.finish());
    }

    fn is_over(&self) -> bool {
        self.requests.word.get() == Request::Stop
    }
}
