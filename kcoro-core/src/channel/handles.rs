// SPDX-License-Identifier: BSD-3-Clause
//! How many handles a channel has, and what happens when the last of a side goes: it closes, and what nobody can receive
//! any more goes to the hook.

use alloc::sync::Arc;

use super::core::Shared;
use super::undelivered::each;
use crate::primitive::atomic::{AtomicUsize, Ordering};
use crate::primitive::const_unless_loom;

/// How many handles there are, of each side.
pub(super) struct Handles {
    senders: AtomicUsize,
    receivers: AtomicUsize,
}

impl Handles {
    const_unless_loom! {
        pub(super) fn one_of_each() -> Self {
            Self { senders: AtomicUsize::new(1), receivers: AtomicUsize::new(1) }
        }
    }
}

impl<T> Shared<T> {
    /// One more sender.
    pub(super) fn add_sender(self: &Arc<Self>) -> Arc<Self> {
        // Relaxed: made from a sender that exists, so the count cannot reach zero meanwhile.
        self.handles.senders.fetch_add(1, Ordering::Relaxed);
        self.clone()
    }

    /// One more receiver.
    pub(super) fn add_receiver(self: &Arc<Self>) -> Arc<Self> {
        // Relaxed: as above.
        self.handles.receivers.fetch_add(1, Ordering::Relaxed);
        self.clone()
    }

    /// A sender is gone; the last one closes the channel.
    pub(super) fn drop_sender(&self) {
        // AcqRel: what the other senders did comes before the close.
        if self.handles.senders.fetch_sub(1, Ordering::AcqRel) == 1 {
            self.close();
        }
    }

    /// A receiver is gone; the last one closes the channel and discards what nobody will receive.
    pub(super) fn drop_receiver(&self) {
        if self.handles.receivers.fetch_sub(1, Ordering::AcqRel) == 1 {
            let close: fn(&Self) = |this| _ = this.close();
            let discard: fn(&Self) = |this| _ = this.discard();
            // The one also when a waker panics in the other.
            let mut steps = [close, discard].into_iter();
            each(|| steps.next(), |step| step(self));
        }
    }
}
