// SPDX-License-Identifier: BSD-3-Clause
//! Operations that wait for nothing: they take the lock, and pay what is owed after it.

use core::mem::ManuallyDrop;

use super::{NotSent, Shared, wake_if};
use crate::channel::error::{TryRecvError, TrySendError};
use crate::channel::lock::StateGuard;
use crate::channel::stats::Stats;
#[cfg(feature = "alloc")]
use crate::channel::store::Store;
use crate::channel::undelivered::each;
use crate::task::wait_record::ChannelId;
use crate::wait::wake::Wake;

impl<T> Shared<T> {
    /// What tells this channel from others.
    #[inline(always)]
    pub(in crate::channel) fn id(&self) -> ChannelId {
        ChannelId::of(self)
    }

    /// A send that does not wait.
    pub(in crate::channel) fn try_send(&self, value: T) -> Result<(), TrySendError<T>> {
        let value = ManuallyDrop::new(value);
        match self.send_now(&raw const *value) {
            Ok(()) => Ok(()),
            Err((state, NotSent::Closed)) => {
                drop(state);
                Err(TrySendError::Closed(ManuallyDrop::into_inner(value)))
            }
            Err((mut state, _)) => {
                state.tally.note(|stats| stats.failed_sends.full += 1);
                drop(state);
                Err(TrySendError::Full(ManuallyDrop::into_inner(value)))
            }
        }
    }

    /// Sends the value behind `value`, which has been moved on success; else returns the lock under which the channel was
    /// `Full` or `Closed`.
    #[inline]
    pub(in crate::channel) fn send_now(&self, value: *const T) -> Result<(), (StateGuard<'_, T>, NotSent)> {
        loop {
            let mut state = self.state.lock();
            let mut owed = None;
            match state.send(value, self.capacity, &mut owed) {
                Ok(()) => {
                    drop(state);
                    wake_if(owed);
                    return Ok(());
                }
                Err(NotSent::MustGrow { slots }) => {
                    drop(state);
                    self.grow(slots);
                }
                Err(NotSent::Overflows) => {
                    self.overflow(state, value);
                    return Ok(());
                }
                Err(why) => return Err((state, why)),
            }
        }
    }

    /// Carries out the policy of a channel that is full, and does not let senders wait. The value has been moved.
    pub(in crate::channel) fn overflow(&self, mut state: StateGuard<'_, T>, value: *const T) {
        let (undelivered, why) = state.displace(value);
        state.tally.note(|stats| stats.undelivered(why, 1));
        drop(state);
        self.hook.give(undelivered, why);
    }

    /// Makes room in a store that has no more than `slots`, unless another has done so.
    #[cold]
    pub(in crate::channel) fn grow(&self, slots: usize) {
        #[cfg(feature = "alloc")]
        {
            let mut growth = Store::growth(self.capacity, slots);
            self.state.lock().buffer.grow(&mut growth, slots);
        }
        // Lent memory has a slot for each value that may be in it, and is never asked for one more.
        #[cfg(not(feature = "alloc"))]
        unreachable!("a store of {slots} slots cannot grow");
    }

    /// A receive that does not wait.
    pub(in crate::channel) fn try_recv(&self) -> Result<T, TryRecvError> {
        let mut state = self.state.lock();
        let mut owed = None;
        let received = state.receive(self.capacity, &mut owed);
        if let Err(TryRecvError::Empty) = received {
            state.tally.note(|stats| stats.failed_receives.empty += 1);
        }
        drop(state);
        wake_if(owed);
        received
    }

    /// Closes the channel and wakes everyone who waits. Says whether it was open.
    pub(in crate::channel) fn close(&self) -> bool {
        if core::mem::replace(&mut self.state.lock().closed, true) {
            return false;
        }
        // One at a time, so that no wake happens under the lock. Nobody can register any more.
        each(|| self.state.lock().end_one(), Wake::wake);
        true
    }

    pub(in crate::channel) fn is_closed(&self) -> bool {
        self.state.lock().closed
    }

    /// What the channel has done, if it counts.
    pub(in crate::channel) fn stats(&self) -> Option<Stats> {
        if self.counts { self.state.lock().tally.read() } else { None }
    }

    pub(in crate::channel) fn len(&self) -> usize {
        self.state.lock().buffer.len()
    }
}
