// SPDX-License-Identifier: BSD-3-Clause
//! Keeping cancels off, and asking why they came.
#![expect(unsafe_code, reason = "a record that lies in a frame; the deadline in the current coroutine's header")]

use core::pin::{Pin, pin};
use core::ptr::NonNull;

use super::Cause;
use super::region::{Region, Runner};
#[cfg(feature = "std")]
use crate::platform::system_clock;
use crate::task::schedule::{NO_DEADLINE, Place, WorkerHead};
use crate::task::sources::{Kind, Source};
#[cfg(feature = "std")]
use crate::wait::thread;

/// Runs `body` without being cancelled: what comes from outside of it (a cancel of the whole coroutine, of its scope or
/// runtime, of a token that a region around obeys, the limit of an enclosing [`timeout`](crate::time::timeout)) takes effect
/// when it has returned. Regions and limits inside of it count as ever.
///
/// For what must be finished once it is begun. Keep it short: a shutdown waits for it. On a plain thread it keeps off the
/// regions and limits around it.
///
/// ```
/// # use kcoro_core::cancel::shield;
/// # use kcoro_core::channel::{Sender, SendError};
/// fn commit(log: &Sender<&'static str>) -> Result<(), SendError<&'static str>> {
///     // Both or none, even if we are cancelled in between.
///     shield(|| log.send("begin").and_then(|()| log.send("end")))
/// }
/// ```
pub fn shield<T>(body: impl FnOnce() -> T) -> T {
    let Some(runner) = Runner::current() else { return body() };
    let record = pin!(Source::new(Kind::Shield));
    let _up = Up::raise(record.as_ref(), runner);
    body()
}

/// Takes the shield down on every way out. As with regions, whoever has carried the frame off may be who does it.
struct Up {
    source: NonNull<Source>,
    runner: Runner,
    /// The deadline of the enclosing time limits.
    around_ns: u64,
}

impl Up {
    fn raise(source: Pin<&Source>, runner: Runner) -> Up {
        let source = NonNull::from(source.get_ref());
        let (claim, sources) = runner.claim_and_sources();
        // SAFETY: it is pinned in the frame of `shield`, which this guard lies in, too.
        unsafe { sources.enter(claim, source) };
        let around_ns = match &runner {
            // It is the current one: the deadline is its own field.
            Runner::Coroutine(task) => task.deadline_ns.replace(NO_DEADLINE),
            #[cfg(feature = "std")]
            Runner::Thread(_) => thread::replace_limit(NO_DEADLINE),
        };
        Up { source, runner, around_ns }
    }
}

impl Drop for Up {
    fn drop(&mut self) {
        match &self.runner {
            // The header is kept, so no other coroutine has its address.
            Runner::Coroutine(task) if Place::coroutine() == Some(task.as_ptr()) => {
                task.deadline_ns.set(self.around_ns);
            }
            Runner::Coroutine(_) => {}
            #[cfg(feature = "std")]
            Runner::Thread(_) => _ = thread::replace_limit(self.around_ns),
        }
        // SAFETY: it was entered there, and its frame is still there.
        unsafe { self.runner.leave(self.source) };
    }
}

/// Why the calling coroutine, or the region that the calling thread is in, is cancelled, if it is: then each wait that can be
/// cancelled returns `Cancelled`.
///
/// Of several causes it is that of the innermost region whose token has been cancelled; then that of the whole coroutine,
/// which is always [`Cause::Cancelled`]; then [`Cause::Deadline`] for a time limit that has passed. What a [`shield`] keeps
/// off does not count.
pub fn cause() -> Option<Cause> {
    let runner = Runner::current()?;
    let (claim, sources) = runner.claim_and_sources();
    // SAFETY: a cancelled source is that of a region, which is live while it is entered.
    if let Some(node) = sources.with_cancelled(|source| unsafe { Region::node_of(source) }) {
        return node.cause().cloned();
    }
    if claim.is_cancelled() {
        return Some(Cause::Cancelled);
    }
    let is_late = match Place::current() {
        Place::Coroutine(head, task) => {
            // SAFETY: the running coroutine is live.
            let deadline_ns = unsafe { task.as_ref() }.deadline_ns.get();
            // SAFETY: the calling worker is live.
            deadline_ns != NO_DEADLINE && unsafe { WorkerHead::now_ns(head) } >= deadline_ns
        }
        #[cfg(feature = "std")]
        Place::Outside => thread::limit_ns() != NO_DEADLINE && system_clock::now_ns() >= thread::limit_ns(),
        _ => false,
    };
    is_late.then_some(Cause::Deadline)
}
