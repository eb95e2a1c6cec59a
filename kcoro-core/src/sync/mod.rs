// SPDX-License-Identifier: BSD-3-Clause
//! Locks and signals that park who waits: for coroutines of any runtime, for plain threads (with feature `std`), and for
//! async tasks, all on the same object.
//!
//! | type | what it is | who is served first |
//! |---|---|---|
//! | [`Mutex`] | one holder at a time | who came first; overtaken only until it has been woken once |
//! | [`RwLock`] | many readers or one writer | who came first; nobody overtakes |
//! | [`Semaphore`] | so many permits | who came first; nobody overtakes |
//! | [`Condvar`] | waits for a change of what a mutex guards | who came first, or all |
//! | [`Event`] | a flag to wait for | all at once |
//! | [`WaitGroup`] | waits until so many are done | all at once |
//! | [`Barrier`] | holds up so many until all have come | all at once |
//! | [`OnceCell`] | a value that is made once | all at once; to make it, who came first |
//!
//! **Forms.** Each operation that waits comes as itself, with a limit (`_timeout`, `_deadline`), as a cancellation point
//! (`_cancellable`) and for async code (`_async`); what can be had or refused at once, as `try_`.
//!
//! **Cancellation.** Only what is named cancellable is a cancellation point, and only that is cut short by an enclosing
//! [`timeout`](crate::time::timeout): a lock is mostly taken to put something in order, also when that is because of a
//! cancel. At entry a cancel beats what could be had.
//!
//! **Who cannot wait** (an interrupt handler, a coroutine or thread that unwinds from a panic, a worker outside of its
//! coroutines) still gets what can be had at once, and an error otherwise: never a block.
//!
//! **No poisoning.** Where an async future is dropped, or an operation fails after it was served, what it got goes to the next
//! in line.

mod barrier;
mod condvar;
mod error;
mod event;
mod gate;
#[cfg(all(test, loom))]
mod loom_tests;
mod mutex;
mod once_cell;
#[cfg(feature = "alloc")]
mod owned_permit;
mod permits;
mod raw_mutex;
mod rwlock;
mod semaphore;
#[cfg(all(test, feature = "std", not(loom)))]
mod tests;
mod wait_group;

pub use self::barrier::{Barrier, BarrierWaitResult};
pub use self::condvar::Condvar;
pub use self::error::{AcquireError, AcquireTimeoutError, InitError, TryAcquireError, Unnotified, WaitTimeoutError};
pub use self::event::Event;
pub use self::mutex::{Mutex, MutexGuard};
pub use self::once_cell::OnceCell;
#[cfg(feature = "alloc")]
pub use self::owned_permit::OwnedPermit;
pub use self::rwlock::{RwLock, RwLockReadGuard, RwLockWriteGuard};
pub use self::semaphore::{Permit, Semaphore};
pub use self::wait_group::{WaitGroup, WaitGroupTask};
use crate::primitive::const_unless_loom;
pub use crate::task::wait_record::SyncId;
