// SPDX-License-Identifier: BSD-3-Clause
//! Cancellation: tokens that form a tree, and the code that obeys them.
//!
//! [`CancelToken::run`] runs a closure in a *region* that obeys the token; `Builder::token`
//! makes that the whole coroutine. When the token is cancelled, a parked operation in the region is woken at once, and every
//! later one that would wait returns `Cancelled`, until the region ends: the level counts, not the moment. The closure itself
//! runs on to its end, so nothing that it holds is lost. Then the coroutine can wait again.
//!
//! ```
//! use kcoro_core::cancel::{CancelToken, Cause};
//!
//! let server = CancelToken::new();
//! let request = server.child();
//! let hook = request.on_cancel(|why| assert_eq!(why, &Cause::Message("shutdown")));
//! assert!(server.cancel_with("shutdown"));
//! assert!(request.is_cancelled(), "a cancel reaches all below");
//! assert!(!server.cancel(), "the first one counts");
//! assert_eq!(request.cause(), Some(Cause::Message("shutdown")));
//! # drop(hook);
//! ```
//!
//! # What a cancel does
//!
//! It marks the token and all below it, wakes who obeys or waits for one of them, and then calls the hooks, all on the
//! calling thread, in time linear in what it reaches, without recursion, without memory of its own, and with no lock held
//! that a hook or waker could want. When [`CancelToken::cancel`] returns `true` all of this has been done; when it returns
//! `false` somebody else did it, or is about to.
//!
//! Tokens may be cancelled from anywhere that may allocate: from coroutines, threads, hooks, drops, also twice. A hook may
//! cancel other tokens (their hooks then run inside of it), register hooks, and drop tokens. A hook that panics is reported
//! by the panic hook and ends there: the others run.
//!
//! # What is not cancelled
//!
//! `try_` forms; [`shield`]s; leaving a scope; code that computes. An operation that was completed by its other side
//! completes, and the cancel is seen at the next. At its entry an operation looks first whether it is cancelled, then
//! whether what it works on is closed, then at its time limit.
//!
//! | file | what it holds |
//! |---|---|
//! | `node` | tokens in memory: counted nodes of a tree |
//! | `pass` | a cancel on its way through a tree |
//! | `region`, `spawn` | code and coroutines that obey a token |
//! | `shield` | keeping cancels off; asking for the cause |
//! | `deadline` | tokens that time cancels |
//! | `static_token` | tokens in statics |
//! | `hook`, `wait`, `arm` | hooks; waiting for a cancel, alone or in a select |

mod arm;
mod cause;
#[cfg(all(feature = "alloc", not(loom)))]
mod deadline;
#[cfg(feature = "alloc")]
mod hook;
#[cfg(all(test, loom))]
mod loom_tests;
mod node;
mod pass;
mod region;
mod shield;
#[cfg(all(feature = "alloc", not(loom)))]
mod spawn;
#[cfg(not(loom))]
mod static_token;
#[cfg(all(test, not(loom)))]
mod tests;
mod wait;

/// Models have no time.
#[cfg(loom)]
mod deadline {
    pub(super) const ALARMS: usize = 2;
    pub(super) struct Alarm;
}

#[cfg(feature = "alloc")]
use alloc::boxed::Box;
use core::fmt;

#[cfg(feature = "alloc")]
pub use self::hook::HookGuard;
#[cfg(not(loom))]
pub use self::static_token::StaticToken;
pub use self::{
    arm::CancelledArm,
    cause::Cause,
    shield::{cause, shield},
    wait::Cancelled,
};
use crate::task::wait_record::TokenId;
use crate::wait::WaitError;
use node::NodeRef;

/// Says when work is to end; see the [module](self). Clones are the same token. Dropping one cancels nothing.
#[derive(Clone)]
pub struct CancelToken {
    node: NodeRef,
}

impl CancelToken {
    /// A token that nothing but itself cancels.
    #[cfg(feature = "alloc")]
    pub fn new() -> Self {
        Self { node: NodeRef::root() }
    }

    /// A token that is cancelled with this one, or before. If this one has been cancelled the child is from the start, for
    /// the same cause.
    ///
    /// Takes constant time, and so does dropping it.
    #[cfg(feature = "alloc")]
    #[must_use]
    pub fn child(&self) -> Self {
        Self { node: NodeRef::child_of(&self.node) }
    }

