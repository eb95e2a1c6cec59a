// SPDX-License-Identifier: BSD-3-Clause
//! Receiving as an arm of a select.
#![expect(unsafe_code, reason = "a pinned arm whose node is queued")]

use core::cell::UnsafeCell;
use core::fmt;
use core::mem::MaybeUninit;
use core::pin::Pin;

use super::state::NotSelected;
use super::{Progress, Waiting};
#[cfg(feature = "alloc")]
use crate::channel::Receiver;
use crate::channel::core::{Shared, wake_if};
use crate::channel::error::{RecvError, TryRecvError};
use crate::channel::fixed::StaticChannel;
#[cfg(feature = "alloc")]
use crate::channel::watching::Wish;
use crate::wait::WaitError;
use crate::wait::arm::{Arm, Ended, Registered, Reports, Stays, Ticket, Watched};

/// See [`recv_arm`](crate::channel::Receiver::recv_arm).
#[must_use = "an arm does nothing until it is part of a select"]
pub struct RecvArm<'a, T> {
    channel: &'a Shared<T>,
    waiting: Waiting,
    slot: UnsafeCell<MaybeUninit<T>>,
}

// SAFETY: the slot is written by the winner and read by the owner; both may be on any thread if `T` is `Send`.
unsafe impl<T: Send> Send for RecvArm<'_, T> {}
// SAFETY: a shared arm gives no access.
unsafe impl<T: Send> Sync for RecvArm<'_, T> {}

#[cfg(feature = "alloc")]
impl<T> Receiver<T> {
    /// Receiving from this channel as an arm of a select.
    pub fn recv_arm(&self) -> RecvArm<'_, T> {
        RecvArm::new(self.shared())
    }
}

impl<T, const N: usize> StaticChannel<T, N> {
    /// Receiving from this channel as an arm of a select.
    pub fn recv_arm(&'static self) -> RecvArm<'static, T> {
        RecvArm::new(self.shared())
    }
}

impl<'a, T> RecvArm<'a, T> {
    fn new(channel: &'a Shared<T>) -> Self {
        Self { channel, waiting: Waiting::new(), slot: UnsafeCell::new(MaybeUninit::uninit()) }
    }

    fn inside(self: Pin<&mut Self>) -> &mut Self {
        // SAFETY: nothing is moved out of the arm; the value in its slot is not pinned.
        unsafe { self.get_unchecked_mut() }
    }

    /// Notes a value that was received.
    fn keep(&mut self, value: T) {
        self.slot.get_mut().write(value);
        self.waiting.progress = Progress::Done;
    }
}

// SAFETY: what is queued is taken out by `lost` and by the drop, and a value that was received and is not taken goes back.
unsafe impl<T> Arm for RecvArm<'_, T> {
    type Output = Result<T, RecvError>;

    const REPORTS: Reports = Reports::Errors;

    const STAYS: Stays = Stays::UntilReady;

    fn try_complete(self: Pin<&mut Self>) -> bool {
        let this = self.inside();
        let mut owed = None;
        let received = this.channel.state.lock().receive(this.channel.capacity, &mut owed);
        match received {
            Ok(value) => {
                this.keep(value);
                wake_if(owed);
            }
            Err(TryRecvError::Closed) => this.waiting.progress = Progress::Closed,
            Err(TryRecvError::Empty) => return false,
        }
        true
    }

    fn register(self: Pin<&mut Self>, ticket: &Ticket<'_>) -> Registered {
        let this = self.inside();
        let node = this.waiting.prepare(ticket, this.slot.get().cast());
        let mut state = this.channel.state.lock();
        let received = state.receive_for(ticket.own(), this.channel.capacity);
        if let Err(NotSelected::Not(TryRecvError::Empty)) = received {
            // SAFETY: the arm is pinned, and takes the node out in `lost` or when it is dropped, unless it is won.
            unsafe { state.receivers.push(node) };
            state.tally.note(|stats| stats.receive_waits += 1);
            this.waiting.progress = Progress::Queued;
            return Registered::Waits;
        }
        drop(state);
        match received {
            Ok((value, wake)) => {
                this.keep(value);
                wake_if(wake);
            }
            Err(NotSelected::OwnIsOver(owed)) => {
                wake_if(owed);
                return Registered::Over;
            }
            Err(NotSelected::Not(_)) => this.waiting.progress = Progress::Closed,
        }
        Registered::Completed
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
        match this.waiting.take() {
            // SAFETY: the value was written before the operation counted as done, and is taken once.
            Progress::Done => Ok(unsafe { this.slot.get_mut().assume_init_read() }),
            _ => Err(RecvError::Closed),
        }
    }

    fn refuse(self: Pin<&mut Self>, why: WaitError) -> Self::Output {
        Err(match why {
            WaitError::Cancelled => RecvError::Cancelled,
            WaitError::CannotWait(why) => RecvError::CannotWait(why),
        })
    }

    fn is_ready(self: Pin<&mut Self>) -> bool {
        #[cfg(feature = "alloc")]
        return self.inside().channel.is_ready(Wish::ToReceive);
        #[cfg(not(feature = "alloc"))]
        unreachable!("only a set of arms asks, which needs an allocator");
    }

    fn watch(self: Pin<&mut Self>, ticket: &Ticket<'_>) -> Watched {
        #[cfg(feature = "alloc")]
        {
            let this = self.inside();
            let node = this.waiting.prepare(ticket, core::ptr::null_mut());
            // SAFETY: the arm is pinned, and takes the node out in `lost` or when it is dropped, unless it is told.
            let watched = unsafe { this.channel.watch(node, Wish::ToReceive) };
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
        if core::mem::replace(&mut this.waiting.progress, Progress::Idle) == Progress::Done {
            // SAFETY: as in `finish`.
            this.channel.give_back(unsafe { this.slot.get_mut().assume_init_read() });
        }
        true
    }
}

impl<T> RecvArm<'_, T> {
    fn unqueue(&mut self) {
        match self.waiting.progress {
            // SAFETY: the node was queued as a receiver.
            Progress::Queued => unsafe { self.channel.unqueue_receiver(self.waiting.node()) },
            #[cfg(feature = "alloc")]
            // SAFETY: the node was queued as a watcher.
            Progress::Watching => unsafe { self.channel.unwatch(self.waiting.node(), Wish::ToReceive) },
            _ => return,
        }
        self.waiting.progress = Progress::Idle;
    }
}

impl<T> Drop for RecvArm<'_, T> {
    fn drop(&mut self) {
        self.unqueue();
        if self.waiting.take() == Progress::Done {
            // It was received and nobody took it: the value goes to the next in line.
            // SAFETY: as in `finish`.
            self.channel.give_back(unsafe { self.slot.get_mut().assume_init_read() });
        }
    }
}

impl<T> fmt::Debug for RecvArm<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RecvArm").finish_non_exhaustive()
    }
}
