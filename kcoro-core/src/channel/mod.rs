// SPDX-License-Identifier: BSD-3-Clause
//! Channels: many senders, many receivers, each value received once or handed back.
//!
//! | kind | `send` waits | `recv` waits |
//! |---|---|---|
#![cfg_attr(
    feature = "alloc",
    doc = "| [`rendezvous`] | until a receiver takes the value | until a sender comes |
| [`bounded`]`(n)` | while `n` values wait, exactly | while empty |
| [`unbounded`] | never: it grows, and gives the memory back | while empty |
| [`conflated`] | never: the newest value replaces the one that waits | while empty |
| [`after`], [`at`], [`tick`] | | until it is time |
| [`never()`] | | for ever |"
)]
//! | [`StaticChannel`]`<T, N>` | while `N` values wait, exactly | while empty |
//!
#![cfg_attr(
    feature = "alloc",
    doc = "A [`Builder`] makes those with an allocator with a hook for values that nobody receives, with stats, or with
another policy of what happens when they are full ([`Overflow`]); those in statics are made with all of that, too."
)]
#![cfg_attr(not(feature = "alloc"), doc = "This build has no allocator: all its channels are in statics.")]
//!
//! Values leave in the order in which they entered. Waiters are served in the order in which they registered; an
//! operation that need not wait may overtake only those that have not registered yet. A value goes straight from a sender
//! into a waiting receiver's frame, or out of a waiting sender's frame: it moves once.
//!
//! Closing (or dropping the last sender) lets the buffered values drain; after them operations return `Closed`. A failed
//! send returns its value. A value that was sent and that nobody will receive ([`Undelivered`] says why) goes to the
//! channel's hook, once, or is dropped.
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
#[cfg(feature = "alloc")]
mod builder;
mod core;
#[cfg(feature = "alloc")]
mod drain;
mod error;
mod fixed;
mod future;
#[cfg(feature = "alloc")]
mod handles;
mod lock;
#[cfg(all(test, loom))]
mod loom_kinds;
#[cfg(all(test, loom))]
mod loom_tests;
mod queued;
#[cfg(feature = "alloc")]
mod receiver;
#[cfg(feature = "alloc")]
mod sender;
#[cfg(feature = "futures")]
mod sink;
mod static_drain;
mod stats;
mod store;
#[cfg(feature = "futures")]
mod stream;
#[cfg(feature = "alloc")]
mod taking;
mod tally;
#[cfg(all(feature = "alloc", not(loom)))]
mod ticks;
#[cfg(all(feature = "alloc", not(loom)))]
mod timed;
mod undelivered;
mod waiting;
#[cfg(feature = "alloc")]
mod watching;

pub use self::arm::{RecvArm, SendArm};
#[cfg(feature = "alloc")]
pub use self::builder::{Builder, bounded, conflated, never, rendezvous, unbounded};
#[cfg(feature = "alloc")]
pub use self::drain::Drain;
pub use self::error::{RecvError, RecvTimeoutError, SendError, SendTimeoutError, TryRecvError, TrySendError};
pub use self::fixed::StaticChannel;
pub use self::future::{RecvFuture, SendFuture};
#[cfg(feature = "alloc")]
pub use self::receiver::{IntoIter, Iter, Receiver, TryIter};
#[cfg(feature = "alloc")]
pub use self::sender::Sender;
#[cfg(feature = "futures")]
pub use self::sink::{IntoSink, SendSink};
pub use self::static_drain::StaticDrain;
pub use self::stats::{Failures, Rates, Stats};
#[cfg(feature = "futures")]
pub use self::stream::{IntoStream, RecvStream};
pub use self::tally::StatsMemory;
#[cfg(all(feature = "alloc", not(loom)))]
pub use self::timed::{after, at, tick};
pub use self::undelivered::{Overflow, Undelivered};
pub use crate::task::wait_record::ChannelId;

/// Whom the documentation means where there are no handles: a static channel is its own sender and receiver.
#[cfg(all(doc, not(feature = "alloc")))]
pub(crate) use self::fixed::{StaticChannel as Receiver, StaticChannel as Sender};
