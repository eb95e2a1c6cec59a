// SPDX-License-Identifier: BSD-3-Clause
//! Sending as an arm of a select.
#![expect(unsafe_code, reason = "a pinned arm whose node is queued")]

use core::cell::UnsafeCell;
use core::fmt;
use core::mem::ManuallyDrop;
use core::pin::Pin;

use super::state::NotSelected;
use super::{Progress, Waiting};
#[cfg(feature = "alloc")]
use crate::channel::Sender;
use crate::channel::core::{NotSent, Shared, wake_if};
use crate::channel::error::SendError;
use crate::channel::fixed::StaticChannel;
#[cfg(feature = "alloc")]
use crate::channel::watching::Wish;
use crate::wait::WaitError;
use crate::wait::arm::{Arm, Ended, Registered, Reports, Stays, Ticket, Watched};

/// See [`send_arm`](crate::channel::Sender::send_arm).
#[must_use = "an arm does nothing until it is part of a select"]
pub struct SendArm<'a, T> {
    channel: &'a Shared<T>,
    waiting: Waiting,
    /// There until it is sent or handed back.
    value: UnsafeCell<ManuallyDrop<T>>,
}

// SAFETY: the value is read by the winner or by the owner; both may be on any thread if `T` is `Send`.
unsafe impl<T: Send> Send for SendArm<'_, T> {}
// SAFETY: a shared arm gives no access.
unsafe impl<T: Send> Sync for SendArm<'_, T> {}

#[cfg(feature = "alloc")]
impl<T> Sender<T> {
    /// Sending `value` into this channel as an arm of a select. If the select chooses another one, the value stays in the
    /// arm: it can be part of the next select, or be asked for its [value](SendArm::take_value).
    ///
    /// ```
    /// use core::pin::pin;
    /// use kcoro_core::channel::bounded;
    /// use kcoro_core::select;
    ///
    /// let (tx, _rx) = bounded(1);
    /// tx.send("first").unwrap();
    /// let mut second = pin!(tx.send_arm("second"));
    /// select! {
    ///     arm(second.as_mut()) -> sent => unreachable!("the channel is full: {sent:?}"),
    ///     default => {}
    /// }
    /// assert_eq!(second.take_value(), Some("second"));
    /// ```
    pub fn send_arm(&self, value: T) -> SendArm<'_, T> {
        SendArm::new(self.shared(), value)
    }
}

impl<T, const N: usize> StaticChannel<T, N> {
    /// Sending `value` into this channel as an arm of a select.
    pub fn send_arm(&'static self, value: T) -> SendArm<'static, T> {
        SendArm::new(self.shared(), value)
    }
}

impl<'a, T> SendArm<'a, T> {
    fn new(channel: &'a Shared<T>, value: T) -> Self {
        Self { channel, waiting: Waiting::new(), value: UnsafeCell::new(ManuallyDrop::new(value)) }
    }

    fn inside(self: Pin<&mut Self>) -> &mut Self {
        // SAFETY: nothing that is pinned is moved out of the arm; the value is not.
        unsafe { self.get_unchecked_mut() }
    }

    /// Takes the value out, unless it has been sent or taken before.
    pub fn take_value(self: Pin<&mut Self>) -> Option<T> {
        self.inside().take()
    }

    fn take(&mut self) -> Option<T> {
        self.unqueue();
        match self.waiting.take() {
            Progress::Done | Progress::Over => None,
            // SAFETY: it has not been sent, and is taken once.
            _ => Some(unsafe { ManuallyDrop::take(self.value.get_mut()) }),
        }
    }

    fn unqueue(&mut self) {
        match self.waiting.progress {
            // SAFETY: the node was queued as a sender.
            Progress::Queued => unsafe { self.channel.unqueue_sender(self.waiting.node()) },
            #[cfg(feature = "alloc")]
            // SAFETY: the node was queued as a watcher.
            Progress::Watching => unsafe { self.channel.unwatch(self.waiting.node(), Wish::ToSend) },
            _ => return,
        }
        self.waiting.progress = Progress::Idle;
    }

    /// # Panics
    ///
    /// The value is gone.
    fn check(&self) {
        assert!(self.waiting.progress != Progress::Over, "an arm that has sent its value is in a select again");
    }
}

// SAFETY: what is queued is taken out by `lost` and by the drop; a value that was not sent is dropped with the arm.
unsafe impl<T> Arm for SendArm<'_, T> {
    type Output = Result<(), SendError<T>>;

    const REPORTS: Reports = Reports::Errors;

