// SPDX-License-Identifier: BSD-3-Clause
//! [`Builder`]: how an actor is to be made; [`ActorHandle`]: how its owner waits for its end.

use alloc::sync::Arc;
use core::fmt;
use core::time::Duration;

use super::Actor;
use super::address::{Address, Entrance};
use super::life::{Context, StopReason, live, resume_panic};
use super::mailbox::{FinishOnDrop, Mailbox, Request};
use super::supervisor::Supervisor;
use crate::channel::{Receiver, Sender, bounded};
use crate::sched::{self, Handle, JoinError, JoinHandle, SpawnError, TryJoinError};

/// How many messages a mailbox holds unless its actor was given another: `tell` waits while it is full.
pub const DEFAULT_MAILBOX: usize = 64;

/// How an actor is to be made.
///
/// ```
/// # use core::convert::Infallible;
/// use kcoro_core::actor::{Actor, Builder, Context};
/// use kcoro_core::channel;
/// use kcoro_core::sched::SpawnError;
///
/// struct Printer;
///
/// impl Actor for Printer {
///     type Message = String;
///     type Error = Infallible;
///
///     fn handle(&mut self, text: String, _: &Context<String>) -> Result<(), Infallible> {
///         println!("{text}");
///         Ok(())
///     }
/// }
///
/// // The newest three texts wait; what is older, or left at the end, is said to be lost.
/// let texts = channel::Builder::bounded(3)
///     .overflow(channel::Overflow::DropOldest)
///     .on_undelivered(|text, why| println!("{text} is lost: {why:?}"));
/// let printer = Builder::new().name("printer").mailbox(texts.build());
/// // Outside of a runtime there is nobody to run it:
/// assert_eq!(printer.spawn(Printer).unwrap_err(), SpawnError::NoRuntime);
/// ```
#[must_use = "a builder does nothing until it spawns"]
pub struct Builder<M> {
    name: Option<&'static str>,
    stack_size_bytes: Option<usize>,
    mailbox: Option<(Sender<M>, Receiver<M>)>,
}

/// The parts of an actor that all its lives share.
pub(super) struct Body<M> {
    pub(super) mailbox: Arc<Mailbox<M>>,
    pub(super) entrance: Arc<Entrance<M>>,
    pub(super) stack_size_bytes: Option<usize>,
}

impl<M> Default for Builder<M> {
    fn default() -> Self {
        Self::new()
    }
}

impl<M> Builder<M> {
    /// An actor without a name, with room for [`DEFAULT_MAILBOX`] messages.
    pub const fn new() -> Self {
        Self { name: None, stack_size_bytes: None, mailbox: None }
    }

    /// Names it and its coroutine, for dumps and reports.
    pub const fn name(mut self, name: &'static str) -> Self {
        self.name = Some(name);
        self
    }

    /// Gives its coroutine a stack of at least this many usable bytes, instead of the runtime's default.
    pub const fn stack_size(mut self, bytes: usize) -> Self {
        self.stack_size_bytes = Some(bytes);
        self
    }

    /// Gives it this channel for its mailbox, of whatever kind. Keep clones of neither end: the actor would not end for want
    /// of messages, and not get what another receives.
    ///
    /// What is in the mailbox when the actor ends goes to the channel's
    /// [hook](crate::channel::Builder::on_undelivered), as [`Discarded`](crate::channel::Undelivered::Discarded). The hook is
    /// called where the actor ends, and must not wait; a panic of it goes no further.
    pub fn mailbox(mut self, channel: (Sender<M>, Receiver<M>)) -> Self {
        self.mailbox = Some(channel);
        self
    }

    pub(super) fn body(self) -> Body<M> {
        let (sender, receiver) = self.mailbox.unwrap_or_else(|| bounded(DEFAULT_MAILBOX));
        let mailbox = Arc::new(Mailbox::new(receiver, self.name));
        let entrance = Arc::new(Entrance { sender, mailbox: mailbox.clone() });
        Body { mailbox, entrance, stack_size_bytes: self.stack_size_bytes }
    }

    /// Spawns `actor` in the calling coroutine's runtime.
    ///
    /// # Errors
    ///
    /// See [`SpawnError`]; the actor is dropped.
    #[track_caller]
    pub fn spawn<A>(self, actor: A) -> Result<(Address<M>, ActorHandle<A>), SpawnError>
    where
        A: Actor<Message = M> + Send + 'static,
        M: Send + 'static,
    {
        self.body().spawn(sched::Builder::new(), actor)
    }

