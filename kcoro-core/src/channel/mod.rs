// SPDX-License-Identifier: BSD-3-Clause
//! Channels: many senders, many receivers, each value received once or handed back.
//!
//! | kind | `send` waits | `recv` waits |
//! |---|---|---|
//! | [`rendezvous`] | until a receiver takes the value | until a sender comes |
//! | [`bounded`]`(n)` | while `n` values wait, exactly | while empty |
//!
//! Values leave in the order in which they entered. Waiters are served in the order in which they registered; an
//! operation that need not wait may overtake only those that have not registered yet. A value goes straight from a sender
//! into a waiting receiver's frame, or out of a waiting sender's frame: it moves once.
//!
//! Closing (or dropping the last sender) lets the buffered values drain; after them operations return `Closed`. A failed
//! send returns its value.
//!
//! All operations work from coroutines of any runtime and, with feature `std`, from plain threads. At entry a cancelled
//! coroutine gets `Cancelled` before anything else; an operation that has been completed by the other side completes,
//! whatever comes later.
//!
//! ```
//! # #[cfg(feature = "std")] {
//! use kcoro_core::channel::bounded;
//!
//! let (tx, rx) = bounded(2);
//! let producer = std::thread::spawn(move || (0..5).for_each(|n| tx.send(n).unwrap()));
//! assert_eq!(rx.iter().sum::<i32>(), 10);
//! producer.join().unwrap();
//! # }
//! ```

mod arm;
mod core;
mod error;
mod future;
#[cfg(all(test, loom))]
mod loom_tests;
mod queued;
mod receiver;
mod ring;
mod sender;
mod waiting;

use alloc::sync::Arc;

pub use self::arm::{RecvArm, SendArm};
pub use self::error::{RecvError, RecvTimeoutError, SendError, SendTimeoutError, TryRecvError, TrySendError};
pub use self::future::{RecvFuture, SendFuture};
pub use self::receiver::{IntoIter, Iter, Receiver, TryIter};
pub use self::sender::Sender;
pub use crate::task::wait_record::ChannelId;

/// A channel that holds up to `capacity` values, exactly.
///
/// Capacity zero is [`rendezvous`]. Memory for large capacities is taken as it is needed.
pub fn bounded<T>(capacity: usize) -> (Sender<T>, Receiver<T>) {
    let shared = Arc::new(core::Shared::new(capacity));
    (Sender::new(shared.clone()), Receiver::new(shared))
}

/// A channel without a buffer: each send waits for the receive that takes its value.
pub fn rendezvous<T>() -> (Sender<T>, Receiver<T>) {
    bounded(0)
}
