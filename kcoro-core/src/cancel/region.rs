// SPDX-License-Identifier: BSD-3-Clause
//! Code that obeys a token: the record that ties who runs it, a coroutine or a thread, to a node, and the region that it
//! stands for.
//!
//! The record lies in the frame of [`CancelToken::run`](super::CancelToken::run), where no safe code can forget it: it is
//! unlinked from both of its lists before the frame goes, on every way out. If a primitive coroutine has carried that frame
//! off, whoever resumes or drops it does that. The record of a spawn lies on the heap, and its coroutine unlinks it at its
//! end.
//!
//! To enter: first the list of who runs, then that of the node, or, if the node has been cancelled, the cancel. To leave:
//! first the node's. So while a record is on the list of a node it can be cancelled, and a cancel that is under way holds the
//! lock that the leave must take.
#![expect(unsafe_code, reason = "records that lie in frames are linked by raw pointer")]

#[cfg(feature = "std")]
use alloc::sync::Arc;
use core::marker::PhantomPinned;
use core::pin::{Pin, pin};
use core::ptr::NonNull;

use super::node::NodeRef;
use crate::task::claim::Claim;
use crate::task::header::TaskRef;
use crate::task::schedule::Place;
use crate::task::sources::{Kind, Source, Sources};
use crate::util::list::{Links, Listed};
#[cfg(feature = "std")]
use crate::wait::thread::ThreadParker;
use crate::wait::wake::{Wake, WakeHandle};

/// See the [module](self).
#[repr(C)]
pub(super) struct Region {
    /// First, because the coroutine's list knows the source only.
    source: Source,
    links: Links<Region>,
    node: NodeRef,
    runner: Runner,
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
    pub(super) fn new(kind: Kind, node: NodeRef, runner: Runner) -> Region {
        Region { source: Source::new(kind), links: Links::new(), node, runner, _pinned: PhantomPinned }
    }

    /// The runner of `this`, which is the caller or has not started, obeys the node from now on.
    ///
    /// # Safety
    ///
    /// `this` was made just now and stays in place until it has been left.
    pub(super) unsafe fn enter(this: NonNull<Region>) {
        // SAFETY: the caller's promise: it is live.
        let region = unsafe { this.as_ref() };
        let (claim, sources) = region.runner.claim_and_sources();
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
        unsafe { region.runner.leave(this.cast()) };
    }

    /// The node of `this` has been cancelled. Returns whose wait that has ended.
    ///
    /// # Safety
    ///
    /// `this` has just been taken off the list of its node, whose lock is held.
    pub(super) unsafe fn cancel(this: NonNull<Region>) -> Option<Ended> {
        // SAFETY: who leaves it takes the lock that the caller holds.
        let runner = unsafe { &this.as_ref().runner };
        let (claim, sources) = runner.claim_and_sources();
        // SAFETY: it was entered in these sources before it was listed.
        let won = unsafe { sources.cancel(claim, this.cast()) }?;
        Some(Ended(Wake::new(runner.handle(), won)))
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

/// A wait that a cancel has ended: to be woken after the lock.
#[must_use = "the waiter sleeps until this is woken"]
pub(super) struct Ended(Wake);

impl Ended {
    pub(super) fn wake(self) {
        #[cfg(not(loom))]
        if let Some((task, won)) = self.0.coroutine() {
            // SAFETY: the win, if it was of a park, made the task ours.
            unsafe { crate::sched::tell_cancelled(task, won) };
        }
        self.0.wake();
    }
}

/// Who runs code that obeys a token, or that a shield keeps off a cancel. Whoever has this keeps its claim and sources.
pub(super) enum Runner {
    Coroutine(TaskRef),
    #[cfg(feature = "std")]
    Thread(Arc<ThreadParker>),
}

impl Runner {
    /// The caller, if it is one that can wait.
    pub(super) fn current() -> Option<Runner> {
        match Place::current() {
            // SAFETY: the running coroutine is live.
            Place::Coroutine(_, task) => Some(Runner::Coroutine(unsafe { TaskRef::retain(task) })),
            #[cfg(feature = "std")]
            Place::Outside => Some(Runner::Thread(ThreadParker::current())),
            _ => None,
        }
    }

    pub(super) fn claim_and_sources(&self) -> (&Claim, &Sources) {
        match self {
            Runner::Coroutine(task) => (&task.claim, &task.sources),
            #[cfg(feature = "std")]
            Runner::Thread(parker) => (parker.claim(), &parker.sources),
        }
    }

    fn handle(&self) -> WakeHandle {
        match self {
            Runner::Coroutine(task) => WakeHandle::Coroutine(task.as_ptr()),
            #[cfg(feature = "std")]
            Runner::Thread(parker) => WakeHandle::Thread(parker.clone()),
        }
    }

    /// `source` ends.
    ///
    /// # Safety
    ///
    /// It is live, and was entered in these sources.
    pub(super) unsafe fn leave(&self, source: NonNull<Source>) {
        let (claim, sources) = self.claim_and_sources();
        // SAFETY: forwarded.
        if let Some(won) = unsafe { sources.leave(claim, source) } {
            Ended(Wake::new(self.handle(), won)).wake();
        }
    }
}

/// Runs `body` in a region of the caller that obeys `node`; just so, if the caller is one that never waits.
pub(super) fn run<T>(node: &NodeRef, body: impl FnOnce() -> T) -> T {
    let Some(runner) = Runner::current() else { return body() };
    let region = pin!(Region::new(Kind::Region, node.clone(), runner));
    let _inside = Inside::enter(region.as_ref());
    body()
}

/// Leaves the region on every way out. It is never handed out, so it is never forgotten.
struct Inside(NonNull<Region>);

impl Inside {
    fn enter(region: Pin<&Region>) -> Inside {
        #[cfg(feature = "std")]
        if let Runner::Thread(_) = region.runner {
            crate::wait::thread::enter_region();
        }
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
        #[cfg(feature = "std")]
        // SAFETY: as above. A thread's frames are on that thread, also those of a primitive coroutine.
        if let Runner::Thread(_) = unsafe { &self.0.as_ref().runner } {
            crate::wait::thread::left_region();
        }
    }
}
