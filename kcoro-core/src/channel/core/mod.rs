// SPDX-License-Identifier: BSD-3-Clause
//! The channel itself: one lock, one store of values, two queues of waiters. All kinds of channels are this one; they differ
//! in their capacity, their store, and in what happens when they are full.
//!
//! Under the lock always: receivers wait only while the store is empty and no sender waits; senders wait only while the
//! store is full. So at most one of the two queues has live waiters. The arms of a set that does not wait are in the queues,
//! but are no waiters: who would serve one takes it out and passes it over (see [`standing`](crate::wait::queue::standing)).
//!
//! The lock under which `closed` is set is the instant of the close. Whoever waited then is woken afterwards, one by one;
//! until its turn comes it is still queued, but gets and gives nothing more.
//!
//! No user code runs under the lock, and nothing is allocated or freed: values are moved as bits, wakes, drops and hooks
//! come after it.
//!
//! | file | what it holds |
//! |---|---|
//! | `state` | what is done under the lock |
//! | `shared` | operations that wait for nothing, and what they owe after the lock |

mod shared;
mod state;

#[cfg(feature = "alloc")]
use super::handles::Handles;
use super::lock::StateLock;
use super::store::Store;
use super::tally::Tally;
use super::undelivered::{Hook, Overflow, Undelivered};
#[cfg(feature = "alloc")]
use super::watching::Watchers;
use crate::primitive::const_unless_loom;
use crate::wait::queue::WaitQueue;
use crate::wait::wake::Wake;

/// What senders and receivers share.
pub(super) struct Shared<T> {
    pub(super) state: StateLock<T>,
    pub(super) capacity: usize,
    pub(super) hook: Hook<T>,
    /// Whether there are stats: for who does not hold the lock.
    pub(super) counts: bool,
    #[cfg(feature = "alloc")]
    pub(super) handles: Handles,
}

/// What the lock guards.
pub(super) struct State<T> {
    pub(super) buffer: Store<T>,
    pub(super) senders: WaitQueue,
    pub(super) receivers: WaitQueue,
    pub(super) tally: Tally,
    pub(super) closed: bool,
    pub(super) overflow: Overflow,
    /// Without an allocator there is no set of arms, and nobody watches.
    #[cfg(feature = "alloc")]
    pub(super) watchers: Watchers,
}

/// A send that did not complete.
pub(super) enum NotSent {
    Full,
    /// The channel is full, and its policy says what happens: see [`Shared::overflow`].
    Overflows,
    /// There is room, but no memory for it yet: see [`Shared::grow`].
    MustGrow {
        slots: usize,
    },
    Closed,
}

/// A value that was not taken back.
pub(super) enum NotTaken {
    /// See [`NotSent::MustGrow`].
    MustGrow { slots: usize },
    /// It is for the hook.
    Undelivered(Undelivered),
}

impl<T> State<T> {
    pub(super) const fn new(buffer: Store<T>, overflow: Overflow, tally: Tally) -> Self {
        Self {
            buffer,
            senders: WaitQueue::new(),
            receivers: WaitQueue::new(),
            tally,
            overflow,
            closed: false,
            #[cfg(feature = "alloc")]
            watchers: Watchers::none(),
        }
    }
}

impl<T> Shared<T> {
    const_unless_loom! {
        /// A channel with one sender and one receiver.
        pub(super) fn new(state: State<T>, capacity: usize, hook: Hook<T>) -> Self {
            Self {
                counts: state.tally.is_on(),
                state: StateLock::new(state),
                capacity,
                hook,
                #[cfg(feature = "alloc")]
                handles: Handles::one_of_each(),
            }
        }
    }
}

/// Pays a wake that is owed, after the lock.
#[inline(always)]
pub(super) fn wake_if(wake: Option<Wake>) {
    if let Some(wake) = wake {
        wake.wake();
    }
}