    /// Spawns `actor` in `runtime`, from anywhere.
    ///
    /// # Errors
    ///
    /// See [`SpawnError`]; the actor is dropped.
    #[track_caller]
    pub fn spawn_on<A>(self, runtime: &Handle, actor: A) -> Result<(Address<M>, ActorHandle<A>), SpawnError>
    where
        A: Actor<Message = M> + Send + 'static,
        M: Send + 'static,
    {
        self.body().spawn(runtime.builder(), actor)
    }

    /// Leaves the actor to `supervisor`, which calls `birth` for each of its lives, in the actor's own coroutine. The
    /// address is good for all of them, also before the first.
    pub fn under<A>(self, supervisor: &mut Supervisor, birth: impl Fn() -> A + Send + Sync + 'static) -> Address<M>
    where
        A: Actor<Message = M> + 'static,
        M: Send + 'static,
    {
        supervisor.add_actor(self.body(), birth)
    }
}

impl<M> fmt::Debug for Builder<M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Builder").field("name", &self.name).finish_non_exhaustive()
    }
}

/// The options of the coroutine of an actor.
pub(super) fn coroutine<'a>(
    builder: sched::Builder<'a>,
    name: Option<&'static str>,
    stack_size_bytes: Option<usize>,
) -> sched::Builder<'a> {
    let builder = name.into_iter().fold(builder, sched::Builder::name);
    stack_size_bytes.into_iter().fold(builder, sched::Builder::stack_size)
}

impl<M: Send + 'static> Body<M> {
    #[track_caller]
    fn spawn<A>(self, builder: sched::Builder<'_>, actor: A) -> Result<(Address<M>, ActorHandle<A>), SpawnError>
    where
        A: Actor<Message = M> + Send + 'static,
    {
        let Body { mailbox, entrance, stack_size_bytes } = self;
        let context = Context { mailbox: mailbox.clone(), entrance: Arc::downgrade(&entrance) };
        // Goes with the closure, should that never run.
        let finish = FinishOnDrop(mailbox.clone());
        let life = move || resume_panic(live(|| actor, &context, || drop(finish)));
        let join = coroutine(builder, mailbox.name, stack_size_bytes).spawn(life)?;
        Ok((Address(entrance), ActorHandle { join, mailbox }))
    }
}

/// Spawns `actor` in the calling coroutine's runtime: [`Builder::spawn`] with nothing special.
///
/// # Errors
///
/// See [`SpawnError`]; the actor is dropped.
#[track_caller]
pub fn spawn<A>(actor: A) -> Result<(Address<A::Message>, ActorHandle<A>), SpawnError>
where
    A: Actor + Send + 'static,
{
    Builder::new().spawn(actor)
}

/// The right to wait for an actor's end. Dropping it leaves the actor to its addresses.
#[must_use = "dropping the handle leaves the actor to its addresses; use `detach` to say so"]
pub struct ActorHandle<A: Actor> {
    join: JoinHandle<StopReason<A::Error>>,
    mailbox: Arc<Mailbox<A::Message>>,
}

impl<A: Actor> ActorHandle<A> {
    /// As [`Address::stop`].
    pub fn stop(&self) {
        self.mailbox.request(Request::Stop);
    }

    /// As [`Address::drain`].
    pub fn drain(&self) {
        self.mailbox.request(Request::Drain);
    }

    /// Cancels the actor's coroutine: what its handler waits for returns `Cancelled`, and so does every later wait. It ends
    /// when the handler has returned. Does not wait.
    pub fn cancel(&self) {
        self.join.cancel();
    }

    /// Waits for the actor's end, and returns why it ended.
    ///
    /// # Errors
    ///
    /// See [`JoinError`]: it panicked, or never ran, or the wait itself ended early.
    pub fn join(self) -> Result<StopReason<A::Error>, JoinError> {
        self.join.join()
    }

    /// As [`ActorHandle::join`], for at most `timeout`.
    ///
    /// # Errors
    ///
    /// See [`TryJoinError`].
    pub fn join_timeout(&mut self, timeout: Duration) -> Result<StopReason<A::Error>, TryJoinError> {
        self.join.join_timeout(timeout)
    }

    /// Whether the actor has ended.
    pub fn is_finished(&self) -> bool {
        self.join.is_finished()
    }

    /// The number of the actor's coroutine.
    pub fn id(&self) -> u64 {
        self.join.id()
    }

    /// Leaves the actor to its addresses.
    pub fn detach(self) {}
}

impl<A: Actor> fmt::Debug for ActorHandle<A> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.join.fmt(f)
    }
}
