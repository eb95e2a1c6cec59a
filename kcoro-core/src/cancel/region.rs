// SPDX-License-Identifier: BSD-3-Clause
//! Code that obeys a token: the record that ties a coroutine to a node, and the region that it stands for.
//!
//! The record lies in the frame of [`CancelToken::run`](super::CancelToken::run), where no safe code can forget it: it is
//! unlinked from both of its lists before the frame goes, on every way out. If a primitive coroutine has carried that frame
//! off, whoever resumes or drops it does that. The record of a spawn lies on the heap, and its coroutine unlinks it at its
//! end.
//!
//! To enter: first the list of the coroutine, then that of the node, or, if the node has been cancelled, the cancel. To leave:
//! first the node's. So while a record is on the list of a node it can be cancelled, and a cancel that is under way holds the
//! lock that the leave must take.
#![expect(unsafe_code, reason = "records that lie in frames are linked by raw pointer")]

use core::marker::PhantomPinned;
use core::pin::{Pin, pin};
use core::ptr::NonNull;

use super::node::NodeRef;
use crate::task::claim::Won;
use crate::task::header::{Header, TaskRef};
use crate::task::schedule::Place;
use crate::task::sources::{Kind, Source};
use crate::util::list::{Links, Listed};

/// See the [module](self).
#[repr(C)]
pub(super) struct Region {
    /// First, because the coroutine's list knows the source only.
    source: Source,
    links: Links<Region>,
    node: NodeRef,
    task: TaskRef,
    _pinned: PhantomPinned,
}

// SAFETY: the links are a field of their own that only the list touches.
unsafe impl Listed for Region {
    fn links(this: NonNull<Self>) -> NonNull<Links<Self>> {
        // SAFETY: a listed region is live.
        unsafe { NonNull::new_unchecked(&raw mut (*this.as_ptr()).links) }
    }
}

impl Region {
    pub(super) fn new(kind: Kind, node: NodeRef, task: TaskRef) -> Region {
        Region { source: Source::new(kind), links: Links::new(), node, task, _pinned: PhantomPinned }
    }

    /// The coroutine of `this`, which is the caller or has not started, obeys the node from now on.
    ///
    /// # Safety
    ///
    /// `this` was made just now and stays in place until it has been left.
    pub(super) unsafe fn enter(this: NonNull<Region>) {
        // SAFETY: the caller's promise: it is live.
        let region = unsafe { this.as_ref() };
        let (claim, sources) = (&region.task.claim, &region.task.sources);
        // SAFETY: forwarded; the source is the first field.
        unsafe { sources.enter(claim, this.cast()) };
        match region.node.lock_open() {
            // SAFETY: forwarded.
            Some(mut attached) => unsafe { attached.regions.push_back(this) },
            None => {
                // SAFETY: it has been entered above.
                let won = unsafe { sources.cancel(claim, this.cast()) };
                debug_assert_eq!(won, None, "who enters a region does not wait");
            }
        }
    }

    /// The region ends.
    ///
    /// # Safety
    ///
    /// `this` has been entered, and is live.
    pub(super) unsafe fn leave(this: NonNull<Region>) {
        // SAFETY: the caller's promise.
        let region = unsafe { this.as_ref() };
        // SAFETY: it is on the list of this node or on none. A cancel that is under way is over when we have the lock.
        unsafe { region.node.lock().regions.remove(this) };
        // SAFETY: it was entered in these sources.
        let won = unsafe { region.task.sources.leave(&region.task.claim, this.cast()) };
        if let Some(won) = won {
            wake(region.task.as_ptr(), won);
        }
    }

    /// The node of `this` has been cancelled. Returns the coroutine whose wait that ended.
    ///
    /// # Safety
    ///
    /// `this` has just been taken off the list of its node, whose lock is held.
    pub(super) unsafe fn cancel(this: NonNull<Region>) -> Option<(NonNull<Header>, Won)> {
        // SAFETY: who leaves it takes the lock that the caller holds.
        let region = unsafe { this.as_ref() };
        // SAFETY: it was entered in these sources before it was listed.
        let won = unsafe { region.task.sources.cancel(&region.task.claim, this.cast()) }?;
        Some((region.task.as_ptr(), won))
    }

    /// The node of a region, by its source.
    ///
    /// # Safety
    ///
    /// `source` is that of a live region.
    pub(super) unsafe fn node_of(source: NonNull<Source>) -> NodeRef {
        // SAFETY: the source is the first field.
        unsafe { source.cast::<Region>().as_ref() }.node.clone()
    }
}

/// Makes a coroutine ready whose wait a cancel has won.
pub(super) fn wake(task: NonNull<Header>, won: Won) {
    #[cfg(not(loom))]
    // SAFETY: the win, if it was of a park, made the task ours.
    unsafe {
        crate::sched::tell_cancelled(task, won);
    }
    crate::wait::wake::make_ready(task, won);
}

/// Runs `body` in a region of the calling coroutine that obeys `node`; if there is no coroutine, just so.
pub(super) fn run<T>(node: &NodeRef, body: impl FnOnce() -> T) -> T {
    let Place::Coroutine(_, task) = Place::current() else { return body() };
    // SAFETY: the running coroutine is live.
    let task = unsafe { TaskRef::retain(task) };
    let region = pin!(Region::new(Kind::Region, node.clone(), task));
    let _inside = Inside::enter(region.as_ref());
    body()
}

/// Leaves the region on every way out. It is never handed out, so it is never forgotten.
struct Inside(NonNull<Region>);

impl Inside {
    fn enter(region: Pin<&Region>) -> Inside {
        let region = NonNull::from(region.get_ref());
        // SAFETY: it is pinned in the frame of `run`, which this guard lies in, too: it is left before the frame goes.
        unsafe { Region::enter(region) };
        Inside(region)
    }
}

impl Drop for Inside {
    fn drop(&mut self) {
        // SAFETY: it was entered, and its frame is still there.
        unsafe { Region::leave(self.0) };
    }
}
