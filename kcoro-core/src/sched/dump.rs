// SPDX-License-Identifier: BSD-3-Clause
//! What the coroutines of a runtime do at a time: who they are, and what they wait for.
//!
//! The dump goes through the registries, which list every coroutine that has parked at least once. It takes a registry's
//! lock for one coroutine at a time, so that no worker waits for the whole of it. A parked coroutine is *held* while it is
//! looked at ([`Claim::hold`](crate::task::claim::Claim::hold)): a wake that comes meanwhile is noted, and carried out
//! right after the look. So each entry is true by itself, but the dump as a whole is no snapshot of one instant, unless
//! nothing runs.

use alloc::vec::Vec;
use core::panic::Location;
use core::ptr::NonNull;
use core::time::Duration;

use super::runtime::Inner;
use super::task_core::TaskCore;
use super::worker::Worker;
use crate::task::claim::{Published, Won};
use crate::task::header::Header;
use crate::task::schedule::Place;
use crate::task::wait_record::{ScopeId, WaitsFor};
use crate::wait::wake::make_ready;

/// What the coroutines of a runtime do, see [`Handle::dump`](super::Handle::dump).
#[derive(Clone, Debug, Default)]
#[non_exhaustive]
pub struct Dump {
    /// Those that have parked at least once and have not ended, in the order of their numbers.
    pub coroutines: Vec<CoroutineInfo>,
    /// How many more there are: they have not started, or have not parked yet.
    pub unlisted: usize,
}

/// One coroutine of a [`Dump`].
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct CoroutineInfo {
    /// Its number, unique within its runtime.
    pub id: u64,
    /// Its name, if it has one.
    pub name: Option<&'static str>,
    /// Where it was spawned.
    pub spawn_site: &'static Location<'static>,
    /// The scope that it is a child of, if it is.
    pub scope: Option<ScopeInfo>,
    /// The worker that it is bound to; of one that migrates, where it ran last.
    pub worker: usize,
    /// What it does.
    pub state: CoroutineState,
}

/// The scope that a coroutine is a child of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct ScopeInfo {
    /// Which scope: the same for all its children, and in [`WaitsFor::Children`].
    pub id: ScopeId,
    /// The number of the coroutine whose scope it is; none if that is a plain thread, or of another runtime.
    pub parent: Option<u64>,
}

/// What a coroutine does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum CoroutineState {
    /// It runs.
    Running,
    /// It could run, and is in some queue.
    Ready,
    /// It waits.
    Parked {
        /// What for.
        on: WaitsFor,
        /// For how long: from when its worker had last looked at the clock before, which may be a little early.
        waited: Duration,
    },
}

/// See [`Handle::dump`](super::Handle::dump).
pub(super) fn dump(inner: &Inner) -> Dump {
    assert!(!matches!(Place::current(), Place::Interrupt), "a dump in an interrupt or signal handler: it takes locks");
    let now_ns = inner.platform().now_ns();
    let mut coroutines = Vec::new();
    for worker in inner.workers() {
        worker.shared.registry.walk(
            |core| look(inner, core, now_ns),
            |(info, owed)| {
                if let Some(task) = owed {
                    make_ready(task, Won::Parked);
                }
                coroutines.push(info);
            },
        );
    }
    coroutines.sort_unstable_by_key(|one: &CoroutineInfo| one.id);
    let live = usize::try_from(inner.live_count()).unwrap_or(usize::MAX);
    Dump { unlisted: live.saturating_sub(coroutines.len()), coroutines }
}

/// Looks at one coroutine, under its registry's lock. If it was woken meanwhile it is ours, and returned: the wake comes
/// after the lock.
fn look(inner: &Inner, core: &TaskCore, now_ns: u64) -> (CoroutineInfo, Option<NonNull<Header>>) {
    let header = &core.header;
    let home = home(inner, header);
    let (state, owed) = match Held::take(header) {
        Some(held) => (held.state(now_ns), held.give_back()),
        None => (running_or_ready(home, header), None),
    };
    let scope = core.scope.on_end.map(|_| ScopeInfo {
        id: ScopeId::of(core.scope.data),
        parent: (core.scope.parent_id != 0).then_some(core.scope.parent_id),
    });
    let Header { id, name, spawn_site, .. } = *header;
    (CoroutineInfo { id, name, spawn_site, scope, worker: home.map_or(0, |worker| worker.index), state }, owed)
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
struct Held<'a>(&'a Header);

impl<'a> Held<'a> {
    fn take(header: &'a Header) -> Option<Self> {
        header.claim.hold().then_some(Self(header))
    }

    fn state(&self, now_ns: u64) -> CoroutineState {
        match self.0.waits.read() {
            Some((on, since_ns)) => {
                CoroutineState::Parked { on, waited: Duration::from_nanos(now_ns.saturating_sub(since_ns)) }
            }
            None => unreachable!("a coroutine notes what it waits for before it parks"),
        }
    }

    /// Lets it go. If it was woken meanwhile the caller owns it, and makes it ready.
    fn give_back(self) -> Option<NonNull<Header>> {
        match self.0.claim.publish_parked() {
            Published::Parked => None,
            Published::AlreadyWon => Some(NonNull::from(self.0)),
        }
    }
}
