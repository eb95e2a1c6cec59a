// SPDX-License-Identifier: BSD-3-Clause
//! Keeping cancels off, and asking why they came.
#![expect(unsafe_code, reason = "a record that lies in a frame; the deadline in the current coroutine's header")]

use core::pin::{Pin, pin};
use core::ptr::NonNull;

use super::Cause;
use super::region::{self, Region};
use crate::task::header::TaskRef;
use crate::task::schedule::{NO_DEADLINE, Place, WorkerHead};
use crate::task::sources::{Kind, Source};

/// Runs `body` without being cancelled: what comes from outside of it (a cancel of the whole coroutine, of its scope or
/// runtime, of a token that a region around obeys, the limit of an enclosing [`timeout`](crate::time::timeout)) takes effect
/// when it has returned. Regions and limits inside of it count as ever.
///
/// For what must be finished once it is begun. Keep it short: a shutdown waits for it. Outside of a coroutine there is
/// nothing to keep off.
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
    let Place::Coroutine(_, task) = Place::current() else { return body() };
    // SAFETY: the running coroutine is live.
    let task = unsafe { TaskRef::retain(task) };
    let record = pin!(Source::new(Kind::Shield));
    let _up = Up::raise(record.as_ref(), task);
    body()
}

/// Takes the shield down on every way out. As with regions, whoever has carried the frame off may be who does it.
struct Up {
    source: NonNull<Source>,
    task: TaskRef,
    /// The deadline of the enclosing time limits.
    around_ns: u64,
}

impl Up {
    fn raise(source: Pin<&Source>, task: TaskRef) -> Up {
        let source = NonNull::from(source.get_ref());
        // SAFETY: it is pinned in the frame of `shield`, which this guard lies in, too.
        unsafe { task.sources.enter(&task.claim, source) };
        // The coroutine is the current one: the deadline is its own field.
        let around_ns = task.deadline_ns.replace(NO_DEADLINE);
        Up { source, task, around_ns }
    }
}

impl Drop for Up {
    fn drop(&mut self) {
        // The header is kept, so no other coroutine has its address.
        if Place::coroutine() == Some(self.task.as_ptr()) {
            self.task.deadline_ns.set(self.around_ns);
        }
        // SAFETY: it was entered there, and its frame is still there.
        if let Some(won) = unsafe { self.task.sources.leave(&self.task.claim, self.source) } {
            region::wake(self.task.as_ptr(), won);
        }
    }
}

/// Why the calling coroutine is cancelled, if it is: then each wait that can be cancelled returns `Cancelled`.
///
/// Of several causes it is that of the innermost region whose token has been cancelled; then that of the whole coroutine,
/// which is always [`Cause::Cancelled`]; then [`Cause::Deadline`] for a time limit that has passed. What a [`shield`] keeps
/// off does not count.
pub fn cause() -> Option<Cause> {
    let Place::Coroutine(head, task) = Place::current() else { return None };
    // SAFETY: the running coroutine is live.
    let header = unsafe { task.as_ref() };
    // SAFETY: a cancelled source is that of a region, which is live while it is entered.
    if let Some(node) = header.sources.with_cancelled(|source| unsafe { Region::node_of(source) }) {
        return node.cause().cloned();
    }
    if header.claim.is_cancelled() {
        return Some(Cause::Cancelled);
    }
    // SAFETY: the calling worker is live.
    let is_late =
        header.deadline_ns.get() != NO_DEADLINE && unsafe { WorkerHead::now_ns(head) } >= header.deadline_ns.get();
    is_late.then_some(Cause::Deadline)
}
