// SPDX-License-Identifier: BSD-3-Clause
//! What a runtime holds of its subscriber.

use alloc::sync::Arc;

use super::event::{Event, Record};

/// Is told of each event of a runtime, while it happens.
///
/// It is called in the middle of a switch, of a wake, and in interrupt handlers: it MUST NOT wait, spawn, wake, take a
/// lock that another caller may hold for long, panic or, on interrupts, allocate. It may be called from several threads at
/// once; for one worker it is called by one thread at a time.
pub trait Subscriber: Send + Sync {
    /// Takes note of `record`.
    fn note(&self, record: &Record);
}

pub(crate) struct Hook(Option<Arc<dyn Subscriber>>);

impl Hook {
    pub(crate) const fn none() -> Self {
        Self(None)
    }

    pub(crate) const fn new(subscriber: Arc<dyn Subscriber>) -> Self {
        Self(Some(subscriber))
    }

    /// Tells of `event`, if there is a subscriber. `from` gives the time and the worker.
    #[inline(always)]
    pub(crate) fn tell(&self, from: impl FnOnce() -> (u64, Option<usize>), event: impl FnOnce() -> Event) {
        if let Some(subscriber) = &self.0 {
            tell(&**subscriber, from(), event());
        }
    }
}

/// Out of line: the switch stays short.
#[cold]
fn tell(subscriber: &dyn Subscriber, (at_ns, worker): (u64, Option<usize>), event: Event) {
    let worker = worker.map(|index| u32::try_from(index).unwrap_or(u32::MAX));
    subscriber.note(&Record { at_ns, worker, event });
}
