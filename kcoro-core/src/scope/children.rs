// SPDX-License-Identifier: BSD-3-Clause
//! The children of one scope: how many live, which, who waits for the last, and who for a place among them.
//!
//! It lies in the parent's frame. A child's last touch of it is the release of its lock; the parent leaves the frame
//! only after it has seen, under the lock, that no child is left.
#![expect(unsafe_code, reason = "spawns closures that borrow; cancels children that live while they are listed")]

use alloc::vec::Vec;
use core::pin::pin;
use core::ptr::{self, NonNull};

use super::collected::Collected;
use super::list::{List, link_of};
use crate::primitive::SpinLock;
use crate::sched::scope_link::{Opener, ScopeOf};
use crate::sched::tell_cancelled;
use crate::sched::{Builder, JoinHandle, SpawnError};
use crate::stack::StackError;
use crate::task::claim::{Accepts, Outcome, Won};
use crate::task::header::{Header, TaskRef};
use crate::task::wait_record::{ScopeId, WaitsFor};
use crate::util::linked::Chain;
use crate::wait::queue::{Node, WaitQueue};
use crate::wait::wake::make_ready;
use crate::wait::{Limit, enter};

/// See the [module](self).
pub(super) struct Children {
    pub(super) state: SpinLock<State>,
    /// Why children had no stack.
    no_stack: Collected<StackError>,
    opener: Opener,
}

/// What becomes of the other children when one fails.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum OnFailure {
    GoOn,
    CancelOthers,
}

/// What the lock guards.
pub(super) struct State {
    /// Children that have been spawned, or are about to be, and have not ended.
    pub(super) live: usize,
    /// How many may live at once.
    pub(super) limit: usize,
    /// Who waits until fewer do.
    pub(super) waiting: WaitQueue,
    /// Those that a cancel reaches.
    list: List,
    /// Children to come are cancelled at once.
    cancelled: bool,
    on_failure: OnFailure,
    /// For children to come.
    pub(super) name: Option<&'static str>,
    /// Panics and missing stacks that no join has taken up.
    unobserved_failures: usize,
    /// Nobody wants to know of those.
    forgives: bool,
    parent: WaitQueue,
}

impl Children {
    pub(super) fn new(on_failure: OnFailure) -> Self {
        let state = State {
            live: 0,
            limit: usize::MAX,
            waiting: WaitQueue::new(),
            list: List::new(),
            cancelled: false,
            on_failure,
            name: None,
            unobserved_failures: 0,
            forgives: false,
            parent: WaitQueue::new(),
        };
        Self { state: SpinLock::new(state), no_stack: Collected::new(), opener: Opener::current() }
    }

    pub(super) fn set_name(&self, name: &'static str) {
        self.state.lock().name = Some(name);
    }

    pub(super) fn set_on_failure(&self, on_failure: OnFailure) {
        self.state.lock().on_failure = on_failure;
    }

