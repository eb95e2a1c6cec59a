// SPDX-License-Identifier: BSD-3-Clause
//! Being told that a channel is ready, without taking anything from it.
//!
//! Who watches is in no queue of those who wait, so nobody is passed over or served later for it. Whoever lets the channel's
//! lock go while the channel is ready for one who watches tells it, and all others of its kind, each once. So a watcher that
//! has looked and registered under one lock misses nothing: what makes the channel ready is done under a later one.
#![expect(unsafe_code, reason = "queues nodes that lie in pinned arms")]

use super::core::{Shared, State};
use super::lock::StateGuard;
use super::undelivered::Overflow;
use crate::task::claim::Outcome;
use crate::wait::arm::Watched;
use crate::wait::queue::standing::Looked;
use crate::wait::queue::{Node, WaitQueue};
use crate::wait::wake::Wake;

/// What a watcher wants to do.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Wish {
    ToReceive,
    ToSend,
}

/// Who watches a channel.
pub(super) struct Watchers {
    to_receive: WaitQueue,
    to_send: WaitQueue,
    /// The channel's, told by the first watcher.
    capacity: usize,
}

impl Watchers {
    pub(super) const fn none() -> Self {
        Self { to_receive: WaitQueue::new(), to_send: WaitQueue::new(), capacity: 0 }
    }

    #[inline(always)]
    pub(super) fn are_none(&self) -> bool {
        self.to_receive.is_empty() && self.to_send.is_empty()
    }

    fn of(&mut self, wish: Wish) -> &mut WaitQueue {
        match wish {
            Wish::ToReceive => &mut self.to_receive,
            Wish::ToSend => &mut self.to_send,
        }
    }
}

impl<T> State<T> {
    /// Whether a wish can be fulfilled without a peer that waits.
    fn is_ready(&self, wish: Wish, capacity: usize) -> bool {
        self.closed
            || match wish {
                Wish::ToReceive => self.buffer.len() > 0,
                Wish::ToSend => self.overflow != Overflow::Suspend || self.buffer.len() < capacity,
            }
    }

    fn peers(&mut self, wish: Wish) -> &mut WaitQueue {
        match wish {
            Wish::ToReceive => &mut self.senders,
            Wish::ToSend => &mut self.receivers,
        }
    }

    /// Somebody who watches for what is the case now; it is no watcher any more.
    #[cold]
    pub(super) fn tell_one(&mut self) -> Option<Wake> {
        let capacity = self.watchers.capacity;
        [Wish::ToReceive, Wish::ToSend].into_iter().find_map(|wish| {
            let is_ready =
                !self.watchers.of(wish).is_empty() && (self.is_ready(wish, capacity) || self.peers(wish).has_waiter());
            if is_ready { self.watchers.of(wish).win_first(Outcome::Event, |_| {}) } else { None }
        })
    }
}

impl<T> Shared<T> {
    /// Whether a wish could be fulfilled now.
    pub(super) fn is_ready(&self, wish: Wish) -> bool {
        let mut state = self.state.lock();
        state.is_ready(wish, self.capacity) || state.peers(wish).has_waiter()
    }

    /// Queues `node` as that of a watcher, unless the channel is ready.
    ///
    /// # Safety
    ///
    /// The node stays in place until it is removed, by whoever tells it or by [`Shared::unwatch`].
    pub(super) unsafe fn watch(&self, node: *const Node, wish: Wish) -> Watched {
        loop {
            let mut state = self.state.lock();
            if state.is_ready(wish, self.capacity) {
                return Watched::Ready;
            }
            match state.peers(wish).look_over() {
                Looked::Waits => return Watched::Ready,
                Looked::Nobody => {
                    state.watchers.capacity = self.capacity;
                    // SAFETY: forwarded.
                    unsafe { state.watchers.of(wish).push(node) };
                    return Watched::Watches;
                }
                Looked::Owes(wake) => {
                    drop(state);
                    wake.wake();
                }
            }
        }
    }

    /// Takes a watcher's node out, if it has not been told.
    ///
    /// # Safety
    ///
    /// The node was queued by [`Shared::watch`].
    pub(super) unsafe fn unwatch(&self, node: *const Node, wish: Wish) {
        let mut state: StateGuard<'_, T> = self.state.lock();
        // SAFETY: forwarded.
        unsafe { state.watchers.of(wish).remove(node) };
    }
}
