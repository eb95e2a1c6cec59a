// SPDX-License-Identifier: BSD-3-Clause
//! Tokens that time cancels: deadlines, and the end of a grace period.
//!
//! A node owns its alarms. An alarm knows its node by a pointer that the end of the node takes away under the alarm's lock:
//! so an alarm that goes off finds a node that is alive, or nothing.
#![expect(unsafe_code, reason = "an alarm knows its node by a pointer that it does not count")]

use alloc::sync::Arc;
use core::ptr::NonNull;
use core::time::Duration;

use super::node::{Node, NodeRef};
use super::{CancelToken, Cause, pass};
use crate::primitive::SpinLock;
use crate::sched::Handle;
use crate::sched::timer::{Action, Home, Timer};
use crate::time::{Instant, TimeError};

/// An armed timer of a node; dropping it disarms it. See the [module](self).
pub(super) struct Alarm(Arc<Timer<Cancels>>);

/// What an alarm does.
struct Cancels {
    node: SpinLock<Option<NonNull<Node>>>,
    why: Cause,
}

// SAFETY: nodes may be cancelled from any thread.
unsafe impl Send for Cancels {}
// SAFETY: as above.
unsafe impl Sync for Cancels {}

impl Action for Cancels {
    fn due(timer: &Arc<Timer<Self>>, _now_ns: u64) {
        let node = {
            let node = timer.action.node.lock();
            // SAFETY: the node takes the pointer away, under this lock, before it goes.
            node.and_then(|node| unsafe { NodeRef::of_listed(node) })
        };
        if let Some(node) = node {
            pass::cancel(&node, &timer.action.why);
        }
    }
}

impl Drop for Alarm {
    fn drop(&mut self) {
        *self.0.action.node.lock() = None;
        self.0.finish();
    }
}

/// Which alarm of a node.
#[derive(Clone, Copy)]
pub(super) enum Which {
    Deadline,
    Grace,
}

/// How many alarms a node can have.
pub(super) const ALARMS: usize = 2;

/// Has `node` cancelled at `at_ns`, at once if that is past. Does nothing if it has such an alarm.
fn cancel_at(node: &NodeRef, which: Which, home: Home, at_ns: u64, why: Cause) {
    if home.now_ns().is_some_and(|now_ns| at_ns <= now_ns) {
        pass::cancel(node, &why);
        return;
    }
    let timer = Timer::new(home, Cancels { node: SpinLock::new(Some(node.as_ptr())), why });
    let alarm = Alarm(timer.clone());
    let mut refused = None;
    match node.lock_open() {
        Some(mut attached) => match &mut attached.alarms[which as usize] {
            Some(_) => refused = Some(alarm),
            none => *none = Some(alarm),
        },
        None => refused = Some(alarm),
    }
    // After the lock. One that is refused is over before it is armed.
    drop(refused);
    timer.arm(at_ns);
}

impl CancelToken {
    /// A [`child`](CancelToken::child) that is cancelled at `deadline`, for [`Cause::Deadline`], if it has not been by then;
    /// at once if that is past. Never early.
    ///
    /// The deadline is kept by the runtime that the caller runs on, for as long as that runs. Hooks that it calls run where
    /// nobody can wait.
    ///
    /// # Errors
    ///
    /// [`TimeError::CannotWait`] outside of a runtime: use [`CancelToken::child_with_deadline_on`].
    /// [`TimeError::Clock`] if the instant is of another clock.
    pub fn child_with_deadline(&self, deadline: Instant) -> Result<CancelToken, TimeError> {
        self.child_with_deadline_at(Home::here()?, deadline)
    }

    /// As [`CancelToken::child_with_deadline`], with a deadline `timeout` from now. [`Duration::MAX`] is no deadline.
    ///
    /// ```
    /// # use core::time::Duration;
    /// # use kcoro_core::cancel::CancelToken;
    /// # use kcoro_core::channel::Receiver;
    /// # use kcoro_core::time::TimeError;
    /// fn handle(request: Receiver<u8>, server: &CancelToken) -> Result<usize, TimeError> {
    ///     // Until the server stops, and no longer than a second.
    ///     let limited = server.child_with_timeout(Duration::from_secs(1))?;
    ///     Ok(limited.run(|| request.iter().count()))
    /// }
    /// ```
    ///
    /// # Errors
    ///
    /// [`TimeError::CannotWait`] outside of a runtime: use [`CancelToken::child_with_timeout_on`].
    pub fn child_with_timeout(&self, timeout: Duration) -> Result<CancelToken, TimeError> {
        let home = Home::here()?;
        let at_ns = home.reading_after(timeout);
        Ok(self.child_cancelled_at(home, at_ns))
    }

    /// As [`CancelToken::child_with_deadline`], from anywhere; `runtime` keeps the deadline.
    ///
    /// # Errors
    ///
    /// [`TimeError::Clock`] if the instant is of another clock than the runtime's.
    pub fn child_with_deadline_on(&self, runtime: &Handle, deadline: Instant) -> Result<CancelToken, TimeError> {
        self.child_with_deadline_at(Home::of(runtime), deadline)
    }

    /// As [`CancelToken::child_with_timeout`], from anywhere; `runtime` keeps the deadline.
    #[must_use]
    pub fn child_with_timeout_on(&self, runtime: &Handle, timeout: Duration) -> CancelToken {
        let home = Home::of(runtime);
        let at_ns = home.reading_after(timeout);
        self.child_cancelled_at(home, at_ns)
    }

    /// [Announces](CancelToken::announce_cancel) the cancel now and cancels the token, for [`Cause::Cancelled`], when `grace`
    /// has passed. Of several grace periods the first counts; a cancel in between is not held up.
    ///
    /// # Errors
    ///
    /// [`TimeError::CannotWait`] outside of a runtime, and nothing is done: use [`CancelToken::cancel_with_grace_on`].
    pub fn cancel_with_grace(&self, grace: Duration) -> Result<(), TimeError> {
        self.cancel_after(Home::here()?, grace);
        Ok(())
    }

    /// As [`CancelToken::cancel_with_grace`], from anywhere; `runtime` keeps the time.
    pub fn cancel_with_grace_on(&self, runtime: &Handle, grace: Duration) {
        self.cancel_after(Home::of(runtime), grace);
    }

    fn cancel_after(&self, home: Home, grace: Duration) {
        self.announce_cancel();
        let at_ns = home.reading_after(grace);
        cancel_at(&self.node, Which::Grace, home, at_ns, Cause::Cancelled);
    }

    fn child_with_deadline_at(&self, home: Home, deadline: Instant) -> Result<CancelToken, TimeError> {
        let at_ns = home.reading_at(deadline)?;
        Ok(self.child_cancelled_at(home, at_ns))
    }

    fn child_cancelled_at(&self, home: Home, at_ns: u64) -> CancelToken {
        let child = self.child();
        cancel_at(&child.node, Which::Deadline, home, at_ns, Cause::Deadline);
        child
    }
}
