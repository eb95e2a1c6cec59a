// SPDX-License-Identifier: BSD-3-Clause
//! The scheduler: coroutines over workers, M to N.
//!
//! ```text
//!  spawn ---> slot/stealable ---first resume---> bound to a worker: runs, parks, is made ready, runs, ... ends
//!             of the spawner     (may be stolen      |         ^                                        |
//!                                 until then)        v         |                               stack to the cache
//!                                                 parked --- winner: lifo of the same worker,
//!                                                            inbox of another
//! ```
//!
//! | file | what it holds |
//! |---|---|
//! | `worker` | what a worker is made of, how a departure is completed |
//! | `queues` | where a ready coroutine goes, and which queue feeds the next switch |
//! | `switching` | leaving one coroutine and arriving in the next |
//! | `base` | the base loop: look around, search, sleep |
//! | `runtime` | what the workers share |
//! | `handle` | [`Runtime`], [`LocalRuntime`], [`Handle`] and their builder |
//! | `spawn` | how a coroutine is made |
//! | `join`, `task_core` | its end, its memory |
//! | `shutdown`, `phase`, `unstarted` | the end of a runtime |
//! | `steal`, `inbox`, `injector`, `run_queue`, `idle` | the queues and the idle protocol, each with its proof |

pub(crate) mod idle;
pub(crate) mod inbox;
pub(crate) mod injector;
mod join_cell;
pub(crate) mod run_queue;
pub(crate) mod steal;

#[cfg(not(loom))]
mod base;
#[cfg(not(loom))]
mod builder;
#[cfg(not(loom))]
mod choosing;
#[cfg(not(loom))]
mod handle;
#[cfg(not(loom))]
mod join;
#[cfg(not(loom))]
mod limit;
#[cfg(not(loom))]
mod locals;
#[cfg(not(loom))]
mod panicked;
mod phase;
#[cfg(not(loom))]
mod queues;
#[cfg(not(loom))]
mod registry;
#[cfg(not(loom))]
mod runtime;
#[cfg(not(loom))]
mod scheduler;
#[cfg(not(loom))]
mod shutdown;
#[cfg(not(loom))]
mod spawn;
#[cfg(not(loom))]
mod spawn_builder;
mod stack_cache;
#[cfg(not(loom))]
mod stats;
#[cfg(not(loom))]
mod switching;
#[cfg(not(loom))]
pub(crate) mod task_core;
#[cfg(not(loom))]
mod timers;
#[cfg(not(loom))]
mod unstarted;
#[cfg(not(loom))]
mod watermark;
#[cfg(not(loom))]
mod worker;
#[cfg(not(loom))]
mod worker_stacks;

#[cfg(not(loom))]
pub(crate) use self::scheduler::fatal;
#[cfg(not(loom))]
use self::scheduler::{SCHEDULER, Scheduler};
#[cfg(not(loom))]
pub use self::{
    builder::{BuildError, RuntimeBuilder},
    handle::{DROP_GRACE, Handle, LocalRuntime, RunError, Runtime},
    join::{JoinError, JoinHandle, TryJoinError},
    locals::CoroutineLocal,
    panicked::Panicked,
    runtime::{PanicPolicy, UnobservedPanic},
    shutdown::{Abandoned, ShutdownReport},
    spawn::{SpawnError, spawn, spawn_local, try_spawn, yield_now, yield_to},
    spawn_builder::Builder,
    stats::Stats,
};
