// SPDX-License-Identifier: BSD-3-Clause
//! What the scheduler does, event by event, for who wants to know.
//!
//! With the feature `trace` a runtime tells its [`Subscriber`] of each [`Event`]: who is spawned, resumed, parks and on
//! what, is woken and by whom. Without a subscriber that costs one load and one branch per event; without the feature it
//! costs nothing: then the hook that tells them is a twin, which is empty.
//!
//! ```text
//!  worker ---- event ----> Hook ----> Subscriber, on the spot: in the middle of a switch
//!                                        `---> Rings: a ring of records for each worker ----> whoever drains them
//! ```
//!
//! | file | what it holds |
//! |---|---|
//! | `event` | events and records |
//! | `hook` | what a runtime holds, and its trait |
//! | `twin` | the same without the feature |
//! | `rings`, `ring` | a subscriber that keeps records until they are drained |

mod event;
#[cfg(feature = "trace")]
mod hook;
#[cfg(feature = "trace")]
mod ring;
#[cfg(feature = "trace")]
mod rings;
#[cfg(not(feature = "trace"))]
mod twin;

pub use event::Event;
#[cfg(feature = "trace")]
pub use event::Record;
#[cfg(feature = "trace")]
pub(crate) use hook::Hook;
#[cfg(feature = "trace")]
pub use hook::Subscriber;
#[cfg(feature = "trace")]
pub use rings::Rings;
#[cfg(not(feature = "trace"))]
pub(crate) use twin::Hook;