    /// Cancels this token and all below it, for [`Cause::Cancelled`]. Says whether this call did it: `false` if it had been
    /// cancelled before.
    pub fn cancel(&self) -> bool {
        self.cancel_with(Cause::Cancelled)
    }

    /// As [`CancelToken::cancel`], for this cause. The cause of who came first stays, also for each child.
    pub fn cancel_with(&self, why: impl Into<Cause>) -> bool {
        pass::cancel(&self.node, &why.into())
    }

    /// Whether it has been cancelled. While a cancel is on its way, a child may not have been reached yet.
    pub fn is_cancelled(&self) -> bool {
        self.node.is_cancelled()
    }

    /// Lets [`CancelToken::is_cancelling`] of this token and all below it say so, and nothing else: work that looks at it may
    /// come to an end before it is cancelled. Says whether this is the first to announce or cancel it.
    pub fn announce_cancel(&self) -> bool {
        self.node.announce_cancel()
    }

    /// Whether its cancel, or that of a token above it, has been announced or done. Takes time in proportion to the depth
    /// below the root.
    pub fn is_cancelling(&self) -> bool {
        self.node.is_cancelling()
    }

    /// Why it was cancelled, if it was.
    pub fn cause(&self) -> Option<Cause> {
        self.node.cause().cloned()
    }

    /// Waits until it is cancelled, in a coroutine or, with feature `std`, on a thread, and returns the cause.
    ///
    /// # Errors
    ///
    /// [`WaitError::Cancelled`] if the caller is cancelled and this token is not;
    /// [`WaitError::CannotWait`] if it is not cancelled yet and the caller cannot wait.
    pub fn cancelled(&self) -> Result<Cause, WaitError> {
        wait::wait(&self.node)
    }

    /// A future that is ready with the cause when this token has been cancelled.
    ///
    /// ```
    /// # #[cfg(feature = "std")] {
    /// use kcoro_core::cancel::{CancelToken, Cause};
    /// use kcoro_core::wait::block_on;
    ///
    /// let token = CancelToken::new();
    /// let other = token.clone();
    /// let canceller = std::thread::spawn(move || other.cancel());
    /// assert_eq!(block_on(token.cancelled_async()), Ok(Cause::Cancelled));
    /// # canceller.join().unwrap();
    /// # }
    /// ```
    pub fn cancelled_async(&self) -> Cancelled<'_> {
        Cancelled::new(&self.node)
    }

    /// Has `hook` called once when this token is cancelled, on the thread that cancels it; at once if it has been. Dropping
    /// the guard takes the hook back.
    ///
    /// The hook may do whatever its caller may, but should not wait: a deadline calls it where nobody can. A hook that holds
    /// its own token, or a child of it, keeps both alive until the cancel.
    #[cfg(feature = "alloc")]
    pub fn on_cancel(&self, hook: impl FnOnce(&Cause) + Send + 'static) -> HookGuard {
        HookGuard::register(&self.node, Box::new(hook))
    }

    /// Runs `body` in a region of the calling coroutine that obeys this token; with feature `std` a plain thread has such
    /// regions, too. Regions nest: inside, each token counts.
    ///
    /// Where nobody can wait (on the base context of a worker, in a handler, on a thread whose thread-locals are gone) there
    /// is nothing to interrupt: the closure just runs.
    ///
    /// ```
    /// # use kcoro_core::cancel::CancelToken;
    /// # use kcoro_core::channel::{Receiver, Sender};
    /// fn serve(requests: &Receiver<u32>, log: &Sender<u32>, until: &CancelToken) {
    ///     let served = until.run(|| requests.iter().count());
    ///     // The region is over: this waits, also if we were cancelled in it.
    ///     log.send(served as u32).ok();
    /// }
    /// ```
    pub fn run<T>(&self, body: impl FnOnce() -> T) -> T {
        region::run(&self.node, body)
    }

    /// What tells this token from others, in a `Dump` for example.
    pub fn id(&self) -> TokenId {
        TokenId::of(self.node.as_ptr().as_ptr())
    }

    /// Whether the two are the same token.
    pub fn same_token(&self, other: &CancelToken) -> bool {
        self.node.as_ptr() == other.node.as_ptr()
    }
}

#[cfg(feature = "alloc")]
impl Default for CancelToken {
    fn default() -> Self {
        Self::new()
    }
}

impl fmt::Debug for CancelToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CancelToken").field("id", &self.id()).field("cause", &self.node.cause()).finish()
    }
}
