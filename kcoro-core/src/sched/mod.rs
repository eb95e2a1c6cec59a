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
//! | [`worker`] | a worker's queues, and which of them feeds the next switch |
//! | [`switching`] | leaving one coroutine and arriving in the next |
//! | [`base`] | the base loop: look around, search, sleep |
//! | [`runtime`] | what the workers share |
//! | [`handle`] | [`Runtime`], [`LocalRuntime`], [`Handle`] and their builder |
//! | [`spawn`] | how a coroutine is made |
//! | [`join`], [`task_core`] | its end, its memory |
//! | [`shutdown`] | the end of a runtime |
//! | [`steal`], [`inbox`], [`injector`], [`run_queue`], [`idle`] | the queues and the idle protocol, each with its proof |

pub(crate) mod idle;
pub(crate) mod inbox;
pub(crate) mod injector;
pub(crate) mod run_queue;
pub(crate) mod steal;

#[cfg(all(feature = "alloc", not(loom)))]
mod base;
#[cfg(all(feature = "alloc", not(loom)))]
mod builder;
#[cfg(all(feature = "alloc", not(loom)))]
mod handle;
#[cfg(all(feature = "alloc", not(loom)))]
mod join;
#[cfg(all(feature = "alloc", not(loom)))]
mod limit;
#[cfg(all(feature = "alloc", not(loom)))]
mod locals;
#[cfg(all(feature = "alloc", not(loom)))]
mod registry;
#[cfg(all(feature = "alloc", not(loom)))]
mod runtime;
#[cfg(all(feature = "alloc", not(loom)))]
mod scheduler;
#[cfg(all(feature = "alloc", not(loom)))]
mod shutdown;
#[cfg(all(feature = "alloc", not(loom)))]
mod spawn;
#[cfg(all(feature = "alloc", not(loom)))]
mod stack_cache;
#[cfg(all(feature = "alloc", not(loom)))]
mod stats;
#[cfg(all(feature = "alloc", not(loom)))]
mod switching;
#[cfg(all(feature = "alloc", not(loom)))]
pub(crate) mod task_core;
#[cfg(all(feature = "alloc", not(loom)))]
mod timers;
#[cfg(all(feature = "alloc", not(loom)))]
mod watermark;
#[cfg(all(feature = "alloc", not(loom)))]
mod worker;

#[cfg(all(feature = "alloc", not(loom)))]
use self::scheduler::{SCHEDULER, Scheduler};
#[cfg(all(feature = "alloc", not(loom)))]
pub use self::{
    builder::{BuildError, RuntimeBuilder},
    handle::{DROP_GRACE, Handle, LocalRuntime, RunError, Runtime},
    join::{JoinError, JoinHandle, TryJoinError},
    locals::CoroutineLocal,
    runtime::UnobservedPanic,
    shutdown::{Abandoned, ShutdownReport},
    spawn::{Builder, SpawnError, spawn, spawn_local, try_spawn, yield_now},
    stats::Stats,
};
#[cfg(all(feature = "alloc", not(loom)))]
pub(crate) use self::{join::message_of, scheduler::fatal};