    // Its value is in the arm until it is taken, and nobody takes it while no wait is under way.
    const STAYS: Stays = Stays::UntilReady;

    fn try_complete(self: Pin<&mut Self>) -> bool {
        let this = self.inside();
        this.check();
        // Said before: a hook that panics over the value has got it.
        this.waiting.progress = Progress::Done;
        this.waiting.progress = match this.channel.send_now(this.value.get().cast_const().cast()) {
            Ok(()) => return true,
            Err((_, NotSent::Closed)) => Progress::Closed,
            Err(_) => Progress::Idle,
        };
        this.waiting.progress == Progress::Closed
    }

    fn register(self: Pin<&mut Self>, ticket: &Ticket<'_>) -> Registered {
        let this = self.inside();
        let node = this.waiting.prepare(ticket, this.value.get().cast());
        loop {
            let mut state = this.channel.state.lock();
            match state.send_for(ticket.own(), this.value.get().cast_const().cast(), this.channel.capacity) {
                Ok(wake) => {
                    drop(state);
                    this.waiting.progress = Progress::Done;
                    wake_if(wake);
                    return Registered::Completed;
                }
                Err(NotSelected::Not(NotSent::Full)) => {
                    // SAFETY: the arm is pinned, and takes the node out in `lost` or when it is dropped, unless it is won.
                    unsafe { state.senders.push(node) };
                    state.tally.note(|stats| stats.send_waits += 1);
                    this.waiting.progress = Progress::Queued;
                    return Registered::Waits;
                }
                Err(NotSelected::Not(NotSent::Overflows)) => {
                    this.waiting.progress = Progress::Done;
                    this.channel.overflow(state, this.value.get().cast_const().cast());
                    return Registered::Completed;
                }
                Err(NotSelected::Not(NotSent::MustGrow { slots })) => {
                    drop(state);
                    this.channel.grow(slots);
                }
                Err(NotSelected::Not(NotSent::Closed)) => {
                    this.waiting.progress = Progress::Closed;
                    return Registered::Completed;
                }
                Err(NotSelected::OwnIsOver(owed)) => {
                    drop(state);
                    wake_if(owed);
                    return Registered::Over;
                }
            }
        }
    }

    fn renew(self: Pin<&mut Self>, ticket: &Ticket<'_>) {
        let this = self.inside();
        this.channel.renew_handle(this.waiting.node(), ticket.handle());
    }

    fn won(self: Pin<&mut Self>, how: Ended) {
        self.inside().waiting.won(how);
    }

    fn lost(self: Pin<&mut Self>) {
        self.inside().unqueue();
    }

    fn finish(self: Pin<&mut Self>) -> Self::Output {
        let this = self.inside();
        match this.take() {
            None => Ok(()),
            Some(value) => Err(SendError::Closed(value)),
        }
    }

    fn refuse(self: Pin<&mut Self>, why: WaitError) -> Self::Output {
        let this = self.inside();
        this.check();
        match (this.take(), why) {
            (Some(value), WaitError::Cancelled) => Err(SendError::Cancelled(value)),
            (Some(value), WaitError::CannotWait(why)) => Err(SendError::CannotWait(value, why)),
            (None, _) => Ok(()),
        }
    }

    fn is_ready(self: Pin<&mut Self>) -> bool {
        #[cfg(feature = "alloc")]
        return self.inside().channel.is_ready(Wish::ToSend);
        #[cfg(not(feature = "alloc"))]
        unreachable!("only a set of arms asks, which needs an allocator");
    }

    fn watch(self: Pin<&mut Self>, ticket: &Ticket<'_>) -> Watched {
        #[cfg(feature = "alloc")]
        {
            let this = self.inside();
            let node = this.waiting.prepare(ticket, core::ptr::null_mut());
            // SAFETY: the arm is pinned, and takes the node out in `lost` or when it is dropped, unless it is told.
            let watched = unsafe { this.channel.watch(node, Wish::ToSend) };
            if watched == Watched::Watches {
                this.waiting.progress = Progress::Watching;
            }
            watched
        }
        #[cfg(not(feature = "alloc"))]
        unreachable!("only a set of arms watches, which needs an allocator: {ticket:?}");
    }

    fn undo(self: Pin<&mut Self>) -> bool {
        let this = self.inside();
        if this.waiting.progress == Progress::Done {
            return false;
        }
        this.waiting.progress = Progress::Idle;
        true
    }
}

impl<T> Drop for SendArm<'_, T> {
    fn drop(&mut self) {
        drop(self.take());
    }
}

impl<T> fmt::Debug for SendArm<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SendArm").finish_non_exhaustive()
    }
}
