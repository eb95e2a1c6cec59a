// SPDX-License-Identifier: BSD-3-Clause
//! The children of one scope: how many live, which, and who waits for the last.
//!
//! It lies in the parent's frame. A child's last touch of it is the release of its lock; the parent leaves the frame
//! only after it has seen, under the lock, that no child is left.
#![expect(unsafe_code, reason = "spawns closures that borrow; a list of children that live while they are on it")]

use core::pin::pin;
use core::ptr::{self, NonNull};

use crate::primitive::SpinLock;
use crate::sched::task_core::{Opener, ScopeLink, ScopeOf, TaskCore};
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
    state: SpinLock<State>,
    on_no_stack: OnNoStack,
    opener: Opener,
}

/// What becomes of the other children when one has no stack and never runs.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum OnNoStack {
    GoOn,
    CancelOthers,
}

struct State {
    /// Children that have been spawned, or are about to be, and have not ended.
    live: usize,
    /// Those that a cancel reaches: a list through their scope links.
    first: Option<NonNull<Header>>,
    /// Children to come are cancelled at once.
    cancelled: bool,
    /// Panics and missing stacks that no join has taken up.
    unobserved_failures: usize,
    /// Why the first child that had no stack had none.
    no_stack: Option<StackError>,
    parent: WaitQueue,
}

// SAFETY: the list is touched under the lock only, and children leave it before they end.
unsafe impl Send for State {}

impl Children {
    pub(super) fn new(on_no_stack: OnNoStack) -> Self {
        let state = State {
            live: 0,
            first: None,
            cancelled: false,
            unobserved_failures: 0,
            no_stack: None,
            parent: WaitQueue::new(),
        };
        Self { state: SpinLock::new(state), on_no_stack, opener: Opener::current() }
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
        self.state.lock().live += 1;
        let scope = ScopeOf { on_end: Some(Self::child_ended), data: (&raw const *self).cast(), opener: self.opener };
        // SAFETY: the caller's promise.
        let handle = unsafe { builder.spawn_unchecked(body, scope) };
        match &handle {
            Ok(handle) => self.enlist(handle.task()),
            Err(_) => self.state.lock().live -= 1,
        }
        handle
    }

    /// How many failures no join has taken up.
    pub(super) fn unobserved_failures(&self) -> usize {
        self.state.lock().unobserved_failures
    }

    /// Counts a failure whose handle was dropped without a join.
    pub(super) fn note_unobserved_failure(&self) {
        self.state.lock().unobserved_failures += 1;
    }

    /// Why a child had no stack, if one had none.
    pub(super) fn no_stack(&self) -> Option<StackError> {
        self.state.lock().no_stack
    }

    /// Puts a new child on the list, unless it has ended already.
    fn enlist(&self, task: &TaskRef) {
        let mut state = self.state.lock();
        // SAFETY: the handle keeps the child alive, and the lock is held.
        unsafe {
            if link_of(task.as_ptr()).over.get() {
                return;
            }
            state.insert(task.as_ptr());
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
        if link.no_stack.get().is_some() && this.on_no_stack == OnNoStack::CancelOthers {
            // While the parent still waits for this child, and so cannot leave.
            this.cancel();
        }
        let mut state = this.state.lock();
        link.over.set(true);
        // SAFETY: the child is live.
        unsafe { state.strike(child) };
        state.unobserved_failures += usize::from(link.failed_unobserved.get());
        state.no_stack = state.no_stack.or(link.no_stack.get());
        state.live -= 1;
        let wake = if state.live == 0 { state.parent.win_first(Outcome::Event, |_| {}) } else { None };
        // From here on the parent may leave the frame that `this` lies in.
        drop(state);
        if let Some(wake) = wake {
            wake.wake();
        }
    }

    /// Cancels all children, and those to come.
    pub(super) fn cancel(&self) {
        let mut won: Chain<Header> = Chain::new();
        let mut state = self.state.lock();
        state.cancelled = true;
        let mut next = state.first;
        while let Some(child) = next {
            // SAFETY: listed children are live while the lock is held.
            unsafe {
                next = link_of(child).next.get();
                if child.as_ref().claim.request_cancel() == Some(Won::Parked) {
                    // We won its published park, so it is ours, in no queue, and live until it has run.
                    won.push_back(child);
                }
            }
        }
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

impl State {
    /// # Safety
    ///
    /// The child is live until it is struck.
    unsafe fn insert(&mut self, child: NonNull<Header>) {
        // SAFETY: the child is live, and so are listed ones.
        unsafe {
            let link = link_of(child);
            link.listed.set(true);
            link.prev.set(None);
            link.next.set(self.first);
            if let Some(next) = self.first {
                link_of(next).prev.set(Some(child));
            }
        }
        self.first = Some(child);
    }

    /// # Safety
    ///
    /// The child is live.
    unsafe fn strike(&mut self, child: NonNull<Header>) {
        // SAFETY: the child is live, and a listed child's neighbours are listed, and so live.
        unsafe {
            let link = link_of(child);
            if !link.listed.replace(false) {
                return;
            }
            let (prev, next) = (link.prev.get(), link.next.get());
            match prev {
                Some(prev) => link_of(prev).next.set(next),
                None => self.first = next,
            }
            if let Some(next) = next {
                link_of(next).prev.set(prev);
            }
        }
    }
}

/// # Safety
///
/// The child is live for `'a`. Its place in the list is touched under the lock only.
unsafe fn link_of<'a>(child: NonNull<Header>) -> &'a ScopeLink {
    // SAFETY: forwarded.
    unsafe { &TaskCore::of(child).scope }
}
