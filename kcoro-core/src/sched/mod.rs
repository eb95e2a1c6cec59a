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
//! | `refusing` | what a coroutine must not suspend with |
//! | `switching` | leaving one coroutine and arriving in the next |
//! | `base` | the base loop: look around, search, sleep |
//! | `runtime`, `runtime_ref` | what the workers share, and what keeps it |
//! | `handle`, `thread_runtime`, `local_runtime` | what a program holds of a runtime |
//! | `builder`, `on_heap`, `static_runtime` | how runtimes are made, on the heap and in statics |
//! | `slot`, `slots`, `slot_state`, `static_task` | coroutines in statics |
//! | `config`, `build_error`, `report` | what a runtime is made by, why it is not, what it leaves behind |
//! | `worker_threads` | workers that have threads of their own |
//! | `spawn`, `spawn_builder`, `placing` | how a coroutine is made, and where it starts |
//! | `join`, `join_arm`, `task_core`, `scope_link` | its end, its memory, its scope |
//! | `timers`, `timer_queue` | a worker's timers, and how they end its sleep |
//! | `timer`, `sleep_future`, `sleep_arm` | timers that call something; time for async code |
//! | `shutdown`, `phase`, `ends`, `unstarted` | the end of a runtime |
//! | `dump` | what all coroutines do, and what they wait for |
//! | `counter`, `stats`, `metrics` | counters, and snapshots of them |
//! | `steal`, `inbox`, `injector`, `run_queue`, `idle` | the queues and the idle protocol, each with its proof |
//!
//! # Misuse
//!
//! | what | what comes of it |
//! |---|---|
//! | waiting where nobody can (a worker's base context, a handler, an unwind) | [`CannotWait`](crate::wait::CannotWait) in the operation's error, and the value back |
//! | leaving a scope with unfinished children where nobody can wait | the program ends with a message |
//! | spawning in a handler | [`SpawnError::InInterrupt`] |
//! | a dump in a handler | a panic |
//! | spawning after a shutdown | [`SpawnError::Shutdown`]; dumps and metrics show what was left |
//! | joining or awaiting oneself | [`JoinError::Itself`] |
//! | driving a local runtime inside of a runtime | [`RunError::InsideRuntime`] |
//! | dropping a runtime inside of itself | it closes, and its workers end with its last coroutine |
//! | changed floating-point control at a suspension (debug builds) | the program ends with a message |
//! | a suspension that holds a lock of kcoro's own, a bug in kcoro (debug builds with `std`) | the program ends with a message |
//!
//! What cannot be seen: a lock of someone else's, `std::sync::Mutex` for example, whose guard lives across a suspension.
//! It blocks the whole worker when another coroutine there wants it, for ever if that is the worker which its holder is
//! bound to. Keep such guards between two suspensions; a dump then shows the holder parked and the other running.

mod counter;
mod ends;
pub(crate) mod idle;
pub(crate) mod inbox;
pub(crate) mod injector;
mod join_cell;
pub(crate) mod run_queue;
mod slot_state;
pub(crate) mod steal;

mod phase;
#[cfg_attr(not(feature = "alloc"), path = "stack_cache/none.rs")]
mod stack_cache;
mod timer_queue;

