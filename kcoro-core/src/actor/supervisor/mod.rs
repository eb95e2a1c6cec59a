// SPDX-License-Identifier: BSD-3-Clause
//! [`Supervisor`]: starts actors anew that have failed, within limits.
//!
//! | file | what it holds |
//! |---|---|
//! | `child` | what is supervised: an actor, or another supervisor |
//! | `run` | one life of a supervisor: what it does at each event |
//! | `restarts` | how often, how soon |
//! | `report` | what it says of a failure |
//!
//! A supervisor is a coroutine in whose scope its children run. Each child tells it of its end by a message, which the
//! drop of a guard sends, so that none is ever missing.

mod child;
mod report;
mod restarts;
mod run;

use alloc::boxed::Box;
use alloc::sync::Arc;
use alloc::vec::Vec;
use core::fmt;
use core::time::Duration;

pub use self::report::{Cause, ChildFailed, Escalated, WhatNext};

use self::child::{ActorChild, Child};
use self::restarts::Policy;
use self::run::Event;
use super::Actor;
use super::address::Address;
use super::builder::{Body, coroutine};
use super::life::{StopReason, resume_panic};
use super::mailbox::{Request, RequestWord};
use crate::channel::{Receiver, Sender, unbounded};
use crate::sched::{self, Handle, JoinError, JoinHandle, SpawnError, TryJoinError};

/// Whom a failure concerns.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Strategy {
    OneForOne,
    AllForOne,
}