    /// Spawns a child.
    ///
    /// # Safety
    ///
    /// `wait_for_all` is called before `self` or anything that `body` or its output borrow goes, on every way out, and
    /// `self` does not move until then. `body` and its output are `Send`.
    #[track_caller]
    pub(super) unsafe fn spawn<F, T>(&self, builder: Builder<'_>, body: F) -> Result<JoinHandle<T>, SpawnError>
    where
        F: FnOnce() -> T,
    {
        // Counted first: the child may end before the spawn returns.
        let name = self.take_place(builder.at_limit())?;
        let (on_end, data) = (Some(Self::child_ended as _), (&raw const *self).cast());
        // SAFETY: the caller's promise.
        let handle = unsafe { builder.spawn_unchecked(body, ScopeOf { on_end, data, opener: self.opener, name }) };
        match &handle {
            Ok(handle) => self.enlist(handle.task()),
            Err(_) => self.give_place_back(),
        }
        handle
    }

    /// How many failures no join has taken up.
    pub(super) fn unobserved_failures(&self) -> usize {
        let state = self.state.lock();
        if state.forgives { 0 } else { state.unobserved_failures }
    }

    /// From now on failures that no join takes up are somebody else's to see.
    pub(super) fn forgive(&self) {
        self.state.lock().forgives = true;
    }

    /// Counts a failure whose handle was dropped without a join.
    pub(super) fn note_unobserved_failure(&self) {
        self.state.lock().unobserved_failures += 1;
    }

    /// Why children had no stack, for each that had none.
    pub(super) fn take_no_stack(&self) -> Vec<StackError> {
        self.no_stack.take()
    }

    /// A child, or the closure, has failed.
    pub(super) fn note_failure(&self) {
        let on_failure = self.state.lock().on_failure;
        if on_failure == OnFailure::CancelOthers {
            self.cancel();
        }
    }

    /// Puts a new child on the list, unless it has ended already.
    fn enlist(&self, task: &TaskRef) {
        let mut state = self.state.lock();
        // SAFETY: the handle keeps the child alive, and the lock is held.
        unsafe {
            if link_of(task.as_ptr()).over.get() {
                return;
            }
            state.list.insert(task.as_ptr());
        }
        let cancelled = state.cancelled;
        drop(state);
        if cancelled && let Some(won) = task.claim.request_cancel() {
            // SAFETY: the win, if it was of a park, made the task ours.
            unsafe { tell_cancelled(task.as_ptr(), won) };
            make_ready(task.as_ptr(), won);
        }
    }

    /// Called by a child that has ended, as its last act for the scope.
    ///
    /// # Safety
    ///
    /// `this` is the `Children` that spawned `child`; called once per child.
    unsafe fn child_ended(this: *const (), child: NonNull<Header>) {
        // SAFETY: the parent waits for this call.
        let this = unsafe { &*this.cast::<Children>() };
        // SAFETY: the child's own reference keeps it alive, and it has written what is read before the lock is taken.
        let link = unsafe { link_of(child) };
        if let Some(why) = link.no_stack.get() {
            // While the parent still waits for this child, and so cannot leave.
            this.no_stack.add(why);
            this.note_failure();
        }
        let mut state = this.state.lock();
        link.over.set(true);
        // SAFETY: the child is live.
        unsafe { state.list.strike(child) };
        state.unobserved_failures += usize::from(link.failed_unobserved.get());
        let next = state.end_one();
        let parent = if state.live == 0 { state.parent.win_first(Outcome::Event, |_| {}) } else { None };
        // From here on the parent may leave the frame that `this` lies in, unless `next` keeps it.
        drop(state);
        // At most one of the two: who gets the place is counted as living.
        if let Some(wake) = next.or(parent) {
            wake.wake();
        }
    }

    /// Cancels all children, and those to come.
    pub(super) fn cancel(&self) {
        let mut won: Chain<Header> = Chain::new();
        let mut state = self.state.lock();
        state.cancelled = true;
        state.list.for_each(|child| {
            // SAFETY: listed children are live while the lock is held.
            if unsafe { child.as_ref() }.claim.request_cancel() == Some(Won::Parked) {
                // SAFETY: we won its published park, so it is ours, in no queue, and live until it has run.
                unsafe { won.push_back(child) };
            }
        });
        drop(state);
        while let Some(task) = won.pop_front() {
            // SAFETY: as above.
            unsafe { tell_cancelled(task, Won::Parked) };
            make_ready(task, Won::Parked);
        }
    }

    /// Returns when no child is left. A cancel of the parent is passed on to the children, and the wait goes on.
    pub(super) fn wait_for_all(&self) {
        if enter().check_cancelled().is_err() {
            self.cancel();
        }
        let mut accepts = Accepts::CANCEL;
        while !self.wait_once(accepts) {
            self.cancel();
            accepts = Accepts::NOTHING;
        }
    }

    /// Says whether no child is left; if not, a cancel has cut the wait short.
    fn wait_once(&self, accepts: Accepts) -> bool {
        if self.state.lock().live == 0 {
            return true;
        }
        let Ok(waiter) = enter().waiter() else { self.cannot_wait() };
        let Ok(generation) = waiter.begin(accepts) else { return false };
        let node = pin!(Node::new(&waiter, generation, ptr::null_mut()));
        let node: *const Node = &raw const *node;
        let mut state = self.state.lock();
        if state.live == 0 {
            drop(state);
            // Ends the wait that was begun for nothing; a cancel that was faster stays pending.
            let _ = waiter.claim().try_win(generation, Outcome::Event, 0);
            return true;
        }
        // SAFETY: the node stays in this frame and is removed below.
        unsafe { state.parent.push(node) };
        drop(state);
        waiter.park(WaitsFor::Children(ScopeId::of(self)), accepts, Limit::Never, generation);
        // Also after a child's win the lock is taken once: that child releases it as its last touch of this frame.
        let mut state = self.state.lock();
        // SAFETY: it was pushed to this queue.
        unsafe { state.parent.remove(node) };
        state.live == 0
    }

    /// Children that borrow from the frame still run, and the frame cannot wait for them: it must not be left.
    #[cold]
    fn cannot_wait(&self) -> ! {
        let live = self.state.lock().live;
        crate::sched::fatal(format_args!("a scope with {live} unfinished children was entered where it cannot wait"))
    }
}