#[cfg(not(loom))]
mod base;
#[cfg(not(loom))]
mod build_error;
#[cfg(all(feature = "alloc", not(loom)))]
mod builder;
#[cfg(not(loom))]
mod choosing;
#[cfg(not(loom))]
mod config;
#[cfg(all(feature = "alloc", not(loom)))]
mod dump;
#[cfg(not(loom))]
mod handle;
#[cfg(not(loom))]
mod join;
#[cfg(not(loom))]
mod join_arm;
#[cfg(not(loom))]
mod join_error;
#[cfg(not(loom))]
mod limit;
#[cfg(not(loom))]
mod local_runtime;
#[cfg(not(loom))]
#[cfg_attr(not(feature = "alloc"), path = "no_locals.rs")]
mod locals;
#[cfg(all(feature = "alloc", not(loom)))]
mod metrics;
#[cfg(all(feature = "alloc", not(loom)))]
mod on_heap;
#[cfg(not(loom))]
mod panicked;
#[cfg(not(loom))]
mod placing;
#[cfg(not(loom))]
mod queues;
#[cfg(not(loom))]
mod refusing;
#[cfg(not(loom))]
mod registry;
#[cfg(not(loom))]
mod report;
#[cfg(not(loom))]
mod run_error;
#[cfg(not(loom))]
#[cfg_attr(not(feature = "alloc"), expect(dead_code, reason = "some of it is for runtimes and timers on the heap"))]
mod runtime;
#[cfg(not(loom))]
mod runtime_ref;
#[cfg(not(loom))]
mod scheduler;
#[cfg(not(loom))]
#[cfg_attr(not(feature = "alloc"), expect(dead_code, reason = "scopes need an allocator"))]
pub(crate) mod scope_link;
#[cfg(not(loom))]
#[cfg_attr(not(feature = "alloc"), expect(dead_code, reason = "only a runtime on threads is waited for"))]
mod shutdown;
#[cfg(all(feature = "alloc", not(loom)))]
mod sleep_arm;
#[cfg(all(feature = "alloc", not(loom)))]
mod sleep_future;
#[cfg(not(loom))]
mod slot;
#[cfg(not(loom))]
mod slots;
#[cfg(not(loom))]
mod spawn;
#[cfg(not(loom))]
mod spawn_builder;
#[cfg(not(loom))]
mod static_runtime;
#[cfg(not(loom))]
mod static_task;
#[cfg(not(loom))]
mod stats;
#[cfg(not(loom))]
mod switching;
#[cfg(not(loom))]
pub(crate) mod task_core;
#[cfg(all(feature = "alloc", not(loom)))]
mod thread_runtime;
#[cfg(all(feature = "alloc", not(loom)))]
pub(crate) mod timer;
#[cfg(not(loom))]
mod timers;
#[cfg(not(loom))]
mod tracing;
#[cfg(not(loom))]
mod unstarted;
#[cfg(not(loom))]
mod watermark;
#[cfg(not(loom))]
mod worker;
#[cfg(not(loom))]
mod worker_stacks;
#[cfg(not(loom))]
mod worker_threads;

#[cfg(all(feature = "alloc", not(loom)))]
pub(crate) use self::dump::serve;
#[cfg(not(loom))]
pub(crate) use self::scheduler::fatal;
#[cfg(not(loom))]
use self::scheduler::{SCHEDULER, Scheduler};
#[cfg(all(feature = "alloc", not(loom)))]
pub(crate) use self::spawn_builder::AtLimit;
#[cfg(not(loom))]
pub(crate) use self::tracing::tell_cancelled;
#[cfg(not(loom))]
pub use self::{
    build_error::BuildError,
    handle::{DROP_GRACE, Handle},
    join::JoinHandle,
    join_arm::JoinArm,
    join_error::{JoinError, TryJoinError},
    local_runtime::LocalRuntime,
    panicked::Panicked,
    report::{Abandoned, ShutdownReport},
    run_error::RunError,
    slot::{MIN_SLOT_STACK_BYTES, Slot},
    slots::{Slots, StaticMemory},
    spawn::{SpawnError, yield_now, yield_to},
    spawn_builder::Builder,
    static_runtime::StaticRuntime,
    static_task::spawn_static,
    stats::Stats,
};
#[cfg(all(feature = "alloc", not(loom)))]
pub use self::{
    builder::RuntimeBuilder,
    config::{PanicPolicy, UnobservedPanic},
    dump::{CoroutineInfo, CoroutineState, Dump, MOST_FRAMES, ScopeInfo, ShowAddress, WithSymbols},
    locals::CoroutineLocal,
    metrics::{Metrics, MetricsDelta, WorkerMetrics},
    sleep_arm::{SleepArm, sleep_arm},
    sleep_future::{SleepFuture, TimeoutError, TimeoutFuture, sleep_async, timeout_async},
    spawn::{spawn, spawn_local, try_spawn},
    thread_runtime::Runtime,
};
pub use crate::task::wait_record::{ScopeId, TokenId, WaitsFor};
