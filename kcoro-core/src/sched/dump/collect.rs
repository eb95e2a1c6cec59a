// SPDX-License-Identifier: BSD-3-Clause
//! How a dump is made: see the [module](super).
#![expect(unsafe_code, reason = "walks the stacks of coroutines that it holds")]

use alloc::vec::Vec;
use core::ptr::NonNull;
use core::time::Duration;

use super::super::runtime::Inner;
use super::super::task_core::TaskCore;
use super::super::worker::Worker;
use super::{CoroutineInfo, CoroutineState, Dump, MOST_FRAMES, ScopeInfo};
use crate::arch;
use crate::task::claim::{Published, Won};
use crate::task::header::Header;
use crate::task::schedule::Place;
use crate::task::wait_record::{ChannelId, ScopeId};
use crate::wait::wake::make_ready;

/// What a look brings out from under the lock. Nothing is allocated there.
struct Looked {
    /// Without its backtrace.
    info: CoroutineInfo,
    frames: [usize; MOST_FRAMES],
    frame_count: usize,
    /// The coroutine, if it was woken while it was held: it is ours, and the wake is owed.
    owed: Option<NonNull<Header>>,
}

impl Looked {
    /// Pays what is owed, after the lock.
    fn finish(mut self) -> CoroutineInfo {
        if let Some(task) = self.owed {
            make_ready(task, Won::Parked);
        }
        self.info.backtrace = self.frames[..self.frame_count].to_vec();
        self.info
    }
}

/// See [`Handle::dump`](crate::sched::Handle::dump).
pub(in crate::sched) fn dump(inner: &Inner) -> Dump {
    assert!(!matches!(Place::current(), Place::Interrupt), "a dump in an interrupt or signal handler: it takes locks");
    let now_ns = inner.platform().now_ns();
    let mut coroutines = Vec::new();
    for worker in inner.workers() {
        worker.shared.registry.walk(
            // SAFETY: listed coroutines are live under the lock.
            |task| unsafe { look(inner, task, now_ns) },
            |looked| coroutines.push(looked.finish()),
        );
    }
    coroutines.sort_unstable_by_key(|one: &CoroutineInfo| one.id);
    let live = usize::try_from(inner.live_count()).unwrap_or(usize::MAX);
    Dump { unlisted: live.saturating_sub(coroutines.len()), coroutines }
}

/// The calling coroutine is the actor with this mailbox.
pub(crate) fn serve(mailbox: ChannelId) {
    if let Some(task) = Place::coroutine() {
        // SAFETY: the running coroutine is live.
        unsafe { task.as_ref() }.waits.serve(mailbox);
    }
}

/// Looks at one coroutine, under its registry's lock.
///
/// # Safety
///
/// The task is live.
unsafe fn look(inner: &Inner, task: NonNull<Header>, now_ns: u64) -> Looked {
    // SAFETY: the caller's promise.
    let (core, header) = unsafe { (TaskCore::of(task), task.as_ref()) };
    let home = home(inner, header);
    let mut frames = [0; MOST_FRAMES];
    let mut frame_count = 0;
    let (state, owed) = match Held::take(task, header) {
        Some(held) => {
            frame_count = held.backtrace(&mut frames);
            (held.state(now_ns), held.give_back())
        }
        None => (running_or_ready(home, header), None),
    };
    let Header { id, name, spawn_site, .. } = *header;
    let worker = home.map_or(0, |worker| worker.index);
    let (scope, serves) = (scope(core), header.waits.serves());
    let info = CoroutineInfo { id, name, spawn_site, scope, serves, worker, state, backtrace: Vec::new() };
    Looked { info, frames, frame_count, owed }
}

fn scope(core: &TaskCore) -> Option<ScopeInfo> {
    let scope = &core.scope;
    let parent = (scope.parent_id != 0).then_some(scope.parent_id);
    scope.on_end.map(|_| ScopeInfo { id: ScopeId::of(scope.data), parent, name: scope.name })
}

/// The worker that a coroutine is bound to.
fn home<'a>(inner: &'a Inner, header: &Header) -> Option<&'a Worker> {
    NonNull::new(header.home()).and_then(|home| inner.worker_of(home))
}

fn running_or_ready(home: Option<&Worker>, header: &Header) -> CoroutineState {
    // It may have changed by the time that anyone reads of it.
    let runs = home.is_some_and(|worker| core::ptr::eq(worker.head.current.get(), header));
    if runs { CoroutineState::Running } else { CoroutineState::Ready }
}

/// A parked coroutine that cannot run until it is given back.
struct Held<'a> {
    task: NonNull<Header>,
    header: &'a Header,
}

impl<'a> Held<'a> {
    fn take(task: NonNull<Header>, header: &'a Header) -> Option<Self> {
        header.claim.hold().then_some(Self { task, header })
    }

    /// Where it and its callers go on.
    fn backtrace(&self, found: &mut [usize]) -> usize {
        let (limit, top) = self.header.stack_bounds().expect("a parked coroutine has a stack");
        // SAFETY: it was suspended by a switch, and cannot be resumed while it is held; the stack is its own.
        unsafe { arch::frames::return_addresses(self.header.sp(), limit..top, found) }
    }

    fn state(&self, now_ns: u64) -> CoroutineState {
        match self.header.waits.read() {
            Some((on, since_ns)) => {
                CoroutineState::Parked { on, waited: Duration::from_nanos(now_ns.saturating_sub(since_ns)) }
            }
            None => unreachable!("a coroutine notes what it waits for before it parks"),
        }
    }

    /// Lets it go. If it was woken meanwhile the caller owns it, and makes it ready.
    fn give_back(self) -> Option<NonNull<Header>> {
        match self.header.claim.publish_parked() {
            Published::Parked => None,
            Published::AlreadyWon => Some(self.task),
        }
    }
}