/// See [`Supervisor::on_failure`].
type FailureHook = Box<dyn Fn(&ChildFailed<'_>) + Send + Sync>;

/// How anyone ends a supervisor.
struct Requests {
    word: RequestWord,
    events: Sender<Event>,
}

impl Requests {
    fn raise(&self, request: Request) {
        // Before the event: a supervisor that sees the event looks what is asked of it.
        self.word.raise(request);
        // Closed: it has ended.
        let _ = self.events.try_send(Event::Asked);
    }
}

/// A group of actors that are started anew when they fail, and how: compose it, then spawn it.
///
/// A child that returns an error, or panics where panics can be caught, has failed. It gets a new life, after a backoff,
/// with the same mailbox, so that only the message in hand is lost. More failures than the limit within the window are the
/// supervisor's own failure: it cancels all children and ends; if it has a supervisor itself, that starts it anew, with
/// lives of their own for all its children. A child that ends in any other way (stopped, drained, cancelled) stays ended,
/// and the supervisor ends when all have.
///
/// ```
/// use core::time::Duration;
/// use kcoro_core::actor::{Actor, Builder, Context, Supervisor};
/// use kcoro_core::sched::SpawnError;
///
/// /// Fails at every odd number.
/// struct Halver;
///
/// impl Actor for Halver {
///     type Message = u32;
///     type Error = &'static str;
///
///     fn handle(&mut self, number: u32, _: &Context<u32>) -> Result<(), &'static str> {
///         if number % 2 == 0 { Ok(()) } else { Err("an odd number") }
///     }
/// }
///
/// let mut tree = Supervisor::one_for_one()
///     .name("halvers")
///     .restarts(10, Duration::from_secs(60))
///     .backoff(Duration::from_millis(10), Duration::from_secs(1));
/// let halver = Builder::new().name("halver").under(&mut tree, || Halver);
/// halver.try_tell(8).expect("it will be handled when the tree runs");
/// // Outside of a runtime there is nobody to run it, and the mailbox closes:
/// assert_eq!(tree.spawn().unwrap_err(), SpawnError::NoRuntime);
/// assert!(halver.try_tell(8).is_err());
/// ```
#[must_use = "a supervisor does nothing until it is spawned, or left to another one"]
pub struct Supervisor {
    name: &'static str,
    strategy: Strategy,
    policy: Policy,
    children: Vec<Box<dyn Child>>,
    on_failure: Option<FailureHook>,
    requests: Arc<Requests>,
    events: Receiver<Event>,
}

impl Supervisor {
    fn new(strategy: Strategy) -> Self {
        // So that a child that ends never waits. Each child has one event in it at most.
        let (sender, events) = unbounded();
        let requests = Arc::new(Requests { word: RequestWord::new(), events: sender });
        let (children, on_failure, policy) = (Vec::new(), None, Policy::DEFAULT);
        Self { name: "supervisor", strategy, policy, children, on_failure, requests, events }
    }

    /// Starts the child anew that has failed, and leaves the others alone.
    pub fn one_for_one() -> Self {
        Self::new(Strategy::OneForOne)
    }

    /// Cancels all other children, too, and starts all anew when they have ended; for children that depend on one another.
    pub fn all_for_one() -> Self {
        Self::new(Strategy::AllForOne)
    }

    /// Names it and its coroutine. Default: `supervisor`.
    pub fn name(mut self, name: &'static str) -> Self {
        self.name = name;
        self
    }

    /// How many failures within `window` are answered by a restart; one more is the supervisor's own. Default: 3 within 5
    /// seconds. Zero: none.
    pub fn restarts(mut self, most: usize, window: Duration) -> Self {
        (self.policy.most, self.policy.window) = (most, window);
        self
    }

    /// How long to wait before a restart: `first` for the first within the window, twice as long for each that follows, `most`
    /// at most. Default: not at all.
    pub fn backoff(mut self, first: Duration, most: Duration) -> Self {
        (self.policy.first_backoff, self.policy.most_backoff) = (first, most);
        self
    }

    /// Calls `hook` with each failure of a child, in the supervisor's coroutine; a panic of it goes no further.
    pub fn on_failure(mut self, hook: impl Fn(&ChildFailed<'_>) + Send + Sync + 'static) -> Self {
        self.on_failure = Some(Box::new(hook));
        self
    }

    /// Makes `child` a child, to be started anew, with all its children, when it fails.
    pub fn supervise(&mut self, child: Supervisor) {
        self.children.push(Box::new(child));
    }

    pub(super) fn add_actor<A, M>(&mut self, body: Body<M>, birth: impl Fn() -> A + Send + Sync + 'static) -> Address<M>
    where
        A: Actor<Message = M> + 'static,
        M: Send + 'static,
    {
        let address = Address(body.entrance.clone());
        self.children.push(Box::new(ActorChild::new(body, birth)));
        address
    }

    /// Spawns it in the calling coroutine's runtime. Its children start in the order in which they were added.
    ///
    /// # Errors
    ///
    /// See [`SpawnError`]; mailboxes close.
    #[track_caller]
    pub fn spawn(self) -> Result<SupervisorHandle, SpawnError> {
        self.spawn_with(sched::Builder::new())
    }

    /// Spawns it in `runtime`, from anywhere.
    ///
    /// # Errors
    ///
    /// As [`Supervisor::spawn`].
    #[track_caller]
    pub fn spawn_on(self, runtime: &Handle) -> Result<SupervisorHandle, SpawnError> {
        self.spawn_with(runtime.builder())
    }

    #[track_caller]
    fn spawn_with(self, builder: sched::Builder<'_>) -> Result<SupervisorHandle, SpawnError> {
        let requests = self.requests.clone();
        let builder = coroutine(builder, Some(self.name), None);
        let join = builder.spawn(move || {
            let why = self.live();
            drop(self);
            resume_panic(why)
        })?;
        Ok(SupervisorHandle { join, requests })
    }
}

impl Drop for Supervisor {
    fn drop(&mut self) {
        // On every way out, also of one that never ran.
        self.children.iter().for_each(|child| child.finish());
        self.events.close();
    }
}

impl fmt::Debug for Supervisor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Supervisor").field("name", &self.name).field("children", &self.children.len()).finish()
    }
}

/// The right to end a supervisor and to wait for its end. Dropping it leaves the supervisor to its children.
#[must_use = "dropping the handle leaves the supervisor to its children; use `detach` to say so"]
pub struct SupervisorHandle {
    join: JoinHandle<StopReason<Escalated>>,
    requests: Arc<Requests>,
}

impl SupervisorHandle {
    /// Stops the children, the latest first, each when the one after it has ended: see [`Address::stop`]. Does not wait.
    pub fn stop(&self) {
        self.requests.raise(Request::Stop);
    }

    /// Drains the children, the latest first, each when the one after it has ended: see [`Address::drain`]. No failure is
    /// answered any more: a child that fails meanwhile, or waits for its next life, gets none. Does not wait.
    pub fn drain(&self) {
        self.requests.raise(Request::Drain);
    }

    /// Cancels the supervisor and all its children. Does not wait.
    pub fn cancel(&self) {
        self.join.cancel();
    }

    /// Waits until all children have ended, and returns why: `Failed` if there were more failures than the limit.
    ///
    /// # Errors
    ///
    /// See [`JoinError`].
    pub fn join(self) -> Result<StopReason<Escalated>, JoinError> {
        self.join.join()
    }

    /// As [`SupervisorHandle::join`], for at most `timeout`.
    ///
    /// # Errors
    ///
    /// See [`TryJoinError`].
    pub fn join_timeout(&mut self, timeout: Duration) -> Result<StopReason<Escalated>, TryJoinError> {
        self.join.join_timeout(timeout)
    }

    /// Whether it has ended.
    pub fn is_finished(&self) -> bool {
        self.join.is_finished()
    }

    /// Leaves the supervisor to its children.
    pub fn detach(self) {}
}

impl fmt::Debug for SupervisorHandle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.join.fmt(f)
    }
}
