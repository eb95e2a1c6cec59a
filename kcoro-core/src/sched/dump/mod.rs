// SPDX-License-Identifier: BSD-3-Clause
//! What the coroutines of a runtime do at a time: who they are, and what they wait for.
//!
//! | file | what it holds |
//! |---|---|
//! | `collect` | how a dump is made while the workers go on |
//! | `display` | how it reads |
//!
//! The dump goes through the registries, which list every coroutine that has parked at least once. It takes a registry's
//! lock for one coroutine at a time, so that no worker waits for the whole of it. A parked coroutine is *held* while it is
//! looked at ([`Claim::hold`](crate::task::claim::Claim::hold)): a wake that comes meanwhile is noted, and carried out
//! right after the look. So each entry is true by itself, but the dump as a whole is no snapshot of one instant, unless
//! nothing runs.

mod collect;
mod display;

use alloc::vec::Vec;
use core::panic::Location;
use core::time::Duration;

pub(super) use self::collect::dump;
pub(crate) use self::collect::serve;
pub use self::display::{ShowAddress, WithSymbols};
use crate::task::wait_record::{ChannelId, ScopeId, WaitsFor};

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
    /// The mailbox of the actor that it is, if it is one: it owes the replies that others wait for, see
    /// [`WaitsFor::Reply`].
    pub serves: Option<ChannelId>,
    /// The worker that it is bound to; of one that migrates, where it ran last.
    pub worker: usize,
    /// What it does.
    pub state: CoroutineState,
    /// Of a parked one, the addresses at which it and its callers will go on, innermost first, at most [`MOST_FRAMES`].
    ///
    /// They are found by frame pointers: build with `-Cforce-frame-pointers=yes`, or on a target whose default that is
    /// (aarch64). Code without them ends the list early, and may put words on it that are no return addresses.
    pub backtrace: Vec<usize>,
}

/// How many frames of a coroutine a dump shows.
pub const MOST_FRAMES: usize = 64;

/// The scope that a coroutine is a child of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct ScopeInfo {
    /// Which scope: the same for all its children, and in [`WaitsFor::Children`].
    pub id: ScopeId,
    /// The number of the coroutine whose scope it is; none if that is a plain thread, or of another runtime.
    pub parent: Option<u64>,
    /// The name that the scope had when this coroutine was spawned.
    pub name: Option<&'static str>,
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
