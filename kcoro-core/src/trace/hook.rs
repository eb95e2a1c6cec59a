// SPDX-License-Identifier: BSD-3-Clause
//! What a runtime holds of its subscriber.
#![expect(unsafe_code, reason = "a trait whose implementors promise not to call back")]

use alloc::sync::Arc;

use super::event::{Event, Record};

/// Is told of each event of a runtime, while it happens.
///
/// It may be called from several threads at once; for one worker it is called by one thread at a time.
///
/// # Safety
///
/// It is called in the middle of a switch, of a wake, and in interrupt handlers. An implementor does not unwind and does
/// not call kcoro: it waits for nothing, and spawns, wakes and cancels nobody. It takes no lock that another caller may
/// hold for long. Where interrupts wake coroutines it does not allocate.
pub unsafe trait Subscriber: Send + Sync {
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
