// SPDX-License-Identifier: BSD-3-Clause
//! Actors: a state that one coroutine owns, and that others reach by messages only.
//!
//! An [`Actor`] handles one message after the other. [`spawn`] gives its [`Address`], with which anyone tells and asks it,
//! and its [`ActorHandle`], with which its owner stops it and waits for its end. A [`Supervisor`] starts actors anew that
//! have failed. There is nothing below that is an actor's own: one is a coroutine that receives from a channel.
//!
//! ```
//! use core::convert::Infallible;
//! use kcoro_core::actor::{Actor, AskError, Context, Reply, spawn};
//!
//! struct Counter(u64);
//!
//! enum Message {
//!     Add(u64),
//!     Get(Reply<u64>),
//! }
//!
//! impl Actor for Counter {
//!     type Message = Message;
//!     type Error = Infallible;
//!
//!     fn handle(&mut self, message: Message, _: &Context<Message>) -> Result<(), Infallible> {
//!         match message {
//!             Message::Add(count) => self.0 += count,
//!             // Who asked may have given up meanwhile: then the answer comes back, and is dropped.
//!             Message::Get(reply) => drop(reply.send(self.0)),
//!         }
//!         Ok(())
//!     }
//! }
//!
//! // Called in a coroutine:
//! fn count() -> Result<u64, AskError<Message>> {
//!     let (counter, _handle) = spawn(Counter(0)).expect("a runtime");
//!     for _ in 0..3 {
//!         counter.tell(Message::Add(2)).expect("it lives");
//!     }
//!     counter.ask(Message::Get)
//! }
//! ```
//!
//! # What becomes of messages
//!
//! A mailbox is a [channel](Builder::mailbox) of any kind, with that channel's order, capacity and overflow policy. A message
//! is handled once, or comes back to its sender, or goes to the channel's [hook](crate::channel::Builder::on_undelivered). An actor that was
//! asked and will not answer, for whatever reason, is an error at who asks, at once.
//!
//! # How an actor ends
//!
//! | by | the message in hand | the mailbox | [`StopReason`] |
//! |---|---|---|---|
//! | [`stop`](Address::stop) | is finished | undelivered | `Stopped` |
//! | [`drain`](Address::drain), the last address dropped, the channel closed | is finished | is finished | `Drained` |
//! | a [cancel](ActorHandle::cancel), a shutdown | its waits return `Cancelled` | undelivered | `Cancelled` |
//! | an error, a panic | is lost | undelivered; of a supervised actor kept for its next life | `Failed`, `Panicked` |
//!
//! In every case [`Actor::on_stop`] is called exactly once for each [`Actor::on_start`]: not for one that never ran, and not
//! for one that its runtime had to [abandon](crate::sched::ShutdownReport).

mod address;
mod ask;
mod builder;
mod life;
mod mailbox;
mod supervisor;

use core::fmt;

pub use self::address::Address;
pub use self::ask::{AskError, Reply};
pub use self::builder::{ActorHandle, Builder, DEFAULT_MAILBOX, spawn};
pub use self::life::{Context, StopReason};
pub use self::supervisor::{Cause, ChildFailed, Escalated, Supervisor, SupervisorHandle, WhatNext};

/// A state, and what it does with messages.
///
/// All methods are called by the actor's own coroutine, never two at a time; they may wait.
pub trait Actor {
    /// What it is told.
    type Message: Send + 'static;
    /// How it fails.
    type Error: fmt::Display + Send + 'static;

    /// Called first.
    ///
    /// # Errors
    ///
    /// The actor ends, as by an error of [`Actor::handle`].
    fn on_start(&mut self, context: &Context<Self::Message>) -> Result<(), Self::Error> {
        let _ = context;
        Ok(())
    }

    /// Called for each message.
    ///
    /// # Errors
    ///
    /// The actor ends; a supervisor starts a new one in its place.
    fn handle(&mut self, message: Self::Message, context: &Context<Self::Message>) -> Result<(), Self::Error>;

    /// Called last, also after a panic of the other two, with what the actor ends by. When it was cancelled, what waits in
    /// here returns `Cancelled`.
    fn on_stop(&mut self, why: &StopReason<Self::Error>) {
        let _ = why;
    }
}
